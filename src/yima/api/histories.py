"""FHIR history over HTTP: of a resource, of a type, of the system (R4 http.html#history)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import fhir
from yima.access import Asking, Page, Spot, Stored, Times, Wanted
from yima.api import paging
from yima.api.answers import access_of, fhir_answer, parse_time
from yima.api.asking import asking_of, type_of
from yima.api.bodies import check_acceptable
from yima.runtime import ids
from yima.runtime.errors import Refusal

_MOST: Final = 1000


async def history(request: Request) -> Response:
    """GET /fhir/[type]/[id]/_history, with _since, _at and _count (at most 1000), newest first."""
    check_acceptable(request)
    asking, name = await asking_of(request), type_of(request)
    address = f"{name}/{request.path_params['id']}/_history"
    place = _place(request, asking, address)
    rows = await access_of(request).versions(asking, name, request.path_params["id"], _MOST)
    count = _count(place)
    page = _sliced(_meant(rows, _times(place)), place.spot, count)
    return _answer(request, asking, address, place, page, count)


async def sandbox_history(request: Request) -> Response:
    """GET /fhir/[type]/_history and /fhir/_history: of what a sandbox wrote; everybody else must name a resource."""
    check_acceptable(request)
    asking, named = await asking_of(request), request.path_params.get("type")
    name = type_of(request) if named else None
    address = f"{name}/_history" if name else "_history"
    place = _place(request, asking, address)
    count = _count(place)
    wanted = Wanted(spot=place.spot, count=count)
    page = await access_of(request).sandbox_versions(asking, name, _times(place), wanted)
    return _answer(request, asking, address, place, page, count)


def _place(request: Request, asking: Asking, address: str) -> paging.Place:
    cursor = request.query_params.get("_cursor")
    if cursor is None:
        return paging.Place(tuple(request.query_params.multi_items()))
    return paging.pager_of(request).open(cursor, asking.caller, address, asking.visit)


def _times(place: paging.Place) -> Times:
    said = dict(place.params)
    since: datetime | None = parse_time(said["_since"], "_since") if "_since" in said else None
    if "_at" not in said:
        return Times(since)
    found = fhir.date_range(said["_at"])
    if found is None:
        raise Refusal("search-value-invalid", field="_at", expected="a date or instant, e.g. 2026-01-01T00:00:00Z")
    return Times(since, *found)


def _count(place: paging.Place) -> int:
    text = dict(place.params).get("_count", str(_MOST))
    if not (text.isascii() and text.isdecimal()):
        raise Refusal("search-value-invalid", field="_count", expected="a whole number from 0")
    return min(_MOST, int(text[:10]))


def _meant(rows: Sequence[Stored], times: Times) -> list[Stored]:
    """Those versions of one resource, newest first, that belong to these times."""
    ends = [None, *(row.updated for row in rows)]
    return [
        row
        for row, end in zip(rows, ends, strict=False)
        if (times.since is None or row.updated >= times.since)
        and (times.first is None or end is None or end > times.first)
        and (times.last is None or row.updated <= times.last)
    ]


def _sliced(rows: Sequence[Stored], spot: Spot, count: int) -> Page:
    """A page of one resource's versions: it goes on from a version."""
    edge = int(spot.edge[0] or 0) if spot.edge else None
    if spot.back:
        rest = [row for row in rows if edge is None or row.version > edge]
        found = rest[-(spot.take or count) :] if count else []
    else:
        rest = [row for row in rows if edge is None or row.version < edge]
        found = rest[:count]
    if not found:
        return Page((), len(rows))
    at = rows.index(found[0])
    first, last = (str(row.version) for row in (found[0], found[-1]))
    return Page(
        tuple(found),
        len(rows),
        Spot((first,), back=True) if at else None,
        Spot((last,)) if at + len(found) < len(rows) else None,
    )


def _answer(request: Request, asking: Asking, address: str, place: paging.Place, page: Page, count: int) -> Response:
    base = f"{access_of(request).base_url}/fhir"
    cursor = request.query_params.get("_cursor")
    own = f"?_cursor={cursor}" if cursor else f"?{urlencode(place.params)}" if place.params else ""
    links = [("self", f"{base}/{address}{own}")]
    pager = paging.pager_of(request)
    for relation, spot in paging.beside(page.previous, page.next, page.total, count):
        sealed = pager.seal(paging.Place(place.params, spot), asking.caller, address, asking.visit)
        links.append((relation, f"{base}/{address}?_cursor={sealed}"))
    entries = [_entry(base, row) for row in page.rows]
    return fhir_answer(request, paging.bundle(entries, kind="history", total=page.total, links=links))


def _entry(base: str, row: Stored) -> bytes:
    chosen = ids.home_of(row.id) is None
    method = "DELETE" if row.deleted else "POST" if row.version == 1 and not chosen else "PUT"
    made = {
        "fullUrl": f"{base}/{row.type}/{row.id}",
        "request": {"method": method, "url": row.type if method == "POST" else f"{row.type}/{row.id}"},
        "response": {
            "status": "204" if row.deleted else "201" if row.version == 1 else "200",
            "etag": f'W/"{row.version}"',
            "lastModified": row.updated.isoformat(timespec="milliseconds"),
        },
    }
    text = orjson.dumps(made)
    return text if row.deleted else b'%s,"resource":%s}' % (text[:-1], row.content)
