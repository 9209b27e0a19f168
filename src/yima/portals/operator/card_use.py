"""Card use for operators: how much is verified and how much of it never reported, by institution. No person is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima import directory, healthcode
from yima.healthcode import Cell, Missing, Statistics
from yima.portals.layout import Chart, Words, language_of, line_chart, page, render, signed_in
from yima.portals.layout.dates import moment
from yima.runtime.civil import civil_day
from yima.runtime.errors import Refusal

_PORTAL = "operator"
_SPANS: Final = (7, 30)
"""Days that may be looked at: fixed, so that nobody learns a small number by moving an end."""


@dataclass(frozen=True, slots=True)
class Line:
    """One institution, day, step or channel."""

    number: int
    name: str
    verified: str
    missing: str
    share: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that does not meet."""

    time: str
    step: str
    where: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One institution's breakdown."""

    name: str
    chart: Chart | None
    days: tuple[Line, ...]
    steps: tuple[Line, ...]
    channels: tuple[Line, ...]
    never_reported: tuple[Event, ...]
    never_verified: tuple[Event, ...]
    unverified: str


async def card_use(request: Request) -> Response:
    """All institutions, and one of them in detail."""
    who = await signed_in(request, "operator")
    words = Words(_PORTAL, language_of(request))
    span = _SPANS[1] if request.query_params.get("days") == str(_SPANS[1]) else _SPANS[0]
    until = civil_day(who.now)
    found = await who.access.uses.by_institution(who.caller, until - timedelta(days=span - 1), until)
    names = {
        i.institution_id: i.name_zh if words.lang == "zh" else i.name_en
        for i in await directory.institutions(who.access.database)
    }
    chosen = _chosen(request.query_params, names)
    detail = None
    if chosen:
        missing = await who.access.uses.missing_at(who.caller, chosen, who.now)
        detail = shown(next((s for s in found if s.institution == chosen), None), missing, names[chosen], words)
    return render(
        request,
        "card-use.html",
        portal=_PORTAL,
        rows=[_line(s.institution, names.get(s.institution, ""), s.total) for s in found],
        detail=detail,
        chosen=chosen,
        span=span,
        spans=_SPANS,
        small=healthcode.SMALL,
        hours=healthcode.REPORT_HOURS,
        csrf=who.csrf,
    )


def shown(found: Statistics | None, missing: Missing, name: str, words: Words) -> Detail:
    """One institution arranged for the page."""
    cells: Mapping[str, Sequence[Cell]] = (
        {"days": found.by_day, "steps": found.by_step, "channels": found.by_channel}
        if found
        else {"days": (), "steps": (), "channels": ()}
    )
    points = [(cell.key, float(cell.verified)) for cell in cells["days"] if cell.verified is not None]
    missed = [(cell.key, float(cell.missing)) for cell in cells["days"] if cell.missing is not None]
    lines = [(words("use.verified"), points, None, None), (words("use.missing"), missed, None, None)]
    return Detail(
        name,
        line_chart(lines, width=720, height=180) if len(points) > 1 else None,
        tuple(_line(0, _day(cell.key, words), cell) for cell in cells["days"]),
        tuple(_line(0, _term(healthcode.STEPS.get(cell.key), words), cell) for cell in cells["steps"]),
        tuple(_line(0, _term(healthcode.CHANNELS.get(cell.key), words), cell) for cell in cells["channels"]),
        tuple(_event(one.at, one.step, one.terminal, words) for one in missing.never_reported),
        tuple(_event(one.at, one.step, one.serial or one.key, words) for one in missing.never_verified),
        _number(found.unverified if found else 0),
    )


def _chosen(query: Mapping[str, str], names: Mapping[int, str]) -> int:
    text = query.get("institution", "")
    if not text:
        return 0
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) not in names:
        raise Refusal("not-found")
    return int(text)


def _line(number: int, name: str, cell: Cell) -> Line:
    share = cell.share
    return Line(
        number,
        name,
        _number(cell.verified),
        _number(cell.missing),
        "—" if share is None else f"{share:.0f} %",
        bool(cell.missing),
    )


def _number(value: int | None) -> str:
    return "…" if value is None else f"{value:,}"


def _day(text: str, words: Words) -> str:
    day = date.fromisoformat(text)
    return f"{day.month}月{day.day}日" if words.lang == "zh" else f"{day:%d %b}"


def _term(term: healthcode.Term | None, words: Words) -> str:
    return words("use.unsaid") if term is None else term.zh if words.lang == "zh" else term.en


def _event(at: datetime, step: str, where: str, words: Words) -> Event:
    return Event(moment(at, words.lang), _term(healthcode.STEPS.get(step), words), where)


def routes() -> list[Route]:
    """The routes of this page."""
    return [Route("/operator/card-use", page(card_use), methods=["GET"])]
