"""Nobody who holds a connection may wait for a second one: ten who do so at once wait for each other.

While the tests run, `Database` notes who of the product's own code holds a connection, task by task, and refuses a
second of the same pool. What the tests themselves hold does not count: they call the application in their own task.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any

from yima.runtime.connections import Connections
from yima.runtime.database import Database

_PRODUCT = str(Path(sys.modules["yima"].__file__ or "").parent)
_PLUMBING = ("runtime/database.py", "runtime/connections.py")
_held: ContextVar[tuple[tuple[int, str], ...]] = ContextVar("held", default=())


class SecondConnection(BaseException):
    """No `Exception`: nothing may take it for a database that is busy."""


def _asker() -> str:
    """The nearest line of the product's code outside the database's own, empty where tests ask for themselves."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_PRODUCT) and not name.endswith(_PLUMBING):
            return f"{name.removeprefix(_PRODUCT)}:{frame.f_lineno}"
        if "/tests/" in name and not name.endswith(Path(__file__).name):
            return ""
        frame = frame.f_back
    return ""


def install() -> None:
    """Watch every `Database` from now on."""
    take, connection = Connections.take, Database.connection

    async def watched(self: Connections) -> Any:
        for pool, holder in _held.get():
            if pool == id(self):
                raise SecondConnection(f"{_asker()} asks for a connection while {holder} holds one")
        return await take(self)

    @contextlib.asynccontextmanager
    async def noted(self: Database) -> AsyncIterator[Any]:
        asker = _asker()
        async with connection(self) as c:
            before = _held.get()
            if asker:
                _held.set((*before, (id(self._connections), asker)))
            try:
                yield c
            finally:
                _held.set(before)

    Connections.take = watched  # type: ignore[method-assign]
    Database.connection = noted  # type: ignore[method-assign]
