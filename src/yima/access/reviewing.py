"""The stewards' desk: doubtful pairs, two persons side by side, decisions, and the second steward where it is risky.

Opening a pair or a person writes a line on the logs of those who are looked at; a number is shown in the clear only by
`reveal`, with a reason. Lists show names: they are what a steward orders the work by, and are not logged one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from yima import directory, healthcode, mpi
from yima.access.cards import actor_of, card_act
from yima.access.context import Context
from yima.access.rights import check_right
from yima.access.stewarding import freeze_now, merge_now, move_number_now, proposal_word, tell
from yima.access.words import opened, opened_one, pen_of
from yima.directory import Caller
from yima.runtime import words
from yima.runtime.civil import civil_day
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

SHORTEST_REASON: Final = 4
"""Characters of a reason, where one is required."""
_LATER: Final = timedelta(hours=20)
_DECIDED: Final = timedelta(days=14)
"""How long decided proposals stay on the page."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two persons, as a steward sees them. Numbers and phone are masked."""

    identity: mpi.Identity
    number: str
    phone: str
    patients: tuple[tuple[str, int], ...]
    """Patient id and institution, oldest first."""
    card: str
    """State of the card; empty without one."""
    root: PersonId
    """As whom the person is read; itself unless merged."""
    merged: tuple[PersonId, ...]
    """Who is read as this person, besides itself."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two persons side by side, the evidence in words, and what a merge would need."""

    one: Side
    other: Side
    case: mpi.Case | None
    levels: Mapping[str, str]
    """Level of each comparison; empty where there is nothing to compare."""
    weights: tuple[float, ...]
    bits: float
    probability: float
    zh: tuple[str, ...]
    en: tuple[str, ...]
    found: tuple[str, ...]
    """Vetoes and hindrances: keys of `mpi.WHY`."""
    second: tuple[str, ...]
    """Why a merge needs a second steward: keys of `mpi.SECOND`; empty when one is enough."""
    events: tuple[mpi.Event, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits."""

    cases: tuple[mpi.Case, ...]
    names: Mapping[PersonId, mpi.Identity]
    waiting: tuple[mpi.Waiting, ...]
    proposals: int
    """Merges that wait for a second steward."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a merge: its event, or the proposal that waits for a second steward."""

    event: int | None
    proposal: int | None


class Reviews:
    """The door's part for stewards' pages; `Access.reviews`. All refuse with `right-needed` without the right."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def queue(self, caller: Caller, wanted: mpi.Wanted, now: datetime) -> Queue:
        """Doubtful pairs in the order of their risk, with names; counts of everything that waits."""
        check_right(caller, "merge")
        db = self._cx.database
        cases = await mpi.queue(db, self._cx.vault, wanted, now)
        names = await mpi.identities(db, self._cx.vault, {p for case in cases for p in (case.person, case.candidate)})
        waiting = await mpi.waiting(db, self._cx.vault, now)
        open_ones = [one for one in await mpi.proposals(db, self._cx.vault, now) if one.accepted is None]
        return Queue(tuple(cases), names, tuple(waiting), len(open_ones))

    async def case(self, caller: Caller, review_id: int, now: datetime) -> Pair:
        """A doubtful pair opened; on both logs. Refusal `not-found`."""
        check_right(caller, "merge")
        case = await mpi.case(self._cx.database, review_id)
        return await self._pair(caller, case.person, case.candidate, case, now)

    async def pair(self, caller: Caller, one: PersonId, other: PersonId, now: datetime) -> Pair:
        """Any two persons opened; on both logs. Refusal `not-found`."""
        check_right(caller, "merge")
        known = await mpi.case_of(self._cx.database, one, other)
        case = await mpi.case(self._cx.database, known) if known is not None else None
        return await self._pair(caller, one, other, case, now)

    async def person(self, caller: Caller, person: PersonId, now: datetime) -> tuple[Side, tuple[mpi.Event, ...]]:
        """One person opened, with what stewards did to them; on the log. Refusal `not-found`."""
        check_right(caller, "merge")
        side = await self._side(person)
        async with self._cx.database.transaction() as c:
            await tell(c, caller, [person], {"event": "look"}, now)
        events = await mpi.events_of(self._cx.database, person)
        return side, tuple(await opened(self._cx.database, self._cx.vault, events))

    async def merge(self, caller: Caller, person: PersonId, survivor: PersonId, *, reason: str, now: datetime) -> Done:
        """`person` is `survivor`: done at once, or, where that is risky, put before a second steward.

        Refusals: `field-invalid` for a risky merge without a reason, and those of `Stewards.merge`.
        """
        check_right(caller, "merge")
        async with self._cx.database.transaction() as c:
            await mpi.hold(c, person, survivor)
            why = await mpi.why_second(c, self._cx.vault, person, survivor)
            if not why:
                return Done(await merge_now(c, self._cx.vault, caller, person, survivor, reason, now), None)
            _reasoned(reason)
            word = await proposal_word(c, self._cx.vault, caller, person, reason, now)
            number = await mpi.propose(c, person, survivor, why, word)
            await tell(c, caller, (person, survivor), {"event": "propose-merge", "number": number}, now)
        return Done(None, number)

    async def move_number(
        self, caller: Caller, system: str, value: str, to: PersonId, *, reason: str, now: datetime
    ) -> int:
        """A number was first sent for the wrong person and is `to`'s: put before a second steward; the proposal.

        Refusals: `field-invalid` without a reason or where both are read as one, `not-found`.
        """
        check_right(caller, "merge")
        _reasoned(reason)
        await self._known(to)
        number = mpi.Identifier.of(system, value)
        async with self._cx.database.transaction() as c:
            holder = await mpi.holder(c, self._cx.vault, number)
            word = await proposal_word(c, self._cx.vault, caller, holder, reason, now)
            made = await mpi.propose_number(c, self._cx.vault, holder, to, number, ["number"], word)
            await tell(c, caller, (holder, to), {"event": "propose-number", "number": made}, now)
        return made

    async def put_off(self, caller: Caller, review_id: int, now: datetime) -> None:
        """Not today: the pair comes back tomorrow. Refusal `not-found`."""
        check_right(caller, "merge")
        async with self._cx.database.transaction() as c:
            await mpi.put_off(c, review_id, now + _LATER)

    # --- the second steward ------------------------------------------------------------------------------------------

    async def proposals(self, caller: Caller, now: datetime) -> tuple[list[mpi.Proposal], Mapping[PersonId, Any]]:
        """What waits for a second steward, then what was decided lately; with names. Numbers are masked."""
        check_right(caller, "merge")
        db, vault = self._cx.database, self._cx.vault
        found = await opened(db, vault, await mpi.proposals(db, vault, now - _DECIDED))
        names = await mpi.identities(db, vault, {p for one in found for p in (one.person, one.survivor)})
        return [one.masked() for one in found], names

    async def confirm(self, caller: Caller, number: int, *, reason: str, now: datetime) -> int:
        """A second steward agrees: the two are merged, or the number goes over; the number of the act.

        Refusals: `step-up-needed`, `second-person-needed`, `human-unknown`, `not-found`, those of a merge.
        """
        check_right(caller, "merge")
        caller.check_fresh(now)
        async with self._cx.database.transaction() as c:
            proposal = await opened_one(c, self._cx.vault, await mpi.proposal(c, self._cx.vault, number))
            if proposal.accepted is not None:
                raise Refusal("not-found", field="proposal")
            await directory.check_two_people(c, proposal.proposer, actor_of(caller))
            both = f"{proposal.reason} · {proposal.proposer} · {reason}".rstrip(" ·")
            pair, document = (proposal.person, proposal.survivor), proposal.document
            event = (
                await move_number_now(c, self._cx.vault, caller, document, pair, both, now)
                if document
                else await merge_now(c, self._cx.vault, caller, *pair, both, now)
            )
            await mpi.decide_proposal(c, number, mpi.Word(actor_of(caller), now, ""), event=event)
        return event

    async def decline(self, caller: Caller, number: int, *, reason: str, now: datetime) -> None:
        """A second steward disagrees, or the first withdraws; the question stays open. Refusal `not-found`."""
        check_right(caller, "merge")
        async with self._cx.database.transaction() as c:
            proposal = await mpi.proposal(c, self._cx.vault, number)
            await mpi.decide_proposal(c, number, mpi.Word(actor_of(caller), now, ""), event=None)
            persons = (proposal.person, proposal.survivor)
            pen = await pen_of(c, self._cx.vault, proposal.person)
            what = "decline-number" if proposal.document else "decline-merge"
            detail = {"event": what, "number": number, "reason": words.kept(reason)}
            await tell(c, caller, persons, detail, now, pen)

    # --- what was done -----------------------------------------------------------------------------------------------

    async def history(
        self, caller: Caller, *, before: int, actor: str = "", limit: int = 50
    ) -> tuple[list[mpi.Event], frozenset[int], Mapping[PersonId, mpi.Identity]]:
        """What stewards did, newest first, which of it was undone, and names."""
        check_right(caller, "merge")
        events, undone = await mpi.latest_events(self._cx.database, before=before, actor=actor, limit=limit)
        events = await opened(self._cx.database, self._cx.vault, events)
        persons = {p for event in events for p in (event.person, event.other) if p}
        return events, undone, await mpi.identities(self._cx.database, self._cx.vault, persons)

    async def figures(self, caller: Caller, now: datetime) -> tuple[list[mpi.Quality], list[mpi.QueueDay]]:
        """Quality by institution as last counted, and 90 days of the queue. No person is in it."""
        check_right(caller, "merge")
        db = self._cx.database
        return await mpi.quality(db), await mpi.queue_days(db, civil_day(now - timedelta(days=90)))

    # --- one person's number, death, stolen identity -----------------------------------------------------------------

    async def reveal(self, caller: Caller, person: PersonId, *, reason: str, now: datetime) -> list[mpi.Identifier]:
        """The person's document numbers in the clear; the reason stands on the person's log first.

        Refusals: `field-invalid` without a reason, `not-found`.
        """
        check_right(caller, "merge")
        _reasoned(reason)
        await self._known(person)
        async with self._cx.database.transaction() as c:
            pen = await pen_of(c, self._cx.vault, person)
            await tell(c, caller, [person], {"event": "reveal", "reason": words.kept(reason)}, now, pen)
        return await mpi.documents_of(self._cx.database, self._cx.vault, person)

    async def report_death(self, caller: Caller, person: PersonId, *, reason: str, now: datetime) -> None:
        """Somebody died: the card and every credential of it end. Refusals: `field-invalid`, `not-found`."""
        check_right(caller, "merge")
        _reasoned(reason)
        await self._card_event(caller, person, "report-death", reason, now)

    async def undo_death(self, caller: Caller, person: PersonId, *, reason: str, now: datetime) -> None:
        """The death was reported by mistake: the card is as it was. Refusals: `field-invalid`, `not-found`."""
        check_right(caller, "merge")
        _reasoned(reason)
        await self._card_event(caller, person, "undo-death", reason, now)

    async def report_theft(
        self, caller: Caller, person: PersonId, *, reason: str, now: datetime, number: mpi.Identifier | None = None
    ) -> None:
        """Somebody else uses this identity: every code of it is refused from the commit on, until the person gets a
        new card at a counter; and `number` names nobody (it may be so already). `Stewards.split` takes Patients off."""
        check_right(caller, "merge")
        _reasoned(reason)
        await self._card_event(caller, person, "report-lost", reason, now, number)

    async def exists(self, caller: Caller, person: PersonId) -> bool:
        """Whether there is such a person."""
        check_right(caller, "merge")
        return await mpi.identity(self._cx.database, self._cx.vault, person) is not None

    async def holder(self, caller: Caller, system: str, value: str, now: datetime) -> PersonId | None:
        """Who holds a document, for a steward with a report in hand; on the holder's log."""
        check_right(caller, "merge")
        person = await mpi.person_of_document(self._cx.database, self._cx.vault, system, value)
        if person is not None:
            async with self._cx.database.transaction() as c:
                await tell(c, caller, [person], {"event": "find"}, now)
        return person

    async def _card_event(
        self, caller: Caller, person: PersonId, event: healthcode.Event, reason: str, now: datetime,
        number: mpi.Identifier | None = None,
    ) -> None:  # fmt: skip
        await self._known(person)
        async with self._cx.database.transaction() as c:
            act = card_act(await pen_of(c, self._cx.vault, person), caller, reason, now)
            await healthcode.advance(c, person, event, act)
            if event == "report-death":
                await mpi.report_death(c, person, now)
            elif event == "undo-death":
                await mpi.not_deceased(c, person, now)
            if number:
                with suppress(Refusal):  # in dispute already
                    await freeze_now(c, self._cx.vault, caller, number, reason, now)
            await tell(c, caller, [person], {"event": event}, now)

    async def _known(self, person: PersonId) -> mpi.Identity:
        found = await mpi.identity(self._cx.database, self._cx.vault, person)
        if found is None:
            raise Refusal("not-found", field="person")
        return found

    async def _pair(self, caller: Caller, one: PersonId, other: PersonId, case: mpi.Case | None, now: datetime) -> Pair:
        db, model = self._cx.database, mpi.model_named()
        if one == other:
            raise Refusal("not-found", field="person")
        sides = [await self._side(person) for person in (one, other)]
        found = (
            await mpi.compared(db, self._cx.vault, sides[0].root, sides[1].root)
            if sides[0].root != sides[1].root
            else None
        )
        lines = [tuple(mpi.explained(found.score, model, lang)) if found else () for lang in ("zh", "en")]
        async with db.transaction() as c:
            await tell(c, caller, (one, other), {"event": "compare"}, now)
        return Pair(
            sides[0],
            sides[1],
            case,
            found.score.levels._asdict() if found else {},
            found.score.weights if found else (),
            found.score.bits if found else 0.0,
            found.score.probability if found else 0.0,
            lines[0],
            lines[1],
            (*found.vetoes, *found.hindrances) if found else (),
            await mpi.why_second(db, self._cx.vault, one, other),
            await self._events_between(one, other),
        )

    async def _events_between(self, one: PersonId, other: PersonId) -> tuple[mpi.Event, ...]:
        events = {e.number: e for p in (one, other) for e in await mpi.events_of(self._cx.database, p)}
        newest = [events[number] for number in sorted(events, reverse=True)]
        return tuple(await opened(self._cx.database, self._cx.vault, newest))

    async def _side(self, person: PersonId) -> Side:
        cx, identity = self._cx, await self._known(person)
        phone = await mpi.phone_of(cx.database, cx.vault, person)
        return Side(
            identity,
            await mpi.masked_number(cx.database, cx.vault, person),
            f"{'*' * (len(phone) - 4)}{phone[-4:]}" if phone else "",
            tuple(await mpi.patients_of(cx.database, person)),
            await self._card(person),
            await mpi.root_of(cx.database, person),
            tuple(p for p in await mpi.members(cx.database, person) if p != person),
        )

    async def _card(self, person: PersonId) -> str:
        try:
            return (await healthcode.card_of(self._cx.database, person)).status
        except Refusal:
            return ""


def _reasoned(reason: str) -> None:
    if len(words.kept(reason)) < SHORTEST_REASON:
        raise Refusal("field-invalid", field="reason", expected=f"a reason of at least {SHORTEST_REASON} characters")
