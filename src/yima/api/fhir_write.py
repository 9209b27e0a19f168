"""FHIR REST, the writing half: create, update, delete, transaction and batch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from yima import consent, exchange, fhir
from yima.access import Asking, Entry
from yima.api import consents, fhir_read, patching, searching
from yima.api.answers import access_of, fhir_answer, language_of
from yima.api.asking import asking_of, type_of
from yima.api.receiving import message_of, outcome_answer, received
from yima.runtime import ids
from yima.runtime.beside import beside, in_hand
from yima.runtime.errors import Refusal

_MOST_READINGS = 100


async def bundle(request: Request) -> Response:
    """POST /fhir: a transaction or batch Bundle."""
    async with AsyncExitStack() as until_answered:
        async with received(request) as it:
            body = it.message.body
            await until_answered.enter_async_context(in_hand(len(body)))
            most, sandbox = it.access.settings.max_bundle_entries, it.asking.caller.sandbox
            plan = await beside(len(body), partial(_plan, body, most, sandbox=sandbox))
        answer = await patching.receive(it.access, it.asking, it.message, plan)
        if any(isinstance(entry, exchange.Reading) for entry in plan.entries):
            answer["entry"] = await _with_readings(request, it.asking, plan.entries, answer.get("entry", []))
        return fhir_answer(request, answer)


def _plan(body: bytes, max_entries: int, *, sandbox: bool) -> exchange.Plan:
    tree = fhir.parse(body)
    if tree["resourceType"] != "Bundle":
        raise Refusal("resource-type-mismatch", found=tree["resourceType"][:64], expected="Bundle")
    plan = exchange.plan(tree, max_entries=max_entries)
    writes = plan.writes
    if not sandbox and any(consent.is_privacy(one.resource) for one in writes if isinstance(one, Entry)):
        raise Refusal("consent-not-understood", field="Bundle.entry.resource.ofType(Consent)")
    if len(plan.entries) - len(writes) > _MOST_READINGS:
        raise Refusal("too-costly", field="Bundle.entry", limit=f"{_MOST_READINGS} GETs in one Bundle")
    return plan


async def create(request: Request) -> Response:
    """POST /fhir/[type]; with If-None-Exist a conditional create."""
    condition = request.headers.get("if-none-exist", "").lstrip("?")
    if not condition and "if-none-exist" in request.headers:
        raise Refusal("field-missing", field="If-None-Exist", expected="a condition that names what is meant")
    return await _write(request, Entry(method="POST", type=request.path_params["type"], condition=condition))


async def update(request: Request) -> Response:
    """PUT /fhir/[type]/[id], with If-Match only onto that version."""
    return await _write(request, Entry(method="PUT", type=request.path_params["type"], id=request.path_params["id"]))


async def conditional_update(request: Request) -> Response:
    """PUT /fhir/[type]?[search]."""
    return await _write(request, Entry(method="PUT", type=request.path_params["type"], condition=request.url.query))


async def delete(request: Request) -> Response:
    """DELETE /fhir/[type]/[id], with If-Match only that version: the resource is gone, its versions stay in history.

    DELETE /fhir/[type]?[search]: the one resource that the search finds; none is no mistake.
    """
    asking = await asking_of(request)
    match = exchange.version_of(request.headers.get("if-match"))
    named = request.path_params.get("id", "")
    if not (named or request.url.query):
        raise Refusal("field-missing", field="query", expected="a search that names what to delete")
    condition = "" if named else request.url.query
    entry = Entry(method="DELETE", type=type_of(request), id=named, condition=condition, if_match=match)
    message = replace(message_of(request, asking, b""), target=_target(entry))
    outcome = await exchange.receive_one(access_of(request), message, entry)
    return Response(status_code=204, headers={"ETag": f'W/"{outcome.version}"'} if outcome.version else None)


async def _write(request: Request, entry: Entry) -> Response:
    async with received(request) as it:
        name = type_of(request)
        if entry.method == "PUT" and not (entry.id or entry.condition):
            raise Refusal("field-missing", field="query", expected="a search that names what to update")
        tree = await beside(len(it.message.body), partial(_resource, it.message.body, name, entry.id))
        if name == "Consent" and not it.asking.caller.sandbox and consent.is_privacy(tree):
            if entry.method != "POST" or entry.condition:
                raise Refusal("consent-not-understood", field="Consent")
            return await consents.said_at_counter(request, it.asking, tree)
        match = exchange.version_of(request.headers.get("if-match"), request.headers.get("if-none-match"))
        entry = replace(entry, resource=tree, if_match=match)
    outcome = await exchange.receive_one(it.access, replace(it.message, target=_target(entry)), entry)
    return outcome_answer(request, it.access, outcome)


def _resource(body: bytes, name: str, wanted: str) -> dict[str, Any]:
    """The valid resource of this type, and with the id of the address where that names one."""
    tree = fhir.parse(body)
    if tree["resourceType"] != name:
        raise Refusal("resource-type-mismatch", found=tree["resourceType"][:64], expected=name)
    if wanted and tree.get("id") != wanted:
        raise Refusal("id-mismatch", field=f"{name}.id")
    fhir.validate(tree)
    return tree


def _target(entry: Entry) -> str:
    """What a request asks for besides its body: a key that comes again must come with the same."""
    return f"{entry.method} {entry.type}/{entry.id}?{entry.condition} {entry.if_match or ''}"


# --- GETs inside a Bundle --------------------------------------------------------------------------------------------


async def _with_readings(
    request: Request, asking: Asking, entries: Sequence[Any], written: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The response entries in the Bundle's order, with its GETs answered after its writes."""
    writes = iter(written)
    return [
        await _reading(request, asking, entry.url) if isinstance(entry, exchange.Reading) else next(writes)
        for entry in entries
    ]


def _refused(request: Request, refusal: Refusal) -> dict[str, Any]:
    outcome = fhir.operation_outcome(refusal, language_of(request))
    return {"response": {"status": str(refusal.status), "outcome": outcome}}


async def _reading(request: Request, asking: Asking, url: str) -> dict[str, Any]:
    try:
        found = fhir.parse(await _read_url(request, asking, url))
    except Refusal as refusal:
        return _refused(request, refusal)
    version = found.get("meta", {}).get("versionId")
    return {"resource": found, "response": {"status": "200 OK"} | ({"etag": f'W/"{version}"'} if version else {})}


async def _read_url(request: Request, asking: Asking, url: str) -> bytes:
    place, _, query = url.partition("?")
    parts = place.strip("/").split("/")
    if parts[0] not in fhir.TYPES:
        raise Refusal("resource-type-unknown", type=parts[0][:64])
    access = access_of(request)
    if len(parts) == 1:
        return await searching.run_search(request, asking, parts[0], parse_qsl(query, keep_blank_values=True))
    if len(parts) == 2 and ids.home_of(parts[1]) is not None:
        return (await access.read(asking, parts[0], parts[1])).content
    if len(parts) == 4 and parts[2] == "_history":
        return (await access.version(asking, parts[0], parts[1], fhir_read.version_number(parts[3]))).content
    raise Refusal("not-found")
