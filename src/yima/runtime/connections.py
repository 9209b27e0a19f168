"""Connections at hand. asyncpg's pool opens them and mends them; between two statements they stay here.

Taking one from asyncpg's pool and giving it back costs a task, a shield and a queue each time, as much as the statement
itself; here it is a list.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import asyncpg

LONGEST_WAIT = 60.0
"""Seconds, as long as a statement may take. Should those who hold connections ever wait for further ones, they would
wait for each other; so the first gives up, and what it held goes to the next."""


class Connections:
    """At most `size` connections of a pool, kept open once they are."""

    def __init__(self, pool: Any, size: int) -> None:
        self._pool = pool
        self._size = size
        self._out = 0
        """Connections that are not in the pool: at hand or in use."""
        self._at_hand: list[Any] = []
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._closing = False
        self._last: asyncio.Task[None] | None = None
        """Kept so that nobody collects it: the loop itself has only weak references to tasks."""

    async def take(self) -> Any:
        """A sound connection; whoever takes one calls `give` or `mend`. TimeoutError after a minute without one."""
        while True:
            if self._at_hand:
                connection = self._at_hand.pop()
            elif self._out < self._size:
                return await self._open()
            else:
                connection = await self._wait()
            if connection is not None and _open(connection):
                return connection
            if connection is not None:
                await self.mend(connection)

    def give(self, connection: Any) -> None:
        """Back after use that ended well, outside any transaction."""
        if not self._hand_over(connection):
            self._at_hand.append(connection)
            if self._closing:
                self._last = asyncio.create_task(self.close())

    async def mend(self, connection: Any) -> None:
        """Back after an error or a cancellation: the pool clears up, or opens another in its place."""
        try:
            await self._pool.release(connection)
        finally:
            self._out -= 1
            self._hand_over(None)

    async def close(self) -> None:
        """Give everything back to the pool; what is in use follows when it is given."""
        self._closing = True
        while self._at_hand:
            await self.mend(self._at_hand.pop())

    async def _open(self) -> Any:
        self._out += 1
        try:
            return await self._pool.acquire()
        except BaseException as error:
            self._out -= 1
            self._hand_over(None)
            if isinstance(error, FileNotFoundError):  # PostgreSQL has ended, and took the socket's file with it
                raise ConnectionRefusedError("the socket of PostgreSQL is gone") from error
            raise

    async def _wait(self) -> Any:
        """A connection that is given, or None when one may be opened."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        async with asyncio.timeout(LONGEST_WAIT):  # it ends the wait by a cancellation, like a client who leaves
            try:
                return await future
            except asyncio.CancelledError:
                if future.done() and not future.cancelled():  # given in the very moment in which nobody waited any more
                    connection = future.result()
                    if connection is None:
                        self._hand_over(None)
                    else:
                        self.give(connection)
                raise

    def _hand_over(self, connection: Any) -> bool:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(connection)
                return True
        return False


def _open(connection: Any) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # the pool noticed first, and took it back
        return False
