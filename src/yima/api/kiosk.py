"""Scan-to-authorise for kiosks: ask, show the QR code, wait for the resident's answer."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima.access import Answer
from yima.api.answers import access_of, caller_of
from yima.api.bodies import json_of
from yima.api.code import shown
from yima.runtime import clock
from yima.runtime.errors import Refusal

LONGEST_WAIT: Final = 20
"""Seconds that one request may wait for an answer."""
_LOOK_SECONDS: Final = 0.5


class AskRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What a kiosk asks for; step and scene are the terminal's own where none is said."""

    step: str = ""
    scene: str = ""
    purpose: str = "treatment"


_decoder = msgspec.json.Decoder(AskRequest)


async def ask(request: Request) -> Response:
    """A new question: the text for the kiosk's QR code, good for two minutes and one answer."""
    caller = await caller_of(request)
    said = await json_of(request, _decoder, "step, scene, purpose as text")
    asked, text = await access_of(request).kiosks.ask(
        caller, step=said.step, scene=said.scene, purpose=said.purpose, now=clock.now()
    )
    body = {"id": asked.session, "text": text, "step": asked.step, "expires": asked.expires.isoformat()}
    return _json(body, 201)


async def answer(request: Request) -> Response:
    """The state of a question; with `wait`, the answer as soon as there is one, or the state when the time is over."""
    caller, kiosks = await caller_of(request), access_of(request).kiosks
    looks = int(_wait(request) / _LOOK_SECONDS)
    found = await kiosks.answer(caller, request.path_params["id"], clock.now())
    while found.state == "waiting" and looks > 0 and not await request.is_disconnected():
        await asyncio.sleep(_LOOK_SECONDS)
        looks -= 1
        caller = await caller_of(request)  # who was suspended while it waited hears nothing
        found = await kiosks.answer(caller, request.path_params["id"], clock.now())
    return _json(_shown(found))


def _shown(found: Answer) -> dict[str, Any]:
    body: dict[str, Any] = {"id": found.asked.session, "state": found.state}
    return body | (shown(found.scan) if found.scan else {})


def _wait(request: Request) -> int:
    text = request.query_params.get("wait", "0")
    if not (text.isascii() and text.isdecimal() and int(text[:3]) <= LONGEST_WAIT and len(text) <= 2):
        raise Refusal("search-value-invalid", field="wait", expected=f"whole seconds, 0 to {LONGEST_WAIT}")
    return int(text)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store"}, "application/json")
