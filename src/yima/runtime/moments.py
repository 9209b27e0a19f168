"""What stays as it was for as long as a transaction goes on, whatever other processes change meanwhile.

A transaction that hashed a number by one key must not compare what it reads by the next one: a known person would look
new. Each transaction therefore keeps what it saw first; a change counts from the next transaction on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

T = TypeVar("T")


class _Moment:
    """What one transaction saw, by who looked."""

    def __init__(self) -> None:
        self.seen: dict[object, Any] = {}
        self.over = False
        """Tasks that were begun in it may live on, and look for themselves then."""


_moment: Final[ContextVar[_Moment | None]] = ContextVar("moment", default=None)


@contextmanager
def moment() -> Iterator[None]:
    """In this block, and in the tasks begun in it while it goes on, `unchanging` looks once for each owner."""
    before, here = _moment.get(), _Moment()
    _moment.set(here)
    try:
        yield
    finally:
        here.over = True
        _moment.set(before)


def unchanging(owner: object, look: Callable[[], T]) -> T:
    """What `owner` saw first in this moment; outside of any, what `look` sees now."""
    here = _moment.get()
    if here is None or here.over:
        return look()
    if owner not in here.seen:
        here.seen[owner] = look()
    found: T = here.seen[owner]
    return found
