"""Suspending a code: one person proposes, another approves, with a reason, a legal basis and an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from yima import directory
from yima.healthcode.card import Source
from yima.healthcode.life import LIFE, Act, advance, current
from yima.healthcode.lifecycle import next_state
from yima.healthcode.tables import Term
from yima.runtime import ids, words
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

LEGAL_BASES: Final = {
    term.code: term
    for term in (
        Term("holder-request", "At the holder's own request", "持卡人本人申请"),
        Term("identity-misuse", "Somebody else uses this identity", "身份被他人冒用"),
        Term("identity-doubt", "The identity is being verified anew", "身份信息正在重新核实"),
        Term(
            "fraud-inquiry", "Inquiry into fraud with this card, by a competent authority", "主管部门依法调查涉卡欺诈"
        ),
        Term("court-order", "Order of a court", "法院裁定"),
    )
}
"""The closed list of legal bases. Health, movements, debts and opinions are not among them, and must not become so."""
_SHOWN_AFTER_END: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Suspension:
    """A suspension from its proposal on. It stands between `approved` and the earlier of `ended` and `ends`."""

    person: PersonId
    suspension: str
    card_id: bytes
    proposed: datetime
    proposer: str
    reason: str
    legal_basis: str
    ends: datetime
    approver: str | None
    approved: datetime | None
    ended: datetime | None
    ended_by: str | None
    number: str
    """Of the card, 16 digits."""

    def stands(self, now: datetime) -> bool:
        """Whether it keeps the card from use at that moment."""
        return self.approved is not None and self.ended is None and self.ends > now


async def propose(c: Connection, person: PersonId, act: Act, *, ends: datetime, longest: timedelta) -> str:
    """Propose to suspend the person's card; its id. Nothing changes until somebody else approves.

    Refusals: `field-invalid` for a legal basis that is not on the list, a reason shorter than eight characters, an end
    that is past or later than `longest` from now; `card-state` and the like when the card cannot be suspended.
    """
    if act.legal_basis not in LEGAL_BASES:
        raise Refusal("field-invalid", field="legal_basis", expected=", ".join(LEGAL_BASES))
    reason = words.checked(act.reason)
    if not act.at < ends <= act.at + longest:
        raise Refusal("field-invalid", field="ends", expected=f"within {longest.days} days")
    card = await current(c, person, act.at)
    next_state(card.status, "suspend")
    made = ids.new_resource_id(person)
    await c.execute(
        LIFE.propose, person, made, card.card_id, act.at, act.actor, reason, act.legal_basis, ends
    )  # fmt: skip
    return made


async def approve(c: Connection, suspension: str, act: Act) -> Suspension:
    """Approve what somebody else proposed: from the commit on the card's codes are refused, until the end. The reason
    of the act, or else of the proposal, stands in the card's history.

    Refusals: `not-found`, `second-person-needed` and `human-unknown` (`directory.check_two_people`), those of the life
    cycle.
    """
    found = await suspension_by_id(c, suspension)
    if found.approver or found.ended or found.ends <= act.at:
        raise Refusal("not-found", field="suspension")
    await directory.check_two_people(c, found.proposer, act.actor)
    full = Act(
        actor=act.actor,
        at=act.at,
        reason=act.reason or found.reason,
        legal_basis=found.legal_basis,
        suspension=found.suspension,
    )
    await advance(c, found.person, "suspend", full)
    return await suspension_by_id(c, suspension)


async def end_suspension(c: Connection, suspension: str, act: Act) -> Suspension:
    """End a running suspension before its time, or withdraw a proposal. Refusals: `not-found`, `card-state`."""
    found = await suspension_by_id(c, suspension)
    if found.ended:
        raise Refusal("not-found", field="suspension")
    if found.approved:
        await advance(c, found.person, "end-suspension", act)
    elif not await c.fetchval(LIFE.withdraw_suspension, found.person, found.suspension, act.at, act.actor):
        raise Refusal("not-found", field="suspension")
    return found


async def end_due(db: Database, now: datetime) -> int:
    """Write down the end of every suspension whose time is over; how many. Scans do not wait for it: they know."""
    ended = 0
    while rows := await db.fetch(LIFE.due, now):
        for row in rows:
            async with db.transaction() as c:
                await current(c, row["person_id"], now)
            ended += 1
    return ended


async def suspension_by_id(source: Source, suspension: str) -> Suspension:
    """One suspension; Refusal `not-found`."""
    person = ids.home_of(suspension)
    row = await source.fetchrow(LIFE.suspension, person, suspension) if person else None
    if row is None:
        raise Refusal("not-found", field="suspension")
    return _suspension(row)


async def suspensions(source: Source, now: datetime) -> list[Suspension]:
    """What waits for approval, what runs, and what ended in the last thirty days, newest proposal first."""
    return [_suspension(row) for row in await source.fetch(LIFE.suspensions, now, now - _SHOWN_AFTER_END)]


async def suspensions_of(source: Source, person: PersonId) -> list[Suspension]:
    """Every suspension that stood or stands for this person, newest first. Proposals nobody approved are not shown."""
    return [_suspension(row) for row in await source.fetch(LIFE.suspensions_of, person)]


async def suspended_counts(source: Source, now: datetime, *, at_least: int) -> Mapping[str, int | None]:
    """Suspended cards by legal basis, for everybody to read: None where there are some, but fewer than `at_least`."""
    found = {row["legal_basis"]: row["cards"] for row in await source.fetch(LIFE.counts, now)}
    return {code: _shown(found.get(code, 0), at_least) for code in LEGAL_BASES}


def _shown(count: int, at_least: int) -> int | None:
    return count if count == 0 or count >= at_least else None


def _suspension(row: Any) -> Suspension:
    return Suspension(*row.values())
