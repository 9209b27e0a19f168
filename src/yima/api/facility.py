"""Facility codes for institutions: their counters, what residents shared there, and the queue."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima.access import Profile
from yima.api.answers import access_of, caller_of, parse_time
from yima.api.bodies import json_of
from yima.runtime import clock
from yima.runtime.ids import person_text


class MarkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What became of a number."""

    state: str


_decoder = msgspec.json.Decoder(MarkRequest)


async def counters(request: Request) -> Response:
    """The counters of the caller's institution, with the texts of their printed codes."""
    caller = await caller_of(request)
    found = await access_of(request).counters.mine_to_serve(caller)
    rows = [
        {"counter": one.counter_id, "department": one.department, "prefix": one.prefix, "name_zh": one.name_zh,
         "name_en": one.name_en, "location": one.location, "status": one.status, "text": text}
        for one, text in found
    ]  # fmt: skip
    return _json({"counters": rows})


async def shares(request: Request) -> Response:
    """What residents shared and nobody acknowledged yet, oldest first; `since` leaves out what is older."""
    caller = await caller_of(request)
    since = request.query_params.get("since")
    found = await access_of(request).counters.waiting(
        caller, parse_time(since, "since") if since else None, clock.now()
    )
    return _json({"shares": [_shown(one) for one in found]})


async def mark(request: Request) -> Response:
    """Acknowledge a share (`received`), call its number (`called`), end it (`done`, `absent`)."""
    caller = await caller_of(request)
    said = await json_of(request, _decoder, "state as text")
    share = await access_of(request).counters.mark(caller, request.path_params["id"], said.state, clock.now())
    return _json({"share": share.share_id, "ticket": share.ticket, "state": share.state})


def _shown(one: Profile) -> dict[str, Any]:
    share, who = one.share, one.identity
    return {
        "share": share.share_id,
        "counter": share.counter_id,
        "ticket": share.ticket,
        "number": share.number,
        "day": share.day.isoformat(),
        "at": share.created.isoformat(),
        "visit": share.visit,
        "person": person_text(share.person),
        "profile": {
            "name": who.name,
            "sex": who.sex,
            "birth_date": who.birth_date or None,
            "phone": one.phone or None,
            "document_masked": one.document or None,
        },
    }


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), 200, {"Cache-Control": "no-store"}, "application/json")
