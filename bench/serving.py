"""The servers that are measured, each a process of its own: Yima, and the bare one. `python -m bench.serving`.

Reads what to serve (JSON, one line) from stdin, so that no address with a password stands in the process list.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from granian.constants import Interfaces, Loops
from granian.server import Server

from bench import lag
from bench.bare import Bare
from yima import audit
from yima.runtime import logs
from yima.runtime.settings import Settings
from yima.server import serve

_PR_SET_PDEATHSIG: Final = 1


LogLevel = Literal["debug", "info", "warning", "error"]


class Spec(msgspec.Struct, kw_only=True):
    """What to serve."""

    app: Literal["yima", "unlogged", "bare"]
    """`unlogged`: Yima with nothing but the log's lines of reads left out, to measure what they cost."""
    port: int
    workers: int
    data: str
    database_url: str
    log_level: LogLevel = "info"


def settings_of(spec: Spec) -> Settings:
    """The settings of `yima serve` with nothing changed but places, workers, and the limit of one caller: here one
    asks for all."""
    return Settings(data=Path(spec.data), port=spec.port, workers=spec.workers, log_level=spec.log_level, caller_rate=0)


def _serve_bare(spec: Spec) -> None:
    """The bare application in the very set-up of `yima.server.serve`."""

    def load(*_: Any, **__: Any) -> Bare:
        _die_with_parent()
        return Bare(spec.database_url)

    Server(
        "bench.bare",
        address="127.0.0.1",
        port=spec.port,
        interface=Interfaces.ASGI,
        workers=spec.workers,
        loop=Loops.uvloop,
        websockets=False,
        backlog=2048,
        log_enabled=False,
        process_name=None,
    ).serve(target_loader=load, wrap_loader=False)


async def _no_line(_self: audit.Appender, event: audit.Event) -> str:
    return event.event_id


def _die_with_parent() -> None:
    # Whatever ends the bench, also kill -9, no server of it goes on answering.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Serve what stdin says until SIGTERM."""
    spec = msgspec.json.decode(sys.stdin.readline().encode(), type=Spec)
    _die_with_parent()
    if spec.app == "bare":
        _serve_bare(spec)
    else:
        if spec.app == "unlogged":
            setattr(audit.Appender, "append", _no_line)  # noqa: B010  # in this process, which only the bench starts
        if spec.app == "yima":
            lag.watched(spec.data)
        logs.configure("json", spec.log_level)
        serve(settings_of(spec), spec.database_url)


if __name__ == "__main__":
    main()
