"""Resolve registrations to persons, inside the caller's transaction, safely under concurrency.

Everything two submissions could be linked by (numbers, name and birth date, mother and birth date) is locked first, in
one order, so that two hundred institutions naming the same new person at once make one person.

Many registrations are resolved in rounds: those of a round have no key in common and mean different persons, so that
what the index holds is asked for all of them by one statement, and written by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from yima.mpi.decide import Decision, Known, decide
from yima.mpi.heard import Heard, heard
from yima.mpi.held import BY_NUMBER, BY_PATIENT, SQL, Held, add, by_numbers, candidates_of
from yima.mpi.match import Match, Rule, match
from yima.mpi.model import model_named
from yima.mpi.noted import News, Notes, refresh
from yima.mpi.registration import Identifier, Registration
from yima.runtime import ids, metrics
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
    numbers: dict[bytes, Identifier]
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
        return {*self.numbers, *named, *(words.keys if words else ()), *(words.near if words else ())}

    @property
    def locks(self) -> set[int]:
        """Advisory locks."""
        words = self.words
        return {*map(_lock, self.numbers), *(words.locked if words else ()), *(words.near if words else ())}

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
    locks = sorted({lock for turn in waiting for lock in turn.locks})
    while waiting:
        now_on, marks = list[_Turn](), set[object]()
        for turn in waiting:
            if marks.isdisjoint(turn.marks):
                now_on.append(turn)
            marks |= turn.marks  # who has a key of one that waits, waits as well
        await _round(c, vault, now_on, source, locks, now)
        waiting, locks = [turn for turn in waiting if turn.result is None], []
    return [turn.result for turn in turns if turn.result is not None]


def _turn(vault: Vault, asked: Asked, source: Source, now: datetime) -> _Turn:
    said = asked.said
    numbers = {digest(vault, number, source.institution): number for number in said.identifiers}
    words = heard(vault, said) if source.matching == "full" else None
    turn = _Turn(asked, numbers, words, Held(), Match(None, "new"), [])
    # Nobody is born tomorrow; the day after, because days begin earlier further east.
    if said.birth_date[:10] > (now + timedelta(days=1)).date().isoformat():
        expected = "a date that is not in the future"
        turn.result = Refusal("field-invalid", field="Patient.birthDate", expected=expected)
    return turn


async def _round(
    c: Connection, vault: Vault, turns: Sequence[_Turn], source: Source, locks: Sequence[int], now: datetime
) -> None:
    """Settle each of these, but who may be a person that one before it was found to be: that one asks again."""
    # 1 Who is known by numbers? The persons' rows are locked as well: two who found one person by two keys must not
    # both add a number to it. Whom the score will link is mostly among them, by a number, or name and birth date; who
    # is not (a birth date said otherwise) is held when it is chosen, and asked again what it holds.
    await _by_numbers(c, vault, turns, source, locks)
    # 2 The score is asked only when no number has decided.
    await _by_score(c, vault, turns, source.institution)
    # 3 The person, old or new, and what names this person from now on. A number that another holds is left there.
    notes, settled = Notes(vault, source.institution, now), set[PersonId]()
    for turn in turns:
        if turn.match.conflict:
            turn.result = Refusal("identity-conflict", field="Patient.identifier")
        elif settled.isdisjoint(turn.meets):
            await _settle(c, notes, turn, source)
            settled |= set() if turn.match.person is None else {turn.match.person}
    await notes.write(c)


async def _by_numbers(
    c: Connection, vault: Vault, turns: Sequence[_Turn], source: Source, locks: Sequence[int]
) -> None:
    near = [key for turn in turns if turn.words for key in turn.words.locked]
    patients = [turn.asked.patient_id for turn in turns if turn.asked.patient_id is not None]
    persons = [turn.asked.scanned for turn in turns if turn.asked.scanned is not None]
    digests = [key for turn in turns for key in turn.numbers]
    found: dict[object, list[Any]] = {}
    for row in await c.fetch(SQL.known, locks, digests, near, patients, persons):
        by = bytes(row["digest"]) if row["nr"] == BY_NUMBER else row["patient_id" if row["nr"] == BY_PATIENT else "own"]
        found.setdefault(by, []).append(row)
    for turn in turns:
        asked = turn.asked
        rows = [row for by in (asked.patient_id, asked.scanned, *turn.numbers) for row in found.get(by, ())]
        turn.held = by_numbers(vault, rows, turn.numbers, asked.patient_id, documents=source.matching != "off")
        turn.match = match(asked.said, turn.held.candidates)


async def _by_score(c: Connection, vault: Vault, turns: Sequence[_Turn], institution: int) -> None:
    """The decision of the model over everybody who shares a candidate key, for those whom no number has decided."""
    asked = [(turn, turn.words) for turn in turns if turn.match.person is None and turn.words]
    if not asked:
        return
    found = await candidates_of(c, vault, [words for _, words in asked], institution)
    for (turn, words), (candidates, capped) in zip(asked, found, strict=True):
        turn.candidates = candidates
        turn.scored = decide(words.fields, candidates, model_named(), capped=capped)
    chosen = sorted({turn.scored.person for turn, _ in asked if turn.scored and turn.scored.person is not None})
    rows = {row["own"]: row for row in await c.fetch(SQL.known, [], [], [], [], chosen)} if chosen else {}
    for turn, _ in asked:
        if turn.scored:
            turn.match, turn.scored = _weighed(vault, turn, turn.scored, rows)


def _weighed(vault: Vault, turn: _Turn, scored: Decision, rows: dict[PersonId, Any]) -> tuple[Match, Decision]:
    """The score's decision beside what numbers left open."""
    asked = tuple(dict.fromkeys((*turn.match.review, *scored.review)))
    if scored.person is None:
        return Match(None, "new", review=asked), scored
    found = Held()
    if scored.person in rows:
        add(vault, found, rows[scored.person], "score", turn.numbers)
    turn.held.rows.update(found.rows)
    # What the index holds of the person's documents counts as well: words of long ago may not say all of them.
    doubtful = any(one.other_number or one.other_document for one in found.candidates)
    if doubtful or any(one.frozen for one in turn.held.candidates) or not found.candidates:
        review = tuple(dict.fromkeys((*asked, scored.person)))
        return Match(None, "new", review=review), replace(scored, kind="review", person=None, review=review)
    return Match(scored.person, "score", review=tuple(p for p in asked if p != scored.person)), scored


async def _settle(c: Connection, notes: Notes, turn: _Turn, source: Source) -> None:
    kept = {
        key: number
        for key, number in turn.numbers.items()
        if key not in turn.held.digests and (source.matching != "off" or not number.national)
    }
    said, found, patient_id = turn.asked.said, turn.match, turn.held.patient_id
    news = News(said, turn.words, kept, found, turn.scored)
    if found.person is None:
        person = notes.new_person(news)
    else:
        person, row = found.person, turn.held.rows[found.person]
        await refresh(c, notes.vault, row, said, notes.now)
        notes.known_person(row, news, new_patient=patient_id is None)
    turn.result = Resolution(person, found.person is None, found.rule, patient_id, found.review, bool(kept))


async def link(  # noqa: PLR0913  each is one independent fact of the link
    c: Connection,
    vault: Vault,
    resolution: Resolution,
    said: Registration,
    source: Source,
    patient_id: str,
    *,
    now: datetime,
    home: PersonId | None = None,
) -> None:
    """Say that a Patient is the resolved person, and that the institution's own numbers mean this Patient.

    `home`: where the Patient lies, for an id that does not say so.
    """
    if resolution.patient_id == patient_id and not resolution.new_numbers and not resolution.review:
        return  # it was said before
    local = [digest(vault, number, source.institution) for number in said.identifiers if not number.national]
    home = ids.home_of(patient_id) if home is None else home
    row = (resolution.person, patient_id, home, source.institution, resolution.rule, now)
    await c.execute(SQL.add_link, *row, local)
    if resolution.created:
        metrics.persons.inc()
    if resolution.review:
        reason = "possible-duplicate"
        await c.execute(SQL.add_reviews, resolution.person, list(resolution.review), source.institution, reason, now)


def digest(vault: Vault, number: Identifier, institution: int) -> bytes:
    """The blind index of a number: national documents share one space, an institution's own numbers have theirs."""
    scope = "national" if number.national else f"local/{institution}"
    return vault.blind(f"identifier/{scope}/{number.system}", number.value)


def _lock(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)
