"""Who may act for whom, and the two log lines that say so: one for each side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from yima import audit, consent, mpi
from yima.access.context import Context
from yima.directory import Caller
from yima.runtime import logs
from yima.runtime.database import Connection
from yima.runtime.ids import PersonId, person_text


async def born(cx: Context, mandates: Sequence[consent.Mandate]) -> list[consent.Mandate]:
    """The mandates with the birth dates the person index has now."""
    known = await mpi.identities(cx.database, cx.vault, {m.person for m in mandates}) if mandates else {}
    return [replace(m, born=known[m.person].birth_date) if m.person in known else m for m in mandates]


async def as_now(cx: Context, mandates: Sequence[consent.Mandate]) -> list[consent.Mandate]:
    """The mandates between those whom both sides are read as now: what was given to or by a person who was merged since
    is the survivor's."""
    wholes = await mpi.wholes_of(cx.database, {p for m in mandates for p in (m.person, m.agent)}) if mandates else {}
    return [replace(m, person=wholes[m.person].person, agent=wholes[m.agent].person) for m in mandates]


async def of_agent(cx: Context, agent: PersonId) -> list[consent.Mandate]:
    """Every mandate under which somebody may act for others, as it is now."""
    members = sorted((await cx.lookups.whole(agent)).members)
    given = [m for member in members for m in await consent.mandates_of_agent(cx.database, member)]
    return await born(cx, await as_now(cx, given))


async def acting(cx: Context, agent: PersonId, person: PersonId, what: consent.What, now: datetime) -> consent.Acting:
    """May this person do that for that one now?"""
    agent, person = (await cx.lookups.whole(agent)).person, (await cx.lookups.whole(person)).person
    if agent == person:
        return consent.may_act((), agent, person, what, now)
    return consent.may_act(await of_agent(cx, agent), agent, person, what, now, private_teens=cx.private_teens)


@dataclass(frozen=True, slots=True)
class Done:
    """What a resident did for somebody: an action of the log, on what ground, and the details."""

    action: str
    basis: str
    detail: Mapping[str, Any]


def lines(caller: Caller, person: PersonId, name: str, done: Done, now: datetime) -> list[audit.Event]:
    """On that person's log who it was, on the resident's own log for whom. `name` is the person's; both know it."""

    def line(whose: PersonId, detail: Mapping[str, Any]) -> audit.Event:
        return audit.Event(
            person=whose, recorded=now, action=done.action, outcome="ok", purpose="own-request", basis=done.basis,
            agent="resident", agent_id=caller.agent_id, agent_name=caller.name_zh, request_id=logs.request_id.get(),
            detail={**done.detail, **detail},
        )  # fmt: skip

    return [
        line(person, {"by": caller.agent_id}),
        line(caller.person, {"for": person_text(person), "for_name": name}),
    ]


async def tell_both(
    cx: Context, c: Connection | None, caller: Caller, person: PersonId, done: Done, now: datetime
) -> None:
    """Write both lines: in the transaction given, or durably by themselves."""
    identity = await cx.identities.submit(person)
    name = (identity.name or identity.latin_name) if identity else ""
    events = lines(caller, person, name, done, now)
    if c is not None:
        await audit.append(c, events)
        return
    for event in events:
        await cx.appender.append(event)
