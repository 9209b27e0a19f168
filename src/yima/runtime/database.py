"""PostgreSQL through asyncpg: the only module that speaks to the database.

One request or job is one transaction, committed at the edge. Plain named SQL lives beside the room that owns it
(`queries.sql`); asyncpg prepares each text once per connection and keeps it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any, Final, Generic, TypeVar

import asyncpg

from yima.runtime.connections import Connections
from yima.runtime.errors import Refusal
from yima.runtime.moments import moment

Connection = asyncpg.Connection
Row = asyncpg.Record
_UNAVAILABLE: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    ConnectionError,
    TimeoutError,
)
UniqueViolation = asyncpg.UniqueViolationError
LockTimeout = asyncpg.LockNotAvailableError
"""A lock was not given within `lock_timeout`."""
T = TypeVar("T")
R = TypeVar("R")

_RETRIES: Final = 12
_RETRIABLE = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


def is_unavailable(error: Exception) -> bool:
    """Whether an error says that the database is down, goes down, is full or does not answer: no fault of the
    request."""
    # asyncpg raises its InterfaceError for wrong calls of ours as well: those are not forgiven.
    closed = isinstance(error, asyncpg.InterfaceError) and "closed" in str(error)
    return closed or isinstance(error, _UNAVAILABLE)


def may_be_committed(error: Exception) -> bool:
    """Whether a transaction that raised this may have been committed all the same: its connection broke, or did not
    answer. Only who asked for it can decide to do it again."""
    return is_unavailable(error) and not isinstance(error, asyncpg.InsufficientResourcesError)


class Queries:
    """Named SQL of one room. `-- name: find_card` in the file becomes the attribute `find_card`."""

    def __init__(self, package: str, resource: str = "queries.sql") -> None:
        text = files(package).joinpath(resource).read_text(encoding="utf-8")
        parts = re.split(r"^-- name: *(\w+) *$", text, flags=re.MULTILINE)
        self._sql = dict(zip(parts[1::2], (body.strip().rstrip(";") for body in parts[2::2]), strict=True))
        if len(self._sql) != len(parts) // 2:
            raise ValueError(f"{package}/{resource} has two queries of one name")

    def __getattr__(self, name: str) -> str:
        if name not in self._sql:
            raise AttributeError(f"no query named {name}")
        return str(self._sql[name])


async def _as_application(connection: Any) -> None:
    # The app never works as the owner of its tables: the log's rows are insert-and-read only for this role.
    await connection.execute("set role yima_app")


async def _keep_state(_connection: Any) -> None:
    """Pool reset is a no-op: sessions carry no state of ours but the role, and DISCARD would cost a round trip."""


class Database:
    """A pool of connections in the application role."""

    def __init__(self, pool: Any, size: int, url: str) -> None:
        """`url`: for other processes that connect to the same; it may hold a password."""
        self.url = url
        self._pool = pool
        self._connections = Connections(pool, size)

    @classmethod
    async def connect(cls, url: str, *, size: int = 16) -> Database:
        """Open `size` connections at most; Refusal `postgres-unavailable` when the server cannot be reached."""
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=min(2, size),
                max_size=size,
                init=_as_application,
                reset=_keep_state,
                command_timeout=60,
                statement_cache_size=256,
                max_cached_statement_lifetime=0,
                server_settings={"application_name": "yima", "search_path": "pg_catalog", "jit": "off"},
            )
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            raise Refusal("postgres-unavailable", reason=type(error).__name__, source="the log") from error
        return cls(pool, size, url)

    async def close(self) -> None:
        """Give back every connection."""
        await self._connections.close()
        await self._pool.close()

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection outside any transaction: for single statements."""
        connection = await self._connections.take()
        try:
            yield connection
        except BaseException:
            await self._connections.mend(connection)
            raise
        self._connections.give(connection)

    @contextlib.asynccontextmanager
    async def transaction(self, *, serializable: bool = False) -> AsyncIterator[Any]:
        """One transaction, and one moment (`runtime.moments`); committed when the block ends, rolled back when it
        raises."""
        async with (
            self.connection() as connection,
            connection.transaction(isolation="serializable" if serializable else "read_committed"),
        ):
            with moment():
                yield connection

    async def retry(self, work: Callable[[Any], Awaitable[T]], *, serializable: bool = False) -> T:
        """Run `work` in a transaction, again from its start when PostgreSQL could not order it or found a deadlock.

        `work` must do nothing outside the database. Refusal `overloaded` after twelve tries.
        """
        for attempt in range(_RETRIES):
            try:
                async with self.transaction(serializable=serializable) as connection:
                    return await work(connection)
            except _RETRIABLE:
                await asyncio.sleep(random.random() * 0.004 * 2 ** min(attempt, 6))  # noqa: S311  jitter, not a secret
        raise Refusal("overloaded", retry_after=1)

    async def serializable(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """`retry` in a SERIALIZABLE transaction."""
        return await self.retry(work, serializable=True)

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        """All rows of one statement."""
        connection = await self._connections.take()
        try:
            rows: list[Any] = await connection.fetch(sql, *args)
        except BaseException:
            await self._connections.mend(connection)
            raise
        self._connections.give(connection)
        return rows

    async def fetchrow(self, sql: str, *args: object) -> Any:
        """The first row of one statement, or None."""
        connection = await self._connections.take()
        try:
            row = await connection.fetchrow(sql, *args)
        except BaseException:
            await self._connections.mend(connection)
            raise
        self._connections.give(connection)
        return row

    async def execute(self, sql: str, *args: object) -> None:
        """One statement without an answer."""
        async with self.connection() as connection:
            await connection.execute(sql, *args)


async def in_slices(
    c: Any, sql: str, *args: object, size: int = 500, rest: float = 0.005
) -> AsyncIterator[Sequence[Any]]:
    """The rows of a statement, so many at a time; in a transaction.

    For work on many rows in a process that answers requests: between two slices it rests (seconds), and those who
    wait have their turn.
    """
    cursor = await c.cursor(sql, *args)
    while rows := await cursor.fetch(size):
        yield rows
        await asyncio.sleep(rest)


_SEVERAL: Final = 4
"""Items of a batch from which on a lane rests: who asks alone, or beside one or two others, never waits for it."""


class Batcher(Generic[T, R]):
    """Coalesces what many requests ask for in the same few milliseconds into one call of `flush`.

    Used for group commit (hot writes) and for point reads of one event-loop tick. `flush` gets up to `limit` items and
    returns as many results in the same order; a result that is an exception is raised to its own caller only. When
    `flush` itself raises, every caller of that batch gets the error. At most `lanes` flushes run at once: while they
    run, the next batch grows, so batches find their own size under load. Where a flush is soon over, few share what it
    costs: after a batch of several its lane rests for `rest` seconds, as PostgreSQL's `commit_delay`.
    """

    def __init__(
        self,
        flush: Callable[[list[T]], Awaitable[Sequence[R | Exception]]],
        *,
        limit: int = 500,
        lanes: int = 2,
        rest: float = 0.0,
    ):
        self._flush = flush
        self._limit = limit
        self._lanes = lanes
        self._rest = rest
        self._busy = 0
        self._starting = False
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself keeps only weak references

    async def submit(self, item: T) -> R:
        """The result for `item`, after the batch it went into has been flushed."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._open_lane()
        return await future

    def _open_lane(self) -> None:
        """Let another flush begin, if there may be one. One that has not begun takes all that comes until it does."""
        if self._busy < self._lanes and not self._starting:
            self._busy += 1
            self._starting = True
            task = asyncio.create_task(self._lane())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _lane(self) -> None:
        # The lane counts itself out before it ends, not in a callback after: a caller that its last batch woke may
        # submit again before any callback runs, and would wait for a lane that is no more.
        self._starting = False
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                if self._waiting:  # more than one flush takes: others need not wait for its end
                    self._open_lane()
                await self._one(batch)
                if self._rest and len(batch) >= _SEVERAL:
                    await asyncio.sleep(self._rest)
        except asyncio.CancelledError:  # the loop is closing down: nobody may wait for ever
            for _, future in self._waiting:
                future.cancel()
            self._waiting = []
            raise
        finally:
            self._busy -= 1

    async def _one(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        results: Sequence[R | Exception]
        try:
            results = await self._flush([item for item, _ in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(results)} results for a batch of {len(batch)}")
        except Exception as error:  # handed to each waiting caller, who raises it
            results = [error] * len(batch)
        except BaseException:  # the loop is closing down: nobody may wait for ever
            for _, future in batch:
                future.cancel()
            raise
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue  # the caller has gone
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
