"""Calendar of the synthetic city: the fixed end of time and a few date steps.

Nothing here reads a clock, so the same seed gives the same bytes on any day.
"""

import calendar
from datetime import date, datetime, time, timedelta
from random import Random

from yima.runtime.civil import CIVIL

AS_OF = date(2026, 11, 1)
"""The city's 'today'. Nothing happens on or after the first minute of this day."""

END = datetime.combine(AS_OF, time(0), CIVIL)
"""AS_OF as an instant: every visit is strictly before it."""

RECORDS_FROM = date(2016, 1, 1)
"""Before this day institutions kept paper, so no visit is older."""


def age_on(born: date, day: date) -> int:
    """Completed years of age on a day (negative before birth)."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def months_on(born: date, day: date) -> int:
    """Completed months of age on a day."""
    return (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)


def add_months(day: date, months: int) -> date:
    """The same day of the month so many months later, cut to the month's length."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(years, month + 1)[1]
    return date(years, month + 1, min(day.day, last))


def add_days(day: date, days: float) -> date:
    """A day so many days later (fractions are cut)."""
    return day + timedelta(days=int(days))


def between(rng: Random, first: date, last: date) -> date:
    """A random day from first to last, both included; first where they are out of order."""
    return first + timedelta(days=rng.randint(0, max(0, (last - first).days)))


def workday(day: date) -> date:
    """The day itself, or the next one on which clinics are open (no Sunday, New Year, 1-3 October)."""
    while day.weekday() == 6 or (day.month, day.day) in {(1, 1), (10, 1), (10, 2), (10, 3)}:
        day += timedelta(days=1)
    return day


def office_hour(rng: Random, day: date) -> datetime:
    """A moment of an outpatient working day: 08:00-11:40 more often than 13:40-17:00."""
    minute = rng.randint(480, 700) if rng.random() < 0.65 else rng.randint(820, 1020)
    return datetime.combine(day, time(minute // 60, minute % 60, rng.randint(0, 59)), CIVIL)


def any_hour(rng: Random, day: date) -> datetime:
    """Any moment of a day, for emergencies and births."""
    second = rng.randint(0, 86_399)
    return datetime.combine(day, time(0), CIVIL) + timedelta(seconds=second)
