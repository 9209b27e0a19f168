"""What an institution hears about its own staff from those who watch over the readers."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima.api.answers import access_of, caller_of
from yima.runtime import clock


async def stops(request: Request) -> Response:
    """GET /oversight/stops: whose access to records was stopped at the caller's institution, and whether it began again
    within thirty days."""
    found = await access_of(request).glass_desk.stops_here(await caller_of(request), clock.now())
    rows = [
        {
            "practitioner": found.staff[one.practitioner].code, "name": found.staff[one.practitioner].name_zh,
            "cause": one.cause,
            "number": one.number, "at": one.at.isoformat(), "lifted": one.lifted and one.lifted.isoformat(),
        }
        for one in found.stops
    ]  # fmt: skip
    return Response(orjson.dumps({"stops": rows}), media_type="application/json", headers={"cache-control": "no-store"})
