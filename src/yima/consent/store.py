"""Keeping and reading standing decisions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima.consent.classes import CLASSES
from yima.consent.decide import DECIDABLE, ITEM, Standing
from yima.consent.wording import NEWEST
from yima.runtime import ids
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

SQL = Queries(__package__)
_STEWARD: Final = "steward/"
_RESOURCE: Final = re.compile(r"[A-Z][A-Za-z]{1,40}/[A-Za-z0-9\-.]{1,64}").fullmatch


async def standing_of(db: Database | Connection, persons: Sequence[PersonId], now: datetime) -> list[Standing]:
    """The standing decisions in force; nothing caches them, so they count from the next request on, on every worker."""
    rows = await db.fetch(SQL.standing, list(persons), now)
    return [_standing(row) for row in rows if not row["withdrawn"]]


async def standing_of_each(
    db: Database | Connection, asked: Sequence[tuple[PersonId, datetime]]
) -> list[list[Standing]]:
    """The standing decisions in force of each of these persons at each's moment, in one question."""
    found: list[list[Standing]] = [[] for _ in asked]
    for n, *said, withdrawn in await db.fetch(
        SQL.standing_of_each, [person for person, _ in asked], [at for _, at in asked]
    ):
        if not withdrawn:
            found[n - 1].append(Standing(*said))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A standing decision with its circumstances, as the resident and who asks for proof see it."""

    decision: str
    """Its id, which carries the person."""
    standing: Standing
    decided: datetime
    agent: str
    """`resident`, who wrote down what the person said at a counter (kind and id), or the act of a steward by which a
    restriction came along (`steward/` and its number)."""
    wording: str
    """Version of the text that was agreed to; empty for decisions older than the texts."""
    visit: str


async def decided(db: Database | Connection, persons: Sequence[PersonId], now: datetime) -> list[Said]:
    """Every decision that counts now or will, by what it is about; those taken back are left out."""
    return [
        Said(
            decision=row["standing_id"], standing=_standing(row), decided=row["decided"], agent=row["agent"],
            wording=row["wording"], visit=row["visit"],
        )
        for row in await db.fetch(SQL.decided, list(persons), now)
        if not row["withdrawn"]
    ]  # fmt: skip


async def is_refused(db: Database, persons: Sequence[PersonId], said: Sequence[Standing], now: datetime) -> bool:
    """Whether one of these persons' decisions on what `said` is about is a no that counts now, or will again when what
    was said after it has ended."""
    subjects = [(one.cls, one.institution, one.purpose, one.resource) for one in said]
    columns = [list(column) for column in zip(*subjects, strict=True)] or [[], [], [], []]
    return await db.fetchrow(SQL.is_refused, list(persons), now, *columns) is not None


async def said_by_id(db: Database, home: PersonId, decision: str) -> datetime | None:
    """When this decision was made; None when there is none of that id."""
    row = await db.fetchrow(SQL.said_by_id, home, decision)
    return row["decided"] if row else None


async def put(
    c: Connection, person: PersonId, said: Standing, *, agent: str, now: datetime, withdrawn: bool = False,
    visit: str = "",
) -> str:  # fmt: skip
    """Keep a decision, or (`withdrawn`) take back what was decided about the same; the id of what was kept.

    Refusal `field-invalid` naming what is wrong: a class or purpose that does not exist, an item that is none, a period
    that is over or upside down.
    """
    _check(said, now)
    made = ids.new_resource_id(person)
    await c.execute(
        SQL.put, person, made, said.cls, said.institution, said.permit, now, said.ends, agent, said.purpose,
        said.starts, said.resource, withdrawn, NEWEST, visit,
    )  # fmt: skip
    return made


async def hand_on(c: Connection, persons: Sequence[PersonId], to: PersonId, act: int, now: datetime) -> int:
    """What these persons refuse is refused for `to` as well, by the steward's act that gives `to` a Patient of theirs;
    how many refusals. Nobody gains access by it: what they permit does not come along, and what `to` has said on a
    subject counts there. Refusals that came along themselves stay where they are."""
    own = {_subject(one.standing) for one in await decided(c, [to], now)}
    coming = {
        _subject(one.standing): one.standing
        for one in await decided(c, persons, now)
        if not one.standing.permit and not one.agent.startswith(_STEWARD)
    }
    fresh = [standing for subject, standing in coming.items() if subject not in own]
    for standing in fresh:
        await put(c, to, standing, agent=f"{_STEWARD}{act}", now=now)
    return len(fresh)


async def take_back(c: Connection, person: PersonId, act: int, now: datetime) -> None:
    """Undo `hand_on`: as if nothing had been said, but where the person has said something on the subject since."""
    for one in await decided(c, [person], now):
        if one.agent == f"{_STEWARD}{act}":
            await put(c, person, one.standing, agent=one.agent, now=now, withdrawn=True)


def _subject(said: Standing) -> tuple[Any, ...]:
    return said.cls, said.institution, said.purpose, said.resource, said.starts


def _check(said: Standing, now: datetime) -> None:
    if said.cls not in ("all", ITEM, *CLASSES):
        raise Refusal("field-invalid", field="class", expected=f"all, {ITEM}, {', '.join(CLASSES)}")
    if (said.cls == ITEM) != bool(said.resource) or (said.resource and not _RESOURCE(said.resource)):
        raise Refusal("field-invalid", field="resource", expected="Type/id of one resource, with the class item")
    if said.purpose and said.purpose not in DECIDABLE:
        raise Refusal("field-invalid", field="purpose", expected=", ".join(DECIDABLE))
    if said.ends is not None and said.ends <= max(now, said.starts or now):
        raise Refusal("field-invalid", field="ends", expected="a time to come, after the beginning")


def _standing(row: Any) -> Standing:
    return Standing(
        row["class"], row["institution_id"], row["permit"], row["ends"], row["starts"], row["purpose"], row["resource"]
    )
