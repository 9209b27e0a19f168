"""Resolve a registration to one person, inside the caller's transaction, safely under concurrency.

Everything two submissions could be linked by (numbers, name and birth date, mother and birth date) is locked first, in
one order, so that two hundred institutions naming the same new person at once make one person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import orjson

from yima.mpi import normalise
from yima.mpi.decide import Decision, Known, decide
from yima.mpi.fields import Fields
from yima.mpi.heard import Heard, heard
from yima.mpi.match import Candidate, Match, Rule, match
from yima.mpi.model import model_named
from yima.mpi.registration import Identifier, Registration
from yima.mpi.sealed import UNKNOWN, fields_of, renewed, seal_number, seal_profile, sealed_row, words_of
from yima.runtime import ids, metrics
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

SQL = Queries(__package__)
_MOST_A_KEY: Final = 200
"""Persons looked at for one candidate key."""
_BY_NUMBER: Final = 3
"""`nr` of `mpi.known` for what a number found."""


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
class _Known:
    """What the index holds for a registration: candidates in order of weight, and the row of each person."""

    candidates: list[Candidate]
    rows: dict[PersonId, Any]
    patient_id: str | None
    digests: frozenset[bytes] = frozenset()
    """The registration's numbers that are held already."""


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

    Refusal `identity-conflict` when the institution's own number is now used for somebody else; nothing is changed.
    """
    _refuse_future(said, now)
    # 1 Keys, and the lock on them.
    numbers = {digest(vault, number, source.institution): number for number in said.identifiers}
    words = heard(vault, said) if source.matching == "full" else None
    locked = list(words.locked) if words else []
    # The persons' rows stay locked as well: two who found one person by two keys must not both add a number to it.
    # Whom the score will link is mostly among them, by a number, or name and birth date; who is not (a birth date said
    # otherwise) is held when it is chosen, and asked again what it holds.
    near = words.near if words else ()
    row = (sorted({*map(_lock, numbers), *locked, *near}), list(numbers), locked, patient_id, scanned)
    # 2 Who is known by numbers? The score is asked only when none has decided.
    known = _by_numbers(vault, await c.fetch(SQL.known, *row), numbers, source, patient_id)
    decision, scored = match(said, known.candidates), None
    if decision.person is None and words:
        decision, scored = await _by_score(c, vault, words, known, numbers, decision, source.institution)
    if decision.conflict:
        raise Refusal("identity-conflict", field="Patient.identifier")
    # 3 The person, old or new, and what names this person from now on. A number that another holds is left there.
    kept = {
        key: number
        for key, number in numbers.items()
        if key not in known.digests and (source.matching != "off" or not number.national)
    }
    news = _News(vault, source, now, words, kept, decision, scored)
    person = decision.person
    if person is None:
        person = await _create(c, said, news)
    else:
        row = known.rows[person]
        await _refresh(c, vault, row, said, now)
        await _remember(c, row, known.patient_id is None, news)
    return Resolution(person, decision.person is None, decision.rule, known.patient_id, decision.review, bool(kept))


def _refuse_future(said: Registration, now: datetime) -> None:
    """Nobody is born tomorrow; the day after, because days begin earlier further east."""
    if said.birth_date[:10] > (now + timedelta(days=1)).date().isoformat():
        raise Refusal("field-invalid", field="Patient.birthDate", expected="a date that is not in the future")


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


def _by_numbers(
    vault: Vault, found: Sequence[Any], numbers: dict[bytes, Identifier], source: Source, patient_id: str | None
) -> _Known:
    """Persons by the Patient that is replaced, by a scanned code, then by the numbers in the order given."""
    known = _Known([], {}, patient_id)
    for row in found:
        if row["nr"] != _BY_NUMBER:
            _add(vault, known, row, "local-number" if row["nr"] == 1 else "scanned-code", numbers)
    # Of somebody whose data key is gone nothing is known: a number says nothing by them.
    rows = {bytes(row["digest"]): row for row in found if row["nr"] == _BY_NUMBER and row["wrap"]}
    for key, number in numbers.items():
        if key in rows and (source.matching != "off" or not number.national):
            _add(vault, known, rows[key], "national-number" if number.national else "local-number", numbers)
    held = {bytes(row["digest"]) for row in found if row["nr"] == _BY_NUMBER}
    named = (rows[key]["patient_id"] for key, number in numbers.items() if key in rows and not number.national)
    return _Known(known.candidates, known.rows, patient_id or next(named, None), frozenset(held))


async def _by_score(
    c: Connection, vault: Vault, words: Heard, known: _Known, numbers: dict[bytes, Identifier], before: Match,
    institution: int,
) -> tuple[Match, Decision]:  # fmt: skip
    """The decision of the model over everybody who shares a candidate key."""
    model = model_named()
    candidates, capped = await candidates_of(c, vault, words, institution)
    scored = decide(words.fields, candidates, model, capped=capped)
    asked = tuple(dict.fromkeys((*before.review, *scored.review)))
    if scored.person is None:
        return Match(None, "new", review=asked), scored
    found = _Known([], {}, None)
    for row in await c.fetch(SQL.known, [], [], [], None, scored.person):
        _add(vault, found, row, "score", numbers)
    known.rows.update(found.rows)
    # What the index holds of the person's documents counts as well: words of long ago may not say all of them.
    doubtful = any(one.other_number or one.other_document for one in found.candidates)
    if doubtful or any(one.frozen for one in known.candidates) or not found.candidates:
        review = tuple(dict.fromkeys((*asked, scored.person)))
        return Match(None, "new", review=review), replace(scored, kind="review", person=None, review=review)
    return Match(scored.person, "score", review=tuple(p for p in asked if p != scored.person)), scored


async def candidates_of(
    source: Connection | Database, vault: Vault, asked: Heard, institution: int
) -> tuple[list[Known], bool]:
    """Everybody who shares a key, with what was said of them; and whether a key by which somebody could be linked found
    more than can be looked at. Other keys that find so many are left out: they say too little."""
    said: dict[PersonId, list[Fields]] = {}
    here = set[PersonId]()
    capped = False
    for person, held, patient_here, full_key, own, key, wrap in await source.fetch(
        SQL.sharing, list(asked.keys), _MOST_A_KEY, normalise.VERSION, institution
    ):
        if person is None:
            capped |= full_key <= len(asked.locked)
            continue
        theirs = fields_of(vault, wrap, own, key, held)
        if theirs is not None:
            said.setdefault(person, []).append(theirs)
            here |= {person} if patient_here else set()
    return [Known(person, tuple(words), here=person in here) for person, words in said.items()], capped


def _add(vault: Vault, known: _Known, row: Any, rule: Rule, numbers: dict[bytes, Identifier]) -> None:
    national = {key: number for key, number in numbers.items() if number.national}
    theirs = {bytes(key): system for key, system in zip(row["held"] or (), row["systems"] or (), strict=True)}
    # Systems in which both have a number, but none in common.
    differing = {n.system for n in national.values()} & set(theirs.values())
    differing -= {number.system for key, number in national.items() if key in theirs}
    resident = normalise.RESIDENT_NUMBER
    known.rows.setdefault(row["person_id"], row)
    words = words_of(vault, row, row["own"])
    known.candidates.append(
        Candidate(
            person=row["person_id"],
            name=words.name,
            latin_name=words.latin_name,
            sex=row["sex"],
            via=rule,
            birth_date=words.birth_date,
            multiple_birth=row["multiple_birth"],
            other_number=resident in differing,
            other_document=bool(differing - {resident}),
            frozen=row["frozen"],
            same_number=any(key in theirs and number.system == resident for key, number in national.items()),
            tells_birth=rule == "national-number" and row["system"] == resident,
        )
    )


@dataclass(frozen=True, slots=True)
class _News:
    """What a registration adds to the index."""

    vault: Vault
    source: Source
    now: datetime
    words: Heard | None
    kept: dict[bytes, Identifier]
    """Numbers nobody held."""
    match: Match
    scored: Decision | None

    def row(self, person: PersonId, wrap: bytes, *, told: bool) -> tuple[object, ...]:
        """The arguments of `remember` and the first of `add_person`. `told`: the decision is written down."""
        held, words = list(self.kept.values()), self.words
        return (
            person,
            self.now,
            list(self.kept),
            ["national" if number.national else "local" for number in held],
            [number.system for number in held],
            [0 if number.national else self.source.institution for number in held],
            [seal_number(self.vault, wrap, key, number.value) for key, number in self.kept.items()],
            list(words.keys) if words else [],
            words.digest if words else None,
            normalise.VERSION,
            seal_profile(self.vault, wrap, person, words.digest, words.stored) if words else None,
            self._decision(),
            told,
        )

    def _decision(self) -> str:
        found, review = self.scored, bool(self.match.review)
        kind = "automatic" if self.match.person is not None else "review" if review else "new"
        return orjson.dumps(
            {
                "institution": self.source.institution,
                "kind": kind,
                "rule": self.match.rule,
                "model": model_named().version if found else "",
                "evidence": {
                    "candidates": found.evidence() if found else [],
                    "hindrances": found.hindrances if found else (),
                    "review": [str(person) for person in self.match.review],
                },
            }
        ).decode()


async def _create(c: Connection, said: Registration, news: _News) -> PersonId:
    person, wrap = ids.new_person_id(), news.vault.new_wrap()
    words = renewed(UNKNOWN, said, name=said.name)
    row = (said.sex, said.multiple_birth, said.deceased, wrap, *sealed_row(news.vault, wrap, person, words))
    await c.execute(SQL.add_person, *news.row(person, wrap, told=True), *row)
    return person


async def _refresh(c: Connection, vault: Vault, known: Any, said: Registration, now: datetime) -> None:
    """Newer words replace older ones, but never better ones.

    A name that stands in for one, or only its Latin form, is not better than what is known.
    """
    if known["wrap"] is None:  # without its data key a person is erased, and is called nothing any more
        return
    held = words_of(vault, known, known["own"])
    poorer = normalise.is_placeholder(said.name) and not normalise.is_placeholder(held.name)
    only_latin = said.name == said.latin_name and not held.name.isascii()
    words = renewed(held, said, name="" if poorer or only_latin else said.name)
    same_sex = said.sex in ("", "unknown", known["sex"])
    same_state = said.multiple_birth in (None, known["multiple_birth"]) and (known["deceased"] or not said.deceased)
    if words == held and same_sex and same_state:
        return
    row = (said.sex, said.multiple_birth, said.deceased, *sealed_row(vault, known["wrap"], known["own"], words))
    await c.execute(SQL.update_person, known["own"], now, *row)


async def _remember(c: Connection, row: Any, new_patient: bool, news: _News) -> None:
    """Numbers, keys and words that were not known, and the decision; nothing when there is nothing new."""
    if row["wrap"] is None:  # without its data key a person is erased and takes nothing any more
        return
    told = new_patient or bool(news.match.review)
    new_words = news.words is not None and news.words.digest not in map(bytes, row["profiles"])
    if not (told or news.kept or new_words):
        return
    await c.execute(SQL.remember, *news.row(row["own"], row["wrap"], told=told))
