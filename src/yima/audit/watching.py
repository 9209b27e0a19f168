"""The log as those who watch over it read it: what is new, by reader and person, and what connects the two."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from yima.audit.event import Event
from yima.audit.log import event_of_row
from yima.runtime.database import Connection, Queries, in_slices
from yima.runtime.ids import PersonId

_SQL = Queries(__package__, "watching.sql")


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of the transactions from `since` (first) to `until` (not in it), and not older than `oldest`."""

    since: int
    until: int
    oldest: datetime


class Looks(NamedTuple):
    """What one reader (kind/id) asked of one person within one hour, denied tries included."""

    reader: str
    person: PersonId
    institution: int
    department: str
    hour: datetime
    first: datetime
    last: datetime
    lines: int
    bases: Sequence[str]
    line: str
    visits: Sequence[str]
    patient: str
    """The Patient that the lines name, where lines about several persons lie; else empty."""


class Care(NamedTuple):
    """A line that connects a person with an institution: a scan, a submission, an act at its counter."""

    person: PersonId
    institution: int
    action: str
    basis: str
    at: datetime
    department: str
    reader: str
    visit: str


async def finished(c: Connection) -> int:
    """The first transaction that may still be under way: all lines of those before it can be read."""
    return int(await c.fetchval(_SQL.horizon))


async def looks(c: Connection, span: Span, shared: Collection[PersonId]) -> list[Looks]:
    """Who looked at whom, by hour: staff, apps and terminals. `shared`: where lines about several persons lie."""
    rows = await c.fetch(_SQL.looks, span.since, span.until, span.oldest, list(shared))
    return [Looks(*row.values()) for row in rows]


async def told(c: Connection, span: Span) -> list[Event]:
    """What others did of which holders are told: scans of their codes, emergencies, acts on their cards."""
    told = in_slices(c, _SQL.told, span.since, span.until, span.oldest)
    return [event_of_row(row) async for rows in told for row in rows]


async def of_marked(c: Connection, span: Span, persons: Collection[PersonId]) -> list[Event]:
    """Every access of anybody to these persons."""
    if not persons:
        return []
    rows = await c.fetch(_SQL.of_marked, span.since, span.until, span.oldest, list(persons))
    return [event_of_row(row) for row in rows]


async def of_visits(c: Connection, persons: Collection[PersonId], visits: Collection[str]) -> dict[str, list[Event]]:
    """What was done to these persons under these visits or emergencies, by handle, oldest first."""
    found: dict[str, list[Event]] = {}
    for row in await c.fetch(_SQL.of_visits, list(persons), list(visits)) if visits else ():
        event = event_of_row(row)
        found.setdefault(event.visit, []).append(event)
    return found


async def logged_at(
    c: Connection, action: str, moments: Collection[tuple[PersonId, datetime]]
) -> set[tuple[PersonId, datetime]]:
    """Of these persons and moments, those at which the log has a line of that action."""
    rows = await c.fetch(_SQL.logged_at, action, [person for person, _ in moments], [at for _, at in moments])
    return {(row["person_id"], row["recorded"]) for row in rows}


async def care_of(c: Connection, persons: Collection[PersonId], since: datetime) -> list[Care]:
    """What connected these persons with institutions since then."""
    return [Care(*row.values()) for row in await c.fetch(_SQL.acts, list(persons), since)] if persons else []
