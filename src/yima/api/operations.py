"""Operations answered from one search or one resource: $meta, $lastn, $docref (R4 operations.html)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from yima import exchange, fhir
from yima.access import Asking, Entry, Stored, Wanted
from yima.api import paging
from yima.api.answers import access_of, fhir_answer
from yima.api.asking import asking_of, type_of
from yima.api.bodies import check_acceptable, form_of, parameters_of
from yima.api.receiving import message_of
from yima.runtime.errors import Refusal

_MOST: Final = 1000
_TRIES: Final = 4
_LISTS: Final = ("profile", "security", "tag")


def _parameter(parameters: dict[str, Any], name: str, kind: str) -> dict[str, Any]:
    """The one parameter of that name. Refusal `field-missing`."""
    for row in parameters.get("parameter", ()):
        if row.get("name") == name and kind in row:
            return dict(row[kind])
    raise Refusal("field-missing", field="Parameters.parameter", expected=f"a parameter {name} with a {kind}")


# --- $meta -----------------------------------------------------------------------------------------------------------
async def meta(request: Request) -> Response:
    """GET [type]/[id]/$meta: profiles, tags and security labels of a resource."""
    check_acceptable(request)
    row = await access_of(request).read(await asking_of(request), type_of(request), request.path_params["id"])
    return _meta_answer(request, fhir.parse(row.content).get("meta", {}))


async def meta_add(request: Request) -> Response:
    """POST [type]/[id]/$meta-add: put further ones on."""
    return await _change(request, _with)


async def meta_delete(request: Request) -> Response:
    """POST [type]/[id]/$meta-delete: take some off."""
    return await _change(request, _without)


async def _change(request: Request, change: Any) -> Response:
    check_acceptable(request)
    asking, name, wanted = await asking_of(request), type_of(request), request.path_params["id"]
    body, parameters = await parameters_of(request)
    said, access = _parameter(parameters, "meta", "valueMeta"), access_of(request)
    message = replace(message_of(request, asking, body), target=f"POST {request.scope['path']}")
    for _ in range(_TRIES):
        row = await access.read(asking, name, wanted)
        tree = fhir.parse(row.content)
        tree["meta"] = change(tree.get("meta", {}), said)
        fhir.validate(tree)
        entry = Entry(method="PUT", type=name, id=wanted, resource=tree, if_match=row.version)
        try:
            outcome = await exchange.receive_one(access, message, entry)
        except Refusal as refusal:
            if refusal.code != "precondition-failed":
                raise
            continue
        return _meta_answer(request, fhir.parse(outcome.content).get("meta", {}))
    raise Refusal("precondition-failed")


def _with(held: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    return held | {key: [*held.get(key, ()), *_others(said[key], held.get(key, ()))] for key in _LISTS if key in said}


def _without(held: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    left = {key: _others(held.get(key, ()), said.get(key, ())) for key in _LISTS}
    return {key: value for key, value in held.items() if key not in _LISTS} | {k: v for k, v in left.items() if v}


def _others(items: Sequence[Any], known: Sequence[Any]) -> list[Any]:
    """Those that are not known: tags and labels are the same by system and code, profiles by their address."""
    seen = set(map(_identity, known))
    return [item for item in items if _identity(item) not in seen]


def _identity(item: Any) -> Any:
    return (item.get("system"), item.get("code")) if isinstance(item, dict) else item


def _meta_answer(request: Request, found: dict[str, Any]) -> Response:
    parameter = {"name": "return", "valueMeta": found}
    return fhir_answer(request, {"resourceType": "Parameters", "parameter": [parameter]})


# --- $lastn and $docref ----------------------------------------------------------------------------------------------
async def lastn(request: Request) -> Response:
    """GET or POST Observation/$lastn?patient=..&category=..&code=..&max=n: the latest of each code."""
    asking, params = await asking_of(request), await _params(request)
    most = dict(params).get("max", "1")
    if not (most.isascii() and most.isdecimal() and 0 < int(most[:6]) <= _MOST):
        raise Refusal("search-value-invalid", field="max", expected=f"a whole number from 1 to {_MOST}")
    asked = [*(pair for pair in params if pair[0] not in ("max", "_sort", "_count")), ("_sort", "-date")]
    rows = await _all(request, asking, "Observation", asked)
    taken: dict[Any, int] = {}
    kept = []
    for row in rows:
        groups = _groups(fhir.parse(row.content))
        if any(taken.get(group, 0) < int(most) for group in groups):
            kept.append(row)
        for group in groups:
            taken[group] = taken.get(group, 0) + 1
    return _searchset(request, kept)


def _groups(observation: dict[str, Any]) -> list[Any]:
    """By what observations count as the same: any coding in common, else the same text."""
    code = observation.get("code", {})
    codings = [(c.get("system"), c["code"]) for c in code.get("coding", ()) if "code" in c]
    return codings or [code.get("text", "")]


async def docref(request: Request) -> Response:
    """GET or POST DocumentReference/$docref?patient=..&start=..&end=..&type=..: the documents of a time."""
    asking = await asking_of(request)
    asked = []
    for name, value in await _params(request):
        if name == "start":
            asked.append(("date", f"ge{value}"))
        elif name == "end":
            asked.append(("date", f"le{value}"))
        elif name in ("patient", "type"):
            asked.append((name, value))
        elif name not in ("on-demand", "profile", "_format"):
            raise Refusal("search-parameter-unknown", field=name[:64], type="DocumentReference")
    return _searchset(request, await _all(request, asking, "DocumentReference", asked))


async def _params(request: Request) -> list[tuple[str, str]]:
    check_acceptable(request)
    params = [pair for pair in request.query_params.multi_items() if pair[0] not in ("_format", "_pretty")]
    return params + await form_of(request) if request.method == "POST" else params


async def _all(request: Request, asking: Asking, name: str, params: Sequence[tuple[str, str]]) -> Sequence[Stored]:
    access = access_of(request)
    query = access.query(asking, name, params, lenient=False)
    query = replace(query, include=[], revinclude=[])
    found = await access.search(asking, name, query, Wanted(count=_MOST * 20, total=False))
    return found.rows


def _searchset(request: Request, rows: Sequence[Stored]) -> Response:
    base = f"{access_of(request).base_url}/fhir"
    entries = [paging.entry(base, row.type, row.id, row.content) for row in rows]
    return fhir_answer(request, paging.bundle(entries, total=len(rows), links=[]))
