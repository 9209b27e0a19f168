"""Why somebody may have looked at a record, and how odd it is if that is all. Pure: relations come as arguments.

Nothing here reads a record: a look is lines of the log, and what explains it is lines of the log (scans, submissions,
acts at a counter), registrations of the person index, and what is known of the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from yima.runtime.civil import CIVIL

CareKind = Literal["scan", "submission", "registration", "counter"]
Explanation = Literal["visit", "care", "registration", "counter", "emergency-care", "known-here", "break-glass"]

POINTS: Final[dict[str, int]] = {
    "no-relation": 50,
    "glass-without-care": 40,
    "known-here-only": 30,
    "other-department": 30,
    "household": 30,
    "self": 30,
    "vip": 25,
    "colleague": 25,
    "repeated": 25,
    "night": 10,
    "same-surname": 5,
}
"""What each oddity adds. A look that no relation explains is always reviewed (`REVIEWED`); one that care explains only
when two things about it are odd: another department and a well-known person, or one's own family. Broken glass that no
care explains stands before the privacy officer anyway (`oversight.glass`): here only when something else is odd too."""
REVIEWED: Final = 50
"""From this score on a look stands on the privacy officer's list."""
STRONG: Final[frozenset[Explanation]] = frozenset({"visit", "care", "registration", "counter", "emergency-care"})
"""Explanations that suffice; the others (`known-here`, `break-glass`) only say how it was possible."""

CARE_BEFORE: Final = timedelta(days=7)
"""A submission explains looks until so long after it: results are read, letters are written."""
CARE_AFTER: Final = timedelta(days=2)
"""And looks so long before it: what is done in an emergency is submitted later."""
_VISIT: Final = timedelta(hours=24)
_REGISTRATION: Final = timedelta(days=30)
_COUNTER: Final = timedelta(hours=1)
_REPEATED: Final = 3
_TIMES_USUAL: Final = 3.0
_NIGHT: Final = (23, 5)


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What one member of staff looked at of one person within an hour."""

    person: int
    reader: str
    """kind/id, e.g. `practitioner/12`."""
    institution: int
    department: str
    first: datetime
    last: datetime
    lines: int
    bases: tuple[str, ...]
    """Bases of the decisions in its lines, e.g. `visit`, `break-glass`, `document`."""
    line: str
    """One of its lines in the log."""
    visits: tuple[str, ...] = ()
    """Handles of the visits under which it was read."""
    persons: int = 1
    """How many different persons the reader looked at in that hour, this one included."""

    @property
    def glass(self) -> bool:
        """Whether the glass was broken for it."""
        return "break-glass" in self.bases


class Care(msgspec.Struct, frozen=True):
    """Something that connects a person with an institution at a moment."""

    kind: CareKind
    at: datetime
    department: str = ""
    reader: str = ""
    """Who did it, as `Look.reader`; of a counter only that one's looks are explained."""
    visit: str = ""
    """The visit that a scan opened."""


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of reader and person besides."""

    same_surname: bool = False
    household: bool = False
    colleague: bool = False
    self: bool = False
    """The reader's own record, by the staff's door."""
    vip: bool = False
    repeated: bool = False
    """Whether nothing explains more of the reader's looks of that day than chance would bring: see `is_repeated`."""


class Judged(msgspec.Struct, frozen=True):
    """How a look is explained, and what is odd about it, heaviest first."""

    explanations: tuple[Explanation, ...]
    score: int
    why: tuple[str, ...]

    @property
    def reviewed(self) -> bool:
        """Whether the privacy officer should see it."""
        return self.score >= REVIEWED

    @property
    def explained(self) -> bool:
        """Whether care explains it."""
        return not STRONG.isdisjoint(self.explanations)

    @property
    def state(self) -> str:
        """Where it belongs: on the list, noted in case the reader does it again, or nowhere."""
        return "open" if self.reviewed else "withdrawn" if self.explained else "noted"


def judge(look: Look, cares: Sequence[Care], about: Circumstances) -> Judged:
    """Explain a look from what connected the person with the reader's institution, and score what is odd."""
    near = explanations(look, cares)
    named = tuple(dict.fromkeys([*(how for _, how in near), *_by_glass(look)]))
    why = sorted(_oddities(look, near, about, named), key=lambda code: -POINTS[code])
    return Judged(named, sum(POINTS[code] for code in why), tuple(why))


def explanations(look: Look, cares: Sequence[Care]) -> list[tuple[Care, Explanation]]:
    """What connected the person with the reader's institution near the look, and how each explains it."""
    return [(care, named) for care in cares if (named := _explains(look, care)) is not None]


def _explains(look: Look, care: Care) -> Explanation | None:
    """How one thing that happened explains the look; None when it is too far away or another's."""
    if care.kind == "scan":
        return "visit" if care.at - _COUNTER <= look.last and look.first <= care.at + _VISIT else None
    if care.kind == "counter":
        near = look.first - _COUNTER <= care.at <= look.last + _COUNTER
        return "counter" if near and care.reader == look.reader else None
    if care.kind == "submission":
        if not care.at - CARE_AFTER <= look.last or look.first > care.at + CARE_BEFORE:
            return None
        return "emergency-care" if look.glass else "care"
    return "registration" if abs(look.first - care.at) <= _REGISTRATION else "known-here"


def _by_glass(look: Look) -> Iterable[Explanation]:
    return ("break-glass",) if look.glass else ()


def _oddities(
    look: Look, near: Sequence[tuple[Care, Explanation]], about: Circumstances, named: Sequence[Explanation]
) -> list[str]:
    explained = [care for care, how in near if how in STRONG]
    odd = []
    if not explained:
        known = "known-here-only" if "known-here" in named else "no-relation"
        odd.append("glass-without-care" if look.glass else known)
    elif _elsewhere(look, explained):
        odd.append("other-department")
    if about.repeated and not explained:
        odd.append("repeated")
    hour, (evening, morning) = look.first.astimezone(CIVIL).hour, _NIGHT
    if (hour >= evening or hour < morning) and not look.glass:  # emergencies have no hours
        odd.append("night")
    marks = ("same_surname", "household", "colleague", "self", "vip")
    return odd + [mark.replace("_", "-") for mark in marks if getattr(about, mark)]


def _elsewhere(look: Look, cares: Sequence[Care]) -> bool:
    """Whether the care took place in departments, and in none of them the reader works: that of the visit under which
    it was read, or where none of these is known, all care nearby."""
    under = [care for care in cares if care.visit and care.visit in look.visits]
    where = {care.department for care in under or cares if care.department}
    return bool(where and look.department) and look.department not in where


def is_repeated(unexplained: int, seen: int, rate: float) -> bool:
    """Whether a reader looked at so many persons without any care to explain it that chance does not: three at least,
    and three times the share (`rate`) of all readers' looks that nothing explains. `seen`: persons the reader saw."""
    return unexplained >= _REPEATED and unexplained > _TIMES_USUAL * rate * seen
