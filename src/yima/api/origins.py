"""Provenance for every write, and Person: resources that are computed when they are asked for, and never written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from yima import fhir
from yima.access import Access, Asking, Found, Stored
from yima.api import paging
from yima.api.answers import access_of, fhir_answer
from yima.runtime.errors import Refusal

_MOST: Final = 1000
_PERSON_ASKS: Final = ("_id", "patient", "link")


def of_versions(rows: Sequence[Stored]) -> list[tuple[str, bytes]]:
    """(id, JSON) of the Provenance of each version."""
    found = []
    for row in rows:
        made = fhir.provenance(
            row.type, row.id, row.version, updated=row.updated, deleted=row.deleted, content=row.content
        )
        if made:
            found.append((made["id"], fhir.encode(made)))
    return found


async def provenance(request: Request, asking: Asking, wanted: str) -> Response | None:
    """GET Provenance/[id] of a version; None where the id is that of a stored one. Refusals as reading the version."""
    meant = fhir.version_meant(wanted)
    if meant is None:
        return None
    _check(asking, "Provenance", "r")
    versions = await access_of(request).versions(asking, meant[0], meant[1], _MOST)
    for _, content in of_versions([row for row in versions if row.version == meant[2]]):
        return fhir_answer(request, content, ETag='W/"1"')
    raise Refusal("not-found")


async def among(access: Access, asking: Asking, params: Sequence[tuple[str, str]]) -> list[tuple[str, bytes]] | None:
    """The computed ones of a search `Provenance?target=Type/id[/_history/n]`; None where it asks for others."""
    targets = [value for name, value in params if name == "target"]
    others = {name for name, _ in params} - {"target", "_count", "_total", "_format", "_pretty"}
    if len(targets) != 1 or others:
        return None
    resource_type, _, rest = targets[0].removeprefix(f"{access.base_url}/fhir/").partition("/")
    resource_id, _, version = rest.partition("/_history/")
    if resource_type not in fhir.TYPES or not resource_id:
        return None
    _check(asking, "Provenance", "s")
    try:
        rows = await access.versions(asking, resource_type, resource_id, _MOST)
    except Refusal as refusal:
        if refusal.code != "not-found":
            raise
        return []
    return of_versions([row for row in rows if version in ("", str(row.version))])


def found_of_all(found: Found) -> Found:
    """What a search over a whole record found, as the Provenance of each; a stored Provenance stands for itself."""
    rows = []
    for row in found.rows:
        if row.type == "Provenance":
            rows.append(row)
            continue
        for made, content in of_versions([row]):
            rows.append(
                Stored(row.home, "Provenance", made, 1, row.updated, row.institution, "", False, content, row.patient)
            )
    return replace(found, rows=tuple(rows), included=())


async def person(request: Request, asking: Asking, wanted: str) -> Response:
    """GET Person/[id]: who the platform says this is, as far as the caller may know of the Patients."""
    return fhir_answer(request, await access_of(request).person_resource(asking, wanted), ETag='W/"1"')


async def persons(request: Request, asking: Asking, params: Sequence[tuple[str, str]]) -> Response:
    """GET Person?patient=..: the person of a Patient; none when there is none to know of."""
    access = access_of(request)
    asked = [(name, value) for name, value in params if name not in ("_format", "_pretty", "_count")]
    for name, _ in asked:
        if name.partition(":")[0] not in _PERSON_ASKS:
            raise Refusal("search-parameter-unknown", field=name[:64], type="Person")
    if len(asked) != 1:
        raise Refusal("person-not-named", field="Person")
    try:
        named, of_patient = asked[0][1].removeprefix("Patient/"), asked[0][0] != "_id"
        found = await access.person_resource(asking, named, of_patient=of_patient)
    except Refusal as refusal:
        if refusal.code != "not-found":
            raise
        return fhir_answer(request, paging.bundle([], total=0, links=[]))
    base = f"{access.base_url}/fhir"
    links = [("self", f"{base}/Person?{asked[0][0]}={asked[0][1]}")]
    entry = paging.entry(base, "Person", found["id"], fhir.encode(found))
    return fhir_answer(request, paging.bundle([entry], total=1, links=links))


def _check(asking: Asking, resource_type: str, verb: str) -> None:
    if not asking.caller.may(resource_type, verb):
        raise Refusal("scope-insufficient", field=resource_type, expected=f"system/{resource_type}.{verb}")
