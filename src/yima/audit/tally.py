"""How many lines of the log there are of what, by day and institution: counted as they are sealed, so that nobody has
to read the log for it, and the counts are those of the signed heads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from yima.runtime.civil import civil_day
from yima.runtime.database import Connection, Database, Queries

_SQL: Final = Queries(__package__, "tally.sql")


@dataclass(frozen=True, slots=True)
class Tally:
    """Lines of one day and one institution (0: residents and the platform itself)."""

    day: date
    institution: int
    action: str
    outcome: str
    lines: int


@dataclass(frozen=True, slots=True)
class Verification:
    """A check of the whole log."""

    at: datetime
    lines: int
    found: int
    """Differences."""


Kind = tuple[date, int, str, str]
"""Day, institution, action, outcome."""


def counted(rows: Iterable[Any]) -> Counter[Kind]:
    """How many lines of each kind there are among these (rows with recorded, institution, action, outcome)."""
    return Counter([(civil_day(r["recorded"]), r["institution"], r["action"], r["outcome"]) for r in rows])


async def add(c: Connection, lines: Mapping[Kind, int]) -> None:
    """Add so many lines to the counts of their days."""
    columns = [list(column) for column in zip(*lines, strict=True)]
    if columns:
        await c.execute(_SQL.add, *columns, list(lines.values()))


async def tallied(db: Database, since: date) -> list[Tally]:
    """The counts of that day and those after it."""
    return [Tally(*row.values()) for row in await db.fetch(_SQL.since, since)]


async def put_verification(db: Database, one: Verification) -> None:
    """Say that the whole log was checked, and what was found."""
    await db.execute(_SQL.put_verification, one.at, one.lines, one.found)


async def last_verification(db: Database) -> Verification | None:
    """The last check of the whole log; None before the first."""
    row = await db.fetchrow(_SQL.last_verification)
    return Verification(*row.values()) if row else None
