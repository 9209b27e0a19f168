"""Who tries out document numbers misses nearly always: questions by number are counted, by institution and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from yima.mpi.registration import Identifier
from yima.runtime.database import Connection, Queries
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

SQL: Final = Queries(__package__, "guesses.sql")
_LAST: Final = 4
"""Characters that somebody tries out who knows the rest: of a resident's number, place and date of birth."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Questions by a document's number that an institution asked today."""

    missed: int
    """That meant nobody it may hear of."""
    found: int
    """Different persons found."""
    near: int
    """Misses among numbers that differ from this one in their last four characters only."""


async def count_number(
    c: Connection, vault: Vault, institution: int, day: date, number: Identifier, found: PersonId | None
) -> Counted:
    """Count one question by a number; the day's counts with it."""
    known = f"{number.system}|{number.value[:-_LAST]}"
    bucket = int.from_bytes(vault.steady("mpi/guess", known)[:2])
    row = await c.fetchrow(SQL.count_number, institution, day, found, bucket)
    return Counted(row["missed"], row["found"], row["near"])


async def forget_asked(c: Connection, before: date) -> None:
    """Drop the counts of days before that."""
    for statement in (SQL.forget_asked, SQL.forget_missed, SQL.forget_found):
        await c.execute(statement, before)
