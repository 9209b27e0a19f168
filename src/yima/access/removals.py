"""An authority's order takes a guardian or a mandate away: two of the operator's people, both sides told; two undo it.

Until it is approved only the log's lines about nobody say that it was proposed: who is to be removed may be able to
read the log of whom they act for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from yima import audit, consent, healthcode, mpi
from yima.access.cards import Paper, actor_of, visits_told
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.giving import hold_person, take_sign_ins
from yima.access.rights import check_right
from yima.access.words import REASON, opened, opened_one, pen_of
from yima.authentication import Means
from yima.consent import Removal
from yima.directory import Caller
from yima.runtime import ids, words
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF, PersonId

_NAME: Final = 100
_NO_INSTITUTION: Final = 0


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody as an order names them, who need not have a card or be known here: a document, and the name on it."""

    paper: Paper
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    """What an authority ordered, as somebody of the operator types it. Each is named by the number of a card, or by a
    document."""

    person: str | Named
    agent: str | Named
    legal_basis: str
    reference: str
    """The order's own number, with the court's name."""
    reason: str
    bars_until: datetime | None
    """Until then no mandate between the two is recorded; None: it only ends those there are."""


@dataclass(frozen=True, slots=True)
class RemovalRow:
    """A removal as the operator's people see it: card numbers, of who has none a document's with its middle hidden; no
    names."""

    removal: Removal
    person_number: str
    agent_number: str


class Removals:
    """The door's part for taking mandates away; `Access.removals`. Callers: operators with the right `suspend`."""

    def __init__(self, cx: Context, means: Means) -> None:
        self._cx = cx
        self._means = means

    async def propose(self, caller: Caller, order: Order, now: datetime) -> str:
        """Propose it; its id. Nothing changes yet, and neither side is told. Who is named by a document that nobody
        here holds is noted in the person index if they are to be kept away: whoever registers them later meets the bar.

        Refusals: `right-needed`, `card-not-found`, `field-invalid`, `not-found` for a document and name that are not
        one person's, and when the one may not act for the other and nothing is to be barred.
        """
        check_right(caller, "suspend")
        cx, actor = self._cx, actor_of(caller)
        reference, reason = words.checked(order.reference, "reference"), words.checked(order.reason)
        async with cx.database.transaction() as c:
            named = ((order.person, "number"), (order.agent, "agent"))
            person, agent = [await self._meant(c, one, field, order, now) for one, field in named]
            if person.person == agent.person:
                raise Refusal("field-invalid", field="agent", expected="another person")
            pen = await pen_of(c, cx.vault, person.person)
            said = consent.Removing(
                person=person.person, agent=agent.person, legal_basis=order.legal_basis,
                reference=pen.seal("consent.removal.reference", (actor, now), reference),
                reason=pen.seal("consent.removal.reason", (actor, now), reason), bars_until=order.bars_until,
                proposer=actor,
            )  # fmt: skip
            made = await consent.propose_removal(c, said, now)
            found = await consent.between(c, person.members, agent.members)
            if order.bars_until is None and not any(one.ended is None for one in found):
                raise Refusal("not-found", field="agent")
            await _note(c, caller, "removal-proposed", made, now)
        return made

    async def _meant(self, c: Connection, said: str | Named, field: str, order: Order, now: datetime) -> mpi.Whole:
        """Who is named. Refusals as `propose`."""
        if isinstance(said, str):
            return await mpi.whole_of(c, (await healthcode.card_by_number(c, said)).person)
        system, value = said.paper.system, said.paper.value.strip()
        name = mpi.name_key(said.name)
        if mpi.human_of_number(system, value) is None or not name:
            raise Refusal(
                "field-invalid", field=field, expected="the number of a national document, and the name on it"
            )
        held = await mpi.person_of_document(c, self._cx.vault, system, value)
        known = await mpi.identity(c, self._cx.vault, held) if held is not None else None
        if known is not None and name in {mpi.name_key(known.name), mpi.name_key(known.latin_name)}:
            return await mpi.whole_of(c, known.person)
        if held is not None or order.bars_until is None:
            raise Refusal("not-found", field=field)
        return await self._noted(c, system, value, said.name.strip(), now)

    async def _noted(self, c: Connection, system: str, value: str, name: str, now: datetime) -> mpi.Whole:
        """Somebody nobody knew, in the index by a document: a person like any other, so that whoever registers them by
        it finds them, and stewards are asked about whom they may be."""
        number = mpi.Identifier.of(system, value)
        day = number.value[6:14] if system == mpi.RESIDENT_NUMBER else ""
        born = f"{day[:4]}-{day[4:6]}-{day[6:]}" if day else ""
        said = mpi.Registration(name=name[:_NAME], birth_date=born, identifiers=(number,))
        found = await mpi.resolve(c, self._cx.vault, said, mpi.Source(_NO_INSTITUTION), now=now)
        for other in sorted({*found.review} - {found.person}):
            await mpi.ask(c, found.person, other, _NO_INSTITUTION, "possible-duplicate", now)
        return await mpi.whole_of(c, found.person)

    async def approve(self, caller: Caller, removal: str, now: datetime) -> int:
        """Approve what somebody else proposed: from the commit on the one may no longer act for the other, codes on
        their phone are dead, visits these opened and the other's own sign-ins have ended, and both are told. How many
        mandates ended.

        Refusals: `right-needed`, `step-up-needed`, `not-found`, `second-person-needed`, `human-unknown`.
        """
        found = await self._to_decide(caller, removal, now)
        async with self._cx.database.transaction() as c:
            person, agent = await _held(c, found)
            await consent.decide_removal(c, found, "approve", actor_of(caller), now)
            ended = await consent.take_away(c, found, person.members, agent.members, now)
            visits = sum([await healthcode.end_bearer(c, person.members, one.mandate, now) for one in ended])
            until = found.bars_until.isoformat() if found.bars_until else ""
            detail = {"event": "removed", "legal_basis": found.legal_basis, "ended": len(ended), "bars_until": until}
            detail |= visits_told(visits)
            found = replace(found, person=person.person, agent=agent.person)
            signed_out = await self._sign_out(c, person, agent, now)
            detail |= {REASON: f"{found.reference} · {found.reason}"}
            await self._tell(c, caller, found, detail, now, signed_out)
        return len(ended)

    async def _sign_out(self, c: Connection, person: mpi.Whole, agent: mpi.Whole, now: datetime) -> dict[str, Any]:
        """End what may be in the hands of who was removed: every session, passkey and provider of the person, the apps
        let in there, and a number that is confirmed for both. What ended, for the person's line.

        A number of the person's own, or another's, stays confirmed: by it they come in again.
        """
        ended, apps = await take_sign_ins(self._cx, c, person.members, "order", now)
        subjects, others = [[ids.person_text(one) for one in sorted(side.members)] for side in (person, agent)]
        held = [await mpi.phone_of(c, self._cx.vault, one) for one in sorted(agent.members)]
        phones = [key for one in held if (key := mpi.phone_key(one))]
        parted = await self._means.codes.part(c, subjects, others, phones)
        return ({"sign_in_ended": True} if ended or parted else {}) | apps

    async def withdraw(self, caller: Caller, removal: str, now: datetime) -> None:
        """Withdraw a proposal. Refusals `right-needed`, `not-found`."""
        check_right(caller, "suspend")
        found = await consent.removal_by_id(self._cx.database, removal)
        async with self._cx.database.transaction() as c:
            await consent.decide_removal(c, found, "withdraw", actor_of(caller), now)
            await _note(c, caller, "removal-withdrawn", removal, now)

    async def propose_undo(self, caller: Caller, removal: str, reason: str, now: datetime) -> None:
        """Propose to undo one that stands. Refusals `right-needed`, `field-invalid`, `not-found`."""
        check_right(caller, "suspend")
        found, reason = await consent.removal_by_id(self._cx.database, removal), words.checked(reason)
        async with self._cx.database.transaction() as c:
            pen = await pen_of(c, self._cx.vault, found.person)
            sealed = pen.seal("consent.removal.undo_reason", (removal,), reason)
            await consent.decide_removal(c, found, "propose-undo", actor_of(caller), now, sealed)
            await _note(c, caller, "removal-undo-proposed", removal, now)

    async def undo(self, caller: Caller, removal: str, now: datetime) -> int:
        """Undo it, by somebody else than who proposed that: its bar ends, what it ended and would still run is given
        again, and both are told. How many mandates. Refusals as `approve`."""
        found = await self._to_decide(caller, removal, now)
        async with self._cx.database.transaction() as c:
            person, agent = await _held(c, found)
            await consent.decide_removal(c, found, "undo", actor_of(caller), now)
            barred = await consent.is_barred(c, person.members, agent.members, now)  # by another order
            given = [] if barred else await consent.give_back(c, found, person.members, now)
            found = replace(found, person=person.person, agent=agent.person)
            detail = {"event": "removal-undone", "given": len(given), REASON: found.undo_reason or ""}
            await self._tell(c, caller, found, detail, now)
        return len(given)

    async def _to_decide(self, caller: Caller, removal: str, now: datetime) -> Removal:
        """What the second person decides on, its words opened."""
        check_right(caller, "suspend")
        caller.check_fresh(now)
        db = self._cx.database
        return await opened_one(db, self._cx.vault, await consent.removal_by_id(db, removal))

    async def rows(self, caller: Caller, now: datetime) -> list[RemovalRow]:
        """What waits, what stands, what ended within a year. Refusal `right-needed`."""
        check_right(caller, "suspend")
        db = self._cx.database
        found = await opened(db, self._cx.vault, await consent.removals(db, now))
        numbers = {one: await self._number(one) for row in found for one in (row.person, row.agent)}
        return [RemovalRow(row, numbers[row.person], numbers[row.agent]) for row in found]

    async def _number(self, person: PersonId) -> str:
        try:
            return (await healthcode.card_of(self._cx.database, person)).shown_number
        except Refusal:  # who was only ever named by a document
            return await mpi.masked_number(self._cx.database, self._cx.vault, person)

    async def public_counts(self, now: datetime, at_least: int) -> Mapping[str, int | None]:
        """Removals by legal basis, for everybody; None stands for some, but fewer than `at_least`."""
        return await consent.removal_counts(self._cx.database, now, at_least=at_least)

    async def _tell(
        self, c: Connection, caller: Caller, found: Removal, detail: Mapping[str, Any], now: datetime,
        own: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """A line for each side, with who the other is; each one's words under their own key. `own`: what only the
        person is told."""
        names = await mpi.identities(c, self._cx.vault, [found.person, found.agent])
        asking, lines = Asking(caller=caller, now=now, purpose=""), []
        for side, one, other in (("person", found.person, found.agent), ("agent", found.agent, found.person)):
            said = {**detail, "side": side, "other": _name(names.get(other)), **(own or {} if side == "person" else {})}
            pen = await pen_of(c, self._cx.vault, one)
            lines.append(pen.line(event_of(asking, one, "mandate", "ok", "two-people", said)))
        await audit.append(c, lines)


async def _held(c: Connection, found: Removal) -> tuple[mpi.Whole, mpi.Whole]:
    """The two as they are read now; whoever gives something for the person waits until the transaction ends."""
    await hold_person(c, await mpi.root_of(c, found.person))
    person, agent = [await mpi.whole_of(c, one) for one in (found.person, found.agent)]
    return person, agent


def _name(identity: mpi.Identity | None) -> str:
    return (identity.name or identity.latin_name) if identity else ""


async def _note(c: Connection, caller: Caller, event: str, removal: str, now: datetime) -> None:
    """A line about nobody."""
    asking = Asking(caller=caller, now=now, purpose="")
    await audit.append(c, [event_of(asking, SHELF, "mandate", "ok", "proposal", {"event": event, "removal": removal})])
