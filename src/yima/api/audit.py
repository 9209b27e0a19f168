"""The log's heads and proofs, for anybody: hashes and counts only. No person, no content, no sign-in."""

from __future__ import annotations

import base64
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima.api.answers import access_of
from yima.api.bodies import body_of
from yima.audit.proof import Head
from yima.runtime import clock
from yima.runtime.errors import Refusal

_CORS: Final = {"Access-Control-Allow-Origin": "*"}
_MOST: Final = 1000
_DIGITS: Final = 18
_NOTE_BYTES: Final = 16_384


async def key(request: Request) -> Response:
    """GET /audit/key: the key that signs tree heads, as one line (C2SP signed-note, verifier key)."""
    return _text(f"{access_of(request).log.verifier.text()}\n", 3600)


async def checkpoint(request: Request) -> Response:
    """GET /audit/checkpoint: the latest signed tree head as text (C2SP tlog-checkpoint), with the signatures of
    witnesses that it has so far (C2SP tlog-cosignature)."""
    head = await access_of(request).log.latest()
    return _text((head or await access_of(request).log.seal(clock.now())).note, 0)


async def heads(request: Request) -> Response:
    """GET /audit/heads: signed tree heads, newest first; `limit` up to 1000, `size` for the first head of that size.

    Refusals: `field-invalid`, `not-found`.
    """
    log = access_of(request).log
    if "size" in request.query_params:
        found = [await log.head_of(_whole(request, "size"))]
    else:
        found = await log.heads(limit=max(1, min(_MOST, _whole(request, "limit", "100"))))
    witnesses = [
        {"name": one.name, "key": one.key, "size": one.size, "at": one.at.isoformat() if one.at else None}
        for one in await log.witnesses.known()
        if one.ended is None
    ]
    heads = [_said(head) for head in found]
    return _json({"key": log.verifier.text(), "witnesses": witnesses, "heads": heads})


async def cosignatures(request: Request) -> Response:
    """POST /audit/cosignatures: a head with signatures of witnesses under it; those of known witnesses are kept.

    Refusals: `head-invalid`, `witness-unknown`, `payload-too-large`.
    """
    note = (await body_of(request, _NOTE_BYTES)).decode("utf-8", "replace")
    taken = await access_of(request).log.witnesses.take(note, clock.now())
    return _json({"taken": taken})


async def consistency(request: Request) -> Response:
    """GET /audit/consistency?from=SIZE&to=SIZE: that the first tree is the beginning of the second (RFC 9162, 2.1.4).

    Refusals: `field-invalid`, `not-found` for more lines than are sealed.
    """
    first, second = _whole(request, "from"), _whole(request, "to")
    path = await access_of(request).log.consistency(first, second)
    return _json({"from": first, "to": second, "path": [base64.b64encode(one).decode() for one in path]})


async def proof(request: Request) -> Response:
    """GET /audit/proof/{line}: that a line is in the log, against the latest head (RFC 9162, 2.1.3). The line itself is
    shown only to whom it concerns.

    Refusals: `not-found`, `line-not-sealed`.
    """
    found = await access_of(request).log.prove(request.path_params["line"], clock.now())
    return _json(found.to_json())


def _whole(request: Request, name: str, default: str = "") -> int:
    text = request.query_params.get(name, default)
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Refusal("field-invalid", field=name, expected="a whole number")
    return int(text)


def _said(head: Head) -> dict[str, Any]:
    return {
        "size": head.size,
        "root": base64.b64encode(head.root).decode(),
        "sealed": head.sealed.isoformat(),
        "note": head.note,
    }


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json", headers=_CORS)


def _text(body: str, seconds: int) -> Response:
    kept = f"public, max-age={seconds}" if seconds else "no-store"
    return Response(body, media_type="text/plain; charset=utf-8", headers={"Cache-Control": kept, **_CORS})
