"""A habit that is raised slowly is found; seasons, holidays and busy days are not alarms. Years replayed, pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random

import pytest

from yima import oversight
from yima.oversight import Room, Usual

BEGINS = date(2025, 1, 6)
CEILINGS = {"A": 10_000, "D": 300, "*": 5_000}
STAFF = oversight.room_of("practitioner/1", "A100", 60, CEILINGS)
APP = oversight.room_of("app/his", "A100", 60, CEILINGS)
HOUSE = oversight.room_of("institution/1", "A100", 60, CEILINGS)
Busy = Callable[[int], float]
"""Day -> persons in its busiest hour."""


def replay(busy: Busy, room: Room, weeks: int) -> Iterator[tuple[int, int, Usual | None]]:
    """Day by day what the watch would have: days that were an alarm, with persons and the habit at that time."""
    usual: Usual | None = None
    best = 0
    for n in range(weeks * 7):
        if n % 7 == 0 and n:
            usual = oversight.taken_in(usual, [(BEGINS + timedelta(days=n - 7), best)])
            best = 0
        persons = round(busy(n))
        best = max(best, persons)
        if oversight.is_unusual(persons, usual, room):
            yield n, persons, usual


RAISED = {
    "a doctor, a tenth a week": (lambda n: 12 * 1.1 ** max(0, n / 7 - 8), STAFF, 60),
    "an app, a tenth a week": (lambda n: 200 * 1.1 ** max(0, n / 7 - 8), APP, 1_200),
    "an app, a tenth a week from its first day": (lambda n: 40 * 1.1 ** (n / 7), APP, 600),
    "an app, by a twentieth": (lambda n: 200 * 1.05 ** max(0, n / 7 - 8), APP, 1_800),
    "an institution, a tenth a week": (lambda n: 500 * 1.1 ** max(0, n / 7 - 8), HOUSE, 1_500),
    "an institution, by a twentieth": (lambda n: 500 * 1.05 ** max(0, n / 7 - 8), HOUSE, 2_000),
    "an app that doubles each month": (lambda n: 200 * 2 ** (max(0, n - 60) // 28), APP, 1_000),
    "an app, in one step": (lambda n: 200 if n < 60 else 700, APP, 700),
    "a small clinic's app that was always too large": (lambda _: 400, Room(300, 3, 100, 0, 600), 400),
}


@pytest.mark.parametrize("name", RAISED)
def test_who_raises_the_habit_is_found(name: str) -> None:
    busy, room, most = RAISED[name]
    _, persons, usual = next(replay(busy, room, 70))
    assert persons <= most, "how far they came"
    assert usual is None or usual.level < persons / 2


def test_the_habit_of_before_would_not_have_found_them() -> None:
    """Three times the busiest hour of four weeks: a tenth more each week is never that."""
    for week in range(100):
        assert 200 * 1.1 ** (week + 4) < 3 * 200 * 1.1 ** (week + 3)


def season(random: Random, level: float) -> Busy:
    """An honest year: weekends, a wave in winter, the week of the Spring Festival and the rush after it, chance."""
    spring, wave = random.randrange(20, 45), random.randrange(300, 340)

    def busy(n: int) -> float:
        day = n % 365
        weekday = 0.4 if n % 7 >= 5 else 1.15 if n % 7 == 0 else 1.0
        rest = 0.15 if spring <= day < spring + 7 else 1.4 if spring + 7 <= day < spring + 10 else 1.0
        flu = 1.0 + 0.5 * max(0.0, 1 - abs(day - wave) / 40)
        return level * weekday * rest * flu * 1.006 ** (n / 7) * random.lognormvariate(0, 0.12)

    return busy


@pytest.mark.parametrize(
    ("room", "lowest", "highest", "most"), [(STAFF, 4, 14, 3), (APP, 20, 420, 0), (HOUSE, 60, 3_000, 3)]
)
def test_honest_years_are_quiet(room: Room, lowest: int, highest: int, most: int) -> None:
    """Two years of sixty readers who grow by a third a year: days with an alarm, of 43,680."""
    random = Random(7)
    alarms = [found for _ in range(60) for found in replay(season(random, random.uniform(lowest, highest)), room, 104)]
    assert len(alarms) <= most, alarms


def test_a_week_counts_once_and_in_order() -> None:
    week = timedelta(days=7)
    new = oversight.taken_in(None, [(BEGINS, 10), (BEGINS + week, 40), (BEGINS + 2 * week, 20), (BEGINS + 3 * week, 5)])
    assert new == Usual(BEGINS + 3 * week, 40, 4), "who is new is followed up, and known after four weeks"
    assert oversight.taken_in(new, [(BEGINS + 3 * week, 900), (BEGINS, 900)]) == new
    for busiest, level in ((900, 40.8), (1, 39.2), (40.4, 40.4)):
        later = oversight.taken_in(new, [(BEGINS + 9 * week, busiest)])  # type: ignore[list-item]
        assert later is not None
        assert (round(later.level, 3), later.weeks) == (level, 5), "by two in a hundred, however long nothing was read"
    assert oversight.monday(BEGINS + timedelta(days=6)) == BEGINS
