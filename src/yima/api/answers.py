"""Reading requests and writing answers: bodies within bounds, JSON only, one translation of refusals per protocol."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import fhir
from yima.access import Access, Stored
from yima.directory import Caller
from yima.runtime import clock, logs
from yima.runtime.errors import Language, Refusal, problem

FHIR_JSON = "application/fhir+json"
_JSON_TYPES = ("application/fhir+json", "application/json", "text/json")


def access_of(request: Request) -> Access:
    """The door of this worker."""
    return cast(Access, request.app.state.access)


def language_of(request: Request) -> Language:
    """The language for messages: Accept-Language if it says zh or en, else the deployment's."""
    wanted = request.headers.get("accept-language", "").lower()
    for part in wanted.split(","):
        if part.strip().startswith("zh"):
            return "zh"
        if part.strip().startswith("en"):
            return "en"
    return cast(Language, access_of(request).language)


async def caller_of(request: Request) -> Caller:
    """Who sent this request, by bearer token. Refusals `token-missing`, `token-invalid`, `institution-suspended`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal("token-missing")
    return await access_of(request).sign_in.caller(token.strip(), now=clock.now())


async def body_of(request: Request) -> bytes:
    """The body, never more than the limit in memory. Refusal `body-too-large`, also for what unpacks to more."""
    limit = access_of(request).settings.max_body_bytes
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    packed = request.headers.get("content-encoding", "identity").lower()
    if packed not in ("identity", "gzip"):
        raise Refusal("unsupported-media-type", field="Content-Encoding", expected="gzip or identity")
    inflate = zlib.decompressobj(wbits=31) if packed == "gzip" else None
    body = bytearray()
    async for chunk in request.stream():
        body += _inflated(inflate, chunk, limit + 1 - len(body)) if inflate else chunk
        if len(body) > limit:
            raise _too_large(limit)
    if inflate and not inflate.eof:
        raise Refusal("json-malformed", reason="the gzip stream is incomplete")
    return bytes(body)


def _inflated(inflate: Any, chunk: bytes, room: int) -> bytes:
    try:
        return cast(bytes, inflate.decompress(chunk, room))
    except zlib.error as error:
        raise Refusal("json-malformed", reason="the gzip stream is damaged") from error


def _too_large(limit: int) -> Refusal:
    return Refusal("body-too-large", limit=f"{limit // 1024 // 1024} MiB")


async def json_of(request: Request) -> tuple[bytes, dict[str, Any]]:
    """The body as bytes and as exact JSON. Refusals: `unsupported-media-type`, `body-too-large`, and those of `fhir.parse`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _JSON_TYPES:
        raise Refusal("unsupported-media-type", field="Content-Type", expected=FHIR_JSON)
    body = await body_of(request)
    return body, fhir.parse(body)


def check_acceptable(request: Request) -> None:
    """Refusal `not-acceptable` unless JSON may be answered."""
    wanted = request.query_params.get("_format") or request.headers.get("accept", "*/*")
    if not any(word in wanted for word in ("json", "*/*", "application/*")):
        raise Refusal("not-acceptable", expected=FHIR_JSON)


def resource_answer(request: Request, row: Stored, status: int = 200) -> Response:
    """One resource as stored, with its version and time; 304 when the client has it already."""
    headers = {"ETag": f'W/"{row.version}"', "Last-Modified": format_datetime(row.updated.astimezone(UTC), usegmt=True)}
    if status == 200 and request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(_pretty(request, row.content), status, headers, FHIR_JSON)


def fhir_answer(request: Request, content: bytes | dict[str, Any], status: int = 200, **headers: str) -> Response:
    """A FHIR answer made here."""
    encoded = content if isinstance(content, bytes) else fhir.encode(content)
    return Response(_pretty(request, encoded), status, headers, FHIR_JSON)


def _pretty(request: Request, content: bytes) -> bytes:
    if request.query_params.get("_pretty") != "true" or not content:
        return content
    import json

    return json.dumps(json.loads(content, parse_float=_Digits), ensure_ascii=False, indent=2).encode()


class _Digits(float):
    """A number that prints as it was written: 0.10 stays 0.10 when pretty-printed."""

    def __new__(cls, text: str) -> _Digits:
        self = super().__new__(cls, text)
        self.text = text
        return self

    text: str

    def __repr__(self) -> str:
        return self.text


def problem_answer(request: Request, refusal: Refusal) -> Response:
    """A refusal as RFC 9457 problem document."""
    body = problem(refusal, language_of(request), logs.request_id.get())
    return Response(orjson.dumps(body), refusal.status, _refusal_headers(refusal), "application/problem+json")


def answer_refusal(request: Request, refusal: Refusal) -> Response:
    """A refusal in the protocol of the path: OperationOutcome under /fhir, OAuth error at the token endpoint, else problem."""
    if request.url.path.startswith("/fhir"):
        outcome = fhir.operation_outcome(refusal, language_of(request))
        return Response(fhir.encode(outcome), refusal.status, _refusal_headers(refusal), FHIR_JSON)
    if request.url.path.startswith("/oauth/"):
        return _oauth_answer(request, refusal)
    return problem_answer(request, refusal)


_OAUTH_ERRORS = {
    "client-invalid": "invalid_client", "institution-suspended": "invalid_client", "assertion-replayed": "invalid_grant",
    "scope-insufficient": "invalid_scope", "grant-unsupported": "unsupported_grant_type",
}  # fmt: skip


def _oauth_answer(request: Request, refusal: Refusal) -> Response:
    body = problem(refusal, language_of(request), logs.request_id.get())
    body |= {"error": _OAUTH_ERRORS.get(refusal.code, "invalid_request"), "error_description": refusal.text("en")}
    return Response(orjson.dumps(body), refusal.status, _refusal_headers(refusal), "application/json")


def _refusal_headers(refusal: Refusal) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="yima"'
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    return headers


def parse_time(text: str, field: str) -> datetime:
    """An instant or date of a query parameter. Refusal `search-value-invalid`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal("search-value-invalid", field=field, expected="a date or instant, e.g. 2026-01-01T00:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
