"""What a data steward does to persons, carried to their cards and written on both persons' logs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from yima import audit, consent, fhir, healthcode, mpi, records
from yima.access.cards import actor_of, card_act
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.rights import check_right
from yima.access.words import Pen, opened, pen_of
from yima.directory import Caller
from yima.runtime import words
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF, PersonId
from yima.runtime.keys import Vault

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
        check_right(caller, "merge")
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
        check_right(caller, "merge")
        async with self._cx.database.transaction() as c:
            await mpi.hold(c, person, survivor)
            if caller.kind == "operator" and await mpi.why_second(c, self._cx.vault, person, survivor):
                raise Refusal("second-person-needed")
            return await merge_now(c, self._cx.vault, caller, person, survivor, reason, now)

    async def split(self, caller: Caller, patient_id: str, *, reason: str, now: datetime) -> tuple[int, PersonId]:
        """A Patient is nobody known: a new person with a card of its own. Refusals: `right-needed`, `not-found`."""
        check_right(caller, "merge")
        async with self._cx.database.transaction() as c:
            before, said = await self._held(c, patient_id)
            word = await word_of(c, self._cx.vault, caller, before or SHELF, reason, now)
            number, person = await mpi.split(c, self._cx.vault, patient_id, word, said)
            await healthcode.issue(c, self._cx.keys, person, now, self._cx.profile)
            await _parted(c, caller, before or person, person, {"event": "split", "number": number}, now)
        return number, person

    async def move(self, caller: Caller, patient_id: str, person: PersonId, *, reason: str, now: datetime) -> int:
        """A Patient is another person's. Refusals: `right-needed`, `not-found`; `move-needs-second` where a merge of
        what it says would take two stewards, and one asks: or a record could be given to anybody by moving it."""
        check_right(caller, "merge")
        async with self._cx.database.transaction() as c:
            before, said = await self._held(c, patient_id, person)
            risky = caller.kind == "operator" and await mpi.why_second(
                c, self._cx.vault, before or SHELF, person, said.newest
            )
            word = await word_of(c, self._cx.vault, caller, before or SHELF, reason, now)
            number = await mpi.move_patient(c, self._cx.vault, patient_id, person, word, said)
            if risky:
                raise Refusal("move-needs-second")
            await _parted(c, caller, before or person, person, {"event": "move", "number": number}, now)
        return number

    async def _held(self, c: Connection, patient_id: str, *others: PersonId) -> tuple[PersonId | None, mpi.Brought]:
        """Whose a Patient is and what it brought; neither changes, nor these others, before the transaction ends."""
        await mpi.hold(c)
        before = await mpi.person_of_patient(c, patient_id)
        await mpi.hold(c, before or SHELF, *others)
        return before, await self._brought(c, patient_id)

    async def _brought(self, c: Connection, patient_id: str, after: datetime | None = None) -> mpi.Brought:
        """What a Patient brought to its person (after a time), and what that person's other Patients did: from all
        their versions."""
        beside = [one for one in await mpi.beside(c, patient_id) if one != patient_id]
        stays = [said for one in beside for said in await self._said(c, one)]
        stays.sort(key=itemgetter(0), reverse=True)
        moves = [said for at, said in await self._said(c, patient_id) if after is None or at > after]
        return mpi.brought(self._cx.vault, moves, [said for _, said in stays])

    async def _said(self, c: Connection, patient_id: str) -> list[tuple[datetime, mpi.Registration]]:
        """The versions of a Patient as they were registered, newest first, with their times; those that would be
        refused now left out."""
        found = list[tuple[datetime, mpi.Registration]]()
        for row in await records.history(c, self._cx.vault, "Patient", patient_id, _VERSIONS):
            if row.content:
                with suppress(Refusal):
                    found.append((row.updated, mpi.registration(fhir.parse(row.content))))
        return found

    async def keep_apart(self, caller: Caller, one: PersonId, other: PersonId, *, reason: str, now: datetime) -> int:
        """These two are never one. Refusals: `right-needed`, `not-found`, `merge-impossible`."""
        check_right(caller, "merge")
        async with self._cx.database.transaction() as c:
            word = await word_of(c, self._cx.vault, caller, one, reason, now)
            number = await mpi.keep_apart(c, one, other, word)
            await mpi.settle(c, one, other, "different", number, word)
            await tell(c, caller, (one, other), {"event": "apart", "number": number}, now)
        return number

    async def freeze(self, caller: Caller, system: str, value: str, *, reason: str, now: datetime) -> int:
        """A number is in dispute and names nobody from now on. Refusals: `right-needed`, `not-found`."""
        check_right(caller, "merge")
        async with self._cx.database.transaction() as c:
            return await freeze_now(c, self._cx.vault, caller, mpi.Identifier.of(system, value), reason, now)

    async def move_number(
        self, caller: Caller, system: str, value: str, to: PersonId, *, reason: str, now: datetime
    ) -> int:
        """A number was first sent for the wrong person: it is `to`'s. Refusals: `right-needed`, `not-found`,
        `field-invalid`; `second-person-needed` when a steward asks: `reviews.move_number` proposes it."""
        check_right(caller, "merge")
        if caller.kind == "operator":
            raise Refusal("second-person-needed")
        number = mpi.Identifier.of(system, value)
        async with self._cx.database.transaction() as c:
            pair = await mpi.holder(c, self._cx.vault, number), to
            return await move_number_now(c, self._cx.vault, caller, number, pair, reason, now)

    async def undo(self, caller: Caller, number: int, *, reason: str, now: datetime) -> int:
        """Undo an act by the number of its event, on the cards as well.

        Refusals: `right-needed`, `not-found`, `undo-impossible`, those of the cards' life cycle.
        """
        check_right(caller, "merge")
        async with self._cx.database.transaction() as c:
            undone = await mpi.event(c, number)
            await mpi.hold(c, undone.person, undone.other or undone.person)
            moved = undone.patient_id
            since = await self._brought(c, moved, undone.at) if moved else mpi.Brought()
            await mpi.turn_persons(c, self._cx.vault, {undone.person, undone.other or undone.person})
            pen = await pen_of(c, self._cx.vault, undone.person)
            act = card_act(pen, caller, reason, now)
            undoing = await mpi.undo(c, self._cx.vault, number, _word(pen, caller, reason, now), since)
            done = await mpi.event(c, undoing)
            person, other = done.person, done.other or done.person
            await mpi.reopen(c, number, parted=(person, other) if done.kind == "unmerge" else None)
            if done.kind == "unmerge":
                await healthcode.unmerge(c, person, act)
                await _whose_death(c, self._cx.vault, person, other, act)
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
        check_right(caller, "merge")
        return await opened(self._cx.database, self._cx.vault, await mpi.events_of(self._cx.database, person))

    async def try_model(self, caller: Caller, model: mpi.Model) -> mpi.Trial:
        """What another model would have decided; nothing changes: see `mpi.try_model`. Refusal `right-needed`."""
        check_right(caller, "merge")
        return await mpi.try_model(self._cx.database, mpi.model_named(), model)

    async def rekey(self, caller: Caller) -> int:
        """Candidate keys for persons of an older normaliser: see `mpi.rekey`. Refusal `right-needed`."""
        check_right(caller, "merge")
        return await mpi.rekey(self._cx.database, self._cx.vault)


async def _parted(
    c: Connection, caller: Caller, before: PersonId, after: PersonId, detail: dict[str, Any], now: datetime
) -> None:
    """A Patient went from one person to another: what the first refused stays refused for its data; on both logs."""
    members = sorted((await mpi.whole_of(c, before)).members - {after})
    handed_on = await consent.hand_on(c, members, after, detail["number"], now)
    await tell(c, caller, (before, after), detail | ({"refusals": handed_on} if handed_on else {}), now)


async def merge_now(
    c: Connection, vault: Vault, caller: Caller, person: PersonId, survivor: PersonId, reason: str, now: datetime
) -> int:
    """Merge, carry it to the cards, close the questions about the two, write both logs. Who may has been asked."""
    cards = await card_holders(c, (person, await mpi.root_of(c, survivor)))
    if cards == {person}:
        raise Refusal("merge-impossible", reason="the survivor has no card: merge them the other way round")
    pen = await pen_of(c, vault, person)
    word = _word(pen, caller, reason, now)
    number = await mpi.merge(c, person, survivor, word)
    await healthcode.merge(c, person, survivor, card_act(pen, caller, reason, now))
    await mpi.settle(c, person, survivor, "same", number, word)
    await tell(c, caller, (person, survivor), {"event": "merge", "number": number}, now)
    return number


async def _whose_death(c: Connection, vault: Vault, person: PersonId, survivor: PersonId, act: healthcode.Act) -> None:
    """A death that was told of `person` while they were read as the survivor had ended the survivor's card: it is
    `person`'s that ends."""
    root = await mpi.root_of(c, survivor)
    known = await mpi.identities(c, vault, [person, root])
    if not known[person].deceased:
        return
    cards = await card_holders(c, (person, root))
    if person in cards:
        await healthcode.advance(c, person, "report-death", act)
    if root in cards and not known[root].deceased and (await healthcode.card_of(c, root)).status == "deceased":
        await healthcode.advance(c, root, "undo-death", act)


async def freeze_now(
    c: Connection, vault: Vault, caller: Caller, number: mpi.Identifier, reason: str, now: datetime
) -> int:
    """A number names nobody from now on; on the holder's log. Who may has been asked. Refusal `not-found`."""
    holder = await mpi.person_of_document(c, vault, number.system, number.value)
    word = await word_of(c, vault, caller, holder or SHELF, reason, now)
    event = await mpi.freeze(c, vault, number, word)
    await tell(c, caller, [holder] if holder else [], {"event": "freeze", "number": event}, now)
    return event


async def move_number_now(
    c: Connection, vault: Vault, caller: Caller, number: mpi.Identifier, pair: tuple[PersonId, PersonId], reason: str,
    now: datetime,
) -> int:  # fmt: skip
    """Give a number of the first to the other, close the questions whether the two are one, write both logs. Who may
    has been asked. Refusals of `mpi.move_number`."""
    word = await word_of(c, vault, caller, pair[0], reason, now)
    act = await mpi.move_number(c, vault, number, pair, word)
    await mpi.settle(c, *pair, "different", act, word)
    await tell(c, caller, pair, {"event": "number", "number": act}, now)
    return act


async def card_holders(c: Connection, persons: Iterable[PersonId]) -> set[PersonId]:
    """Those of few persons who have a card, in whatever state."""
    found = set[PersonId]()
    for person in persons:
        with suppress(Refusal):
            await healthcode.card_of(c, person)
            found.add(person)
    return found


async def tell(
    c: Connection, caller: Caller, persons: Iterable[PersonId], detail: dict[str, Any], now: datetime,
    pen: Pen | None = None,
) -> None:  # fmt: skip
    """A line on each person's log, in the caller's transaction; with a pen where there is a reason."""
    asking = Asking(caller=caller, now=now, purpose="")
    events = [event_of(asking, person, "resolve", "ok", "steward", detail) for person in sorted(set(persons))]
    await audit.append(c, [pen.line(event) for event in events] if pen else events)


async def word_of(
    c: Connection, vault: Vault, caller: Caller, person: PersonId, reason: str, now: datetime
) -> mpi.Word:
    """On whose word an act on a person is done; the reason sealed."""
    return _word(await pen_of(c, vault, person), caller, reason, now)


async def proposal_word(
    c: Connection, vault: Vault, caller: Caller, person: PersonId, reason: str, now: datetime
) -> mpi.Word:
    """On whose word a merge of a person is put before a second steward; the reason sealed."""
    pen, actor = await pen_of(c, vault, person), actor_of(caller)
    return mpi.Word(actor, now, pen.seal("mpi.proposal.reason", (actor, now), words.kept(reason)))


def _word(pen: Pen, caller: Caller, reason: str, now: datetime) -> mpi.Word:
    actor = actor_of(caller)
    return mpi.Word(actor, now, pen.seal("mpi.event.reason", (actor, now), words.kept(reason)))
