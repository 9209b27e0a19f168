"""Whether the request under way may tell about a person: said by its address, asked wherever a person is disclosed.

An address of which nobody said that it tells shuts the door to person data for its handler: what was forgotten in the
policy fails at its first request, and is not found out by the comparison with the log. Jobs and commands have no
address; for them the door is open.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_SHUT: Final[ContextVar[bool]] = ContextVar("shut", default=False)


class UntoldError(Exception):
    """A handler asked for person data under an address whose policy says that it tells of nobody. A mistake of ours:
    the caller hears `internal`."""


def tells_nobody(handler: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """The same handler, for which the door to person data is shut."""

    @wraps(handler)
    async def shut(*args: P.args, **kwargs: P.kwargs) -> R:
        token = _SHUT.set(True)
        try:
            return await handler(*args, **kwargs)
        finally:
            _SHUT.reset(token)

    return shut


def check_telling() -> None:
    """`UntoldError` where the address of the request under way tells of nobody."""
    if _SHUT.get():
        raise UntoldError("say in the policy of this address that it tells")
