"""Writing answers: resources byte by byte as stored, and one translation of refusals per protocol."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yima import fhir
from yima.access import Access, Stored
from yima.api.bodies import FHIR_JSON, FHIR_XML, wanted_format
from yima.directory import Caller
from yima.runtime import clock, logs
from yima.runtime.beside import beside
from yima.runtime.errors import Language, Refusal, problem


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
    return access_of(request).language


async def caller_of(request: Request) -> Caller:
    """Which app or terminal sent this request, by bearer token. Refusals `token-missing`, `token-invalid`,
    `institution-suspended`; `scope-insufficient` for a token that a resident granted, which reads FHIR and no more."""
    token = bearer_of(request.headers.get("authorization", ""))
    caller = await access_of(request).sign_in.caller(token, now=clock.now())
    if caller.app:
        raise Refusal("scope-insufficient", field="Authorization", expected="an institution's app")
    return caller


def bearer_of(authorization: str) -> str:
    """The token of an Authorization header. Refusal `token-missing`."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal("token-missing")
    return token.strip()


def is_fhir(path: str) -> bool:
    """Whether an address is answered in FHIR's words."""
    return path == "/fhir" or path.startswith("/fhir/")


def resource_answer(request: Request, row: Stored) -> Response:
    """One resource as stored, with its version and time; 304 when the client has it already (RFC 9110, section 13)."""
    headers = {"ETag": f'W/"{row.version}"', "Last-Modified": http_date(row.updated.astimezone(UTC))}
    if _has_it(request, headers["ETag"], row.updated):
        return Response(status_code=304, headers=headers)
    return _formed(request, row.content, 200, headers)


def http_date(moment: datetime) -> str:
    """A moment of UTC as RFC 9110, section 5.6.7, writes it; a tenth of what `email.utils.format_datetime` takes."""
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment.hour:02}:{moment.minute:02}:{moment.second:02} GMT"


_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _has_it(request: Request, etag: str, updated: datetime) -> bool:
    named = request.headers.get("if-none-match")
    if named is not None:
        number = etag.removeprefix("W/")
        return any(tag.strip().removeprefix("W/") in (number, "*") for tag in named.split(","))
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return updated.replace(microsecond=0) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False  # not a date, or without a zone: as if it had not been sent


def fhir_answer(request: Request, content: bytes | dict[str, Any], status: int = 200, **headers: str) -> Response:
    """A FHIR answer made here."""
    encoded = content if isinstance(content, bytes) else fhir.encode(content)
    return _formed(request, encoded, status, headers)


def _formed(request: Request, content: bytes, status: int, headers: Mapping[str, str]) -> Response:
    """JSON as it stands, or XML where the client prefers that."""
    if content and wanted_format(request) == "xml":
        return InXml(content, status, dict(headers))
    return _Json(_pretty(request, content), status, headers)


class InXml(Response):
    """FHIR in XML, yet to be made of the JSON: a large answer beside the loop."""

    def __init__(self, content: bytes, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(None, status, headers, FHIR_XML)
        self._content = content

    async def made(self) -> Response:
        """Itself, with its body."""
        return self._with(await beside(len(self._content), self._written))

    def at_once(self) -> Response:
        """As `made`, for what is small."""
        return self._with(self._written())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.made()
        await super().__call__(scope, receive, send)

    def _written(self) -> bytes:
        return fhir.to_xml(fhir.parse(self._content))

    def _with(self, body: bytes) -> Response:
        self.body = body
        self.headers["content-length"] = str(len(body))
        return self


class _Json(Response):
    """FHIR in JSON; its headers are made at once, not looked through as Starlette does."""

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.body, self.status_code, self.background = body, status, None
        self.raw_headers = [
            *[(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
            (b"content-length", b"%d" % len(body)),
            (b"content-type", _FHIR_JSON),
        ]


_FHIR_JSON: Final = FHIR_JSON.encode()


def _pretty(request: Request, content: bytes) -> bytes:
    # Text in, text out: a number keeps the digits it was written with.
    pretty = request.scope["query_string"] and request.query_params.get("_pretty") == "true"
    return msgspec.json.format(content, indent=2) if content and pretty else content


def problem_answer(request: Request, refusal: Refusal) -> Response:
    """A refusal as RFC 9457 problem document."""
    body = problem(refusal, language_of(request), logs.request_id.get())
    return Response(orjson.dumps(body), refusal.status, _refusal_headers(refusal), "application/problem+json")


def answer_refusal(request: Request, refusal: Refusal) -> Response:
    """A refusal in the protocol of the path: OperationOutcome under /fhir, OAuth error at the token endpoint, else
    problem."""
    path = request.scope["path"]
    request.scope["refusal"] = refusal  # the doors count it
    if is_fhir(path):
        outcome = fhir.operation_outcome(refusal, language_of(request))
        formed = _formed(request, fhir.encode(outcome), refusal.status, _refusal_headers(refusal))
        return formed.at_once() if isinstance(formed, InXml) else formed
    if path.startswith("/oauth/"):
        return _oauth_answer(request, refusal)
    return problem_answer(request, refusal)


_OAUTH_ERRORS: Final = {
    "client-invalid": "invalid_client",
    "institution-suspended": "invalid_client",
    "account-suspended": "invalid_grant",
    "terminal-suspended": "invalid_client",
    "assertion-replayed": "invalid_grant",
    "scope-insufficient": "invalid_scope",
    "scope-unsupported": "invalid_scope",
    "grant-invalid": "invalid_grant",
    "grant-unsupported": "unsupported_grant_type",
}
"""RFC 6749, section 5.2; every other refusal is an `invalid_request`."""


def _oauth_answer(request: Request, refusal: Refusal) -> Response:
    body = problem(refusal, language_of(request), logs.request_id.get())
    body |= {"error": _OAUTH_ERRORS.get(refusal.code, "invalid_request"), "error_description": refusal.text("en")}
    return Response(orjson.dumps(body), refusal.status, _refusal_headers(refusal), "application/json")


def _refusal_headers(refusal: Refusal) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="yima"'
    if refusal.status == 405:
        headers["Allow"] = "GET, HEAD"  # where the address itself offers more, the application says so
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    return headers


def parse_time(text: str, field: str) -> datetime:
    """An instant or date of a query parameter; a date alone begins at midnight UTC. Refusal `search-value-invalid`."""
    found = fhir.date_range(text)
    if found is None:
        raise Refusal("search-value-invalid", field=field, expected="a date or instant, e.g. 2026-01-01T00:00:00Z")
    return found[0]
