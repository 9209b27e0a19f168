"""Keeping and reading mandates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from yima.consent.mandate import EVIDENCE, OF_AGE, PRIVATE_FROM, SCOPES, Kind, Mandate, Scope, age_reached
from yima.consent.store import SQL
from yima.runtime import ids
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

LONGEST: Final = timedelta(days=5 * 366)
"""A mandate is given for five years at most; it can be given again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """A mandate about to be recorded."""

    person: PersonId
    born: str
    """Birth date of the person acted for."""
    agent: PersonId
    agent_born: str
    kind: Kind
    scopes: Collection[str]
    ends: datetime | None
    """None for a guardian: until the child is 18."""
    evidence: str
    recorded_by: str


async def give(c: Connection, giving: Giving, now: datetime) -> str:
    """Record a mandate; its id, which carries the person it is for.

    Refusal `field-invalid` naming what is wrong: scopes, evidence, an end that is past or more than five years away, a
    guardian for somebody of age, a mandate that a child under 14 would give, an agent under 18, oneself.
    """
    of_age, agent_of_age = age_reached(giving.born, OF_AGE), age_reached(giving.agent_born, OF_AGE)
    private = age_reached(giving.born, PRIVATE_FROM)
    guardian = giving.kind == "guardian"
    if not giving.scopes or not set(giving.scopes) <= set(SCOPES):
        raise Refusal("field-invalid", field="scopes", expected=", ".join(SCOPES))
    if giving.evidence not in EVIDENCE:
        raise Refusal("field-invalid", field="evidence", expected=", ".join(EVIDENCE))
    if giving.agent == giving.person or agent_of_age is None or agent_of_age > now:
        raise Refusal("field-invalid", field="agent", expected="another person of at least 18 years")
    if guardian and (of_age is None or of_age <= now):
        raise Refusal("field-invalid", field="kind", expected="a child under 18 whose birth date is known")
    if not guardian and private is not None and private > now:
        # Who holds the phone of a small child could else go on under a mandate of the child's after guardianship ended.
        raise Refusal("field-invalid", field="kind", expected="a guardian: the person is under 14")
    ends = None if guardian else giving.ends
    if not guardian and (ends is None or not now < ends <= now + LONGEST):
        raise Refusal("field-invalid", field="ends", expected="a day within five years")
    made = ids.new_resource_id(giving.person)
    await c.execute(
        SQL.put_mandate, giving.person, made, giving.agent, giving.kind, sorted(giving.scopes), now, ends,
        giving.evidence, giving.recorded_by,
    )  # fmt: skip
    await c.execute(SQL.put_acting, giving.agent, made, giving.person)
    return made


async def end_mandate(c: Connection, mandate: str, by: str, now: datetime) -> PersonId | None:
    """End a mandate at once; who acted under it, or None when it had ended before."""
    return cast(PersonId | None, await c.fetchval(SQL.end_mandate, ids.home_of(mandate), mandate, now, by))


async def mandates_for(source: Database | Connection, person: PersonId) -> list[Mandate]:
    """Every mandate to act for this person, ended ones too, newest first. `born` is left for who knows it."""
    return [mandate_of(row) for row in await source.fetch(SQL.mandates_for, person)]


async def mandates_of_agent(source: Database | Connection, agent: PersonId) -> list[Mandate]:
    """Every mandate under which this person may act for others, ended ones too, newest first."""
    return [mandate_of(row) for row in await source.fetch(SQL.mandates_of_agent, agent)]


def mandate_of(row: Any) -> Mandate:
    """A mandate from a row; `born` is left for who knows it."""
    return Mandate(
        mandate=row["mandate_id"], person=row["person_id"], agent=row["agent"], kind=row["kind"],
        scopes=cast(frozenset[Scope], frozenset(row["scopes"])), starts=row["starts"], ends=row["ends"],
        ended=row["ended"], evidence=row["evidence"],
    )  # fmt: skip
