"""$export (FHIR Bulk Data Access 2.0): an app asks, two organisations approve, the app fetches NDJSON."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from email.utils import format_datetime
from itertools import chain
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from yima import exchange
from yima.api.answers import access_of
from yima.api.asking import asking_of
from yima.exchange import Export
from yima.runtime import clock
from yima.runtime.errors import Refusal

_FORMATS: Final = ("application/fhir+ndjson", "application/ndjson", "ndjson")
_KNOWN: Final = frozenset({"_outputFormat", "_since", "_type", "_deidentify", "_reason", "_basis"})
_PENDING: Final = "120"
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


async def ask(request: Request) -> Response:
    """GET /fhir/$export, /fhir/Patient/$export: ask for an export. 202 with the address of its state.

    Refusals: `scope-insufficient`, `field-invalid`, `field-missing` (`Prefer: respond-async`).
    """
    asking = await asking_of(request)
    if "respond-async" not in request.headers.get("prefer", ""):
        raise Refusal("field-missing", field="Prefer", expected="respond-async")
    export = await exchange.ask_export(access_of(request), asking.caller, _wanted(request), asking.now)
    where = f"{access_of(request).base_url}/fhir/$export-status/{export}"
    return Response(status_code=202, headers={"Content-Location": where})


async def status(request: Request) -> Response:
    """GET /fhir/$export-status/{id}: 202 while it waits for approval or is made, 200 with the manifest when it is done.

    Refusals: `not-found`, `export-rejected`, `too-few-persons`.
    """
    found = await _found(request)
    if found.rejected:
        raise Refusal("export-rejected")
    if found.failure:
        raise Refusal("too-few-persons", field="export", least=access_of(request).settings.public_least)
    if found.finished is None:
        progress = f"{found.persons} persons" if found.approved else "waiting for approval"
        return Response(status_code=202, headers={"X-Progress": progress, "Retry-After": _PENDING})
    expires = format_datetime(found.finished + exchange.EXPORT_KEPT, usegmt=True)
    body = orjson.dumps(_manifest(request, found))
    return Response(body, media_type="application/json", headers={"Expires": expires})


async def delete(request: Request) -> Response:
    """DELETE /fhir/$export-status/{id}: throw the files away. Refusal `not-found`."""
    found = await _found(request)
    await exchange.delete_export(access_of(request), found, clock.now())
    return Response(status_code=202)


async def file(request: Request) -> Response:
    """GET /fhir/$export-files/{id}/{name}: one file, to the app that asked, or a part of it (`Range`).

    Refusals: `not-found`, `export-damaged`.
    """
    found, name = await _found(request), request.path_params["name"]
    kind = name.removesuffix(".ndjson")
    if found.finished is None or found.failure or name == kind or kind not in found.sizes:
        raise Refusal("not-found", field="name")
    if found.wrap is None:
        raise Refusal("not-found", field="name")
    held = exchange.file_of(access_of(request), found.export_id, found.wrap, kind)
    return await _sent(request, held, found.sizes[kind], f'"{found.export_id}-{kind}"')


async def _sent(request: Request, held: exchange.SealedFile, size: exchange.Size, etag: str) -> Response:
    """The file, or the one part of it that is asked for (RFC 9110, 14.2); opened as it is sent, piece by piece. A file
    that turns out to be damaged on the way ends there: the connection is cut before its length is reached."""
    asked = request.headers.get("range", "")
    if request.headers.get("if-range", etag) != etag:
        asked = ""
    part = _part(asked, size.plain)
    start, stop = part or (0, size.plain)
    headers = {"ETag": etag, "Accept-Ranges": "bytes"}
    if start >= stop:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size.plain}"})
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size.plain}"
    pieces = held.read(size, start, stop)
    first = await asyncio.to_thread(next, pieces)
    headers["Content-Length"] = str(stop - start)
    return StreamingResponse(chain((first,), pieces), 206 if part else 200, headers=headers, media_type=_FORMATS[0])


def _part(asked: str, length: int) -> tuple[int, int] | None:
    """From where to before where; None for all of it, also where several parts are asked for or it is no range."""
    found = _RANGE.fullmatch(asked)
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        return max(length - int(last), 0), length
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1 if last else length, length)


async def _found(request: Request) -> Export:
    asking = await asking_of(request)
    return await exchange.export_of(access_of(request), asking.caller, request.path_params["id"])


def _wanted(request: Request) -> exchange.Wanted:
    asked = request.query_params
    if unknown := sorted(set(asked) - _KNOWN):
        raise Refusal("field-invalid", field=unknown[0], expected=", ".join(sorted(_KNOWN)))
    if asked.get("_outputFormat", _FORMATS[0]) not in _FORMATS:
        raise Refusal("field-invalid", field="_outputFormat", expected=_FORMATS[0])
    types = [one for part in asked.getlist("_type") for one in part.split(",") if one]
    return exchange.Wanted(
        types=types, since=_since(asked.get("_since", "")), deidentified=_flag(asked.get("_deidentify", "true")),
        reason=asked.get("_reason", ""), legal_basis=asked.get("_basis", ""),
    )  # fmt: skip


def _since(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        found = None
    if text and (found is None or found.tzinfo is None):
        raise Refusal("field-invalid", field="_since", expected="a FHIR instant")
    return found


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise Refusal("field-invalid", field="_deidentify", expected="true or false")
    return text == "true"


def _manifest(request: Request, found: Export) -> dict[str, Any]:
    base = f"{access_of(request).base_url}/fhir"
    return {
        "transactionTime": (found.approved or found.requested).isoformat(timespec="milliseconds"),
        "request": f"{base}/$export",
        "requiresAccessToken": True,
        "output": [
            {"type": name, "url": f"{base}/$export-files/{found.export_id}/{name}.ndjson", "count": size[0]}
            for name, size in sorted(found.sizes.items())
        ],
        "error": [],
    }
