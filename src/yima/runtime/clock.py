"""The one clock of the process. Rooms take times as arguments; only the edge (api, portals, cli) calls `now`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """The present time, aware, UTC."""
    return _source()


def set_source(source: Callable[[], datetime] | None) -> None:
    """Replace the clock (tests), or give back the system's with None."""
    global _source  # noqa: PLW0603  one clock per process is the point of this module
    _source = source or _system
