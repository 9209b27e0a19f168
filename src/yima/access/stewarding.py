"""What a data steward does to persons, carried to their cards and written on both persons' logs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from yima import audit, consent, fhir, healthcode, mpi, records
from yima.access.cards import actor_of
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.directory import Caller
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

RIGHT: Final = "steward"
_VERSIONS: Final = 50
"""Versions of a Patient that are looked at when it moves."""


@dataclass(frozen=True, slots=True)
class Explained:
    """Two persons compared: the evidence in words."""

    score: float
    """Bits."""
    probability: float
    zh: tuple[str, ...]
    en: tuple[str, ...]
    vetoes: tuple[str, ...]
    hindrances: tuple[str, ...]
    """Vetoes and what keeps them from being linked by themselves: keys of `mpi.WHY`."""


class Stewards:
    """The acts of data stewards. Callers: an operator with the right `steward`, or the command line."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def explain(self, caller: Caller, one: PersonId, other: PersonId, now: datetime) -> Explained:
        """How likely two persons are one, and why; on both logs. Refusals: `right-needed`, `not-found`."""
        right(caller)
        found, model = await mpi.between(self._cx.database, self._cx.vault, one, other), mpi.model_named()
        async with self._cx.database.transaction() as c:
            await tell(c, caller, (one, other), {"event": "explain"}, now)
        lines = [tuple(mpi.explained(found.score, model, language)) for language in ("zh", "en")]
        score = found.score
        return Explained(score.bits, score.probability, lines[0], lines[1], found.vetoes, found.hindrances)

    async def merge(self, caller: Caller, person: PersonId, survivor: PersonId, *, reason: str, now: datetime) -> int:
        """`person` is `survivor`: one record, one active card; the number of the event, for `undo`.

        Refusals: `right-needed`, `not-found`, `merge-impossible`, those of the cards' life cycle;
        `second-person-needed` where it is risky (`mpi.SECOND`) and a steward asks: `reviews.merge` proposes it then.
        """
        right(caller)
        async with self._cx.database.transaction() as c:
            if caller.kind == "operator" and await mpi.why_second(c, self._cx.vault, person, survivor):
                raise Refusal("second-person-needed")
            return await merge_now(c, caller, person, survivor, reason, now)

    async def split(self, caller: Caller, patient_id: str, *, reason: str, now: datetime) -> tuple[int, PersonId]:
        """A Patient is nobody known: a new person with a card of its own. Refusals: `right-needed`, `not-found`."""
        right(caller)
        said = await self._brought(patient_id)
        async with self._cx.database.transaction() as c:
            before = await mpi.person_of_patient(c, patient_id)
            number, person = await mpi.split(c, self._cx.vault, patient_id, word_of(caller, reason, now), said)
            await healthcode.issue(c, self._cx.keys, person, now, self._cx.profile)
            await _parted(c, caller, before or person, person, {"event": "split", "number": number}, now)
        return number, person

    async def move(self, caller: Caller, patient_id: str, person: PersonId, *, reason: str, now: datetime) -> int:
        """A Patient is another person's. Refusals: `right-needed`, `not-found`."""
        right(caller)
        said = await self._brought(patient_id)
        async with self._cx.database.transaction() as c:
            before = await mpi.person_of_patient(c, patient_id)
            number = await mpi.move_patient(c, self._cx.vault, patient_id, person, word_of(caller, reason, now), said)
            await _parted(c, caller, before or person, person, {"event": "move", "number": number}, now)
        return number

    async def _brought(self, patient_id: str) -> mpi.Brought:
        """What a Patient brought to its person, and what that person's other Patients did: from all their versions."""
        db = self._cx.database
        stays = [
            said for one in await mpi.beside(db, patient_id) if one != patient_id for said in await self._said(one)
        ]
        stays.sort(key=itemgetter(0), reverse=True)
        moves = [said for _, said in await self._said(patient_id)]
        return mpi.brought(self._cx.vault, moves, [said for _, said in stays])

    async def _said(self, patient_id: str) -> list[tuple[datetime, mpi.Registration]]:
        """The versions of a Patient as they were registered, newest first, with their times; those that would be
        refused now left out."""
        found = list[tuple[datetime, mpi.Registration]]()
        for row in await records.history(self._cx.database, self._cx.vault, "Patient", patient_id, _VERSIONS):
            if row.content:
                with suppress(Refusal):
                    found.append((row.updated, mpi.registration(fhir.parse(row.content))))
        return found

    async def keep_apart(self, caller: Caller, one: PersonId, other: PersonId, *, reason: str, now: datetime) -> int:
        """These two are never one. Refusals: `right-needed`, `not-found`, `merge-impossible`."""
        right(caller)
        async with self._cx.database.transaction() as c:
            word = word_of(caller, reason, now)
            number = await mpi.keep_apart(c, one, other, word)
            await mpi.settle(c, one, other, "different", number, word)
            await tell(c, caller, (one, other), {"event": "apart", "number": number}, now)
        return number

    async def freeze(self, caller: Caller, system: str, value: str, *, reason: str, now: datetime) -> int:
        """A number is in dispute and names nobody from now on. Refusals: `right-needed`, `not-found`."""
        right(caller)
        async with self._cx.database.transaction() as c:
            holder = await mpi.person_of_document(c, self._cx.vault, system, value)
            number = mpi.Identifier.of(system, value)
            event = await mpi.freeze(c, self._cx.vault, number, word_of(caller, reason, now))
            await tell(c, caller, [holder] if holder else [], {"event": "freeze", "number": event}, now)
        return event

    async def undo(self, caller: Caller, number: int, *, reason: str, now: datetime) -> int:
        """Undo an act by the number of its event, on the cards as well.

        Refusals: `right-needed`, `not-found`, `undo-impossible`, those of the cards' life cycle.
        """
        right(caller)
        word, act = word_of(caller, reason, now), _act(caller, reason, now)
        async with self._cx.database.transaction() as c:
            undoing = await mpi.undo(c, number, word)
            await mpi.reopen(c, number)
            done = await mpi.event(c, undoing)
            person, other = done.person, done.other or done.person
            if done.kind == "unmerge":
                await healthcode.unmerge(c, person, act)
            elif done.kind == "merge":
                await healthcode.merge(c, person, other, act)
            elif done.kind == "unsplit":
                await healthcode.advance(c, other, "cancel", act)
                await consent.hand_on(c, [other], person, undoing, now)
            elif done.kind == "move":
                await consent.take_back(c, person, number, now)
            await tell(c, caller, (person, other), {"event": done.kind, "number": undoing, "undoes": number}, now)
        return undoing

    async def events(self, caller: Caller, person: PersonId) -> list[mpi.Event]:
        """What stewards did to a person. Refusal `right-needed`."""
        right(caller)
        return await mpi.events_of(self._cx.database, person)

    async def try_model(self, caller: Caller, model: mpi.Model) -> mpi.Trial:
        """What another model would have decided; nothing changes: see `mpi.try_model`. Refusal `right-needed`."""
        right(caller)
        return await mpi.try_model(self._cx.database, mpi.model_named(), model)

    async def rekey(self, caller: Caller) -> int:
        """Candidate keys for persons of an older normaliser: see `mpi.rekey`. Refusal `right-needed`."""
        right(caller)
        return await mpi.rekey(self._cx.database, self._cx.vault)


async def _parted(
    c: Connection, caller: Caller, before: PersonId, after: PersonId, detail: dict[str, Any], now: datetime
) -> None:
    """A Patient went from one person to another: what the first refused stays refused for its data; on both logs."""
    members = sorted((await mpi.whole_of(c, before)).members - {after})
    handed_on = await consent.hand_on(c, members, after, detail["number"], now)
    await tell(c, caller, (before, after), detail | ({"refusals": handed_on} if handed_on else {}), now)


async def merge_now(
    c: Connection, caller: Caller, person: PersonId, survivor: PersonId, reason: str, now: datetime
) -> int:
    """Merge, carry it to the cards, close the questions about the two, write both logs. Who may has been asked."""
    word = word_of(caller, reason, now)
    number = await mpi.merge(c, person, survivor, word)
    await healthcode.merge(c, person, survivor, _act(caller, reason, now))
    await mpi.settle(c, person, survivor, "same", number, word)
    await tell(c, caller, (person, survivor), {"event": "merge", "number": number}, now)
    return number


async def tell(
    c: Connection, caller: Caller, persons: Iterable[PersonId], detail: dict[str, Any], now: datetime
) -> None:
    """A line on each person's log, in the caller's transaction."""
    asking = Asking(caller=caller, now=now, purpose="")
    events = [event_of(asking, person, "resolve", "ok", "steward", detail) for person in sorted(set(persons))]
    await audit.append(c, events)


def right(caller: Caller) -> None:
    """Refusal `right-needed` unless a steward or the command line asks."""
    if caller.kind != "system" and (caller.kind != "operator" or RIGHT not in caller.rights):
        raise Refusal("right-needed", expected=RIGHT)


def word_of(caller: Caller, reason: str, now: datetime) -> mpi.Word:
    """On whose word an act is done."""
    return mpi.Word(actor_of(caller), now, " ".join(reason.split())[:500])


def _act(caller: Caller, reason: str, now: datetime) -> healthcode.Act:
    return healthcode.Act(actor=actor_of(caller), at=now, reason=" ".join(reason.split())[:500])
