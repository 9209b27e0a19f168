"""Ages as people say them, and days counted the way calendars do."""

import calendar
from datetime import date

from .model import NO_TEXT, Text

_MONTHS_UNTIL_YEARS = 36


def months_old(born: date, on: date) -> int:
    """Completed months of life on a day (negative before birth)."""
    months = (on.year - born.year) * 12 + on.month - born.month
    return months - (on.day < min(born.day, calendar.monthrange(on.year, on.month)[1]))


def years_old(born: date, on: date) -> int:
    """Completed years of life on a day."""
    return months_old(born, on) // 12


def add_months(day: date, months: int) -> date:
    """The same day so many months later, the last of the month where that day does not exist."""
    index = day.year * 12 + day.month - 1 + months
    year, month = min(max(index // 12, 1), 9999), index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def age_text(born: date, on: date, precise: bool = True) -> Text:
    """Days under one month, months under three years, then years; "about" when only the year is known."""
    days = (on - born).days
    if days < 0:
        return NO_TEXT
    if not precise:
        years = on.year - born.year
        return Text(f"约{years}岁", f"about {_count(years, 'year')}")
    months = months_old(born, on)
    if months < 1:
        return Text(f"{days}天", _count(days, "day"))
    if months < _MONTHS_UNTIL_YEARS:
        return Text(f"{months}个月", _count(months, "month"))
    return Text(f"{months // 12}岁", _count(months // 12, "year"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
