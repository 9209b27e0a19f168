"""Structured logs with an allow-list: a key that is not on the list is dropped, so no identity number can slip in.

Every line carries the request id of the request it belongs to. JSON by default; `console` for people.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from io import FileIO
from typing import Any, BinaryIO, Final, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from yima.runtime import clock

request_id: ContextVar[str] = ContextVar("request_id", default="")

ALLOWED: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "room",
        "request_id",
        "method",
        "route",
        "status",
        "ms",
        "code",
        "error",
        "field_path",
        "institution",
        "app",
        "terminal",
        "kind",
        "count",
        "seconds",
        "port",
        "host",
        "pid",
        "step",
        "job",
        "attempt",
        "workers",
        "version",
        "path",
        "reason",
        "line",
        "dropped",
    }
)
"""Keys a log line may carry. Persons, numbers, names, codes and tokens are not among them, and must not become so."""


def _allow(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    kept = {key: value for key, value in event.items() if key in ALLOWED}
    dropped = sorted(set(event) - set(kept))
    if dropped:
        kept["dropped"] = ",".join(dropped)  # their names, which are words of our code; their values are gone
    if rid := request_id.get():
        kept["request_id"] = rid
    return kept


def configure(log_format: str = "json", level: str = "info") -> None:
    """Set up logging for the process; `log_format` is `json` or `console`, lines go to stderr."""
    as_json = log_format == "json"
    _requests.plainly = as_json and logging.getLevelName(level.upper()) <= logging.INFO
    renderer: Any = structlog.processors.JSONRenderer(serializer=orjson.dumps) if as_json else _Console(colors=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allow,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.BytesLoggerFactory(_err),
        cache_logger_on_first_use=True,
    )


class _Console(structlog.dev.ConsoleRenderer):
    """Lines for people, as the bytes that go to standard error."""

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> Any:
        return str(super().__call__(logger, name, event)).encode(errors="backslashreplace")


def answered(method: str, route: str, status: int, ms: float) -> None:
    """The line of a request that was answered, with its request id."""
    if not _requests.plainly:
        _app.info("request", method=method, route=route, status=status, ms=ms)
        return
    _requests.add(
        {
            "room": "app", "method": method, "route": route, "status": status, "ms": ms, "event": "request",
            "level": "info", "timestamp": clock.now(), "request_id": request_id.get(),
        }
    )  # fmt: skip


class _Requests:
    """Lines of requests: made at a fifth of what structlog takes, written together once in each turn of the loop."""

    def __init__(self) -> None:
        self.plainly = False
        """Whether they are wanted, as JSON; else structlog decides, and makes them."""
        self._lines: list[bytes] = []

    def add(self, line: dict[str, Any]) -> None:
        """Write a line before the loop next waits."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))

    def _write(self) -> None:
        lines, self._lines = b"".join(self._lines), []
        _err.write(lines)


_requests: Final = _Requests()


class _Stderr(FileIO):
    """The process's own standard error as bytes: a line is one write, whatever Python's stream over it is doing."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:  # the disk is full, or nobody reads any more: answers must not end with the words about them
            return len(data)


_err: Final = cast(BinaryIO, _Stderr(2, "wb", closefd=False))


def get(name: str) -> FilteringBoundLogger:
    """A logger for one room."""
    return cast(FilteringBoundLogger, structlog.get_logger(room=name))


_app: Final = get("app")
