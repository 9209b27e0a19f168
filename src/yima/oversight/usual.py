"""How many persons in an hour are usual for a reader, and how many are an alarm. Pure.

A reader is a member of the staff, an app, or an institution as a whole. The habit is the busiest hour of a week. It
follows freely while a reader is new; from then on it moves by two in a hundred a week at most, up or down: who reads
a tenth more each week leaves it behind, and a season does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

STAFF: Final = "practitioner/"
HOUSE: Final = "institution/"
_PACE: Final = 0.02
KNOWN_FROM: Final = 4
"""Weeks after which a habit says something."""
_OTHERS: Final = "*"
_APP_TIMES: Final = 10


class Usual(msgspec.Struct, frozen=True):
    """The habit of one reader."""

    week: date
    """Monday of the last week that is in it."""
    level: float
    """Persons in a busy hour."""
    weeks: int
    """How many weeks with reading are in it."""

    @property
    def known(self) -> bool:
        """Whether it says something: four weeks."""
        return self.weeks >= KNOWN_FROM


class Room(msgspec.Struct, frozen=True):
    """How much room readers of a kind have, in persons an hour."""

    ceiling: int
    """Above it is an alarm, whatever the habit."""
    times: int
    """More than so many times the habit is one, too,"""
    floor: int
    """from here on;"""
    least: int = 0
    """a habit of so many is ordinary for anybody."""
    new: int | None = None
    """Who has no habit yet may reach this, or where nothing is said, so many times `least`."""


def monday(day: date) -> date:
    """The first day of a week."""
    return day - timedelta(days=day.weekday())


def taken_in(usual: Usual | None, weeks: Sequence[tuple[date, int]]) -> Usual | None:
    """The habit after further whole weeks: (Monday, persons in the busiest hour), in order."""
    for week, busiest in weeks:
        if usual is None:
            usual = Usual(week, busiest, 1)
        elif week > usual.week:
            low, high = usual.level * (1 - _PACE), usual.level * (1 + _PACE)
            level = min(max(busiest, low), high) if usual.known else max(usual.level, busiest)
            usual = Usual(week, level, usual.weeks + 1)
    return usual


def room_of(reader: str, kind: str, ceiling: int, ceilings: Mapping[str, int]) -> Room:
    """The room of a reader at an institution of this class (WS 218, e.g. `A100`).

    `ceiling`: of the staff; `ceilings`: of programs and whole institutions, by the first letter of the class, `*` for
    all others. New programs have ten times the room of staff.
    """
    if reader.startswith(STAFF):
        return Room(ceiling, times=3, floor=20, least=10)
    house = ceilings.get(kind[:1], ceilings[_OTHERS])
    if reader.startswith(HOUSE):
        return Room(house, times=2, floor=100, new=house)
    return Room(house, times=3, floor=100, new=_APP_TIMES * ceiling)


def is_unusual(persons: int, usual: Usual | None, room: Room) -> bool:
    """Whether so many different persons in an hour are an alarm."""
    if persons > room.ceiling:
        return True
    level = usual.level if usual is not None else 0.0
    limit = room.times * max(level, room.least)
    if room.new is not None and (usual is None or not usual.known):
        limit = max(limit, room.new)
    return persons >= room.floor and persons > limit


def busiest_weeks(rows: Iterable[tuple[str, date, int]]) -> dict[str, list[tuple[date, int]]]:
    """By reader, the weeks in order: of (reader, Monday, busiest hour)."""
    found: dict[str, list[tuple[date, int]]] = {}
    for reader, week, busiest in sorted(rows):
        found.setdefault(reader, []).append((week, busiest))
    return found
