"""What a data steward does to persons: merge, move a Patient, split one off, keep apart, freeze a number; and undo.

Nothing of a person moves in a merge: a row says whose everything is read as, so that taking the row away restores both
sides exactly, whatever was added to either meanwhile. Every act is an event with who and why; an undo is one too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from yima.mpi.carried import NOTHING, Brought, add_like, bring_back, carry, hand_back, unsay
from yima.mpi.numbers import give, give_back
from yima.mpi.person import Whole, whole_of
from yima.mpi.registration import Identifier
from yima.mpi.resolve import digest
from yima.runtime import ids
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

STEWARD = Queries(__package__, "merge.sql")
Kind = Literal[
    "merge", "unmerge", "move", "split", "unsplit", "apart", "not-apart", "freeze", "unfreeze", "number", "number-back"
]
_LOCK: Final = 0x6D7069  # "mpi": acts of stewards go one after the other; there are few


@dataclass(frozen=True, slots=True)
class Word:
    """On whose word, when and why."""

    actor: str
    """Kind and id, e.g. `operator/op-1`."""
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Event:
    """One act, as it is written down."""

    number: int
    at: datetime
    kind: Kind
    person: PersonId
    other: PersonId | None
    """Merge: the survivor. Move, split: to whom the Patient went. Apart: the other of the two. Number: whose it is."""
    patient_id: str | None
    digest: bytes | None
    undoes: int | None
    actor: str
    reason: str


async def root_of(source: Database | Connection, person: PersonId) -> PersonId:
    """The person as whom this one is read: itself, or the end of the chain of survivors."""
    return int((await source.fetchrow(STEWARD.root, person))["root"])


async def whole_at_rest(c: Connection, person: PersonId) -> Whole:
    """As `whole_of`, and no steward joins or parts anybody before the caller's transaction ends: for what cannot be
    undone."""
    await c.execute("select pg_advisory_xact_lock($1)", _LOCK)
    return await whole_of(c, person)


async def hold(c: Connection, *persons: PersonId) -> None:
    """No steward and no registration changes these, nor who is read as they, before the caller's transaction ends: what
    is asked about them now (may one decide alone?) still holds when it is done. Who is nobody is left out."""
    await c.execute("select pg_advisory_xact_lock($1)", _LOCK)
    await c.fetch(STEWARD.hold_whole, list(persons))


async def merge(c: Connection, person: PersonId, survivor: PersonId, word: Word) -> int:
    """`person` turned out to be `survivor`; the number of the event. The caller carries it to cards.

    Refusals: `merge-impossible` when they are one already, were said never to be, or `person` was merged before.
    """
    await _begin(c, person, survivor)
    if await root_of(c, survivor) == await root_of(c, person):
        raise Refusal("merge-impossible", reason="they are read as one person already")
    if await root_of(c, person) != person:
        raise Refusal("merge-impossible", reason="the first was merged before: merge the one it was merged to")
    if await c.fetchval(STEWARD.any_apart, person, survivor):
        raise Refusal("merge-impossible", reason="a steward said that they are never one")
    await c.execute(STEWARD.add_merged, person, survivor)
    await c.execute(STEWARD.new_roots)
    return await _event(c, "merge", person, word, other=survivor)


async def unmerge(c: Connection, person: PersonId, word: Word, *, undoes: int | None = None) -> int:
    """Give `person` and its survivor each its own again. Refusal `not-found` when it was not merged."""
    await _begin(c, person)
    survivor = await c.fetchval(STEWARD.drop_merged, person)
    if survivor is None:
        raise Refusal("not-found", field="person")
    await c.execute(STEWARD.new_roots)
    return await _event(c, "unmerge", person, word, other=survivor, undoes=undoes)


async def move_patient(
    c: Connection, vault: Vault, patient_id: str, person: PersonId, word: Word, said: Brought = NOTHING
) -> int:
    """A Patient was linked to the wrong person: link it to `person`. With it go the institution's own number and what
    it `said`: keys and words.

    Refusal `not-found` when there is no such Patient or person, or it is that person's already.
    """
    number, before = await _move(c, patient_id, person, word)
    await carry(c, vault, number, before, person, said)
    await unsay(c, vault, number, before, said, word.at)
    return number


async def _move(
    c: Connection, patient_id: str, person: PersonId, word: Word, undoes: int | None = None
) -> tuple[int, PersonId]:
    """The link alone: number of the event, and whom the Patient leaves."""
    await _begin(c, person)
    before = await c.fetchval(STEWARD.linked_to, patient_id)
    if before is None or before == person:
        raise Refusal("not-found", field="Patient.id")
    await c.execute(STEWARD.move_link, patient_id, person)
    return await _event(c, "move", before, word, other=person, patient_id=patient_id, undoes=undoes), before


async def split(
    c: Connection, vault: Vault, patient_id: str, word: Word, said: Brought = NOTHING
) -> tuple[int, PersonId]:
    """A Patient is nobody known: link it to a new person, who has the keys and words that it `said`, and is named so;
    like the one it leaves when it said nothing. The number of the event, and the person. Refusal `not-found`."""
    await _begin(c)
    before = await c.fetchval(STEWARD.linked_to, patient_id)
    if before is None:
        raise Refusal("not-found", field="Patient.id")
    person = ids.new_person_id()
    await add_like(c, vault, person, before, said.newest, word.at)
    await c.execute(STEWARD.move_link, patient_id, person)
    number = await _event(c, "split", before, word, other=person, patient_id=patient_id)
    await carry(c, vault, number, before, person, said)
    await unsay(c, vault, number, before, said, word.at)
    return number, person


async def keep_apart(c: Connection, one: PersonId, other: PersonId, word: Word) -> int:
    """These two are never one: no merge, no review of the two any more.

    Refusal `merge-impossible` when they are read as one, or were kept apart before.
    """
    await _begin(c, one, other)
    if one == other or await root_of(c, one) == await root_of(c, other):
        raise Refusal("merge-impossible", reason="they are read as one person; unmerge them first")
    low, high = sorted((one, other))
    if not await c.fetchval(STEWARD.add_apart, low, high):
        raise Refusal("merge-impossible", reason="they are kept apart already")
    return await _event(c, "apart", low, word, other=high)


async def freeze(c: Connection, vault: Vault, number: Identifier, word: Word) -> int:
    """A national number is in dispute: from now on it names nobody, and what comes with it is asked about.

    Refusal `not-found` when nobody holds it or it is frozen already.
    """
    await _begin(c)
    row = await c.fetchrow(STEWARD.holder, list(vault.hashes.forms(digest(vault, number, 0))))
    if row is None or not await c.fetchval(STEWARD.add_frozen, row["digest"]):
        raise Refusal("not-found", field="identifier")
    return await _event(c, "freeze", row["person_id"], word, number_digest=row["digest"])


async def move_number(
    c: Connection, vault: Vault, number: Identifier, pair: tuple[PersonId, PersonId], word: Word
) -> int:
    """A national number was first sent for the first of the two and is the other's from now on; a dispute about it is
    over.

    Refusals: `not-found` when the first does not hold it, there is no such person, or one of the two was erased;
    `field-invalid` when both are read as one.
    """
    before, to = pair
    await _begin(c, before, to)
    held = await c.fetchrow(STEWARD.holder, list(vault.hashes.forms(digest(vault, number, 0))))
    if held is None or held["person_id"] != before:
        raise Refusal("not-found", field="identifier")
    if await root_of(c, before) == await root_of(c, to):
        raise Refusal("field-invalid", field="to", expected="somebody else than who has the number")
    act = await _event(c, "number", before, word, other=to, number_digest=held["digest"])
    await give(c, vault, act, held, before, to)
    return act


async def undo(c: Connection, vault: Vault, number: int, word: Word, since: Brought = NOTHING) -> int:
    """Undo one act exactly; the number of the event that says so. `since`: what a Patient that comes back has said
    since it went, and what those said whom it leaves.

    Acts upon one thing are undone last first. Refusals: `not-found`; `undo-impossible` when the act was undone before,
    is an undo itself, or a later act changed the same.
    """
    await _begin(c)
    act = await event(c, number)
    if act.undoes is not None or await c.fetchval(STEWARD.was_undone, number):
        raise Refusal("undo-impossible", reason="it was undone before, or is an undo itself")
    return await _undo(c, vault, act, word, since)


async def _undo(c: Connection, vault: Vault, act: Event, word: Word, since: Brought) -> int:
    person, other = act.person, act.other or 0
    if act.kind == "merge" and await c.fetchval(STEWARD.merged_to, person) == other:
        return await unmerge(c, person, word, undoes=act.number)
    if act.kind == "unmerge" and await c.fetchval(STEWARD.merged_to, person) is None:
        if await root_of(c, other) == person or await c.fetchval(STEWARD.any_apart, person, other):
            raise Refusal("undo-impossible", reason="a later act made the two impossible to merge")
        await c.execute(STEWARD.add_merged, person, other)
        await c.execute(STEWARD.new_roots)
        return await _event(c, "merge", person, word, other=other, undoes=act.number)
    if act.kind == "move" and await c.fetchval(STEWARD.linked_to, act.patient_id) == other:
        await hand_back(c, vault, act.number, other, person, since, word.at)
        await bring_back(c, act.number, person, other)
        return (await _move(c, act.patient_id or "", person, word, undoes=act.number))[0]
    if act.kind == "split" and await c.fetchval(STEWARD.linked_to, act.patient_id) == other:
        await c.execute(STEWARD.move_link, act.patient_id, person)
        await hand_back(c, vault, act.number, other, person, since, word.at)
        await bring_back(c, act.number, person, other)
        await c.execute(STEWARD.ask_instead, other, person)
        if not await c.fetchval(STEWARD.drop_empty, other):
            raise Refusal("undo-impossible", reason="the new person has become more than that Patient")
        return await _event(c, "unsplit", person, word, other=other, patient_id=act.patient_id, undoes=act.number)
    if act.kind == "apart" and await c.fetchval(STEWARD.drop_apart, person, other):
        return await _event(c, "not-apart", person, word, other=other, undoes=act.number)
    if act.kind == "freeze" and await c.fetchval(STEWARD.drop_frozen, act.number):
        return await _event(c, "unfreeze", person, word, number_digest=act.digest, undoes=act.number)
    if act.kind == "number" and act.digest:
        held = await c.fetchrow(STEWARD.holder, [act.digest])
        if held is not None and held["person_id"] == other:
            await _begin(c, person, other)
            await give_back(c, vault, act.number, held, person, other)
            return await _event(
                c, "number-back", person, word, other=other, number_digest=act.digest, undoes=act.number
            )
    raise Refusal("undo-impossible", reason="a later act changed the same")


async def event(source: Database | Connection, number: int) -> Event:
    """One act. Refusal `not-found`."""
    row = await source.fetchrow(STEWARD.event, number)
    if row is None:
        raise Refusal("not-found", field="event")
    return Event(*row.values())


async def events_of(source: Database | Connection, person: PersonId) -> list[Event]:
    """What was done to a person, oldest first."""
    return [Event(*row.values()) for row in await source.fetch(STEWARD.events_of, person)]


async def _begin(c: Connection, *persons: PersonId) -> None:
    await c.execute("select pg_advisory_xact_lock($1)", _LOCK)
    if len(await c.fetch(STEWARD.hold, sorted(set(persons)))) != len(set(persons)):
        raise Refusal("not-found", field="person")


async def _event(  # noqa: PLR0913  one argument a column, each said by its name
    c: Connection, kind: Kind, person: PersonId, word: Word, *, other: PersonId | None = None,
    patient_id: str | None = None, number_digest: bytes | None = None, undoes: int | None = None,
) -> int:  # fmt: skip
    row: Any = (person, word.at, kind, other, patient_id, number_digest, undoes, word.actor, word.reason)
    return int(await c.fetchval(STEWARD.add_event, *row))
