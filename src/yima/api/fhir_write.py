"""FHIR REST, the writing half: create, update, delete, transaction and batch."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from yima import exchange, fhir
from yima.access import Access, Asking, Entry, Outcome
from yima.api import fhir_read, searching
from yima.api.answers import access_of, fhir_answer, language_of
from yima.api.asking import asking_of, type_of
from yima.api.bodies import JSON_TYPES, PATCH_TYPE, XML_TYPES, body_of, check_acceptable, check_type, is_xml
from yima.runtime import clock, ids, logs
from yima.runtime.errors import Refusal

_KEY_LENGTH = 256
_MOST_READINGS = 100
_PATCH_TRIES = 4
"""How often a patch without If-Match is made again for what others wrote in between."""


@dataclass(slots=True)
class _Received:
    """A submission while it is being read."""

    access: Access
    asking: Asking
    message: exchange.Message


async def bundle(request: Request) -> Response:
    """POST /fhir: a transaction or batch Bundle."""
    async with _received(request) as it:
        tree = fhir.parse(it.message.body)
        if tree["resourceType"] != "Bundle":
            raise Refusal("resource-type-mismatch", found=tree["resourceType"][:64], expected="Bundle")
        plan = exchange.plan(tree, max_entries=it.access.settings.max_bundle_entries)
        if len(plan.entries) - len(plan.writes) > _MOST_READINGS:
            raise Refusal("too-costly", field="Bundle.entry", limit=f"{_MOST_READINGS} GETs in one Bundle")
    answer = await exchange.receive_bundle(it.access, it.message, plan)
    if len(plan.writes) < len(plan.entries):
        answer["entry"] = await _with_readings(request, it.asking, plan, answer.get("entry", []))
    return fhir_answer(request, answer)


async def create(request: Request) -> Response:
    """POST /fhir/[type]; with If-None-Exist a conditional create."""
    condition = request.headers.get("if-none-exist", "").lstrip("?")
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
    await exchange.receive_one(access_of(request), message, entry)
    return Response(status_code=204)


async def patch(request: Request) -> Response:
    """PATCH /fhir/[type]/[id] with a JSON Patch (RFC 6902); with If-Match only onto that version."""
    async with _received(request, PATCH_TYPE) as it:
        name, wanted = type_of(request), request.path_params["id"]
        operations = fhir.parse_value(it.message.body)
        match = exchange.version_of(request.headers.get("if-match"))
    for _ in range(_PATCH_TRIES):
        row = await it.access.read(it.asking, name, wanted)
        tree = fhir.json_patch(fhir.parse(row.content), operations)
        if (tree.get("resourceType"), tree.get("id")) != (name, wanted):
            raise Refusal("field-invalid", field=f"{name}.id", expected="a patch that leaves resourceType and id alone")
        fhir.validate(tree)
        entry = Entry(method="PUT", type=name, id=wanted, resource=tree, if_match=match or row.version)
        message = replace(it.message, target=f"PATCH {name}/{wanted}?{match or ''}")
        try:
            return _answer(request, it.access, await exchange.receive_one(it.access, message, entry))
        except Refusal as refusal:
            if match is not None or refusal.code != "precondition-failed":
                raise
    raise Refusal("precondition-failed")


async def _write(request: Request, entry: Entry) -> Response:
    async with _received(request) as it:
        name = type_of(request)
        tree = fhir.parse(it.message.body)
        if tree["resourceType"] != name:
            raise Refusal("resource-type-mismatch", found=tree["resourceType"][:64], expected=name)
        if entry.id and tree.get("id") != entry.id:
            raise Refusal("id-mismatch", field=f"{name}.id")
        if entry.method == "PUT" and not (entry.id or entry.condition):
            raise Refusal("field-missing", field="query", expected="a search that names what to update")
        fhir.validate(tree)
        match = exchange.version_of(request.headers.get("if-match"), request.headers.get("if-none-match"))
        entry = replace(entry, resource=tree, if_match=match)
    outcome = await exchange.receive_one(it.access, replace(it.message, target=_target(entry)), entry)
    return _answer(request, it.access, outcome)


def _target(entry: Entry) -> str:
    """What a request asks for besides its body: a key that comes again must come with the same."""
    return f"{entry.method} {entry.type}/{entry.id}?{entry.condition} {entry.if_match or ''}"


@asynccontextmanager
async def _received(request: Request, *kinds: str) -> AsyncIterator[_Received]:
    """The caller, then the body; what is refused while it is read is kept, without content, for the operator to see."""
    began = time.perf_counter()
    it = _Received(access_of(request), await asking_of(request), exchange.NOTHING)
    if "type" in request.path_params:
        type_of(request)
    it.message = message_of(request, it.asking, b"")
    try:
        check_acceptable(request)
        check_type(request, *(kinds or (*JSON_TYPES, *XML_TYPES)))
        body = await body_of(request)
        if is_xml(request):
            body = fhir.encode(fhir.parse_xml(body))  # from here on it is what its JSON would have been
        it.message = replace(it.message, body=body)
        yield it
    except Refusal as refusal:
        await exchange.refuse(it.access, it.message, refusal, began)
        raise


def _answer(request: Request, access: Access, outcome: Outcome) -> Response:
    address = f"{access.base_url}/fhir/{outcome.type}/{outcome.id}/_history/{outcome.version}"
    minimal = "return=minimal" in request.headers.get("prefer", "")
    body = b"" if minimal else outcome.content
    return fhir_answer(request, body, outcome.status, Location=address, ETag=f'W/"{outcome.version}"')


def message_of(request: Request, asking: Asking, body: bytes) -> exchange.Message:
    """What arrived, with its idempotency key. Refusal `field-invalid` for a key that is too long."""
    key = request.headers.get("idempotency-key", "").strip().strip('"')
    if len(key) > _KEY_LENGTH:
        raise Refusal("field-invalid", field="Idempotency-Key", expected=f"at most {_KEY_LENGTH} characters")
    return exchange.Message(
        caller=asking.caller, body=body, key=key, received=clock.now(), request_id=logs.request_id.get(),
        language=language_of(request), visit=asking.visit,
    )  # fmt: skip


# --- GETs inside a Bundle --------------------------------------------------------------------------------------------


async def _with_readings(
    request: Request, asking: Asking, plan: exchange.Plan, written: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The response entries in the Bundle's order, with its GETs answered after its writes."""
    writes = iter(written)
    return [
        await _reading(request, asking, entry.url) if isinstance(entry, exchange.Reading) else next(writes)
        for entry in plan.entries
    ]


async def _reading(request: Request, asking: Asking, url: str) -> dict[str, Any]:
    try:
        found = fhir.parse(await _read_url(request, asking, url))
    except Refusal as refusal:
        outcome = fhir.operation_outcome(refusal, language_of(request))
        return {"response": {"status": str(refusal.status), "outcome": outcome}}
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
