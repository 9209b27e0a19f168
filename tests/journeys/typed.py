"""Everywhere where staff and residents can type words about somebody: at each place words that nothing else says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from support import Institution, Platform, be_humans, patient, resident_number
from yima import exchange, healthcode, mpi, oversight
from yima.access import Order
from yima.directory import Caller
from yima.runtime import clock, ids

_SYSTEM = Caller(kind="system", agent_id="cli")


def officer(code: str, *rights: str) -> Caller:
    """Somebody of the operator who has just proved who they are."""
    return Caller(kind="operator", agent_id=code, name_zh=code, rights=frozenset(rights), proved=clock.now())


def resident(person: int) -> Caller:
    """A resident, signed in."""
    return Caller(kind="resident", agent_id=ids.person_text(person), person=person, proved=clock.now())


@dataclass(slots=True)
class Typist:
    """Types at each place once."""

    platform: Platform
    hospital: Institution
    typed: dict[str, str] = field(default_factory=dict)
    """By place, what was typed there."""
    patients: dict[int, str] = field(default_factory=dict)
    """By person, the id of their Patient."""

    def word(self, place: str) -> str:
        """The words for a place."""
        self.typed[place] = f"王铁柱之妻所述第{len(self.typed):03d}号"
        return self.typed[place]

    async def someone(self) -> tuple[int, str]:
        """A person with a card, and their Patient."""
        made = await self.hospital.create(patient(national=resident_number()))
        person = Platform.person_of(f"Patient/{made['id']}")
        self.patients[person] = made["id"]
        return person, made["id"]

    async def everywhere(self) -> dict[str, int]:
        """All of them; the persons of whom something was typed, by what was done."""
        await be_humans(self.platform.database, self.platform.access.vault, "first", "second", "st-1", "st-2")
        done = {"glass": await self.break_glass(), "card": await self.cards()}
        await self.officers(done["glass"])
        await self.orders(done["card"])
        await self.stewards()
        done["erased"] = await self.erase()
        await self.ask_export()
        return done

    async def break_glass(self) -> int:
        """Opened, widened, asked about, answered, judged; access stopped and begun again."""
        access, doctor, (person, _) = self.platform.access, self.hospital.doctor(), await self.someone()
        now, judge = clock.now(), officer("judge", "privacy")
        handle = await access.glass.open(
            doctor, person, ground="unconscious", reason=self.word("glass.open"), terminal=self.hospital.terminal,
            now=now,
        )  # fmt: skip
        await access.glass.widen(doctor, handle, ground="transfer", reason=self.word("glass.widen"), now=now)
        await access.glass_desk.ask(judge, handle, self.word("glass.question"), now)
        await access.glass.answer(doctor, handle, self.word("glass.answer"), now)
        await access.glass_desk.judge(judge, handle, "justified", self.word("glass.verdict"), now)
        db, at = self.platform.database, (self.hospital.practitioner, self.hospital.number)
        async with db.transaction() as c:
            await oversight.put_stop(c, *at, "decision", 1, "operator/judge", now)
        (stop,) = await oversight.stops(db, now - timedelta(days=1), self.hospital.number)
        await access.glass_desk.propose_lifting(judge, stop.stop, self.word("glass.lifting"), now)
        return person

    async def officers(self, person: int) -> None:
        """An objection, a finding and an alarm, each decided."""
        access, db, now, who = self.platform.access, self.platform.database, clock.now(), officer("judge", "privacy")
        looks = [one for one in await self.platform.log_of(person) if one["agent"] == "practitioner"]
        line = looks[-1]["event_id"]  # what an officer did, this very officer may not judge
        made = await access.privacy.object_to(resident(person), line, self.word("objection.said"), now)
        await access.privacy.answer(who, made, self._verdict("objection.answer"), now)
        reader, look = "app/curious", self._look(person, line, now)
        judged = oversight.Judged((), 90, ("no-care",))
        async with db.transaction() as c:
            await oversight.put_findings(c, [(look, now.date(), judged)])
            alarm = oversight.Alarm(0, "bulk", reader, self.hospital.number, now, now, 99, 1, line, False)
            await oversight.raise_alarm(c, alarm)
        await access.privacy.decide_finding(who, person, reader, now.date(), self._verdict("finding"), now)
        found = [one for one in await oversight.alarms(db, now) if one.reader == reader]
        await access.privacy.decide_alarm(who, found[0].alarm_id, self._verdict("alarm"), now)

    def _look(self, person: int, line: str, now: datetime) -> oversight.Look:
        return oversight.Look(
            person=person, reader="app/curious", institution=self.hospital.number, department="", first=now, last=now,
            lines=1, bases=("visit",), line=line,
        )  # fmt: skip

    def _verdict(self, place: str) -> Mapping[str, str]:
        return {"decision": "explained", "reason": self.word(place), "follows": "nothing"}

    async def cards(self) -> int:
        """A suspension and its approval, and an act by command."""
        access, now, (person, _) = self.platform.access, clock.now(), await self.someone()
        card = await healthcode.card_of(self.platform.database, person)
        said: dict[str, Any] = {"legal_basis": "identity-doubt", "ends": now + timedelta(days=2), "now": now}
        first, second = officer("first", "suspend"), officer("second", "suspend")
        made = await access.cards.propose_suspension(first, card.number, reason=self.word("suspension"), **said)
        await access.cards.approve_suspension(second, made, clock.now())
        await access.cards.end_suspension(second, made, clock.now())
        await access.cards.change(_SYSTEM, person, "report-lost", now=clock.now(), reason=self.word("card.lost"))
        return person

    async def orders(self, person: int) -> None:
        """An order of a court that takes a mandate away, and its undoing."""
        removals, (agent, _) = self.platform.access.removals, await self.someone()
        first, second = officer("first", "suspend"), officer("second", "suspend")
        cards = [(await healthcode.card_of(self.platform.database, one)).number for one in (person, agent)]
        words, until = (self.word("order.reference"), self.word("order.reason")), clock.now() + timedelta(days=9)
        made = await removals.propose(first, Order(*cards, "safety-order", *words, until), clock.now())
        await removals.approve(second, made, clock.now())
        await removals.propose_undo(second, made, self.word("order.undo"), clock.now())
        await removals.undo(first, made, clock.now())

    async def stewards(self) -> None:
        """Every act of stewards that takes a reason."""
        access, who, other = self.platform.access, officer("st-1", "steward"), officer("st-2", "steward")
        acts, reviews = access.stewards, access.reviews
        one, patient_id = await self.someone()
        two, moved = await self.someone()
        three, _ = await self.someone()
        number = await acts.merge(_SYSTEM, one, two, reason=self.word("merge"), now=clock.now())
        await acts.undo(_SYSTEM, number, reason=self.word("undo"), now=clock.now())
        await acts.split(_SYSTEM, patient_id, reason=self.word("split"), now=clock.now())
        await acts.move(_SYSTEM, moved, three, reason=self.word("move"), now=clock.now())
        await acts.keep_apart(_SYSTEM, two, three, reason=self.word("apart"), now=clock.now())
        (held, *_) = await mpi.documents_of(self.platform.database, access.vault, three)
        await acts.freeze(_SYSTEM, held.system, held.value, reason=self.word("freeze"), now=clock.now())
        await self._proposed(reviews, who, other)
        four, _ = await self.someone()
        await reviews.reveal(who, four, reason=self.word("reveal"), now=clock.now())
        (theirs, *_) = await mpi.documents_of(self.platform.database, access.vault, four)
        number = theirs.system, theirs.value
        await reviews.move_number(who, *number, two, reason=self.word("number"), now=clock.now())
        await reviews.report_theft(who, four, reason=self.word("theft"), now=clock.now())
        await reviews.report_death(who, four, reason=self.word("death"), now=clock.now())
        await reviews.undo_death(who, four, reason=self.word("undo-death"), now=clock.now())

    async def _proposed(self, reviews: Any, who: Caller, other: Caller) -> None:
        """Two persons with numbers of their own: merging them takes two stewards."""
        persons = [(await self.someone())[0] for _ in range(4)]
        asked = [
            await reviews.merge(who, *pair, reason=self.word(place), now=clock.now())
            for place, pair in (("proposal", persons[:2]), ("declined-proposal", persons[2:]))
        ]
        assert all(one.proposal is not None for one in asked)
        await reviews.confirm(other, asked[0].proposal, reason=self.word("confirm"), now=clock.now())
        await reviews.decline(other, asked[1].proposal, reason=self.word("decline"), now=clock.now())

    async def erase(self) -> int:
        """Somebody's record is erased by two people."""
        person, _ = await self.someone()
        await self.erase_record(person)
        return person

    async def erase_record(self, person: int) -> None:
        """A record is erased by two people."""
        access, now = self.platform.access, clock.now()
        card = await healthcode.card_of(self.platform.database, person)
        made = await access.erasures.propose(
            officer("first", "erase"), card.number, resource="", institution="", reason=self.word("erasure"),
            legal_basis="purpose-ended", now=now,
        )  # fmt: skip
        async with self.platform.database.transaction() as c:
            await access.erasures.approve(c, officer("second", "erase"), made, now)

    async def ask_export(self) -> None:
        """An app asks for its own institution's data."""
        caller = Caller(
            kind="app", agent_id=self.hospital.client_id, institution=self.hospital.number,
            scopes=frozenset({"system/*.cruds"}),
        )  # fmt: skip
        wanted = exchange.Wanted(
            types=["Patient"], since=None, deidentified=False, reason=self.word("export"), legal_basis="own-data"
        )
        await exchange.ask_export(self.platform.access, caller, wanted, clock.now())
