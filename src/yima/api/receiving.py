"""A submission while it is being read: who sent it, its body, and the answer to it."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from yima import exchange, fhir
from yima.access import Access, Asking, Outcome, check_write
from yima.api.answers import access_of, fhir_answer, http_date, language_of
from yima.api.asking import asking_of, type_of
from yima.api.bodies import JSON_TYPES, XML_TYPES, body_of, check_acceptable, check_type, is_xml
from yima.runtime import clock, logs
from yima.runtime.beside import beside
from yima.runtime.errors import Language, Refusal

_KEY_LENGTH: Final = 256


@dataclass(slots=True)
class Received:
    """A submission while it is being read."""

    access: Access
    asking: Asking
    message: exchange.Message


@asynccontextmanager
async def received(request: Request, *kinds: str) -> AsyncIterator[Received]:
    """The caller, then the body; what is refused while it is read is kept, without content, for the operator to see."""
    began = time.perf_counter()
    it = Received(access_of(request), await asking_of(request), exchange.NOTHING)
    if "type" in request.path_params:
        type_of(request)
    it.message = message_of(request, it.asking, b"")
    try:
        check_acceptable(request)
        check_type(request, *(kinds or (*JSON_TYPES, *XML_TYPES)))
        sent = await body_of(request)
        body = await beside(len(sent), partial(_as_json, sent, it.access.base_url, is_xml(request)))
        it.message = replace(it.message, body=body)
        yield it
    except Refusal as refusal:
        await exchange.refuse(it.access, it.message, refusal, began)
        raise


def _as_json(body: bytes, base_url: str, xml: bool) -> bytes:
    """What the body's JSON would have been; what lies here is referred to as lying here."""
    if xml:
        body = fhir.encode(fhir.parse_xml(body))
    if (own := f"{base_url}/fhir/".encode()) in body:
        body = re.sub(rb'("reference"\s*:\s*")' + re.escape(own), rb"\1", body)
    return body


def outcome_answer(request: Request, access: Access, outcome: Outcome) -> Response:
    """What a write came to: its address, version and time, and, as Prefer says, the resource, an OperationOutcome or
    nothing (R4 http.html, section 3.1.0.1.5)."""
    headers = {
        "Location": f"{access.base_url}/fhir/{outcome.type}/{outcome.id}/_history/{outcome.version}",
        "ETag": f'W/"{outcome.version}"',
    }
    if written := _WRITTEN(outcome.content):
        headers["Last-Modified"] = http_date(datetime.fromisoformat(written[1].decode()).astimezone(UTC))
    prefer = request.headers.get("prefer", "")
    body = outcome.content
    if "return=minimal" in prefer:
        body = b""
    elif "return=OperationOutcome" in prefer:
        body = fhir.encode(_done(outcome, language_of(request)))
    return fhir_answer(request, body, outcome.status, **headers)


_WRITTEN: Final = re.compile(rb'"lastUpdated":"([^"]{20,40})"').search
_DONE: Final = {"zh": "已存储 {what}，版本 {version}。", "en": "{what} is stored, version {version}."}


def _done(outcome: Outcome, language: Language) -> dict[str, Any]:
    text = _DONE[language].format(what=f"{outcome.type}/{outcome.id}", version=outcome.version)
    issue = {"severity": "information", "code": "informational", "details": {"text": text}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def message_of(request: Request, asking: Asking, body: bytes) -> exchange.Message:
    """What arrived, with its idempotency key. Refusals `field-invalid` for a key that is too long,
    `purpose-not-allowed` for a purpose for which nobody writes."""
    check_write(asking)
    key = request.headers.get("idempotency-key", "").strip().strip('"')
    if len(key) > _KEY_LENGTH:
        raise Refusal("field-invalid", field="Idempotency-Key", expected=f"at most {_KEY_LENGTH} characters")
    return exchange.Message(
        caller=asking.caller, body=body, key=key, received=clock.now(), request_id=logs.request_id.get(),
        language=language_of(request), visit=asking.visit,
    )  # fmt: skip
