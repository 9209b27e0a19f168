"""FHIR REST, the reading half: read, vread, history, search, $everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

import orjson
from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from yima import fhir
from yima.access import Stored
from yima.api import paging
from yima.api.answers import access_of, fhir_answer, parse_time, resource_answer
from yima.api.asking import asking_of, type_of
from yima.api.bodies import check_acceptable
from yima.api.searching import part
from yima.runtime.errors import Refusal

_EVERYTHING_LIMIT = 50_000
_HISTORY_LIMIT = 1000


async def read(request: Request) -> Response:
    """GET /fhir/[type]/[id]."""
    check_acceptable(request)
    row = await access_of(request).read(await asking_of(request), type_of(request), request.path_params["id"])
    if "_summary" in request.query_params or "_elements" in request.query_params:
        named = [pair for pair in request.query_params.multi_items() if pair[0] in ("_summary", "_elements")]
        query = fhir.compile_query(row.type, named)
        content = part(row.content, query.elements, query.summary)
        return resource_answer(request, structs.replace(row, content=content))
    return resource_answer(request, row)


async def vread(request: Request) -> Response:
    """GET /fhir/[type]/[id]/_history/[version]."""
    check_acceptable(request)
    asking, wanted = await asking_of(request), version_number(request.path_params["version"])
    row = await access_of(request).version(asking, type_of(request), request.path_params["id"], wanted)
    return resource_answer(request, row)


def version_number(text: str) -> int:
    """The version an address names. Refusal `not-found` for what cannot be one."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Refusal("not-found")
    return int(text)


async def history(request: Request) -> Response:
    """GET /fhir/[type]/[id]/_history, with _since and _count (at most 1000), newest first."""
    check_acceptable(request)
    asking, access, name = await asking_of(request), access_of(request), type_of(request)
    since, most = _since(request), _most(request)
    rows = await access.versions(asking, name, request.path_params["id"], _HISTORY_LIMIT)
    return _history_answer(request, [row for row in rows if since is None or row.updated >= since], most)


async def sandbox_history(request: Request) -> Response:
    """GET /fhir/[type]/_history and /fhir/_history: of what a sandbox wrote; everybody else must name a resource."""
    check_acceptable(request)
    asking, named = await asking_of(request), request.path_params.get("type")
    name = type_of(request) if named else None
    rows = await access_of(request).sandbox_versions(asking, name, _since(request), _HISTORY_LIMIT)
    return _history_answer(request, rows, _most(request))


def _since(request: Request) -> datetime | None:
    query = request.query_params
    return parse_time(query["_since"], "_since") if "_since" in query else None


def _most(request: Request) -> int:
    query = request.query_params
    return min(_HISTORY_LIMIT, _count(query["_count"]) if "_count" in query else _HISTORY_LIMIT)


def _history_answer(request: Request, rows: Sequence[Stored], most: int) -> Response:
    base = f"{access_of(request).base_url}/fhir"
    body = b'{"resourceType":"Bundle","type":"history","total":%d' % len(rows)
    entries = b",".join(_version_entry(base, row) for row in rows[:most])
    return fhir_answer(request, body + (b',"entry":[%s]}' % entries if entries else b"}"))


def _version_entry(base: str, row: Stored) -> bytes:
    method = "DELETE" if row.deleted else "POST" if row.version == 1 else "PUT"
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


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise Refusal("search-value-invalid", field="_count", expected="a whole number from 0")
    return int(text[:10])


async def everything(request: Request) -> Response:
    """GET /fhir/Patient/[id]/$everything: the whole record of the person, within what the caller may see."""
    check_acceptable(request)
    asking, access, query = await asking_of(request), access_of(request), request.query_params
    types = [_known(name) for name in query.get("_type", "").split(",") if name] or None
    since: datetime | None = parse_time(query["_since"], "_since") if "_since" in query else None
    patient = request.path_params["id"]
    found = await access.everything(asking, patient, types=types, since=since, limit=_EVERYTHING_LIMIT)
    base = f"{access.base_url}/fhir"
    entries = [paging.entry(base, row.type, row.id, row.content) for row in found.rows]
    links = [("self", f"{base}/Patient/{patient}/$everything{f'?{urlencode(query.multi_items())}' if query else ''}")]
    return fhir_answer(request, paging.bundle(entries, total=found.total, links=links))


def _known(name: str) -> str:
    if name not in fhir.TYPES:
        raise Refusal("search-value-invalid", field="_type", expected="FHIR R4 resource types, separated by commas")
    return name
