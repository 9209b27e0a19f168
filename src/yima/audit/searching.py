"""Searching the lines of one person: what FHIR AuditEvent is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from yima.audit.event import Event
from yima.audit.log import Whose, event_of_row
from yima.runtime.database import Database, Queries

SQL = Queries(__package__, "searching.sql")
EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesAsked:
    """Which lines; bounds are inclusive."""

    institution: int | None = None
    """Only what this institution did; None for everybody."""
    since: datetime = EARLIEST
    until: datetime = LATEST
    agent: str = ""
    outcome: str = ""
    after: tuple[datetime, str] | None = None
    """Time and id of the last line of the page before."""
    limit: int = 100


async def search(db: Database, whose: Whose, asked: LinesAsked) -> tuple[list[Event], int]:
    """A page of lines, newest first, and how many there are on all pages."""
    said = (*whose.named, asked.institution, asked.since, asked.until, asked.agent, asked.outcome)
    at, event_id = asked.after or (None, "")
    rows = await db.fetch(SQL.search, *said, at, event_id, asked.limit)
    total = await db.fetchrow(SQL.count, *said)
    return [event_of_row(row) for row in rows], int(total[0])
