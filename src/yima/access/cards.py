"""What people do with a card: report it lost, replace it, cancel it; and the operator's two who suspend one.

Each act is one transaction: the card's move, its line of history, and the line on the holder's log. Refused attempts of
staff and systems are on the log as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from yima import audit, directory, healthcode, mpi
from yima.access.acting import Done, acting, tell_both
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.rights import check_right
from yima.access.words import Pen, opened, opened_one, pen_of
from yima.directory import Caller
from yima.healthcode import Act, Card, Event, Suspension
from yima.runtime import words
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_HOLDER: Final[frozenset[Event]] = frozenset(
    {"apply", "activate", "restore", "report-lost", "report-found", "reissue", "cancel"}
)
_MAY: Final[dict[str, frozenset[Event]]] = {
    "resident": _HOLDER,
    "practitioner": _HOLDER | {"formalise", "report-death", "undo-death"},
    "app": frozenset({"apply", "activate", "restore", "report-lost", "cancel", "formalise", "report-death"}),
    "system": _HOLDER | {"report-death", "undo-death", "formalise", "merge", "unmerge"},
}
"""Which events whom: suspensions and bulk cards have functions of their own."""


@dataclass(frozen=True, slots=True)
class Paper:
    """The document in a clerk's hand: number space and number. Never kept, never logged."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A card as its holder sees it: state, the suspension that stands, what happened."""

    card: Card
    state: str
    suspension: Suspension | None
    history: tuple[healthcode.CardEvent, ...]


def actor_of(caller: Caller) -> str:
    """How history calls a caller: kind and id."""
    return f"{caller.kind}/{caller.agent_id}"


def card_act(pen: Pen, caller: Caller, reason: str, now: datetime) -> Act:
    """An act on a card as its history keeps it, the reason sealed."""
    actor = actor_of(caller)
    return Act(actor=actor, at=now, reason=pen.seal("healthcode.card_event.reason", (actor, now), words.kept(reason)))


async def operator_caller(cx: Context, subject: str) -> Caller:
    """Somebody of the operator as a caller. Refusal `sign-in-needed` for who is not on the register, or suspended."""
    found = await directory.operator(cx.database, subject)
    if found is None or found.status != "active":
        raise Refusal("sign-in-needed")
    return Caller(
        kind="operator", agent_id=found.code, name_zh=found.name_zh, name_en=found.name_en, rights=found.rights
    )


async def _visits_ended(c: Connection, person: PersonId, event: Event, now: datetime) -> dict[str, int]:
    """End the open visits that this event ends, and how many there were, for the line that tells of it."""
    return visits_told(await healthcode.end_visits(c, person, now) if event in healthcode.ENDS_VISITS else 0)


def visits_told(ended: int) -> dict[str, int]:
    """How many open visits ended with something, for the line that tells of it; nothing where none did."""
    return {"visits_ended": ended} if ended else {}


class Cards:
    """The door's part for cards; `Access.cards`."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    # --- one's own, somebody else's by mandate, at the counter, by command -------------------------------------------

    async def standing(self, caller: Caller, person: PersonId, now: datetime, paper: Paper | None = None) -> Standing:
        """The card and what happened to it. Refusals: `card-not-found`, and those of `change`."""
        await self._basis(caller, person, "report-lost", now, paper, looking=True)
        async with self._cx.database.transaction() as c:
            card = await healthcode.current(c, person, now)
            found = await healthcode.suspensions_of(c, person)
            lines = await healthcode.history(c, person)
        db, vault = self._cx.database, self._cx.vault
        running = await opened(db, vault, [s for s in found if s.stands(now)][:1])
        history = await opened(db, vault, lines)
        return Standing(card, card.standing(now), running[0] if running else None, tuple(history))

    async def change(
        self, caller: Caller, person: PersonId, event: Event, *, now: datetime, reason: str = "",
        paper: Paper | None = None,
    ) -> Card:  # fmt: skip
        """One event of the life cycle; the card after it.

        Residents for themselves or under a mandate that covers it, staff with the person's document in hand, an
        institution's system for whom it registered, the command line for anybody. Refusals: `right-needed`,
        `mandate-needed`, `not-found` (the document is not this person's), those of the life cycle.
        """
        basis = await self._basis(caller, person, event, now, paper)
        async with self._cx.database.transaction() as c:
            act = Act(actor=actor_of(caller), at=now)
            if reason.strip():
                act = card_act(await pen_of(c, self._cx.vault, person), caller, reason, now)
            before = await healthcode.card_of(c, person) if event != "apply" else None
            ended = await _visits_ended(c, person, event, now)
            if event == "apply":
                card = await self._apply(c, person, act)
            elif event == "reissue":
                card = await healthcode.reissue(c, self._cx.keys, person, act)
            else:
                card = await healthcode.advance(c, person, event, act)
            if event == "report-death":  # in the index too: who asks there must not find somebody alive
                await mpi.report_death(c, person, now)
            elif event == "undo-death":
                await mpi.not_deceased(c, person, now)
            detail = {"event": event, "was": before.status if before else "", "became": card.status} | ended
            await self._log(c, caller, person, basis, detail, now)
        return card

    async def _apply(self, c: Any, person: PersonId, act: Act) -> Card:
        """Asking for a card: who never had one gets one to be activated, a cancelled one is restored."""
        opened = await healthcode.open_cards(c, self._cx.keys, [person], "apply", act, profile=self._cx.profile)
        card = await healthcode.current(c, person, act.at)
        if not opened and card.status == "cancelled":
            return await healthcode.advance(c, person, "restore", act)
        return await healthcode.advance(c, person, "apply", act)

    async def apply(self, caller: Caller, person: PersonId, now: datetime, paper: Paper | None = None) -> Card:
        """Ask for a card: the one there is, the cancelled one restored, or a new one to be activated."""
        return await self.change(caller, person, "apply", now=now, paper=paper)

    async def report_lost(self, caller: Caller, person: PersonId, now: datetime, paper: Paper | None = None) -> Card:
        """The card or the phone is lost: every code of it is refused from the commit on."""
        return await self.change(caller, person, "report-lost", now=now, paper=paper)

    async def reissue(self, caller: Caller, person: PersonId, now: datetime, paper: Paper | None = None) -> Card:
        """A new card in place of the old one, with a new number; the old print is dead at once."""
        return await self.change(caller, person, "reissue", now=now, paper=paper)

    async def cancel(self, caller: Caller, person: PersonId, now: datetime, paper: Paper | None = None) -> Card:
        """End the card, until the person asks for it again."""
        return await self.change(caller, person, "cancel", now=now, paper=paper)

    async def pre_issue(self, caller: Caller, persons: Sequence[PersonId], now: datetime) -> int:
        """Cards made before anybody came, for the command line; how many of these persons had none."""
        check_right(caller, "bulk")
        act = Act(actor=actor_of(caller), at=now)
        known = await mpi.identities(self._cx.database, self._cx.vault, persons)
        async with self._cx.database.transaction() as c:
            made = await healthcode.open_cards(
                c, self._cx.keys, sorted(known), "pre-issue", act, profile=self._cx.profile
            )
            detail = {"event": "pre-issue", "was": "none", "became": "pre-issued"}
            asking = Asking(caller=caller, now=now, purpose="own-request")
            await audit.append(c, [event_of(asking, person, "card", "ok", "bulk", detail) for person in made])
        return len(made)

    async def person_by_paper(self, caller: Caller, paper: Paper, now: datetime) -> mpi.Identity:
        """Who holds the document in the clerk's hand, for a service at the counter; that person's log says so.

        Refusals: `right-needed`, `not-found`.
        """
        if caller.kind != "practitioner":
            raise Refusal("right-needed", expected="staff of an institution")
        person = await mpi.person_of_document(self._cx.database, self._cx.vault, paper.system, paper.value)
        identity = await mpi.identity(self._cx.database, self._cx.vault, person) if person else None
        if person is None or identity is None:
            raise Refusal("not-found", field="value")
        asking = Asking(caller=caller, now=now)
        await self._cx.appender.append(event_of(asking, person, "resolve", "ok", "counter", {}))
        return identity

    async def printed(self, caller: Caller, person: PersonId, paper: Paper, now: datetime) -> tuple[Card, str]:
        """The card and the text of its printed code, to be printed. Refusals as `change`, `card-state`."""
        basis = await self._basis(caller, person, "reissue", now, paper)
        card = await healthcode.card_of(self._cx.database, person)
        if card.standing(now) != "active":
            raise Refusal("card-state", state=card.standing(now), event="print")
        await self._log(None, caller, person, basis, {"event": "print"}, now)
        return card, healthcode.static_text(card, self._cx.keys)

    # --- two people --------------------------------------------------------------------------------------------------

    async def propose_suspension(
        self, caller: Caller, card_number: str, *, reason: str, legal_basis: str, ends: datetime, now: datetime
    ) -> str:
        """Propose to suspend the card with that number; the id of the proposal. Nothing changes yet.

        Refusals: `right-needed`, `card-not-found`, `field-invalid`, those of the life cycle.
        """
        check_right(caller, "suspend")
        card = await healthcode.card_by_number(self._cx.database, card_number)
        actor, reason = actor_of(caller), words.checked(reason)
        async with self._cx.database.transaction() as c:
            pen = await pen_of(c, self._cx.vault, card.person)
            sealed = pen.seal("healthcode.suspension.reason", (actor, now), reason)
            act = Act(actor=actor, at=now, reason=sealed, legal_basis=legal_basis)
            made = await healthcode.propose(
                c, card.person, act, ends=ends, longest=self._cx.longest_suspension
            )  # fmt: skip
            detail = {"event": "propose-suspension", "legal_basis": legal_basis}
            await self._log(c, caller, card.person, "proposal", detail, now)
        return made

    async def approve_suspension(self, caller: Caller, suspension: str, now: datetime) -> Suspension:
        """Approve what somebody else proposed. From the commit on the codes are refused, and the holder is told.

        Refusals: `right-needed`, `step-up-needed`, `not-found`, `second-person-needed`, `human-unknown`, those of the
        life cycle.
        """
        check_right(caller, "suspend")
        caller.check_fresh(now)
        async with self._cx.database.transaction() as c:
            proposed = await opened_one(c, self._cx.vault, await healthcode.suspension_by_id(c, suspension))
            pen = await pen_of(c, self._cx.vault, proposed.person)
            ended = await _visits_ended(c, proposed.person, "suspend", now)
            done = await healthcode.approve(c, suspension, card_act(pen, caller, proposed.reason, now))
            detail = {
                "event": "suspend", "reason": proposed.reason, "legal_basis": done.legal_basis,
                "ends": done.ends.isoformat(), "proposed_by": done.proposer,
            } | ended  # fmt: skip
            await self._log(c, caller, done.person, "two-people", detail, now, pen)
        return replace(done, reason=proposed.reason)

    async def end_suspension(self, caller: Caller, suspension: str, now: datetime) -> None:
        """End a suspension before its time, or withdraw a proposal. Refusals: `right-needed`, `not-found`, and
        `step-up-needed` for one that stands: its codes are good again."""
        check_right(caller, "suspend")
        async with self._cx.database.transaction() as c:
            if (await healthcode.suspension_by_id(c, suspension)).approved:
                caller.check_fresh(now)
            done = await healthcode.end_suspension(c, suspension, Act(actor=actor_of(caller), at=now))
            detail = {"event": "end-suspension" if done.approved else "withdraw-suspension"}
            await self._log(c, caller, done.person, "operator", detail, now)

    async def suspensions(self, caller: Caller, now: datetime) -> list[Suspension]:
        """What waits, what stands, what ended lately; overdue ends are written down first. Refusal `right-needed`."""
        check_right(caller, "suspend")
        await healthcode.end_due(self._cx.database, now)
        found = await healthcode.suspensions(self._cx.database, now)
        return await opened(self._cx.database, self._cx.vault, found)

    async def public_counts(self, now: datetime, at_least: int) -> dict[str, int | None]:
        """Suspended cards by legal basis, for everybody; None stands for some, but fewer than `at_least`."""
        return dict(await healthcode.suspended_counts(self._cx.database, now, at_least=at_least))

    # --- who may -----------------------------------------------------------------------------------------------------

    async def _basis(
        self, caller: Caller, person: PersonId, event: Event, now: datetime, paper: Paper | None,
        *, looking: bool = False,
    ) -> str:  # fmt: skip
        """On what ground this caller does this to that person's card; a refusal of staff or systems is logged."""
        if event not in _MAY.get(caller.kind, frozenset()):
            raise Refusal("right-needed", expected=event)
        if caller.kind == "system":
            return "command-line"
        if caller.kind == "resident":
            allowed = await acting(self._cx, caller.person, person, "show-code" if looking else "manage-card", now)
            if not allowed.permit:
                raise Refusal("mandate-needed")
            return allowed.basis
        if await self._is_proved(caller, person, paper):
            return "document" if caller.kind == "practitioner" else "own-registration"
        if await mpi.identity(self._cx.database, self._cx.vault, person):
            asking = Asking(caller=caller, now=now)
            await self._cx.appender.append(event_of(asking, person, "card", "denied", "none", {"event": event}))
        raise Refusal("not-found", field="value")

    async def _is_proved(self, caller: Caller, person: PersonId, paper: Paper | None) -> bool:
        cx = self._cx
        if caller.kind == "practitioner":
            held = await mpi.person_of_document(cx.database, cx.vault, paper.system, paper.value) if paper else None
            return held == person
        return caller.institution in {institution for _, institution in await mpi.patients_of(cx.database, person)}

    async def _log(
        self, c: Any, caller: Caller, person: PersonId, basis: str, detail: dict[str, Any], now: datetime,
        pen: Pen | None = None,
    ) -> None:  # fmt: skip
        if caller.kind == "resident" and caller.person != person:
            await tell_both(self._cx, c, caller, person, Done("card", basis, detail), now)
            return
        purpose = "own-request" if caller.kind == "resident" else ""
        event = event_of(Asking(caller=caller, now=now, purpose=purpose), person, "card", "ok", basis, detail)
        if c is None:
            await self._cx.appender.append(event)
        else:
            await audit.append(c, [pen.line(event) if pen else event])
