"""Where the CPU time of a request goes: the ASGI application in this process, its stack sampled, beside PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from functools import cache, partial
from itertools import cycle
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

from bench.cases import CASES
from bench.measure import Run, Target
from bench.stage import Plan, Stage, stage
from yima.app import Application
from yima.runtime import logs
from yima.runtime.postgres import Postgres

PROFILED: Final = ("verify", "read", "search", "create", "bundle", "everything")
_ROOM: Final = re.compile(r"/(?:src|site-packages)/(yima/\w+|\w+)")
_SAMPLE_SECONDS: Final = 0.001


class _Caught(Exception):  # noqa: N818  not an error: it carries the requests of a case out of it
    def __init__(self, requests: list[bytes], connections: int, again: bool) -> None:
        self.requests = cycle(requests) if again else iter(requests)
        self.connections = connections


async def profile(plan: Plan, server: Postgres, name: str) -> str:
    """Run the requests of a case against the application in this process; the profile as text."""
    async with stage(plan, server) as prepared:
        caught = await _requests(prepared, name)
        app = Application(prepared.access.settings, prepared.url, prepared.access.base_url)
        with _logging_nowhere(plan.log_level):
            await app.start()
            try:
                return await _profiled(app, caught, plan.seconds * 2)
            finally:
                await app.stop()


@contextlib.contextmanager
def _logging_nowhere(level: str) -> Iterator[None]:
    """Requests are logged as they would be, into nothing."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # lines go to the process's own standard error, past Python's stream
    logs.configure("json", level)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


async def _requests(prepared: Stage, name: str) -> _Caught:
    """The requests that the case would measure: those of its first run that is not its warm-up."""

    async def catch(_: Target, requests: list[bytes], *, connections: int, again: bool, **_more: Any) -> Run:
        raise _Caught(requests, connections, again)

    runs = [catch] if name == "bundle" else [_skip, catch]
    prepared.runner = partial(_next, runs)
    try:
        await CASES[name](prepared)
    except _Caught as caught:
        return caught
    raise AssertionError(name)


async def _next(runs: list[Callable[..., Coroutine[Any, Any, Run]]], *asked: Any, **more: Any) -> Run:
    return await runs.pop(0)(*asked, **more)


async def _skip(*_: Any, **_more: Any) -> Run:
    return None  # type: ignore[return-value]  # a warm-up's result is not looked at


async def _profiled(app: Application, caught: _Caught, seconds: float) -> str:
    deadline, count = time.perf_counter() + seconds, 0
    wrong: list[int] = []

    async def client() -> None:
        nonlocal count
        while time.perf_counter() < deadline and (request := next(caught.requests, None)) is not None:
            status = await _call(app, *_scope(request))
            count += 1
            if not 200 <= status < 300:
                wrong.append(status)

    spent = time.process_time()
    with Sampler() as sampler:
        await asyncio.gather(*(client() for _ in range(caught.connections)))
    spent = time.process_time() - spent
    if wrong:
        raise AssertionError(wrong[:3])
    return sampler.text(count, spent)


async def _call(app: Callable[[Any, Any, Any], Coroutine[Any, Any, None]], scope: dict[str, Any], body: bytes) -> int:
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(scope, receive, send)
    return status


def _scope(request: bytes) -> tuple[dict[str, Any], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.decode().split(" ")
    path, _, query = target.partition("?")
    headers = [(name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines)]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8420),
    }
    return scope, body


class Sampler:
    """Looks at the stack as CPU time goes by (every 1 ms; every 4 ms where the kernel ticks so).

    C code counts for the Python that called it; that of the event loop and the driver, which nobody called, for
    whatever Python runs next (`Runner.run`, callbacks of `shield`).
    """

    def __init__(self) -> None:
        self._samples = 0
        self._rooms: Counter[str] = Counter()
        self._own: Counter[str] = Counter()
        self._within: Counter[str] = Counter()

    def __enter__(self) -> Self:
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _SAMPLE_SECONDS, _SAMPLE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        self._samples += 1
        self._rooms[_place(frame.f_code.co_filename)] += 1
        self._own[_named(frame)] += 1
        stack = set()
        while frame is not None:
            stack.add(_named(frame))
            frame = frame.f_back
        self._within.update(stack)

    def text(self, count: int, spent: float) -> str:
        """What was seen, as microseconds of each of `count` requests."""
        micros = spent / count * 1e6
        out = [f"{count} requests, {micros:.0f} us CPU each, {self._samples} samples"]
        for title, seen, most in (
            ("own time by room or package", self._rooms, 24),
            ("own time by function", self._own, 40),
            ("time by function with all it calls", self._within, 70),
        ):
            out.append(f"\n{title}")
            for name, times in seen.most_common(most):
                share = times / max(self._samples, 1)
                out.append(f"  {share:6.1%}  {share * micros:8.1f} us  {name}")
        return "\n".join(out)


def _named(frame: FrameType) -> str:
    return f"{_place(frame.f_code.co_filename)}: {frame.f_code.co_qualname} ({Path(frame.f_code.co_filename).name})"


@cache
def _place(file: str) -> str:
    found = _ROOM.search(file)
    if found:
        return found[1]
    return "bench" if "/bench/" in file else "python " + Path(file).stem
