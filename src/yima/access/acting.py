"""Who may act for whom, and the two log lines that say so: one for each side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from yima import audit, consent, healthcode, mpi
from yima.access.context import Context
from yima.directory import Caller
from yima.runtime import logs
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, person_text
from yima.runtime.keys import Vault

_MOMENT: Final = timedelta(minutes=1)
"""Longer than any request lasts."""


async def as_now(
    source: Database | Connection, vault: Vault, mandates: Sequence[consent.Mandate], now: datetime
) -> list[consent.Mandate]:
    """The mandates between those whom both sides are read as now: what was given to or by a person who was merged since
    is the survivor's. With the birth dates the person index has now, and whether a death or an order voids them."""
    if not mandates:
        return []
    wholes = await mpi.wholes_of(source, {one for m in mandates for one in (m.person, m.agent)})
    known = await mpi.identities(source, vault, {whole.person for whole in wholes.values()})
    persons, agents = [
        {one for side in sides for one in wholes[side].members}
        for sides in ({m.person for m in mandates}, {m.agent for m in mandates})
    ]
    apart = await consent.kept_apart(source, persons, agents, now)

    def one(m: consent.Mandate) -> consent.Mandate:
        person, agent = wholes[m.person], wholes[m.agent]
        void: consent.Void = ""
        if any(a in person.members and b in agent.members for a, b in apart):
            void = "kept-apart"
        elif person.person in known and known[person.person].deceased:
            void = "person-deceased"
        elif agent.person in known and known[agent.person].deceased:
            void = "agent-deceased"
        born = known[person.person].birth_date if person.person in known else m.born
        return replace(m, person=person.person, agent=agent.person, born=born, void=void)

    return [one(m) for m in mandates]


async def of_agent(cx: Context, agent: PersonId, now: datetime) -> list[consent.Mandate]:
    """Every mandate under which somebody may act for others, as it is now."""
    members = sorted((await cx.lookups.whole(agent)).members)
    given = [m for member in members for m in await consent.mandates_of_agent(cx.database, member)]
    return await as_now(cx.database, cx.vault, given, now)


async def for_person(
    source: Database | Connection, vault: Vault, person: PersonId, now: datetime
) -> list[consent.Mandate]:
    """Every mandate under which others may act for somebody, as it is now."""
    members = sorted((await mpi.whole_of(source, person)).members)
    given = [m for one in members for m in await consent.mandates_for(source, one)]
    return await as_now(source, vault, given, now)


async def showers(cx: Context, person: PersonId, now: datetime) -> list[consent.Mandate]:
    """Those under which others can show this person's code now: where there are any, a code from a phone proves that
    somebody can show it, not that the person is there. What ended this moment counts: either side can end a mandate
    while somebody asks by the visit that it opened."""
    since = now - _MOMENT

    def just_now(end: datetime | None) -> datetime | None:
        return None if end is not None and since < end else end

    known = [
        replace(m, ended=just_now(m.ended), ends=just_now(m.ends))
        for m in await for_person(cx.database, cx.vault, person, now)
    ]
    return [m for m in known if m.agent != m.person and _may(cx, m, "show-code", now)]


async def check_shower(source: Database | Connection, vault: Vault, visit: healthcode.Visit, now: datetime) -> None:
    """Refusal `visit-expired` for a visit that is over with the mandate under which its code was shown."""
    if not await still_shown(source, vault, visit, now):
        raise Refusal("visit-expired")


async def still_shown(source: Database | Connection, vault: Vault, visit: healthcode.Visit, now: datetime) -> bool:
    """Whether the phone that opened this visit may still show the code: the holder's own may. Another's may not once
    the mandate has ended, in whichever way, or who has the phone was stopped. Asked at each request of such a visit, so
    that an end that nobody writes down, and one in the moment of the scan, count too."""
    if visit.bearer is None:
        return True
    given = [
        replace(m, void="") if m.void in _CARED_FOR else m
        for m in await for_person(source, vault, visit.person, now)
        if healthcode.bearer_of(m.mandate).number == visit.bearer
    ]
    may = [m for m in given if consent.may_act([m], m.agent, m.person, "show-code", now).permit]
    return any([not await stopped(source, m.agent, now) for m in may])


_CARED_FOR: Final = ("person-deceased", "agent-deceased")
"""A death ends no visit (`healthcode.ENDS_VISITS`)."""
_STOPPED: Final = ("suspended", "lost")


async def stopped(source: Database | Connection, agent: PersonId, now: datetime) -> str:
    """Why who shows codes of others may not just now, by the state of their own card; "" when they may. Who has no
    card, or gave it up, may."""
    try:
        card = await healthcode.card_of(source, await mpi.root_of(source, agent))
    except Refusal:
        return ""
    state = card.standing(now)
    return state if state in _STOPPED else ""


async def decided_by_shower(cx: Context, person: PersonId, now: datetime) -> bool:
    """Whether everybody who may show this person's code may decide for the person as well."""
    return all(_may(cx, m, "decide", now) for m in await showers(cx, person, now))


def _may(cx: Context, m: consent.Mandate, what: consent.What, now: datetime) -> bool:
    return consent.may_act([m], m.agent, m.person, what, now, private_teens=cx.private_teens).permit


async def acting(cx: Context, agent: PersonId, person: PersonId, what: consent.What, now: datetime) -> consent.Acting:
    """May this person do that for that one now?"""
    agent, person = (await cx.lookups.whole(agent)).person, (await cx.lookups.whole(person)).person
    if agent == person:
        return consent.may_act((), agent, person, what, now)
    return consent.may_act(await of_agent(cx, agent, now), agent, person, what, now, private_teens=cx.private_teens)


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
    # In a transaction by its own connection: who holds one and waits for a second can wait for ever.
    identity = await (mpi.identity(c, cx.vault, person) if c is not None else cx.identities.submit(person))
    name = (identity.name or identity.latin_name) if identity else ""
    events = lines(caller, person, name, done, now)
    if c is not None:
        await audit.append(c, events)
        return
    for event in events:
        await cx.appender.append(event)
