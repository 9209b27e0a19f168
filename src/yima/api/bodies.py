"""Reading what was sent: within bounds, in a form we read, and never more of it in memory than the limit."""

from __future__ import annotations

import asyncio
import json
import zlib
from functools import lru_cache, partial
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from yima import fhir
from yima.access import Access
from yima.runtime.beside import beside
from yima.runtime.errors import Refusal

FHIR_JSON: Final = "application/fhir+json"
JSON_TYPES: Final = (FHIR_JSON, "application/json", "text/json")
FHIR_XML: Final = "application/fhir+xml"
XML_TYPES: Final = (FHIR_XML, "application/xml", "text/xml")
PATCH_TYPE: Final = "application/json-patch+json"
FORM: Final = "application/x-www-form-urlencoded"
T = TypeVar("T")
_LONGEST_FORM: Final = 64 * 1024
_LONGEST_JSON: Final = 8 * 1024
_MOST_FIELDS: Final = 200
_LONGEST_ACCEPT: Final = 1000
_INFLATED: Final = 256 * 1024
"""Bytes that gzip unpacks to at a stretch: a millisecond."""


async def body_of(request: Request, limit: int | None = None) -> bytes:
    """The body, unpacked. Refusals: `body-too-large` (for what was sent and for what it unpacks to; a declared length
    is refused unread), `unsupported-media-type` (an encoding other than gzip), `json-malformed` (damaged gzip).
    """
    most = limit or cast(Access, request.app.state.access).settings.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdecimal() and (len(declared) > 15 or int(declared) > most):
        raise too_large(most)
    packed = request.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("identity", "gzip"):
        raise Refusal("unsupported-media-type", field="Content-Encoding", expected="gzip or identity")
    inflate = zlib.decompressobj(wbits=31) if packed == "gzip" else None
    body = bytearray()
    received = 0
    async for chunk in request.stream():
        received += len(chunk)  # a packed stream may go on for ever without unpacking to anything
        if inflate is None:
            body += chunk
        else:
            await _unpack(inflate, chunk, body, most)
        if max(received, len(body)) > most:
            raise too_large(most)
    if inflate and (not inflate.eof or inflate.unused_data):
        raise Refusal("json-malformed", reason="the gzip stream is incomplete, or something follows it")
    return bytes(body)


async def _unpack(inflate: Any, chunk: bytes, body: bytearray, most: int) -> None:
    """Append what a chunk unpacks to, a thousandfold of it perhaps; no more than one byte over `most`."""
    while len(body) <= most and (piece := _inflated(inflate, chunk, min(_INFLATED, most + 1 - len(body)))):
        body += piece
        if chunk := inflate.unconsumed_tail:
            await asyncio.sleep(0)


def _inflated(inflate: Any, chunk: bytes, room: int) -> bytes:
    if inflate.eof:
        return b"" if not chunk else _damaged("something follows the gzip stream")
    try:
        return cast(bytes, inflate.decompress(chunk, room))
    except zlib.error:
        return _damaged("the gzip stream is damaged")


def _damaged(reason: str) -> bytes:
    raise Refusal("json-malformed", reason=reason)


def too_large(limit: int) -> Refusal:
    """The refusal of what is longer than so many bytes."""
    return Refusal("body-too-large", limit=f"{limit // 1024} KiB" if limit < 1024**2 else f"{limit // 1024**2} MiB")


def check_type(request: Request, *kinds: str) -> None:
    """Refusal `unsupported-media-type` unless the body is one of these types, in UTF-8."""
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    charset = next(
        (p.partition("=")[2] for p in rest.lower().replace(" ", "").split(";") if p.startswith("charset=")), ""
    )
    if kind.strip().lower() not in kinds or charset.strip('"') not in ("", "utf-8", "utf8", "us-ascii"):
        raise Refusal("unsupported-media-type", field="Content-Type", expected=f"{kinds[0]}, in UTF-8")


def is_xml(request: Request) -> bool:
    """Whether the body is declared as XML."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() in XML_TYPES


async def tree_of(request: Request) -> dict[str, Any]:
    """The resource in the body, JSON or XML as it is declared. Refusals of `body_of`, `check_type` and `fhir.parse`."""
    check_type(request, *JSON_TYPES, *XML_TYPES)
    body = await body_of(request)
    return await beside(len(body), partial(tree_in, body, is_xml(request)))


def tree_in(body: bytes, xml: bool) -> dict[str, Any]:
    """The resource that a body says. Refusals of `fhir.parse`."""
    return fhir.parse_xml(body) if xml else fhir.parse(body)


async def parameters_of(request: Request) -> tuple[bytes, dict[str, Any]]:
    """The body, and the Parameters in it, which are valid. Refusals of `tree_of` and `fhir.validate`,
    `resource-type-mismatch`."""
    check_type(request, *JSON_TYPES, *XML_TYPES)
    body = await body_of(request)
    return body, await beside(len(body), partial(_parameters, body, is_xml(request)))


def _parameters(body: bytes, xml: bool) -> dict[str, Any]:
    tree = tree_in(body, xml)
    if tree["resourceType"] != "Parameters":
        raise Refusal("resource-type-mismatch", found=str(tree["resourceType"])[:64], expected="Parameters")
    fhir.validate(tree)
    return tree


async def form_of(request: Request) -> list[tuple[str, str]]:
    """The fields of a form body. Refusals `unsupported-media-type`, `body-too-large` (64 KiB), `field-invalid`."""
    check_type(request, FORM)
    body = await body_of(request, _LONGEST_FORM)
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Refusal("field-invalid", field="body", expected=f"at most {_MOST_FIELDS} form fields in UTF-8") from error


async def json_of(request: Request, decoder: msgspec.json.Decoder[T], expected: str) -> T:
    """A small JSON body in the form of a struct; an empty body stands for `{}`.

    Refusals: `unsupported-media-type`, `body-too-large` (8 KiB), `json-malformed`, `json-duplicate-key`,
    `field-invalid` naming what was expected.
    """
    body = await body_of(request, _LONGEST_JSON) or b"{}"
    if body != b"{}":
        check_type(request, "application/json")
    try:
        said = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal("field-invalid", field="body", expected=f"{expected} ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("json-malformed", reason="it is not a JSON object in UTF-8") from error
    json.loads(body, object_pairs_hook=_once)
    return said


def _once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise Refusal("json-duplicate-key", field="$", key=key[:64])
        seen.add(key)


def check_acceptable(request: Request) -> None:
    """Refusal `not-acceptable` unless JSON or XML may be answered."""
    if not wanted_format(request):
        raise Refusal("not-acceptable", expected=f"{FHIR_JSON} or {FHIR_XML}")


def wanted_format(request: Request) -> str:
    """`json` or `xml`, whichever the client prefers; '' for neither (R4 http.html#mime-type; RFC 9110, section 12.5.1).

    `_format` goes before Accept; what may be anything is JSON.
    """
    named = request.query_params.get("_format") if request.scope["query_string"] else None
    if named is not None:
        return _FORMATS.get(named.partition(";")[0].strip().replace(" ", "+").lower(), "")
    return _preferred(request.headers.get("accept", "*/*")[:_LONGEST_ACCEPT])


@lru_cache(256)
def _preferred(accept: str) -> str:
    best, found = 0.0, ""
    for part in accept.split(","):
        kind, *params = (piece.strip().lower() for piece in part.split(";"))
        weight = next((_weight(param[2:]) for param in params if param.startswith("q=")), 1.0)
        if weight > best and (known := _FORMATS.get(kind)):
            best, found = weight, known
    return found


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


_FORMATS: Final = {
    **dict.fromkeys(("json", *JSON_TYPES, PATCH_TYPE, "*/*", "application/*", "text/*"), "json"),
    **dict.fromkeys(("xml", *XML_TYPES), "xml"),
}
