"""The stewards' queue: doubtful pairs in the order of their risk, and merges that wait for a second steward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson

from yima.mpi.between import against, between
from yima.mpi.decide import Assessed
from yima.mpi.merge import Event, Word, root_of
from yima.mpi.person import masked
from yima.mpi.registration import Identifier, Registration
from yima.mpi.risk import Circumstances, order_of, second_needed
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

QUEUE = Queries(__package__, "queue.sql")
_WEIGHED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Case:
    """Two persons who may be one, and what became of the question."""

    review_id: int
    person: PersonId
    candidate: PersonId
    institution: int
    """Whose registration raised it."""
    reason: str
    state: str
    """open, same, different"""
    created: datetime
    risk: int | None
    """`risk.URGENT`, `LIKELY`, `ORDINARY`; None before it was weighed."""
    bits: float | None
    found: tuple[str, ...]
    """Vetoes and hindrances: keys of `WHY`."""
    later: datetime | None
    decided: datetime | None
    decider: str | None
    event: int | None
    """Number of the act that settled it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the queue is asked for; 0 and '' stand for everything."""

    institution: int = 0
    risk: int = 0
    reason: str = ""
    older: datetime | None = None
    """Only those that were raised before."""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of a kind wait."""

    risk: int
    reason: str
    institution: int
    number: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Proposal:
    """A merge that one steward wants, or that a number goes over; `accepted` is None while it waits for another."""

    number: int
    person: PersonId
    survivor: PersonId
    why: tuple[str, ...]
    """Keys of `SECOND`."""
    reason: str
    proposer: str
    proposed: datetime
    accepted: bool | None
    decider: str | None
    decided: datetime | None
    event: int | None
    document: Identifier | None = None
    """The number that goes from `person` to `survivor`, instead of a merge; its value is empty once a key is gone."""

    def masked(self) -> Proposal:
        """The same for who may not see the number."""
        if self.document is None:
            return self
        return replace(self, document=replace(self.document, value=masked(self.document.value)))


async def queue(db: Database, vault: Vault, wanted: Wanted, now: datetime) -> list[Case]:
    """Open cases, the riskiest first, then the likeliest, then the oldest."""
    await weigh(db, vault)
    row = (now, wanted.institution, wanted.risk, wanted.reason, wanted.older or now, wanted.limit)
    return [_case(found) for found in await db.fetch(QUEUE.queue, *row)]


async def waiting(db: Database, vault: Vault, now: datetime) -> list[Waiting]:
    """How many cases wait, by risk, reason and institution."""
    await weigh(db, vault)
    return [
        Waiting(r["risk"] or 1, r["reason"], r["institution_id"], r["number"], r["oldest"])
        for r in await db.fetch(QUEUE.waiting, now)
    ]


async def weigh(db: Database, vault: Vault) -> int:
    """Give cases that are new a risk, from the evidence stored with the decision, else by comparing the two again."""
    rows = await db.fetch(QUEUE.unweighed, _WEIGHED_AT_ONCE)
    weighed = [await _weigh(db, vault, row) for row in rows]
    if weighed:
        ids, risks, bits, found = zip(*weighed, strict=True)
        await db.execute(QUEUE.weigh, list(ids), list(risks), list(bits), list(found))
    return len(weighed)


async def _weigh(db: Database, vault: Vault, row: Any) -> tuple[int, int, float | None, str]:
    if row["found"]:
        told = orjson.loads(row["found"])
        bits, levels, found = told["bits"], told["levels"], (*told["vetoes"], *told["hindrances"])
    else:
        pair = await compared(db, vault, row["person_id"], row["candidate"])
        bits, levels = (pair.score.bits, pair.score.levels._asdict()) if pair else (None, {})
        found = (*pair.vetoes, *pair.hindrances) if pair else ()
    risk = order_of(bits, levels, frozenset(found), row["reason"], row["deceased"])
    return row["review_id"], risk, bits, " ".join(found)


async def case(source: Database | Connection, review_id: int) -> Case:
    """One case. Refusal `not-found`."""
    row = await source.fetchrow(QUEUE.case, review_id)
    if row is None:
        raise Refusal("not-found", field="review")
    return _case(row)


async def case_of(source: Database | Connection, one: PersonId, other: PersonId) -> int | None:
    """The case of two persons, an open one before others; None when nobody asked about them."""
    row = await source.fetchrow(QUEUE.case_of, one, other)
    return row["review_id"] if row else None


async def ask(
    c: Connection, one: PersonId, other: PersonId, institution: int, reason: str, now: datetime
) -> int | None:
    """Put two persons before the stewards; None when a steward said that they are never one."""
    found: int | None = await c.fetchval(QUEUE.ask, one, other, institution, reason, now)
    return found


async def put_off(c: Connection, review_id: int, until: datetime) -> None:
    """Not now. Refusal `not-found` for a case that is not open."""
    if await c.fetchval(QUEUE.put_off, review_id, until) is None:
        raise Refusal("not-found", field="review")


async def settle(c: Connection, one: PersonId, other: PersonId, state: str, event: int, word: Word) -> None:
    """Close every open question between the two and those read as them: `same` or `different`."""
    ours, theirs = await members(c, one), await members(c, other)
    await c.execute(QUEUE.settle, ours, theirs, state, word.at, word.actor, event)


async def reopen(c: Connection, event: int, *, parted: tuple[PersonId, PersonId] | None = None) -> None:
    """The act was undone: what it settled is a question again. `parted`: who was read as one by it; of them and those
    read as either also what a later merge with the same survivor had settled."""
    await c.execute(QUEUE.reopen, event)
    if parted:
        ours, theirs = await members(c, parted[0]), await members(c, await root_of(c, parted[1]))
        await c.execute(QUEUE.reopen_parted, ours, theirs)


async def members(source: Database | Connection, person: PersonId) -> list[PersonId]:
    """Everybody who is read as this person, itself among them."""
    return [row["person_id"] for row in await source.fetch(QUEUE.members, person)]


async def compared(source: Database | Connection, vault: Vault, one: PersonId, other: PersonId) -> Assessed | None:
    """How likely they are one; None where there is nothing to compare."""
    try:
        return await between(source, vault, one, other)
    except Refusal:
        return None


async def why_second(
    source: Database | Connection, vault: Vault, one: PersonId, other: PersonId, said: Registration | None = None
) -> tuple[str, ...]:
    """Why a merge of the two needs a second steward: keys of `SECOND`; empty when one is enough. With `said`: why what
    a Patient of `one` says does, if that alone becomes the other's."""
    roots = [await root_of(source, one), await root_of(source, other)]
    standing = await source.fetchrow(QUEUE.standing, [one, other, *roots])
    merged = await source.fetchrow(QUEUE.merged_any, [one, other])
    at = Circumstances(
        deceased=bool(standing and standing["deceased"]),
        multiple=bool(standing and standing["multiple"]),
        merged_before=bool(merged and merged[0]),
        disputed=bool(standing and standing["disputed"]),
    )
    found = await against(source, vault, said, roots[1]) if said else await compared(source, vault, *roots)
    return second_needed(found, at)


async def propose(c: Connection, person: PersonId, survivor: PersonId, why: Sequence[str], word: Word) -> int:
    """A merge for a second steward to confirm; its number, that of the same proposal when it waits already."""
    known: int | None = await c.fetchval(QUEUE.same_proposal, person, survivor)
    if known is not None:
        return known
    return int(await c.fetchval(QUEUE.propose, person, survivor, list(why), word.reason, word.actor, word.at))


async def propose_number(
    c: Connection, vault: Vault, person: PersonId, to: PersonId, number: Identifier, why: Sequence[str], word: Word
) -> int:
    """That a number of `person` goes to `to`, for a second steward to confirm; as `propose`. Refusal `field-invalid`
    when both are read as one."""
    if await root_of(c, person) == await root_of(c, to):
        raise Refusal("field-invalid", field="to", expected="somebody else than who has the number")
    for row in await c.fetch(QUEUE.number_proposals, person, to):
        if _proposal(row, vault).document == number:
            return int(row["number"])
    wrap = await c.fetchval(QUEUE.data_key, person)
    if wrap is None:
        raise Refusal("not-found", field="person")
    sealed = vault.seal(wrap, f"{number.system}|{number.value}".encode(), _bound(person))
    row = (person, to, list(why), word.reason, word.actor, word.at, sealed)
    return int(await c.fetchval(QUEUE.propose_number, *row))


def _bound(person: PersonId) -> bytes:
    return b"mpi.proposal|%d" % person


async def proposals(db: Database, vault: Vault, since: datetime) -> list[Proposal]:
    """What waits, and what was decided since; the waiting first."""
    return [_proposal(row, vault) for row in await db.fetch(QUEUE.proposals, since)]


async def proposal(c: Connection, vault: Vault, number: int) -> Proposal:
    """One proposal, held until the transaction ends. Refusal `not-found`."""
    row = await c.fetchrow(QUEUE.proposal, number)
    if row is None:
        raise Refusal("not-found", field="proposal")
    return _proposal(row, vault)


async def decide_proposal(c: Connection, number: int, word: Word, *, event: int | None) -> None:
    """Accepted with the number of the merge, or rejected with None. Refusal `not-found` when it does not wait."""
    done = await c.fetchval(QUEUE.decide_proposal, number, event is not None, word.actor, word.at, event)
    if done is None:
        raise Refusal("not-found", field="proposal")


async def latest_events(
    db: Database, *, before: int, actor: str = "", limit: int = 100
) -> tuple[list[Event], frozenset[int]]:
    """What stewards did, newest first, below number `before`; and which of it was undone."""
    rows = [Event(*row.values()) for row in await db.fetch(QUEUE.latest_events, before, actor, limit)]
    undone = await db.fetch(QUEUE.undone_of, [event.number for event in rows])
    return rows, frozenset(row["undoes"] for row in undone)


async def report_death(c: Connection, person: PersonId, now: datetime) -> None:
    """Somebody is registered as dead; `not_deceased` takes it back."""
    await c.execute(QUEUE.report_death, person, now)


def _case(row: Any) -> Case:
    values = dict(row)
    values["person"], values["institution"] = values.pop("person_id"), values.pop("institution_id")
    return Case(**values | {"found": tuple(values["found"])})


def _proposal(row: Any, vault: Vault) -> Proposal:
    values = dict(row)
    values["person"] = values.pop("person_id")
    sealed, wrap = values.pop("document"), values.pop("wrap")
    if sealed is not None:
        told = vault.open(wrap, sealed, _bound(values["person"])).decode() if wrap else ""
        values["document"] = Identifier(*told.rpartition("|")[::2])
    return Proposal(**values | {"why": tuple(values["why"])})
