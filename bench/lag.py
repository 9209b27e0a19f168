"""How late the loop of a worker was, and why: a task in it that sleeps a little and looks at the clock.

A stall of ours shows as CPU time of the thread; a machine with too much to do shows as time in which the thread could
run and had no core (`/proc/thread-self/schedstat`, Linux). Only the bench starts it, in a worker that it measures.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import msgspec

from yima.access.privacy import Privacy
from yima.access.upkeep import Upkeep
from yima.app import Application
from yima.runtime.database import Batcher

_TICK: Final = 0.005
_LATE: Final = 0.005
"""Seconds; what is less late is not noted."""
_WRITE_SECONDS: Final = 0.5
_STEPS: Final = ((Upkeep, "seal"), (Privacy, "watch"), (Privacy, "reconcile"), (Privacy, "deliver"), (Upkeep, "once"))
"""What a worker does by itself each minute."""
_BUCKETS: Final = (5, 10, 20, 50, 100, 250)
"""Milliseconds."""


class Late(msgspec.Struct, frozen=True, array_like=True):
    """One moment at which the loop, or a batch on its way to PostgreSQL, took longer than `_LATE`."""

    at: float
    """Seconds since the epoch."""
    late: float
    """Seconds."""
    cause: str
    """`no core`, `garbage`, a step of the upkeep that was under way, `requests`; `batch`: waited for PostgreSQL."""
    cpu: float
    """Seconds of CPU time of the loop's thread meanwhile."""


class Watch:
    """The probe of one worker; what it saw goes into a file of its own twice a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: list[Late] = []
        self._doing: list[str] = []
        self._garbage = self._collecting = 0.0

    async def run(self) -> None:
        """Watch until the loop ends."""
        gc.callbacks.append(self._collected)
        written = time.monotonic()
        while True:
            began, cpu, waited, garbage = time.perf_counter(), time.thread_time(), _waited(), self._garbage
            await asyncio.sleep(_TICK)
            late, cpu = time.perf_counter() - began - _TICK, time.thread_time() - cpu
            if late > _LATE:
                self._note(late, self._cause(late, _waited() - waited, self._garbage - garbage), cpu)
            if time.monotonic() - written > _WRITE_SECONDS:
                self._path.write_bytes(msgspec.json.encode(self._seen))
                written = time.monotonic()

    def _cause(self, late: float, waited: float, garbage: float) -> str:
        if waited > late / 2:
            return "no core"
        return "garbage" if garbage > late / 2 else self._doing[-1] if self._doing else "requests"

    def _note(self, late: float, cause: str, cpu: float) -> None:
        self._seen.append(Late(time.time(), late, cause, cpu))

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = time.perf_counter()
        else:
            self._garbage += time.perf_counter() - self._collecting

    def named(self, what: str, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """A step of the upkeep that is known by its name while it is under way."""

        @wraps(work)
        async def step(*args: Any, **more: Any) -> Any:
            self._doing.append(what)
            try:
                return await work(*args, **more)
            finally:
                self._doing.remove(what)

        return step

    def timed(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """A batch whose way to PostgreSQL and back is measured."""

        @wraps(work)
        async def batch(*args: Any) -> Any:
            began, cpu = time.perf_counter(), time.thread_time()
            result = await work(*args)
            if (took := time.perf_counter() - began) > _LATE:
                self._note(took, "batch", time.thread_time() - cpu)
            return result

        return batch


def _waited() -> float:
    """Seconds for which this thread could have run and had no core (proc(5), schedstat)."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def watched(folder: str) -> None:
    """Let each worker that is started from this process watch itself."""
    start = Application.start

    async def started(application: Application) -> None:
        watch = Watch(Path(folder) / f"lag-{os.getpid()}.json")
        for owner, name in _STEPS:
            setattr(owner, name, watch.named(name, getattr(owner, name)))
        setattr(Batcher, "_one", watch.timed(getattr(Batcher, "_one")))  # noqa: B009, B010  in a worker of the bench
        await start(application)
        setattr(application, "lag", asyncio.create_task(watch.run()))  # noqa: B010  the loop keeps weak references only

    setattr(Application, "start", started)  # noqa: B010  as above


def said(folder: str, since: float, until: float) -> str:
    """What the workers saw between two moments (seconds since the epoch): by cause, how often and how late."""
    found: dict[str, list[Late]] = {}
    for path in Path(folder).glob("lag-*.json"):
        for late in msgspec.json.decode(path.read_bytes(), type=list[Late]):
            if since <= late.at <= until:
                found.setdefault(late.cause, []).append(late)
    return "; ".join(f"{cause}: {_histogram(every)}" for cause, every in sorted(found.items())) or "never late"


def _histogram(every: list[Late]) -> str:
    counts = [0] * len(_BUCKETS)
    for late in every:
        counts[sum(late.late * 1e3 >= edge for edge in _BUCKETS[1:])] += 1
    told = [f"{count} over {edge}" for count, edge in zip(counts, _BUCKETS, strict=True) if count]
    worst = max(every, key=lambda late: late.cpu)
    return f"{', '.join(told)} ms, most CPU at a time {worst.cpu * 1e3:.0f} ms"
