"""Long pure work beside the event loop: while it goes on, other requests are answered.

To read, check and write out what a large body says takes a quarter of a millisecond for each KiB (8 MiB: two seconds).
On the loop everybody else of that worker would wait for it. In a thread of its own it gives the interpreter away every
millisecond, so that a neighbour waits for about as long. Small work stays where it is: the hop costs 0.1 to 0.3 ms.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

LARGE: Final = 32 * 1024
"""Bytes whose reading takes the loop 7 ms; from here on the hop costs less than a twentieth of the work."""
GREAT: Final = 1024 * 1024
"""Bytes of what takes so long that others should not wait in line behind it, and so much memory that few are kept."""
_GREAT_AT_ONCE: Final = 4
"""Bodies of that kind that a worker has in hand: read, and not yet answered. A tree takes some ten times its bytes."""
_TURN: Final = 0.001
"""Seconds after which a thread gives the interpreter to another that waits for it, while something is beside the loop;
CPython's own measure is 5 ms, at each step of a neighbour."""

# One thread for each: more would not be done sooner, and the loop would wait for its turn behind all of them.
_threads: Final = ThreadPoolExecutor(1, thread_name_prefix="beside")
_great: Final = ThreadPoolExecutor(1, thread_name_prefix="beside-great")
_usual_turn: Final = sys.getswitchinterval()
_under_way = 0


async def beside(size: int, work: Callable[[], T]) -> T:
    """What `work` returns or raises; done here when it is about fewer than `LARGE` bytes, else in a thread.

    It sees the caller's context variables, and must be pure: a caller that is cancelled leaves it running to its end.
    """
    if size < LARGE:
        return work()
    global _under_way  # noqa: PLW0603  a count of this process, kept by its one loop
    threads = _threads if size < GREAT else _great
    _under_way += 1
    sys.setswitchinterval(_TURN)
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, copy_context().run, work)
    finally:
        _under_way -= 1
        if not _under_way:
            sys.setswitchinterval(_usual_turn)


@asynccontextmanager
async def in_hand(size: int) -> AsyncIterator[None]:
    """Hold one of the few places for bodies of `GREAT` bytes and more, from reading to the answer; waits for one."""
    if size < GREAT:
        yield
        return
    loop = asyncio.get_running_loop()
    if loop not in _places:
        _places[loop] = asyncio.Semaphore(_GREAT_AT_ONCE)
    async with _places[loop]:
        yield


_places: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]] = WeakKeyDictionary()
