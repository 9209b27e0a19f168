"""FHIR search over HTTP: by type, in a patient's compartment, over several types at once (R4 search.html)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from yima import fhir
from yima.access import Access, Asking, Found, Part, Wanted
from yima.api import consents, identity, logbook, origins, paging
from yima.api.answers import access_of, fhir_answer, language_of
from yima.api.asking import asking_of, type_of
from yima.api.bodies import check_acceptable, form_of
from yima.runtime.errors import Refusal

_NOT_OURS: Final = ("_format", "_pretty", "_totalMethod")
"""Parameters that say nothing of which resources: two are read elsewhere, the last is what fhirpy sends to HAPI
servers."""
_ALL: Final = "*"


@dataclass(frozen=True, slots=True)
class _Search:
    """One search as it was asked."""

    address: str
    """Under the base, without its question."""
    bound: str
    """What its page links are good for."""
    params: tuple[tuple[str, str], ...]
    named: bool
    """Whether all parameters stood in the address, so that they may stand in a link again."""


async def search(request: Request) -> Response:
    """GET /fhir/[type]?.. and POST /fhir/[type]/_search: search in one patient's record.

    Of Patients also by demographics over everybody, for callers with that right: see `identity.demographics`.
    """
    check_acceptable(request)
    asking, name = await asking_of(request), type_of(request)
    params = await _params(request)
    if name == "Patient" and identity.is_demographics(asking, params):
        return await identity.demographics(request, asking, params)
    if name == "Person" and not asking.caller.sandbox:
        return await origins.persons(request, asking, params)
    if name == "AuditEvent" and not asking.caller.sandbox:
        return await logbook.lines(request, asking, params)
    if name == "Consent" and not asking.caller.sandbox:
        stored = await run_search(request, asking, name, params)
        return fhir_answer(request, await consents.along(request, asking, params, stored))
    return fhir_answer(request, await run_search(request, asking, name, params))


async def compartment(request: Request) -> Response:
    """GET /fhir/Patient/[id]/[type]?.. (or /*): in the record of this patient's person (R4 search.html#compartment)."""
    check_acceptable(request)
    asking, name, patient = await asking_of(request), request.path_params["type"], request.path_params["id"]
    if name not in (*fhir.COMPARTMENT_TYPES, _ALL):
        raise Refusal("not-found")
    params = await _params(request)
    if name == _ALL:
        return fhir_answer(request, await run_all(request, asking, params, patient))
    return fhir_answer(request, await run_search(request, asking, name, params, patient))


async def everywhere(request: Request) -> Response:
    """GET /fhir?.. and POST /fhir/_search: over several types (`_type`), or all."""
    check_acceptable(request)
    return fhir_answer(request, await run_all(request, await asking_of(request), await _params(request)))


async def _params(request: Request) -> list[tuple[str, str]]:
    params = list(request.query_params.multi_items())
    return params + await form_of(request) if request.method == "POST" else params


async def run_search(
    request: Request, asking: Asking, name: str, params: Sequence[tuple[str, str]], patient: str = ""
) -> bytes:
    """A page of a search on one type as a searchset Bundle; with `patient` in that patient's compartment."""
    it = _Search(f"Patient/{patient}/{name}" if patient else name, name, tuple(params), request.method == "GET")
    access, place = access_of(request), _place(request, asking, it)
    if name == "Provenance" and not patient:
        if (made := await origins.among(access, asking, place.params)) is not None:
            return _computed(access, it, made)
        if _whole_record(place.params):
            return await run_all(request, asking, params, as_origins=True)
    query = access.query(asking, name, _here(access, name, _ours(place.params)), lenient=_lenient(request))
    if patient:
        query = replace(query, patients=[*query.patients, f"Patient/{patient}"])
    wanted = _wanted(access, query, place)
    return _bundle(request, asking, it, place, query, wanted, await access.search(asking, name, query, wanted))


async def run_all(
    request: Request, asking: Asking, params: Sequence[tuple[str, str]], patient: str = "", *, as_origins: bool = False
) -> bytes:
    """A page of a search over several types; with `patient` in that patient's compartment.

    `as_origins`: for each resource found its Provenance.
    """
    address = "Provenance" if as_origins else f"Patient/{patient}/*" if patient else ""
    it = _Search(address, "Provenance" if as_origins else "*", tuple(params), request.method == "GET")
    access, place = access_of(request), _place(request, asking, it)
    said = _ours(place.params)
    types = list(dict.fromkeys(name for key, value in said if key == "_type" for name in value.split(",")))
    if unknown := [name for name in types if name not in fhir.TYPES]:
        raise Refusal("resource-type-unknown", type=unknown[0][:64], field="_type")
    rest = [pair for pair in said if pair[0] != "_type"]
    if patient:
        rest.append(("patient", f"Patient/{patient}"))
        types = [name for name in types if name in fhir.COMPARTMENT_TYPES]
    parts = access.query_types(asking, types, rest, lenient=_lenient(request))
    _refuse_order(parts)
    query = parts[0][1]
    wanted = _wanted(access, query, place)
    found = await access.search_types(asking, parts, wanted)
    return _bundle(request, asking, it, place, query, wanted, origins.found_of_all(found) if as_origins else found)


def _whole_record(params: Sequence[tuple[str, str]]) -> bool:
    """Whether a search for Provenance asks for that of a whole record."""
    names = {name for name, _ in params}
    return "patient" in names and names <= {"patient", "_count", "_total", "_lastUpdated", *_NOT_OURS}


def _computed(access: Access, it: _Search, made: Sequence[tuple[str, bytes]]) -> bytes:
    """A searchset of resources that were computed."""
    base = f"{access.base_url}/fhir"
    entries = [paging.entry(base, "Provenance", i, content) for i, content in made]
    links = [("self", f"{base}/{it.address}?{urlencode(it.params)}" if it.named else f"{base}/{it.address}")]
    return paging.bundle(entries, total=len(entries), links=links)


def _refuse_order(parts: Sequence[Part]) -> None:
    """Resources of several types are put in order by what all of them have."""
    if parts[0][1].order and (len(parts) > 1 or len(parts[0][0]) > 1):
        raise Refusal("search-parameter-unknown", field="_sort", type="Resource")


def _ours(params: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    for field, value in params:
        if "\x00" in field or "\x00" in value:
            raise Refusal("search-value-invalid", field=field.replace("\x00", "")[:60], expected="text without NUL")
    return [pair for pair in params if pair[0] not in _NOT_OURS]


def _here(access: Access, name: str, params: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """References to resources of this server by their whole address, as the relative ones that are stored."""
    own = f"{access.base_url}/fhir/"
    known = fhir.SEARCH.get(name, {})
    return [
        (key, ",".join(piece.removeprefix(own) for piece in value.split(",")))
        if own in value and (param := known.get(key.partition(":")[0])) and param.type == "reference"
        else (key, value)
        for key, value in params
    ]


def _lenient(request: Request) -> bool:
    return "handling=lenient" in request.headers.get("prefer", "")


def _place(request: Request, asking: Asking, it: _Search) -> paging.Place:
    cursor = dict(it.params).get("_cursor")
    if cursor is None:
        return paging.Place(it.params)
    return paging.pager_of(request).open(cursor, asking.caller, it.bound, asking.visit)


def _wanted(access: Access, query: fhir.Query, place: paging.Place) -> Wanted:
    """The page. All matches are counted for the first one; later ones say the same, unless `_total=accurate`."""
    settings = access.settings
    count = min(settings.page_count_default if query.count is None else query.count, settings.page_count_max)
    known = place.total is not None and query.total != "accurate"
    return Wanted(
        spot=place.spot, count=0 if query.summary == "count" else count, total=not known and query.total != "none"
    )


def _bundle(
    request: Request,
    asking: Asking,
    it: _Search,
    place: paging.Place,
    query: fhir.Query,
    wanted: Wanted,
    found: Found,
) -> bytes:
    """The searchset Bundle of a page: matches, what came along, what was ignored, and the pages beside it."""
    base = f"{access_of(request).base_url}/fhir"
    total = None if query.total == "none" else found.total if wanted.total else place.total
    used = tuple(pair for pair in place.params if pair[0] not in query.ignored)
    address = f"{base}/{it.address}".rstrip("/")
    cursor = dict(it.params).get("_cursor")
    own = f"?_cursor={cursor}" if cursor else f"?{urlencode(used)}" if it.named and used else ""
    links = [("self", f"{address}{own}")]
    pager = paging.pager_of(request)
    for relation, spot in paging.beside(found.previous, found.next, total, wanted.count):
        sealed = pager.seal(paging.Place(used, spot, total), asking.caller, it.bound, asking.visit)
        links.append((relation, f"{address}?_cursor={sealed}"))
    entries = paging.entries(base, [(row.type, row.id, _part(row.content, query)) for row in found.rows])
    entries += [paging.entry(base, row.type, row.id, row.content, "include") for row in found.included]
    if {"Provenance:target", "Provenance:*"} & set(query.revinclude) and asking.caller.may("Provenance", "s"):
        made = origins.of_versions([row for row in found.rows if row.type != "Provenance"])
        entries += [paging.entry(base, "Provenance", i, content, "include") for i, content in made]
    if query.ignored and not cursor:
        entries.append(paging.outcome_entry(query.ignored, language_of(request)))
    return paging.bundle(entries, total=total, links=links)


def _part(content: bytes, query: fhir.Query) -> bytes:
    return part(content, query.elements, query.summary)


def part(content: bytes, elements: Sequence[str], summary: str | None) -> bytes:
    """A resource, or the part of it that `_elements` or `_summary` asks for."""
    if elements:
        return fhir.encode(fhir.elements(fhir.parse(content), elements))
    if summary in ("true", "text", "data"):
        return fhir.encode(fhir.summary(fhir.parse(content), summary))
    return content
