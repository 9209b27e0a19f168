"""Where the CPU time of a request goes: cProfile around the ASGI application, in this process, PostgreSQL beside it.

The profiler slows Python down several times, functions more than C code: read shares, not times.
"""

from __future__ import annotations

import asyncio
import cProfile
import io
import pstats
import re
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from bench.cases import CASES
from bench.measure import Run, Target
from bench.stage import Plan, Stage, stage
from yima.app import Application
from yima.runtime.postgres import Postgres

PROFILED: Final = ("verify", "read", "search", "create", "bundle", "everything")
_ROOM: Final = re.compile(r"/(?:src|site-packages)/(yima/\w+|\w+)")


class _Caught(Exception):  # noqa: N818  not an error: it carries the requests of a case out of it
    def __init__(self, requests: list[bytes], connections: int) -> None:
        self.requests = requests
        self.connections = connections


async def profile(plan: Plan, server: Postgres, name: str) -> str:
    """Run the requests of a case against the application in this process; the profile as text."""
    async with stage(plan, server) as prepared:
        caught = await _requests(prepared, name)
        app = Application(prepared.access.settings, prepared.url, prepared.access.base_url)
        await app.start()
        try:
            return await _profiled(app, caught, plan.seconds * 2)
        finally:
            await app.stop()


async def _requests(prepared: Stage, name: str) -> _Caught:
    """The requests that the case would measure: those of its first run that is not its warm-up."""

    async def catch(_: Target, requests: list[bytes], *, connections: int, **_more: Any) -> Run:
        raise _Caught(requests, connections)

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
    waiting = [_scope(request) for request in reversed(caught.requests)]
    deadline, count = time.perf_counter() + seconds, 0
    wrong: list[int] = []

    async def client() -> None:
        nonlocal count
        while waiting and time.perf_counter() < deadline:
            scope, body = waiting.pop()
            status = await _call(app, scope, body)
            count += 1
            if not 200 <= status < 300:
                wrong.append(status)

    profiler = cProfile.Profile(time.process_time)
    spent = time.process_time()
    profiler.enable()
    await asyncio.gather(*(client() for _ in range(caught.connections)))
    profiler.disable()
    spent = time.process_time() - spent
    if wrong:
        raise AssertionError(wrong[:3])
    return _text(profiler, count, spent)


async def _call(app: Callable[[Any, Any, Any], Coroutine[Any, Any, None]], scope: dict[str, Any], body: bytes) -> int:
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(dict(scope), receive, send)
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


def _text(profiler: cProfile.Profile, count: int, spent: float) -> str:
    out = io.StringIO()
    stats = pstats.Stats(profiler, stream=out)
    rooms: dict[str, float] = {}
    for (file, _, function), (_, _, own, _, callers) in stats.stats.items():  # type: ignore[attr-defined]  # typeshed leaves it out
        for place, share in _places(file, function, own, callers):
            rooms[place] = rooms.get(place, 0.0) + share
    total = sum(rooms.values()) or 1.0
    print(
        f"{count} requests, {spent / count * 1e6:.0f} us CPU each under the profiler; own time by place",
        file=out,
    )
    for place, own in sorted(rooms.items(), key=lambda item: -item[1])[:24]:
        print(f"  {own / total:6.1%}  {own / count * 1e6:8.1f} us  {place}", file=out)
    stats.sort_stats("tottime").print_stats(45)
    stats.sort_stats("cumtime").print_stats("yima|starlette", 60)
    return out.getvalue()


def _places(file: str, function: str, own: float, callers: Any) -> list[tuple[str, float]]:
    """A function's own time, given to its room; a builtin's to the rooms that call it."""
    if file != "~" or not callers:
        return [(_place(file, function), own)]
    return [(_place(caller[0], caller[2]), numbers[2]) for caller, numbers in callers.items()]


def _place(file: str, function: str) -> str:
    found = _ROOM.search(file)
    if found:
        return found[1]
    return re.sub(r".*/python3[.\d]*/", "python ", file).rpartition(".py")[0] or function
