"""The quality of what institutions send, and the load of the queue, arranged for the page. No person is in it.

Shares are of the persons an institution has Patients of. A number below `LEAST` is not shown, nor a share of fewer
than ten times as many: one missing birth date of seven people tells whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from yima import exchange, mpi
from yima.portals.layout import Chart, SignedIn, Words, line_chart
from yima.portals.layout.dates import day
from yima.portals.steward.view import Names

LEAST: Final = 5
MISSING: Final = ("no_birth_date", "no_document", "no_phone", "no_sex", "no_name")
_ERROR_DAYS: Final = 30
_PARTS: Final = ("identifier", "birthDate", "name")
_BAD: Final = 10.0
"""Percent from which a share is marked."""


@dataclass(frozen=True, slots=True)
class Share:
    """A number and its share, or what stands for them where they are small."""

    number: str
    share: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One institution."""

    institution: int
    name: str
    patients: str
    missing: tuple[Share, ...]
    doubtful: Share
    same: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """One kind of mistake in what was sent, of the last 30 days."""

    what: str
    field: str
    number: str


@dataclass(frozen=True, slots=True)
class Figures:
    """The whole page."""

    at: str
    lines: tuple[Line, ...]
    mistakes: tuple[Mistake, ...]
    chart: Chart | None
    today: mpi.QueueDay | None
    days: tuple[tuple[str, mpi.QueueDay], ...]
    """Newest first, for the table that says the same as the chart."""
    chosen: int
    places: Mapping[int, str]


async def figures(who: SignedIn, names: Names, chosen_text: str) -> Figures:
    """Everything of the page; mistakes of one institution when one is chosen. Refusal `right-needed`."""
    quality, queue = await who.access.reviews.figures(who.caller, who.now)
    places = {one.institution: names.place(one.institution) for one in quality}
    chosen = int(chosen_text) if chosen_text.isascii() and chosen_text.isdecimal() and len(chosen_text) < 10 else 0
    chosen = chosen if chosen in places else 0
    mistakes = await exchange.mistakes(who.access, who.now - timedelta(days=_ERROR_DAYS), chosen)
    words, lang = names.words, names.words.lang
    lines: list[tuple[str, list[tuple[str, float]], None, None]] = [
        (words("load.waiting"), [(one.day.isoformat(), float(one.waiting)) for one in queue], None, None),
        (words("load.decided"), [(one.day.isoformat(), float(one.decided)) for one in queue], None, None),
    ]
    return Figures(
        day(quality[0].day, lang) if quality else "",
        tuple(_line(one, places) for one in quality),
        tuple(_mistake(one, words) for one in mistakes),
        line_chart(lines, width=720, height=180) if len(queue) > 1 else None,
        queue[-1] if queue else None,
        tuple((day(one.day, lang), one) for one in queue[::-1]),
        chosen,
        places,
    )


def _line(one: mpi.Quality, places: Mapping[int, str]) -> Line:
    missing = tuple(share(getattr(one, name), one.patients) for name in MISSING)
    return Line(
        one.institution, places[one.institution], small(one.patients), missing, share(one.doubtful, one.patients),
        small(one.same),
    )  # fmt: skip


def small(number: int) -> str:
    """A number, or that it is too small to be shown."""
    return f"{number:,}" if number == 0 or number >= LEAST else f"< {LEAST}"


def share(number: int, of: int) -> Share:
    """A number with its share of a whole; nothing of a whole that is small."""
    if of < LEAST * 10:
        return Share("…", "", False)
    percent = number / of * 100
    shown = 0 < number < LEAST
    return Share(small(number), "" if shown or not number else f"{percent:.1f} %", not shown and percent >= _BAD)


def _mistake(one: exchange.Mistake, words: Words) -> Mistake:
    """What was wrong in words: of a Patient by the part that was, else what the refusal is called."""
    part = next((part for part in _PARTS if one.code == "field-invalid" and f"Patient.{part}" in one.field), "")
    what = words(f"mistake.{part or one.code}") if part or words.has(f"mistake.{one.code}") else one.code
    return Mistake(what, one.field, small(one.number))
