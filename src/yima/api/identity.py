"""Who is this? `Patient/$match` (R4 patient-operation-match.html, IHE PDQm ITI-119), `Patient/$ihe-pix` (PIXm ITI-83)
and demographics search (PDQm ITI-78). What may be answered is decided in `access.matching`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima import directory, fhir, mpi
from yima.access import MOST_MATCHES, PERSON_SYSTEM, Asking, Identified
from yima.api.answers import access_of, fhir_answer
from yima.api.asking import asking_of
from yima.api.bodies import FORM, check_acceptable, form_of, parameters_of
from yima.runtime.beside import beside
from yima.runtime.errors import Refusal

_GRADE: Final = "http://hl7.org/fhir/StructureDefinition/match-grade"
_MOTHER: Final = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"
_STRINGS: Final = ("name", "family", "given")
_OF_ADDRESS: Final = {
    "address-city": "city", "address-state": "state", "address-country": "country", "address-postalcode": "postalCode",
    "address": "",
}  # fmt: skip
_ONLY_OWN: Final = ("mothersMaidenName", *_OF_ADDRESS)
"""Asked of the caller's own Patients only: the index does not hold these in the clear."""
DEMOGRAPHICS: Final = frozenset(
    {"_id", "active", "identifier", "telecom", "phone", "birthdate", "gender", *_STRINGS, *_ONLY_OWN}
)
"""Search parameters of ITI-78, and R4's `name` and `phone`."""
_CONTROL: Final = frozenset({"_format", "_pretty", "_count", "_summary", "_elements", "_total"})


# --- $match ----------------------------------------------------------------------------------------------------------
async def match(request: Request) -> Response:
    """POST Patient/$match with Parameters: resource, onlyCertainMatches, count."""
    check_acceptable(request)
    asking = await asking_of(request)
    body, parameters = await parameters_of(request)
    wanted = await beside(len(body), partial(_wanted, parameters))
    found = await access_of(request).matching.match(
        asking, wanted.patient, certain_only=wanted.certain_only, count=wanted.most
    )
    return _searchset(request, found, graded=True)


class _Wanted(NamedTuple):
    patient: Mapping[str, Any]
    certain_only: bool
    most: int


def _wanted(parameters: Mapping[str, Any]) -> _Wanted:
    patient = _one(parameters, "resource", "resource")
    if not isinstance(patient, dict) or patient.get("resourceType") != "Patient":
        raise Refusal("field-missing", field="Parameters.parameter", expected="a parameter resource with a Patient")
    fhir.validate(patient)
    only = _one(parameters, "onlyCertainMatches", "valueBoolean") is True
    count = _one(parameters, "count", "valueInteger")
    if count is not None and not (isinstance(count, int) and count > 0):
        raise Refusal("field-invalid", field="Parameters.parameter[count]", expected="a whole number from 1")
    return _Wanted(patient, only, int(count) if count else MOST_MATCHES)


def _one(parameters: Mapping[str, Any], name: str, kind: str) -> Any:
    rows = [row for row in parameters.get("parameter") or () if row.get("name") == name]
    if len(rows) > 1 or (rows and kind not in rows[0]):
        raise Refusal("field-invalid", field=f"Parameters.parameter[{name}]", expected=f"once, with a {kind}")
    return rows[0][kind] if rows else None


# --- $ihe-pix --------------------------------------------------------------------------------------------------------
async def pix(request: Request) -> Response:
    """GET Patient/$ihe-pix?sourceIdentifier=..&targetSystem=.., or POST with the same as Parameters or as a form.

    A national number never stands in an address: it is asked for by POST.
    """
    check_acceptable(request)
    asking = await asking_of(request)
    said = list(request.query_params.multi_items())
    if request.method == "POST":
        form = request.headers.get("content-type", "").startswith(FORM)
        said += await form_of(request) if form else _pairs((await parameters_of(request))[1])
    sources = [value for name, value in said if name == "sourceIdentifier"]
    system, bar, value = sources[0].partition("|") if len(sources) == 1 else ("", "", "")
    if not (system and bar and value) or "\x00" in system + value:
        raise Refusal("search-value-invalid", field="sourceIdentifier", expected="one [system]|[value]")
    targets = [one for name, listed in said if name == "targetSystem" for one in listed.split(",") if one]
    if any("\x00" in one for one in targets):
        raise Refusal("search-value-invalid", field="targetSystem", expected="addresses of systems")
    access = access_of(request)
    crossed = await access.matching.crossed(asking, system, value, targets)
    places = {place.institution_id: place for place in await directory.institutions(access.database)}
    rows: list[dict[str, Any]] = [
        {"name": "targetIdentifier", "valueIdentifier": _identifier(*one, places)} for one in crossed.identifiers
    ]
    rows += [{"name": "targetId", "valueReference": {"reference": f"Patient/{one}"}} for one in crossed.patients]
    return fhir_answer(request, {"resourceType": "Parameters"} | ({"parameter": rows} if rows else {}))


def _pairs(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The input as pairs of text: sourceIdentifier may be an Identifier or a token, targetSystem a uri or a string."""
    found = []
    for row in parameters.get("parameter") or ():
        number = row.get("valueIdentifier")
        if isinstance(number, dict):
            found.append((str(row.get("name")), f"{number.get('system', '')}|{number.get('value', '')}"))
        found += [(str(row.get("name")), str(row[kind])) for kind in ("valueString", "valueUri") if kind in row]
    return found


def _identifier(
    system: str, value: str, institution: int, places: Mapping[int, directory.Institution]
) -> dict[str, Any]:
    made: dict[str, Any] = {"system": system, "value": value}
    place = places.get(institution)
    return made | ({"assigner": {"display": place.name_zh}} if place else {})


# --- demographics search ---------------------------------------------------------------------------------------------
def is_demographics(asking: Asking, params: Sequence[tuple[str, str]]) -> bool:
    """Whether a search for Patients is one by demographics over everybody: the caller holds the right, and asks by
    these parameters and no others. By `_id` alone it is a search in one record, as for everybody else."""
    named = {name.partition(":")[0] for name, _ in params} - _CONTROL
    return "demographics" in asking.caller.rights and named <= DEMOGRAPHICS and bool(named - {"_id"})


async def demographics(request: Request, asking: Asking, params: Sequence[tuple[str, str]]) -> Response:
    """GET Patient?family=..&given=..&birthdate=.. and POST Patient/_search (IHE PDQm ITI-78)."""
    wanted = [(name, value) for name, value in params if name.partition(":")[0] not in _CONTROL]
    texts = {name: [v for n, v in wanted if n.partition(":")[0] == name] for name in DEMOGRAPHICS}
    for name, value in wanted:
        bare, _, modifier = name.partition(":")
        if modifier not in ("", "exact") or (modifier and bare not in (*_STRINGS, *_ONLY_OWN)):
            raise Refusal("search-value-invalid", field=name[:64], expected="no modifier, or :exact of a text")
        if not value or "\x00" in value or "," in value:
            raise Refusal("search-value-invalid", field=bare, expected="one value")
    identifiers = [_token(one) for one in texts["identifier"]]
    exact = frozenset(name.partition(":")[0] for name, _ in wanted if name.endswith(":exact"))
    said = mpi.Described(
        name=_last(texts["name"]), family=_last(texts["family"]), given=tuple(texts["given"]),
        birth_date=_birth(_last(texts["birthdate"])), sex=_last(texts["gender"]).rpartition("|")[2],
        phone=_last(texts["telecom"] or texts["phone"]).rpartition("|")[2], exact=exact,
    )  # fmt: skip
    matching = access_of(request).matching
    found = await matching.search(asking, said, identifiers, _last(texts["_id"]))
    others = [(name, value) for name, value in wanted if name.partition(":")[0] in (*_ONLY_OWN, "active")]
    found = [one for one in found if all(_has(one, name, value) for name, value in others)]
    query = urlencode(wanted) if request.method == "GET" else ""
    return _searchset(request, found, graded=False, query=query)


def _last(values: Sequence[str]) -> str:
    return values[-1] if values else ""


def _token(text: str) -> tuple[str, str]:
    system, bar, value = text.partition("|")
    if not (bar and system and value):
        raise Refusal("search-value-invalid", field="identifier", expected="[system]|[value]")
    return system, value


def _birth(text: str) -> str:
    plain = text.removeprefix("eq")
    if plain and fhir.date_range(plain) is None:
        raise Refusal("search-value-invalid", field="birthdate", expected="a date: YYYY, YYYY-MM or YYYY-MM-DD")
    return plain[:10]


def _has(found: Identified, name: str, value: str) -> bool:
    """Whether one of the caller's own Patients has this; of a stranger it is not known, and so not found."""
    bare, _, modifier = name.partition(":")
    if bare == "active" and not found.own:
        return value == "true"
    return any(_holds(fhir.parse(row.content), bare, value, modifier == "exact") for row in found.own)


def _holds(patient: Mapping[str, Any], name: str, value: str, exact: bool) -> bool:
    if name == "active":
        return bool(patient.get("active", True)) == (value == "true")
    if name == "mothersMaidenName":
        texts = [e.get("valueString", "") for e in patient.get("extension") or () if e.get("url") == _MOTHER]
    else:
        part = _OF_ADDRESS[name]
        rows = patient.get("address") or ()
        parts = [part] if part else ["text", "line", "city", "district", "state", "postalCode", "country"]
        held = [row.get(one) for row in rows for one in parts if row.get(one)]
        texts = [text for one in held for text in (one if isinstance(one, list) else [one])]
    if exact:
        return value in texts
    return any(text.casefold().startswith(value.casefold()) for text in texts)


# --- the answer ------------------------------------------------------------------------------------------------------
def _searchset(request: Request, found: Sequence[Identified], *, graded: bool, query: str = "") -> Response:
    base = f"{access_of(request).base_url}/fhir"
    entries = [
        {
            "fullUrl": f"{base}/Patient/{patient['id']}" if one.own else f"{PERSON_SYSTEM}:{patient['id']}",
            "resource": patient,
            "search": _search(one, graded),
        }
        for one in found
        for patient in _patients(one)
    ]
    operation = "/$match" if graded else f"?{query}" if query else ""
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(entries),
        "link": [{"relation": "self", "url": f"{base}/Patient{operation}"}],
    }
    return fhir_answer(request, bundle | ({"entry": entries} if entries else {}))


def _patients(found: Identified) -> list[Mapping[str, Any]]:
    return [fhir.parse(row.content) for row in found.own] or [found.stranger or {}]


def _search(found: Identified, graded: bool) -> dict[str, Any]:
    if not graded:
        return {"mode": "match"}
    return {
        "extension": [{"url": _GRADE, "valueCode": found.grade}], "mode": "match", "score": found.score,
    }  # fmt: skip


def routes(base: str) -> list[Route]:
    """The operations of this file, below the FHIR address `base`."""
    return [
        Route(f"{base}/Patient/$match", match, methods=["POST"]),
        Route(f"{base}/Patient/$ihe-pix", pix, methods=["GET", "POST"]),
    ]
