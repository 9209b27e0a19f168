"""Figures about the index, counted once a day: what institutions leave out, and how the stewards' queue stands.

No person is in them. Counting reads every link once, so it is a job of the night, not of a page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from yima.runtime.database import Connection, Database, Queries

QUALITY: Final = Queries(__package__, "quality.sql")


@dataclass(frozen=True, slots=True)
class Quality:
    """What is missing of the persons an institution has Patients of, on one day."""

    day: date
    institution: int
    patients: int
    no_name: int
    """None, or one that only stands in for it."""
    no_birth_date: int
    """None, or not to the day."""
    no_sex: int
    no_document: int
    no_phone: int
    doubtful: int
    """Questions that its registrations raised."""
    same: int
    """Of these, found to be one person: duplicates."""


@dataclass(frozen=True, slots=True)
class QueueDay:
    """The stewards' queue on one day."""

    day: date
    waiting: int
    oldest_days: int
    came: int
    decided: int
    merged: int
    undone: int


async def count_quality(c: Connection, day: date, begins: datetime, ends: datetime) -> None:
    """Count a day (from `begins` to `ends`); counting it again replaces it."""
    await c.execute(QUALITY.count_quality, day)
    await c.execute(QUALITY.count_queue, day, begins, ends)


async def quality(db: Database) -> list[Quality]:
    """The last day that was counted, the largest institution first; empty before the first count."""
    return [Quality(*row.values()) for row in await db.fetch(QUALITY.quality)]


async def queue_days(db: Database, after: date) -> list[QueueDay]:
    """The queue by day, oldest first."""
    return [QueueDay(*row.values()) for row in await db.fetch(QUALITY.queue_days, after)]


async def tell_strangers(c: Connection, institution: int, day: date, number: int, most: int) -> bool:
    """Count persons that an institution is told of without having registered them; False beyond `most` a day."""
    return await c.fetchval(QUALITY.tell_stranger, institution, day, number, most) is not None
