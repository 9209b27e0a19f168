"""POST /card-use and what follows from it: institutions report what a code was used for, and see what is missing."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import healthcode
from yima.api.answers import access_of, caller_of
from yima.api.bodies import json_of
from yima.runtime import clock
from yima.runtime.civil import civil_day
from yima.runtime.errors import Refusal

_DAYS = 7


class UseRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a report."""

    key: str
    step: str
    channel: str
    at: datetime
    visit: str = ""
    code: str = ""
    scene: str = ""
    department: str = ""
    visit_type: str = ""
    cost_types: tuple[str, ...] = ()
    serial: str = ""


_decoder = msgspec.json.Decoder(UseRequest)


async def report(request: Request) -> Response:
    """Report a step that was done with a code. The same report again gets the same answer, with status 200."""
    caller = await caller_of(request)
    said = await json_of(request, _decoder, "key, step, channel, at, and visit or code")
    if said.at.tzinfo is None:
        raise Refusal("field-invalid", field="at", expected="an instant with its zone, e.g. 2026-03-01T09:00:00+08:00")
    use = healthcode.Report(institution=caller.institution, **msgspec.structs.asdict(said))
    kept = await access_of(request).uses.report(caller, use, clock.now())
    body = {"key": said.key, "visit": kept.visit or None, "verified": bool(kept.visit), "repeated": kept.repeated}
    return _json(body, 200 if kept.repeated else 201)


async def missing(request: Request) -> Response:
    """What was verified and never reported, and reported and never verified, at the caller's institution."""
    caller = await caller_of(request)
    found = await access_of(request).uses.missing(caller, clock.now())
    body = {
        "hours": healthcode.REPORT_HOURS,
        "never_reported": [
            {"visit_ends": one.ending, "step": one.step, "channel": one.channel or None, "terminal": one.terminal,
             "at": one.at.isoformat()}
            for one in found.never_reported
        ],
        "never_verified": [
            {"key": one.key, "serial": one.serial or None, "step": one.step, "channel": one.channel,
             "department": one.department or None, "at": one.at.isoformat()}
            for one in found.never_verified
        ],
    }  # fmt: skip
    return _json(body)


async def statistics(request: Request) -> Response:
    """How much was verified and how much of it never reported, by day, step and channel; small numbers are null."""
    caller, now = await caller_of(request), clock.now()
    until = _day(request, "until") or civil_day(now)
    since = _day(request, "since") or until - timedelta(days=_DAYS - 1)
    found = await access_of(request).uses.statistics(caller, since, until)
    body = {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "small": healthcode.SMALL,
        "total": _cell(found.total),
        "unverified": found.unverified,
        "by_day": [{"day": cell.key} | _cell(cell) for cell in found.by_day],
        "by_step": [{"step": cell.key} | _cell(cell) for cell in found.by_step],
        "by_channel": [{"channel": cell.key} | _cell(cell) for cell in found.by_channel],
    }
    return _json(body)


def _cell(cell: healthcode.Cell) -> dict[str, Any]:
    return {"verified": cell.verified, "missing": cell.missing}


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refusal("search-value-invalid", field=name, expected="a day, e.g. 2026-03-01") from error


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store"}, "application/json")
