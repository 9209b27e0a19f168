"""FHIR REST, the writing half: create, update, delete, transaction and batch."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from yima import exchange, fhir
from yima.access import Access, Asking, Entry, Outcome
from yima.api import fhir_read
from yima.api.answers import access_of, fhir_answer, json_of, language_of
from yima.directory import Caller
from yima.runtime import clock, ids, logs
from yima.runtime.errors import Refusal

_KEY_LENGTH = 256


async def bundle(request: Request) -> Response:
    """POST /fhir: a transaction or batch Bundle."""
    asking = await fhir_read.asking_of(request)
    access, began = access_of(request), time.perf_counter()
    body, tree = await json_of(request)
    message = _message(request, asking.caller, body)
    try:
        if tree.get("resourceType") != "Bundle":
            raise Refusal("resource-type-mismatch", found=str(tree.get("resourceType"))[:64], expected="Bundle")
        plan = exchange.plan(tree, max_entries=access.settings.max_bundle_entries)
    except Refusal as refusal:
        await exchange.refuse(access, message, refusal, began)
        raise
    answer = await exchange.receive_bundle(access, message, plan)
    if len(plan.writes) < len(plan.entries):
        answer["entry"] = await _with_readings(request, asking, plan, answer["entry"])
    return fhir_answer(request, answer)


async def create(request: Request) -> Response:
    """POST /fhir/[type]; with If-None-Exist a conditional create."""
    name = fhir_read.type_of(request)
    condition = request.headers.get("if-none-exist", "").lstrip("?")
    return await _write(request, "POST", name, condition=condition)


async def update(request: Request) -> Response:
    """PUT /fhir/[type]/[id], with If-Match only onto that version."""
    return await _write(request, "PUT", fhir_read.type_of(request), resource_id=request.path_params["id"])


async def conditional_update(request: Request) -> Response:
    """PUT /fhir/[type]?[search]."""
    condition = request.url.query
    if not condition:
        raise Refusal("field-missing", field="query", expected="a search that names what to update")
    return await _write(request, "PUT", fhir_read.type_of(request), condition=condition)


async def delete(request: Request) -> Response:
    """DELETE /fhir/[type]/[id]: the resource is gone, its versions stay in history."""
    asking = await fhir_read.asking_of(request)
    entry = Entry(method="DELETE", type=fhir_read.type_of(request), id=request.path_params["id"])
    await exchange.receive_one(access_of(request), _message(request, asking.caller, b""), entry)
    return Response(status_code=204)


async def _write(request: Request, method: Any, name: str, *, resource_id: str = "", condition: str = "") -> Response:
    asking = await fhir_read.asking_of(request)
    access, began = access_of(request), time.perf_counter()
    body, tree = await json_of(request)
    message = _message(request, asking.caller, body)
    try:
        if tree.get("resourceType") != name:
            raise Refusal("resource-type-mismatch", found=str(tree.get("resourceType"))[:64], expected=name)
        if resource_id and tree.get("id") != resource_id:
            raise Refusal("field-invalid", field=f"{name}.id", expected="the id of the address")
        fhir.validate(tree)
        match = exchange.version_of(request.headers.get("if-match"))
    except Refusal as refusal:
        await exchange.refuse(access, message, refusal, began)
        raise
    entry = Entry(method=method, type=name, id=resource_id, condition=condition, resource=tree, if_match=match)
    outcome = await exchange.receive_one(access, message, entry)
    return _answer(request, access, outcome)


def _answer(request: Request, access: Access, outcome: Outcome) -> Response:
    location = f"{access.base_url}/fhir/{outcome.type}/{outcome.id}"
    headers = {"Location": f"{location}/_history/{outcome.version}" if outcome.version else location}
    if outcome.version:
        headers["ETag"] = f'W/"{outcome.version}"'
    minimal = "return=minimal" in request.headers.get("prefer", "")
    return fhir_answer(request, b"" if minimal else outcome.content, outcome.status, **headers)


def _message(request: Request, caller: Caller, body: bytes) -> exchange.Message:
    key = request.headers.get("idempotency-key", "").strip().strip('"')
    if len(key) > _KEY_LENGTH:
        raise Refusal("field-invalid", field="Idempotency-Key", expected=f"at most {_KEY_LENGTH} characters")
    return exchange.Message(
        caller=caller, body=body, key=key, received=clock.now(), request_id=logs.request_id.get(), language=language_of(request)
    )


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
        return {"response": {"status": "200 OK"}, "resource": fhir.parse(await _read_url(request, asking, url))}
    except Refusal as refusal:
        outcome = fhir.operation_outcome(refusal, language_of(request))
        return {"response": {"status": str(refusal.status), "outcome": outcome}}


async def _read_url(request: Request, asking: Asking, url: str) -> bytes:
    place, _, query = url.partition("?")
    parts = place.strip("/").split("/")
    if parts[0] not in fhir.TYPES:
        raise Refusal("resource-type-unknown", type=parts[0][:64])
    if len(parts) == 1:
        return await fhir_read.run_search(request, asking, parts[0], parse_qsl(query, keep_blank_values=True))
    if len(parts) == 2 and ids.home_of(parts[1]) is not None:
        return (await access_of(request).read(asking, parts[0], parts[1])).content
    raise Refusal("not-found")
