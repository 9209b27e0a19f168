"""Consent: standing decisions as virtual resources, and what a person said at a counter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from yima import fhir
from yima.access import Asking
from yima.api import paging
from yima.api.answers import access_of, fhir_answer

_NAME: Final = "Consent"
_ASKED: Final = frozenset({"patient", "status", "scope", "category", "_count", "_total", "_format", "_pretty"})


async def one(request: Request, asking: Asking, wanted: str) -> Response | None:
    """GET Consent/[id] of a standing decision; None where it is none that the caller may know of."""
    found = await access_of(request).consents.read(asking, wanted)
    return None if found is None else fhir_answer(request, fhir.encode(found), ETag='W/"1"')


async def along(request: Request, asking: Asking, params: Sequence[tuple[str, str]], page: bytes) -> bytes:
    """A page of stored Consents of a patient with the standing decisions before them; only on the first page."""
    said = dict(params)
    if "patient" not in said or not set(said) <= _ASKED:
        return page
    wanted = {"status": "active", "scope": "patient-privacy", "category": "59284-0"}
    if any(said[name].rpartition("|")[2] != code for name, code in wanted.items() if name in said):
        return page
    found = await access_of(request).consents.of_patient(asking, said["patient"])
    if not found:
        return page
    base, tree = f"{access_of(request).base_url}/fhir", fhir.parse(page)
    entries = [paging.entry(base, _NAME, made["id"], fhir.encode(made)) for made in found]
    stored = [fhir.encode(entry) for entry in tree.get("entry", [])]
    links = [(link["relation"], link["url"]) for link in tree.get("link", [])]
    return paging.bundle([*entries, *stored], total=int(tree.get("total", 0)) + len(found), links=links)


async def said_at_counter(request: Request, asking: Asking, resource: dict[str, Any]) -> Response:
    """POST Consent (scope patient-privacy): the decisions it became, one as itself, several as a collection Bundle."""
    access = access_of(request)
    made = await access.consents.at_counter(asking, resource)
    body = made[0]
    if len(made) > 1:
        body = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in made]}
    answer = fhir_answer(request, fhir.encode(body))
    answer.status_code = 201
    answer.headers["location"] = f"{access.base_url}/fhir/{_NAME}/{made[0]['id']}"
    return answer
