"""$export (FHIR Bulk Data Access 2.0): an app asks, two organisations approve, the app fetches NDJSON."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from yima import exchange
from yima.api.answers import access_of
from yima.api.asking import asking_of
from yima.exchange import Export
from yima.runtime import clock
from yima.runtime.errors import Refusal

_FORMATS: Final = ("application/fhir+ndjson", "application/ndjson", "ndjson")
_KNOWN: Final = frozenset({"_outputFormat", "_since", "_type", "_deidentify", "_reason", "_basis"})
_PENDING: Final = "120"


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
    """GET /fhir/$export-files/{id}/{name}: one file, to the app that asked. Refusal `not-found`."""
    found, name = await _found(request), request.path_params["name"]
    kind = name.removesuffix(".ndjson")
    if found.finished is None or found.failure or name == kind or kind not in found.sizes:
        raise Refusal("not-found", field="name")
    path = exchange.folder_of(access_of(request), found.export_id) / name
    return FileResponse(path, media_type=_FORMATS[0])


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
