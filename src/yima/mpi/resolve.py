"""Resolve registrations to persons, inside the caller's transaction, safely under concurrency.

Everything two submissions could be linked by (numbers, name and birth date, mother and birth date) is locked first, in
one order, so that two hundred institutions naming the same new person at once make one person.

Many registrations are resolved in rounds: those of a round have no key in common and mean different persons, so that
what the index holds is asked for all of them by one statement, and written by one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from yima.mpi.decide import Decision, Known, decide
from yima.mpi.fields import Fields
from yima.mpi.heard import Heard, heard
from yima.mpi.held import BY_NUMBER, BY_PATIENT, SQL, Held, add, by_numbers, candidates_of, drifts, in_form
from yima.mpi.match import Match, Rule, match
from yima.mpi.model import model_named
from yima.mpi.noted import News, Notes, refresh
from yima.mpi.registration import Identifier, Registration
from yima.mpi.score import scorer
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault


@dataclass(frozen=True, slots=True)
class Source:
    """Who registers: the institution, and how its app's submissions find their person."""

    institution: int
    matching: Literal["full", "identifier", "off"] = "full"


@dataclass(frozen=True, slots=True)
class Resolution:
    """The person a registration belongs to, and by which rule."""

    person: PersonId
    created: bool
    rule: Rule
    patient_id: str | None
    """The Patient of this institution that already carries the registration's own number, if any."""
    review: tuple[PersonId, ...] = ()
    new_numbers: bool = True
    """Whether the registration names the person by a number that was not known before."""
    own: PersonId | None = None
    """Where others were merged with the person: of whom the registration is. What it brings is theirs when the merge is
    undone."""

    @property
    def side(self) -> PersonId:
        """Whose Patient it is, and in whose home a new one lies: the person, or who was merged with it."""
        return self.person if self.own is None else self.own


@dataclass(frozen=True, slots=True)
class Asked:
    """A registration to be resolved."""

    said: Registration
    patient_id: str | None = None
    """The registration replaces this Patient of the same institution."""
    scanned: PersonId | None = None
    """Whose own code the institution scanned for this visit."""


@dataclass(slots=True)
class _Turn:
    """A registration on its way."""

    asked: Asked
    source: Source
    numbers: dict[bytes, Identifier]
    locks: set[int]
    """Advisory locks, which no rotation of hashes changes."""
    words: Heard | None
    held: Held
    match: Match
    candidates: list[Known]
    scored: Decision | None = None
    result: Resolution | Refusal | None = None

    @property
    def marks(self) -> set[object]:
        """All by which it can meet another registration."""
        asked, words = self.asked, self.words
        named = {one for one in (asked.patient_id, asked.scanned) if one is not None}
        return {*self.numbers, *named, *(words.keys if words else ()), *self.locks}

    @property
    def meets(self) -> set[PersonId]:
        """Persons it may be."""
        return {*self.held.rows, *(known.person for known in self.candidates)}


async def resolve(
    c: Connection,
    vault: Vault,
    said: Registration,
    source: Source,
    *,
    now: datetime,
    patient_id: str | None = None,
    scanned: PersonId | None = None,
) -> Resolution:
    """Find or make the person. Idempotent; call `link` once the Patient has its id.

    `patient_id` says that the registration replaces that Patient of the same institution; `scanned`, whose own code the
    institution scanned for this visit.

    Refusals `identity-conflict` when the institution's own number is now used for somebody else, `field-invalid` for a
    birth date to come; nothing is changed.
    """
    (found,) = await resolve_many(c, vault, [Asked(said, patient_id, scanned)], source, now=now)
    if isinstance(found, Refusal):
        raise found
    return found


async def resolve_many(
    c: Connection, vault: Vault, asked: Sequence[Asked], source: Source, *, now: datetime
) -> list[Resolution | Refusal]:
    """Find or make the person of each, as `resolve` would one after the other: those with keys in common in the order
    given. What is refused of one changes nothing of the others."""
    turns = [_turn(vault, one, source, now) for one in asked]
    waiting = [turn for turn in turns if turn.result is None]
    locks = _locks(waiting)
    while waiting:
        await _round(c, vault, _strangers(waiting), locks, now)
        waiting, locks = [turn for turn in waiting if turn.result is None], []
    return [turn.result for turn in turns if turn.result is not None]


async def resolve_new(
    c: Connection, vault: Vault, asked: Sequence[tuple[Asked, Source]], *, now: datetime
) -> AsyncIterator[dict[int, Resolution]]:
    """`resolve_many` for Patients that are not there yet, of whatever institutions, round by round: those of a round,
    by their places among `asked`, have to be linked before the next is begun, which sees what they are.

    Left out, with nothing written of them: whose own number names a Patient already, and whoever is refused.
    """
    turns = {nr: _turn(vault, one, source, now) for nr, (one, source) in enumerate(asked)}
    waiting = {nr: turn for nr, turn in turns.items() if turn.result is None}
    locks = _locks(waiting.values())
    while waiting:
        first = _strangers(waiting.values())
        await _by_numbers(c, vault, first, locks)
        await _decide(c, vault, [turn for turn in first if turn.held.patient_id is None], now)
        yield {nr: t.result for nr, t in waiting.items() if isinstance(t.result, Resolution)}
        waiting = {nr: t for nr, t in waiting.items() if t.result is None and t.held.patient_id is None}
        locks = []


def _strangers(waiting: Iterable[_Turn]) -> list[_Turn]:
    """Those that have no key in common with one before them: who has a key of one that waits, waits as well."""
    found, marks = list[_Turn](), set[object]()
    for turn in waiting:
        theirs = turn.marks
        if marks.isdisjoint(theirs):
            found.append(turn)
        marks |= theirs
    return found


def _locks(turns: Iterable[_Turn]) -> list[int]:
    return sorted({lock for turn in turns for lock in turn.locks})


def _turn(vault: Vault, asked: Asked, source: Source, now: datetime) -> _Turn:
    said = asked.said
    inner = {_inner(vault, number, source.institution): number for number in said.identifiers}
    numbers = {vault.hashes.long(key): number for key, number in inner.items()}
    words = heard(vault, said) if source.matching == "full" else None
    locks = {*map(_lock, inner), *(words.locks if words else ())}
    turn = _Turn(asked, source, numbers, locks, words, Held(), Match(None, "new"), [])
    # Nobody is born tomorrow; the day after, because days begin earlier further east.
    if said.birth_date[:10] > (now + timedelta(days=1)).date().isoformat():
        expected = "a date that is not in the future"
        turn.result = Refusal("field-invalid", field="Patient.birthDate", expected=expected)
    return turn


async def _round(c: Connection, vault: Vault, turns: Sequence[_Turn], locks: Sequence[int], now: datetime) -> None:
    """Settle each of these, but who may be a person that one before it was found to be: that one asks again."""
    # 1 Who is known by numbers? The persons' rows are locked as well: two who found one person by two keys must not
    # both add a number to it. Whom the score will link is mostly among them, by a number, or name and birth date; who
    # is not (a birth date said otherwise) is held when it is chosen, and asked again what it holds.
    await _by_numbers(c, vault, turns, locks)
    await _decide(c, vault, turns, now)


async def _decide(c: Connection, vault: Vault, turns: Sequence[_Turn], now: datetime) -> None:
    # 2 The score is asked only when no number has decided.
    await _by_score(c, vault, turns)
    # 3 The person, old or new, and what names this person from now on. A number that another holds is left there.
    notes, settled = Notes(vault, now), set[PersonId]()
    for turn in turns:
        if turn.match.conflict:
            turn.result = Refusal("identity-conflict", field="Patient.identifier")
        elif settled.isdisjoint(turn.meets):
            await _settle(c, notes, turn)
            settled |= set() if turn.match.person is None else {turn.match.person}
    await notes.write(c)


async def _by_numbers(c: Connection, vault: Vault, turns: Sequence[_Turn], locks: Sequence[int]) -> None:
    near = [key for turn in turns if turn.words for key in turn.words.asked_locked]
    patients = [turn.asked.patient_id for turn in turns if turn.asked.patient_id is not None]
    persons = [turn.asked.scanned for turn in turns if turn.asked.scanned is not None]
    digests = [form for turn in turns for key in turn.numbers for form in vault.hashes.forms(key)]
    found: dict[object, list[Any]] = {}
    for row in in_form(vault, await c.fetch(SQL.known, locks, digests, near, patients, persons)):
        by = bytes(row["digest"]) if row["nr"] == BY_NUMBER else row["patient_id" if row["nr"] == BY_PATIENT else "own"]
        found.setdefault(by, []).append(row)
    for turn in turns:
        asked = turn.asked
        rows = [row for by in (asked.patient_id, asked.scanned, *turn.numbers) for row in found.get(by, ())]
        documents = turn.source.matching != "off"
        turn.held = by_numbers(vault, rows, turn.numbers, asked.patient_id, documents=documents)
        turn.match = match(asked.said, turn.held.candidates)
        own = turn.match.rule == "local-number" and not turn.match.conflict
        if own and await drifts(c, vault, asked.said, turn.held, turn.source.institution):
            turn.match = replace(turn.match, conflict=True)


async def _by_score(c: Connection, vault: Vault, turns: Sequence[_Turn]) -> None:
    """The decision of the model over everybody who shares a candidate key, for those whom no number has decided."""
    asked = [(turn, turn.words) for turn in turns if turn.match.person is None and turn.words]
    if not asked:
        return
    found = await candidates_of(c, vault, [(words, turn.source.institution) for turn, words in asked])
    for (turn, words), (candidates, capped) in zip(asked, found, strict=True):
        turn.candidates = candidates
        turn.scored = decide(words.fields, candidates, model_named(), capped=capped)
    sides = [_side(words.fields, turn) for turn, words in asked]
    chosen = sorted({side for side in sides if side is not None})
    known = in_form(vault, await c.fetch(SQL.known, [], [], [], [], chosen)) if chosen else []
    rows = {row["own"]: row for row in known}
    for (turn, _), side in zip(asked, sides, strict=True):
        if turn.scored:
            turn.match, turn.scored = _weighed(vault, turn, turn.scored, rows.get(side))


def _side(said: Fields, turn: _Turn) -> PersonId | None:
    """Of those who are read as the person that the score found, whose words fit best; None where it found nobody."""
    person = turn.scored.person if turn.scored else None
    known = next((one for one in turn.candidates if one.person == person), None)
    if known is None or len(set(known.sides)) < 2:
        return known.sides[0] if known else None
    bits = [scorer(model_named())(said, theirs).bits for theirs in known.said]
    return max(zip(bits, (side == person for side in known.sides), known.sides, strict=True))[2]


def _weighed(vault: Vault, turn: _Turn, scored: Decision, row: Any | None) -> tuple[Match, Decision]:
    """The score's decision beside what numbers left open."""
    asked = tuple(dict.fromkeys((*turn.match.review, *scored.review)))
    if scored.person is None:
        return Match(None, "new", review=asked), scored
    found = Held()
    if row is not None:
        add(vault, found, row, "score", turn.numbers)
    turn.held.rows.update(found.rows)
    # What the index holds of the person's documents counts as well: words of long ago may not say all of them.
    doubtful = any(one.other_number or one.other_document for one in found.candidates)
    if doubtful or any(one.frozen for one in turn.held.candidates) or not found.candidates:
        review = tuple(dict.fromkeys((*asked, scored.person)))
        return Match(None, "new", review=review), replace(scored, kind="review", person=None, review=review)
    return Match(scored.person, "score", review=tuple(p for p in asked if p != scored.person)), scored


async def _settle(c: Connection, notes: Notes, turn: _Turn) -> None:
    source = turn.source
    kept = {
        key: number
        for key, number in turn.numbers.items()
        if key not in turn.held.digests and (source.matching != "off" or not number.national)
    }
    said, found, patient_id = turn.asked.said, turn.match, turn.held.patient_id
    news = News(source.institution, said, turn.words, kept, found, turn.scored)
    own: PersonId | None = None
    if found.person is None:
        person = notes.new_person(news)
    else:
        person, row = found.person, turn.held.rows[found.person]
        own = row["own"]
        await refresh(c, notes.vault, row, said, notes.now)
        notes.known_person(row, news, new_patient=patient_id is None)
    turn.result = Resolution(person, found.person is None, found.rule, patient_id, found.review, bool(kept), own)


def digest(vault: Vault, number: Identifier, institution: int) -> bytes:
    """The blind index of a number: national documents share one space, an institution's own numbers have theirs."""
    return vault.hashes.long(_inner(vault, number, institution))


def _inner(vault: Vault, number: Identifier, institution: int) -> bytes:
    scope = "national" if number.national else f"local/{institution}"
    return vault.steady(f"identifier/{scope}/{number.system}", number.value)


def _lock(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)
