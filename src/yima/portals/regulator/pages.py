"""Heads, witnesses, counts, and the commands to verify them: for everybody, without sign-in. No person is here."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from yima.access import PublicFigures
from yima.portals.layout import Words, language_of, page, render
from yima.portals.layout.dates import moment
from yima.portals.layout.session import access_of
from yima.runtime import clock

_PORTAL: Final = "regulator"
_SILENT: Final = timedelta(minutes=15)
_BEHIND: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Seen:
    """A witness, with its newest head in words."""

    name: str
    key: str
    state: str
    """`fresh`, `behind`, `never` or `ended`."""
    size: int
    when: str


async def regulator(request: Request) -> Response:
    """GET /regulator."""
    access, words = access_of(request), Words(_PORTAL, language_of(request))
    figures = await access.public_log.figures(clock.now())
    newest = figures.heads[0].head if figures.heads else None
    return render(
        request,
        "log.html",
        portal=_PORTAL,
        figures=figures,
        newest=newest,
        silent=newest is None or clock.now() - newest.sealed > _SILENT,
        heads=[(one, base64.b64encode(one.head.root).decode()) for one in figures.heads],
        witnesses=_witnesses(figures, words),
        days=[_day(one) for one in figures.days],
        base=access.base_url,
    )


async def regulator_json(request: Request) -> Response:
    """GET /regulator.json: the counts; heads and proofs are at /audit."""
    figures = await access_of(request).public_log.figures(clock.now())
    checked = figures.checked
    said: dict[str, Any] = {
        "at": figures.at.isoformat(),
        "least": figures.least,
        "days": [one.isoformat() for one in figures.days],
        "lines": {action: list(numbers) for action, numbers in figures.counts.by_day.items()},
        "denied": list(figures.counts.denied),
        "by_class": dict(figures.counts.by_class),
        "checked": checked and {"at": checked.at.isoformat(), "lines": checked.lines, "differences": checked.found},
    }
    return JSONResponse(said, headers={"Access-Control-Allow-Origin": "*"})


def _witnesses(figures: PublicFigures, words: Words) -> list[Seen]:
    newest = figures.heads[0].head.sealed if figures.heads else figures.at
    found = []
    for one in figures.witnesses:
        if one.ended is not None:
            state = "ended"
        elif one.sealed is None:
            state = "never"
        else:
            state = "behind" if newest - one.sealed > _BEHIND else "fresh"
        found.append(Seen(one.name, one.key, state, one.size or 0, moment(one.at, words.lang) if one.at else ""))
    return found


def _day(day: date) -> str:
    return f"{day.month}-{day.day:02}"


def routes() -> list[Route]:
    """The page, and its counts for programs."""
    return [
        Route("/regulator", page(regulator), methods=["GET"]),
        Route("/regulator.json", page(regulator_json), methods=["GET"]),
    ]
