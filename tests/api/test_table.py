"""The table of addresses finds what Starlette's router finds, and nothing else."""

from __future__ import annotations

import pytest
from starlette.routing import Match, Route

from yima.api import Table, routes

_ALL = routes()  # once: some answers are made for their list of routes
_ROUTES = [route for route in _ALL if isinstance(route, Route)]
_WORDS = ("fhir", "Patient", "Observation", "$everything", "_history", "_search", "metadata", "health", "live", "", "x")


def _router(method: str, path: str) -> tuple[object, dict[str, str]] | None:
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    for route in _ROUTES:
        match, found = route.matches(scope)
        if match is Match.FULL:
            return found["endpoint"], found["path_params"]
    return None


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_each_address_is_found_as_the_router_finds_it(method: str) -> None:
    table = Table(_ALL)
    paths = {route.path for route in _ROUTES if "{kid}.json" not in route.path}
    paths |= {f"/fhir/{a}/{b}" for a in _WORDS for b in _WORDS} | {f"/{a}" for a in _WORDS} | {"", "*", "/fhir//"}
    paths |= {f"/fhir/{a}/{b}/{c}" for a in _WORDS for b in _WORDS for c in _WORDS}
    found = {path: table.find(method, path) for path in paths}
    assert found == {path: _router(method, path) for path in paths}
    assert any(found.values()) == (method != "OPTIONS")


def test_a_route_with_other_parameters_is_left_to_the_router() -> None:
    async def nothing(_: object) -> None: ...

    odd = ("/a/{rest:path}", "/a/{name}.json", "/a/x{name}", "/{name}/a")
    table = Table([Route(path, nothing) for path in odd])
    assert not any(table.find("GET", path) for path in (*odd, "/a/b", "/a/b.json", "/a/xb", "/b/a"))
