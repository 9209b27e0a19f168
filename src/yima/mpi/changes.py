"""What merges and their undoing meant for one institution's Patients: a feed that is asked for, in order, once each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yima.mpi.merge import Event
from yima.mpi.queue import QUEUE
from yima.runtime.database import Database
from yima.runtime.ids import PersonId

_EVENTS: Final = 200
"""Acts looked at for one answer."""


@dataclass(frozen=True, slots=True)
class Change:
    """A Patient of the institution whose person an act changed, and whose it is now."""

    patient_id: str
    person: PersonId
    at: datetime
    number: int
    """Of the latest act that touched it."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Up to which act was looked, whether there are later ones, and what it meant."""

    changes: tuple[Change, ...]
    until: int
    more: bool


async def changes(db: Database, institution: int, after: int) -> Changes:
    """Acts later than number `after`, as they concern this institution's Patients; each Patient once, as it is now.

    Acts of stewards are numbered in the order of their commits (one goes after the other), so that nothing is missed.
    """
    rows = await db.fetch(QUEUE.changes, after, _EVENTS)
    events = [Event(*row.values()) for row in rows]
    latest: dict[str, Change] = {}
    for event in events:
        apart = event.kind in ("merge", "unmerge")
        wanted = ([event.person] if apart else [], [] if apart else [event.patient_id])
        for row in await db.fetch(QUEUE.moved_patients, institution, *wanted):
            latest.pop(row["patient_id"], None)
            latest[row["patient_id"]] = Change(row["patient_id"], row["person_id"], event.at, event.number)
    until = events[-1].number if events else after
    return Changes(tuple(latest.values()), until, len(events) == _EVENTS)
