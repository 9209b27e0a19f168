"""FHIR REST, the reading half: read, vread, history, search, $everything."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from yima import fhir
from yima.access import is_staff_id
from yima.api import consents, logbook, origins, paging
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
    asking, name, wanted = await asking_of(request), type_of(request), request.path_params["id"]
    if name == "Provenance" and (computed := await origins.provenance(request, asking, wanted)):
        return computed
    if name == "Person" and not asking.caller.sandbox:
        return await origins.person(request, asking, wanted)
    if name == "Practitioner" and is_staff_id(wanted) and not asking.caller.sandbox:
        return fhir_answer(request, await access_of(request).staff_resource(asking, wanted), ETag='W/"1"')
    if name == "AuditEvent" and not asking.caller.sandbox and (found := await logbook.line(request, asking, wanted)):
        return found
    if name == "Consent" and not asking.caller.sandbox and (said := await consents.one(request, asking, wanted)):
        return said
    row = await access_of(request).read(asking, name, wanted)
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


async def everything(request: Request) -> Response:
    """GET /fhir/Patient/[id]/$everything: the whole record of the person, within what the caller may see."""
    check_acceptable(request)
    asking, access, query = await asking_of(request), access_of(request), request.query_params
    types = [_known(name) for name in query.get("_type", "").split(",") if name] or None
    since: datetime | None = parse_time(query["_since"], "_since") if "_since" in query else None
    patient = request.path_params["id"]
    found = await access.everything(asking, patient, types=types, since=since, limit=_EVERYTHING_LIMIT)
    base = f"{access.base_url}/fhir"
    entries = paging.entries(base, found)
    links = [("self", f"{base}/Patient/{patient}/$everything{f'?{urlencode(query.multi_items())}' if query else ''}")]
    return fhir_answer(request, paging.bundle(entries, total=len(found), links=links))


def _known(name: str) -> str:
    if name not in fhir.TYPES:
        raise Refusal("search-value-invalid", field="_type", expected="FHIR R4 resource types, separated by commas")
    return name
