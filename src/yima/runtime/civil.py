"""Civil time: the one answer to "which day is it?" for a moment, in every room.

Moments are kept and compared in UTC; a *day* (a birth date, an age, a day of statistics, what a page shows) is China's.
The whole country keeps one time without daylight saving; a deployment elsewhere changes it here.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Final

CIVIL: Final = timezone(timedelta(hours=8), "UTC+8")
"""China Standard Time (GB/T 7408.1: times without an offset are local)."""


def civil_day(at: datetime) -> date:
    """The calendar day in which an aware moment lies."""
    return at.astimezone(CIVIL).date()
