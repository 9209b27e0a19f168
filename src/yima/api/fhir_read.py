"""FHIR REST, the reading half: read, vread, history, search, $everything, metadata."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import __version__, fhir, mpi
from yima.access import Asking
from yima.api import paging
from yima.api.answers import (
    access_of,
    body_of,
    caller_of,
    check_acceptable,
    fhir_answer,
    parse_time,
    resource_answer,
)
from yima.runtime import clock
from yima.runtime.errors import Refusal

VISIT_HEADER = "yima-visit"
_EVERYTHING_LIMIT = 50_000
INTERACTIONS = ("read", "vread", "history-instance", "search-type", "create", "update", "delete")


async def asking_of(request: Request) -> Asking:
    """Who asks, with the visit handle of the Yima-Visit header and the purpose of Yima-Purpose (default treatment)."""
    caller = await caller_of(request)
    purpose = request.headers.get("yima-purpose", "treatment")
    return Asking(caller=caller, now=clock.now(), purpose=purpose, visit=request.headers.get(VISIT_HEADER, ""))


def type_of(request: Request) -> str:
    """The resource type of the path. Refusal `resource-type-unknown`."""
    named: str = request.path_params["type"]
    if named not in fhir.TYPES:
        raise Refusal("resource-type-unknown", type=named[:64])
    return named


async def metadata(request: Request) -> Response:
    """GET /fhir/metadata: the CapabilityStatement, generated from what this module and `fhir.SEARCH` offer."""
    check_acceptable(request)
    access = access_of(request)
    types = {name: INTERACTIONS for name in sorted(fhir.SEARCH)}
    statement = fhir.capability(
        f"{access.base_url}/fhir", __version__, "2026-11-22", types,
        token_url=f"{access.base_url}/oauth/token", operations={"Patient": {"everything": ""}},
    )  # fmt: skip
    return fhir_answer(request, statement)


async def read(request: Request) -> Response:
    """GET /fhir/[type]/[id]."""
    check_acceptable(request)
    row = await access_of(request).read(await asking_of(request), type_of(request), request.path_params["id"])
    return resource_answer(request, row)


async def vread(request: Request) -> Response:
    """GET /fhir/[type]/[id]/_history/[version]."""
    check_acceptable(request)
    wanted = request.path_params["version"]
    rows = await access_of(request).versions(await asking_of(request), type_of(request), request.path_params["id"], 10_000)
    for row in rows:
        if str(row.version) == wanted:
            if row.deleted:
                raise Refusal("gone")
            return resource_answer(request, row)
    raise Refusal("not-found")


async def history(request: Request) -> Response:
    """GET /fhir/[type]/[id]/_history."""
    check_acceptable(request)
    access, name = access_of(request), type_of(request)
    rows = await access.versions(await asking_of(request), name, request.path_params["id"], 1000)
    base = f"{access.base_url}/fhir"
    entries = []
    for row in rows:
        method = "DELETE" if row.deleted else "POST" if row.version == 1 else "PUT"
        made = {
            "fullUrl": f"{base}/{name}/{row.id}",
            "request": {"method": method, "url": name if method == "POST" else f"{name}/{row.id}"},
            "response": {"status": "201" if row.version == 1 else "200", "etag": f'W/"{row.version}"', "lastModified": row.updated.isoformat()},
        }  # fmt: skip
        text = orjson.dumps(made)
        entries.append(text if row.deleted else b'%s,"resource":%s}' % (text[:-1], row.content))
    body = b'{"resourceType":"Bundle","type":"history","total":%d,"entry":[%s]}' % (len(rows), b",".join(entries))
    return fhir_answer(request, body)


async def search(request: Request) -> Response:
    """GET /fhir/[type]?.. and POST /fhir/[type]/_search: search in one patient's record."""
    check_acceptable(request)
    asking, name = await asking_of(request), type_of(request)
    params = await _params(request)
    if request.method == "GET":
        _no_identity_numbers(name, params)
    return fhir_answer(request, await run_search(request, asking, name, params))


async def run_search(request: Request, asking: Asking, name: str, params: Sequence[tuple[str, str]]) -> bytes:
    """A page of a search as a searchset Bundle."""
    access = access_of(request)
    pager: paging.Pager = request.app.state.pager
    cursor = dict(params).get("_cursor")
    place = pager.open(cursor, asking.caller, name, asking.visit) if cursor else paging.Place(tuple(params), 0)
    lenient = "handling=lenient" in request.headers.get("prefer", "")
    query = access.query(name, [p for p in place.params if p[0] not in ("_format", "_pretty")], lenient=lenient, now=asking.now)
    for wanted in (*query.include, *query.revinclude):
        raise Refusal("search-parameter-unknown", field=f"_include={wanted[:60]}", type=name)
    most = access.settings.page_count_max
    count = min(access.settings.page_count_default if query.count is None else query.count, most)
    if query.summary == "count":
        count = 0
    found = await access.search(asking, name, query, offset=place.offset, count=count)
    base = f"{access.base_url}/fhir"
    links = [("self", f"{base}/{name}")]
    if count and place.offset + len(found.rows) < found.total:
        onward = pager.seal(paging.Place(place.params, place.offset + count), asking.caller, name, asking.visit)
        links.append(("next", f"{base}/{name}?_cursor={onward}"))
    entries = [paging.entry(base, row.type, row.id, row.content) for row in found.rows]
    return paging.bundle(entries, total=found.total, links=links)


async def everything(request: Request) -> Response:
    """GET /fhir/Patient/[id]/$everything: the whole record of the person, within what the caller may see."""
    check_acceptable(request)
    asking, access, query = await asking_of(request), access_of(request), request.query_params
    types = [name for name in query.get("_type", "").split(",") if name] or None
    since = parse_time(query["_since"], "_since") if "_since" in query else None
    found = await access.everything(asking, request.path_params["id"], types=types, since=since, limit=_EVERYTHING_LIMIT)
    base = f"{access.base_url}/fhir"
    entries = [paging.entry(base, row.type, row.id, row.content) for row in found.rows]
    return fhir_answer(request, paging.bundle(entries, total=found.total, links=[("self", f"{base}/Patient/$everything")]))


async def _params(request: Request) -> list[tuple[str, str]]:
    params = list(request.query_params.multi_items())
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind != "application/x-www-form-urlencoded":
            raise Refusal("unsupported-media-type", field="Content-Type", expected="application/x-www-form-urlencoded")
        try:
            params += parse_qsl((await body_of(request)).decode(), keep_blank_values=True, max_num_fields=200)
        except ValueError as error:
            raise Refusal("search-value-invalid", field="body", expected="at most 200 form fields in UTF-8") from error
    for field, value in params:
        if "\x00" in field or "\x00" in value:
            raise Refusal("search-value-invalid", field=field.replace("\x00", "")[:60], expected="text without NUL")
    return params


def _no_identity_numbers(name: str, params: Sequence[tuple[str, str]]) -> None:
    for field, value in params:
        if field.split(":")[0].endswith("identifier") and mpi.is_national(value.partition("|")[0]):
            raise Refusal("identity-number-in-url", field=f"{name}?{field}")
