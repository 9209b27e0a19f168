"""Finding an address without trying one pattern after the other, and a request that looks its headers up.

What Starlette's router, middleware and header lists cost is a third of a read. Handlers are the same, and get the same
kind of request; whatever this table does not hold goes through Starlette's router, which also says 404 and 405.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, cast

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope

Endpoint = Callable[[Request], Awaitable[Response]]
_NOTHING: Final = QueryParams()
_ODD: Final = re.compile(r"[^/]\{|\}[^/]|:|^/\{").search
"""A parameter that is a part of a segment, has a converter, or is the first."""


class Table:
    """Routes whose parameters are whole segments, by method, number of segments and first segment; others are left to
    the router."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._rows: dict[tuple[str, int, str], list[_Row]] = {}
        for row in [_Row(route) for route in routes if isinstance(route, Route) and not _ODD(route.path)]:
            for method in row.methods:
                self._rows.setdefault((method, len(row.parts), row.parts[1]), []).append(row)

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The handler of the first route that fits, with the path's parameters, as Starlette would find it."""
        said = path.split("/")
        for row in self._rows.get((method, len(said), said[1] if len(said) > 1 else ""), ()):
            for place, text in row.fixed:
                if said[place] != text:
                    break
            else:
                params = {name: said[place] for place, name in row.named}
                if all(params.values()):
                    return row.endpoint, params
        return None


class _Row:
    """One route, taken apart."""

    def __init__(self, route: Route) -> None:
        self.methods = route.methods or ()
        self.parts = route.path.split("/")
        self.endpoint = cast(Endpoint, route.endpoint)
        self.named = [(place, part[1:-1]) for place, part in enumerate(self.parts) if part.startswith("{")]
        self.fixed = [(place, part) for place, part in enumerate(self.parts) if not part.startswith("{")][2:]


class LeanRequest(Request):
    """Starlette's request with headers by look-up, and nothing done for a query that is not there."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._headers = _LeanHeaders(scope["headers"])

    @property
    def query_params(self) -> QueryParams:
        """The fields of the query."""
        return super().query_params if self.scope["query_string"] else _NOTHING


class _LeanHeaders(Headers):
    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._list = raw
        self._first = dict(reversed(raw))  # of a header sent twice the first counts, as with Starlette

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a header; its name in whatever case."""
        value = self._first.get(key.lower().encode("latin-1"))
        return default if value is None else value.decode("latin-1")
