"""Visits: what a scan opens. Later steps of the visit send its handle instead of the code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from yima.healthcode.card import SQL, Source
from yima.healthcode.codec import Assurance
from yima.healthcode.lifecycle import ENDS_VISITS
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, person_from_text, person_text, random_base32

_RANDOM_CHARS = 20
_LATE: Final = timedelta(minutes=10)
"""How far back is looked for visits that no stopped card knew of: several rounds of upkeep."""
_UNDER_WAY: Final = timedelta(seconds=2)
"""A scan that began so shortly after a card was stopped may not have seen it, nor the card the scan."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One person scanned at one institution. It counts there only: the caller compares `institution`."""

    person: PersonId
    visit: str
    institution: int
    terminal: str
    practitioner: int | None
    step: str
    purpose: str
    assurance: Assurance
    started: datetime
    expires: datetime
    channel: str | None = None
    """How the code was presented, a code of `CHANNELS`; None when the terminal did not say."""
    scene: str | None = None
    """The finer step of care, a code of `SCENES`."""
    bearer: int | None = None
    """Of a code on somebody else's phone: the mandate under which it was shown (`bearers.bearer_of`)."""


def new_handle(person: PersonId) -> str:
    """A fresh handle, `<person 10>-<random 20>`: it carries its shard key and 100 random bits."""
    return f"{person_text(person)}-{random_base32(_RANDOM_CHARS)}"


async def open_visit(source: Source, handle: str, now: datetime) -> Visit:
    """The visit behind a handle. Refusals: `visit-needed` when there is none, `visit-expired` when it has ended."""
    person = _person(handle)
    row = await source.fetchrow(SQL.visit, person, handle) if person else None
    return still_open(_visit(row) if row else None, now)


def still_open(visit: Visit | None, now: datetime) -> Visit:
    """The visit, if it counts now. Refusals as `open_visit`."""
    if visit is None:
        raise Refusal("visit-needed")
    if now >= visit.expires:
        raise Refusal("visit-expired")
    return visit


async def visits_behind(source: Source, handles: Iterable[str]) -> dict[str, Visit]:
    """The visits behind these handles, ended or not, in one question; what is no visit's handle is absent."""
    asked = [(person, handle) for handle in set(handles) if (person := _person(handle))]
    if not asked:
        return {}
    rows = await source.fetch(SQL.visits_behind, [person for person, _ in asked], [handle for _, handle in asked])
    return {row["visit"]: _visit(row) for row in rows}


def _person(handle: str) -> PersonId | None:
    return person_from_text(handle[:10]) if len(handle) == 11 + _RANDOM_CHARS and handle.isascii() else None


async def put_visit(c: Connection, visit: Visit) -> None:
    """Open a visit that no scan of a code opened: an approved kiosk, a shared profile. In the caller's transaction."""
    await c.execute(
        SQL.put_visit, visit.person, visit.visit, visit.institution, visit.terminal, visit.practitioner, visit.step,
        visit.purpose, visit.assurance, visit.started, visit.expires, visit.channel, visit.scene,
    )  # fmt: skip


async def visits_of(source: Source, person: PersonId, since: datetime, *, limit: int = 200) -> list[Visit]:
    """The person's visits that started since then, newest first."""
    return [_visit(row) for row in await source.fetch(SQL.visits_of, person, since, limit)]


async def end_visits(c: Connection, person: PersonId, now: datetime) -> int:
    """End every open visit of a person, and of who was merged into them, in the caller's transaction; how many."""
    return len(await c.fetch(SQL.end_visits, person, now))


async def end_late_visits(db: Database, now: datetime) -> int:
    """End visits that a scan opened in the very moment in which its card was stopped: neither saw the other. What was
    scanned after that counts on. How many were ended."""
    rows = await db.fetch(SQL.end_late_visits, sorted(ENDS_VISITS), now, now - _LATE, _UNDER_WAY)
    return len(rows)


def _visit(row: Any) -> Visit:
    return Visit(*row.values())
