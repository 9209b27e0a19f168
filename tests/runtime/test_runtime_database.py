"""Transactions, retries and batches against the real database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from yima.runtime.database import Batcher, Database, Queries
from yima.runtime.errors import Refusal

INSERT = "insert into runtime.job (kind, key, payload, due, attempts_left) values ($1, $2, '{}', '2026-01-01', 1)"


async def test_a_transaction_commits_when_it_ends_and_is_undone_when_it_raises(db: Database) -> None:

    async def put(key: str, *, fail: bool) -> None:
        async with db.transaction() as c:
            await c.execute(INSERT, "t", key)
            if fail:
                raise RuntimeError

    with pytest.raises(RuntimeError):
        await put("undone", fail=True)
    await put("kept", fail=False)
    assert [row["key"] for row in await db.fetch("select key from runtime.job where kind = 't'")] == ["kept"]


async def test_the_application_works_as_a_role_that_owns_nothing(db: Database) -> None:
    row = await db.fetchrow(
        "select current_user, (select count(*) from pg_class where pg_get_userbyid(relowner) = 'yima_app')"
    )
    assert tuple(row) == ("yima_app", 0)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute("create table runtime.mine (x int)")


async def test_a_server_that_is_not_there_is_a_refusal() -> None:
    with pytest.raises(Refusal, match="postgres-unavailable"):
        await Database.connect("postgresql://nobody@127.0.0.1:9/none", size=1)


@pytest.mark.parametrize("error", [asyncpg.SerializationError, asyncpg.DeadlockDetectedError])
async def test_work_is_done_again_when_it_could_not_be_ordered(db: Database, error: type[Exception]) -> None:
    tries: list[int] = []

    async def work(c: Any) -> str:
        tries.append(await c.fetchval("select txid_current()"))
        if len(tries) < 4:
            raise error("try again")
        return "done"

    assert await db.retry(work) == "done"
    assert len(set(tries)) == 4, "each try is a transaction of its own"


async def test_after_twelve_tries_the_caller_is_told_to_come_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yima.runtime.database.random.random", lambda: 0.0)
    tries = 0

    async def work(_: Any) -> None:
        nonlocal tries
        tries += 1
        raise asyncpg.SerializationError("never")

    with pytest.raises(Refusal) as refused:
        await db.retry(work)
    assert (refused.value.code, refused.value.retry_after, tries) == ("overloaded", 1, 12)


async def test_other_errors_are_not_retried(db: Database) -> None:
    tries = 0

    async def work(c: Any) -> None:
        nonlocal tries
        tries += 1
        await c.execute("select 1/0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await db.serializable(work)
    assert tries == 1


async def test_serializable_work_that_races_ends_as_if_one_came_after_the_other(db: Database) -> None:
    """Write skew: each adds a row only while there is none of its kind. Only one may."""

    async def add(turn: int) -> bool:
        async def work(c: Any) -> bool:
            if await c.fetchval("select count(*) from runtime.job where kind = 'skew'"):
                return False
            await c.execute(INSERT, "skew", str(turn))
            return True

        return await db.serializable(work)

    assert sum(await asyncio.gather(*(add(turn) for turn in range(8)))) == 1


async def test_a_real_deadlock_is_resolved_by_trying_again(db: Database) -> None:
    for key in "ab":
        await db.execute(INSERT, "d", key)
    meeting = asyncio.Barrier(2)
    tries: list[str] = []

    async def both(first: str, second: str) -> None:
        async def work(c: Any) -> None:
            tries.append(first)
            await c.execute("update runtime.job set attempt = attempt + 1 where kind = 'd' and key = $1", first)
            if len(tries) <= 2:
                await meeting.wait()
            await c.execute("update runtime.job set attempt = attempt + 1 where kind = 'd' and key = $1", second)

        await db.retry(work)

    await asyncio.gather(both("a", "b"), both("b", "a"))
    assert len(tries) == 3
    assert [r["attempt"] for r in await db.fetch("select attempt from runtime.job where kind = 'd'")] == [2, 2]


def test_queries_are_named_and_unknown_names_are_seen_at_once() -> None:
    sql = Queries("yima.runtime", "jobs.sql")
    assert sql.done.startswith("-- Only the attempt")
    assert not sql.dead.endswith(";")
    with pytest.raises(AttributeError, match="no query named missing"):
        _ = sql.missing


# --- batches ------------------------------------------------------------------------------------------------


class Flushes:
    """A flush that doubles numbers, remembers its batches, and waits when told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.running = self.most = 0
        self.gate: asyncio.Event | None = None

    async def __call__(self, items: list[int]) -> Sequence[int | Exception]:
        self.batches.append(items)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
            if any(item > 1000 for item in items):
                raise ConnectionError("the whole batch")
            return [ValueError(item) if item < 0 else item * 2 for item in items]
        finally:
            self.running -= 1


async def test_what_is_asked_in_one_tick_is_one_flush() -> None:
    flushes = Flushes()
    batcher = Batcher(flushes)
    assert await asyncio.gather(*(batcher.submit(n) for n in range(100))) == [n * 2 for n in range(100)]
    assert len(flushes.batches) == 1


async def test_batches_grow_while_the_lanes_are_busy_and_keep_their_limits() -> None:
    flushes = Flushes()
    flushes.gate = asyncio.Event()
    batcher = Batcher(flushes, limit=10, lanes=2)
    first = [asyncio.ensure_future(batcher.submit(n)) for n in range(15)]
    await asyncio.sleep(0.01)
    second = [asyncio.ensure_future(batcher.submit(n)) for n in range(15, 40)]
    await asyncio.sleep(0.01)
    assert [len(batch) for batch in flushes.batches] == [10, 5]
    flushes.gate.set()
    assert await asyncio.gather(*first, *second) == [n * 2 for n in range(40)]
    assert [len(batch) for batch in flushes.batches] == [10, 5, 10, 10, 5]
    assert flushes.most == 2


@pytest.mark.parametrize("lanes", [1, 2])
async def test_a_caller_that_asks_again_as_soon_as_it_is_answered_is_never_forgotten(lanes: int) -> None:
    """The lane that answered ends in the same tick in which its callers come back."""
    flushes = Flushes()
    batcher = Batcher(flushes, lanes=lanes, limit=2)

    async def caller(start: int) -> None:
        for n in range(start, start + 20):
            assert await batcher.submit(n) == n * 2

    async with asyncio.timeout(60):
        await asyncio.gather(*(caller(n * 20) for n in range(5)))


async def test_an_error_of_one_item_goes_to_its_own_caller() -> None:
    batcher = Batcher(Flushes())
    results = await asyncio.gather(*(batcher.submit(n) for n in (1, -5, 2)), return_exceptions=True)
    assert (results[0], results[2]) == (2, 4)
    assert isinstance(results[1], ValueError)


async def test_when_the_flush_fails_every_caller_of_that_batch_hears_it_and_no_other() -> None:
    batcher = Batcher(Flushes(), limit=2)
    results = await asyncio.gather(*(batcher.submit(n) for n in (1, 9999, 2, 3)), return_exceptions=True)
    assert [isinstance(result, ConnectionError) for result in results] == [True, True, False, False]
    assert await batcher.submit(7) == 14, "the next batch is none the worse"


async def test_a_flush_that_answers_too_few_is_an_error_not_a_wait_for_ever() -> None:
    async def short(items: list[int]) -> list[int | Exception]:
        return list(items[:-1])

    batcher: Batcher[int, int] = Batcher(short)
    async with asyncio.timeout(60):
        results = await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)
    assert all(isinstance(result, RuntimeError) for result in results)


async def test_a_caller_that_goes_away_harms_nobody() -> None:
    flushes = Flushes()
    flushes.gate = asyncio.Event()
    batcher = Batcher(flushes)
    gone, stays = asyncio.ensure_future(batcher.submit(1)), asyncio.ensure_future(batcher.submit(2))
    await asyncio.sleep(0.01)
    gone.cancel()
    flushes.gate.set()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_after_a_batch_of_several_a_lane_rests_and_who_is_alone_never_waits() -> None:
    flushes = Flushes()
    batcher = Batcher(flushes, lanes=1, rest=3600.0)
    for n in range(3):
        assert await batcher.submit(n) == n * 2, "alone: no rest before or after"
    assert await asyncio.gather(*(batcher.submit(n) for n in range(4))) == [0, 2, 4, 6]
    later = []
    for n in range(10, 15):  # one by one, and all in the flush after the rest
        later.append(asyncio.ensure_future(batcher.submit(n)))
        await asyncio.sleep(0)
    assert [len(batch) for batch in flushes.batches] == [1, 1, 1, 4]
    for task in list(batcher._tasks):
        task.cancel()
    ended = await asyncio.gather(*later, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended), "whoever waits for a rest that is broken off"
    batcher = Batcher(flushes, lanes=1, rest=0.05)
    await asyncio.gather(*(batcher.submit(n) for n in range(4)))
    assert await asyncio.gather(*(batcher.submit(n) for n in range(20, 26))) == [n * 2 for n in range(20, 26)]
    assert [len(batch) for batch in flushes.batches[-2:]] == [4, 6]


async def test_when_the_lane_is_cancelled_nobody_waits_for_ever() -> None:
    flushes = Flushes()
    flushes.gate = asyncio.Event()
    batcher = Batcher(flushes)
    waiting = asyncio.ensure_future(batcher.submit(1))
    await asyncio.sleep(0.01)
    for task in list(batcher._tasks):
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    flushes.gate = None
    assert await batcher.submit(2) == 4
