"""Lunar dates: old people, and families in the country, say their birthday in the farmers' calendar, and a window that
asks for a date writes it down as if it were solar. Pure.

The table says of each lunar year 1900 to 2100 which months have 30 days and not 29 (bit 0 is the first month), the
number of the leap month (bits 12-15; 0 none), and whether that has 30 (bit 16). Facts of the calendar of GB/T
33661-2017, computed with `lunar_python` 1.4.8 and compared month by month with `lunardate` 0.3.0: they disagree by a
day about one month each of 1933, 1954, 1978 and 2057, where the former follows the standard.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Final

_TABLE: Final = (
    "08bd2 00752 00ea5 05b2a 0064b 00a9b 14aa6 0056a 00b59 02baa 00752 06da5 00b25 00a4b 15a4b 002ad 0056b 025b5 "
    "00da9 17e92 00e92 00d25 05d2d 00a56 002b6 14ad5 006d4 00ea9 02f4a 00e92 066a6 0052b 00a57 15956 00b5a 006d4 "
    "13761 00749 17b13 00a93 0052b 1651b 00aad 0056a 14da5 00ba4 00b49 02d4b 00a95 07aad 00536 00aad 15aca 005b2 "
    "00da5 13ea2 00d4a 08595 00a97 00556 06575 00ad5 006d2 04755 00ea5 0064a 0364f 00a9b 07ada 0056a 00b69 05bb2 "
    "00b52 00b25 04b2b 00a4b 08aab 002ad 0056d 165a9 00da9 00d92 04e95 00d25 0ae4d 00a56 002b6 062f5 006d5 00ea9 "
    "05f52 00e92 00d26 0352e 00a57 08ad6 0035a 006d5 05b69 00749 00693 04a9b 0052b 00a5b 02aae 0056a 07dd5 00ba4 "
    "00b49 05d53 00a95 0052d 0455d 00ab5 09baa 005d2 00da5 16e8a 00d4a 00c95 04a9e 00556 00ab5 02ada 006d2 06765 "
    "00725 0064b 05657 00cab 0055a 0356e 00b69 0bf52 00b52 00b25 16d0b 00a4b 004ab 052bb 005ad 00b6a 02daa 00d92 "
    "07ea5 00d25 00a55 15a4d 004b6 005b5 136d2 00ec9 08f92 00e92 00d26 16516 00a57 004d6 14365 00755 00749 0374b "
    "00693 07aab 0052b 00a5b 05aba 0056a 00b65 04baa 00b4a 08d95 00a95 0052d 0656d 00ab5 005aa 045d5 00da5 00d4a "
    "03e4d 00c96 07cce 00556 00ab5 15ad2 006d2 00ea5 0472a 0068b 08697 004ab 0055b 16556 00b6a 00752 04b95 00b45 "
    "00a8b 02a4f 004ab"
)
_FIRST: Final = 1900
_NEW_YEAR: Final = date(1900, 1, 31)
"""The first day of the lunar year 1900."""
_YEARS: Final = tuple(int(word, 16) for word in _TABLE.split())


def _months(year: int) -> Iterator[tuple[int, int]]:
    """(number, days) of the months of a lunar year in order; a leap month has the number of the one before it."""
    bits = _YEARS[year - _FIRST]
    leap = bits >> 12 & 15
    for month in range(1, 13):
        yield month, 29 + (bits >> (month - 1) & 1)
        if month == leap:
            yield month, 29 + (bits >> 16)


_DAYS: Final = tuple(sum(days for _, days in _months(_FIRST + at)) for at in range(len(_YEARS)))
_STARTS: Final = tuple(_NEW_YEAR + timedelta(days=days) for days in (0, *accumulate(_DAYS)))


@lru_cache(len(_YEARS))
def _starts(year: int) -> tuple[tuple[int, int, int], ...]:
    """(number, days, first day as an ordinal) of the months of a lunar year."""
    start, found = _STARTS[year - _FIRST].toordinal(), []
    for number, days in _months(year):
        found.append((number, days, start))
        start += days
    return tuple(found)


@lru_cache(65_536)
def solar_of(birth: str) -> tuple[str, ...]:
    """The solar days that `birth` (YYYY-MM-DD) means when it was said in the lunar calendar; none when it cannot be.

    Two when that month came twice in the year.
    """
    if len(birth) != 10:
        return ()
    year, month, day = int(birth[:4]), int(birth[5:7]), int(birth[8:])
    if not _FIRST <= year < _FIRST + len(_YEARS) or day < 1:
        return ()
    return tuple(
        date.fromordinal(start + day - 1).isoformat()
        for number, days, start in _starts(year)
        if number == month and day <= days
    )
