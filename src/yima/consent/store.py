"""Keeping and reading standing decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from yima.consent.classes import CLASSES
from yima.consent.decide import Standing, Visit
from yima.runtime import ids
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

SQL = Queries(__package__)
REASON_CHARACTERS = 8


async def standing_of(db: Database | Connection, persons: Sequence[PersonId], now: datetime) -> list[Standing]:
    """The standing decisions in force; nothing caches them, so they count from the next request on, on every worker."""
    rows = await db.fetch(SQL.standing, list(persons), now)
    return [Standing(row["class"], row["institution_id"], row["permit"], row["ends"]) for row in rows]


async def standing_of_each(
    db: Database | Connection, asked: Sequence[tuple[PersonId, datetime]]
) -> list[list[Standing]]:
    """The standing decisions in force of each of these persons at each's moment, in one question."""
    found: list[list[Standing]] = [[] for _ in asked]
    for n, cls, institution, permit, ends in await db.fetch(
        SQL.standing_of_each, [person for person, _ in asked], [at for _, at in asked]
    ):
        found[n - 1].append(Standing(cls, institution, permit, ends))
    return found


async def put(c: Connection, person: PersonId, said: Standing, *, agent: str, now: datetime) -> None:
    """Keep a decision. Refusal `field-invalid` when the class is not one that exists."""
    if said.cls != "all" and said.cls not in CLASSES:
        raise Refusal("field-invalid", field="class", expected=f"all, {', '.join(CLASSES)}")
    await c.execute(
        SQL.put, person, ids.new_resource_id(person), said.cls, said.institution, said.permit, now, said.ends, agent
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A break-glass: who opened whose record, where, why."""

    person: PersonId
    institution: int
    practitioner: int
    terminal: str
    reason: str


async def open_emergency(c: Connection, said: Emergency, *, now: datetime, lasts: timedelta) -> str:
    """Open emergency access for a while; its handle stands where a visit's would.

    Refusal `break-glass-reason-missing` when the reason is shorter than eight characters: the resident will read it.
    """
    reason = " ".join(said.reason.split())
    if len(reason) < REASON_CHARACTERS:
        raise Refusal("break-glass-reason-missing", field="reason", expected=REASON_CHARACTERS)
    handle = ids.new_handle(said.person)
    await c.execute(
        SQL.put_emergency,
        said.person,
        handle,
        said.institution,
        said.practitioner,
        said.terminal,
        reason[:500],
        now,
        now + lasts,
    )
    return handle


async def emergency_visit(source: Database | Connection, handle: str) -> Visit | None:
    """The emergency access behind a handle, as the decision wants it, or None."""
    person = ids.home_of_handle(handle)
    row = await source.fetchrow(SQL.emergency, person, handle) if person else None
    return (
        Visit(row["person_id"], row["institution_id"], "break-glass", row["expires"], "emergency-treatment")
        if row
        else None
    )
