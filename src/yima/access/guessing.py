"""Guesses at document numbers: `$match`, `$ihe-pix` and searches by a number would confirm them one by one.

A hospital that asks for everybody who comes in misses some; who tries numbers out misses nearly always. So misses are
measured against different persons found, and those among numbers with one beginning (of a resident's: one place and
date of birth) are limited by themselves. Beyond that nothing is answered by a number until the next day.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final

from yima import mpi, oversight
from yima.access.context import Context
from yima.access.decision import Asking
from yima.runtime import logs
from yima.runtime.civil import CIVIL, civil_day
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_log = logs.get("guessing")
_MISSES_FOR_ONE: Final = 3
"""Misses for each different person found: three of four questions."""
_NEAR: Final = 10
"""Misses a day among numbers that differ in their last four characters only."""


async def check_guess(cx: Context, asking: Asking, number: mpi.Identifier, found: PersonId | None) -> None:
    """Count a question by a document's number that found somebody the caller may hear of, or nobody; before anything of
    the answer is said. Refusal `guesses-limit`, of which the privacy officer hears."""
    caller, day = asking.caller, civil_day(asking.now)
    if not caller.institution or not number.national:
        return
    tomorrow = datetime.combine(day + timedelta(days=1), time(), CIVIL)
    async with cx.database.transaction() as c:
        counted = await mpi.count_number(c, cx.vault, caller.institution, day, number, found)
        if not _too_many(counted, cx.misses_a_day):
            return
        alarm = oversight.Alarm(
            0, "guesses", f"{oversight.HOUSE}{caller.institution}", caller.institution, asking.now,
            tomorrow - timedelta(days=1), counted.missed, 0, "", False,
        )  # fmt: skip
        if await oversight.raise_alarm(c, alarm):
            _log.warning("document numbers are tried out", institution=caller.institution, missed=counted.missed)
    raise Refusal("guesses-limit", retry_after=int((tomorrow - asking.now).total_seconds()) + 1)


def _too_many(counted: mpi.Counted, most: int) -> bool:
    return counted.near >= _NEAR or counted.missed > max(most, _MISSES_FOR_ONE * counted.found)
