"""What the index holds of registrations on their way: persons by their numbers, and whoever shares a candidate key.

Many registrations are asked about by one statement each; one is many of one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from yima.mpi import normalise
from yima.mpi.decide import Known
from yima.mpi.fields import Fields
from yima.mpi.heard import Heard
from yima.mpi.match import Candidate, Rule, contradicts, says_otherwise
from yima.mpi.registration import Identifier, Registration
from yima.mpi.sealed import fields_of, words_of
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

SQL = Queries(__package__)
_MOST_A_KEY: Final = 200
"""Persons looked at for one candidate key."""
BY_PATIENT, BY_PERSON, BY_NUMBER = 1, 2, 3
"""`nr` of `mpi.known`: what found a row."""


@dataclass(slots=True)
class Held:
    """What the index holds for one registration: candidates in order of weight, and the row of each person."""

    patient_id: str | None = None
    candidates: list[Candidate] = field(default_factory=list)
    rows: dict[PersonId, Any] = field(default_factory=dict)
    digests: frozenset[bytes] = frozenset()
    """The registration's numbers that are held already."""


def by_numbers(
    vault: Vault, found: Sequence[Any], numbers: dict[bytes, Identifier], patient_id: str | None, *, documents: bool
) -> Held:
    """Persons by the Patient that is replaced, by a scanned code, then by the numbers in the order given; with
    `documents` off only by the institution's own."""
    held = Held(patient_id)
    disputed = {bytes(row["digest"]) for row in found if row["nr"] == BY_NUMBER and row["frozen"]}
    for row in found:
        if row["nr"] != BY_NUMBER:
            add(vault, held, row, "local-number" if row["nr"] == BY_PATIENT else "scanned-code", numbers, disputed)
    # Of somebody whose data key is gone nothing is known: a number says nothing by them.
    rows = {bytes(row["digest"]): row for row in found if row["nr"] == BY_NUMBER and row["wrap"]}
    for key, number in numbers.items():
        if key in rows and (documents or not number.national):
            add(vault, held, rows[key], "national-number" if number.national else "local-number", numbers, disputed)
    held.digests = frozenset(bytes(row["digest"]) for row in found if row["nr"] == BY_NUMBER)
    named = (rows[key]["patient_id"] for key, number in numbers.items() if key in rows and not number.national)
    held.patient_id = patient_id or next(named, None)
    return held


def in_form(vault: Vault, found: Sequence[Any]) -> Sequence[Any]:
    """Rows of `mpi.known` with their hashes as they are written now: some may still be under the key of before."""
    hashes = vault.hashes
    if not hashes.several:
        return found
    return [
        dict(row)
        | {
            "digest": hashes.now(bytes(row["digest"] or b"")),
            "held": [hashes.now(bytes(key)) for key in row["held"] or ()],
            "profiles": [hashes.short_bytes_now(bytes(key)) for key in row["profiles"]],
        }
        for row in found
    ]


def add(
    vault: Vault, held: Held, row: Any, rule: Rule, numbers: dict[bytes, Identifier],
    disputed: Collection[bytes] = (),
) -> None:  # fmt: skip
    """One more candidate, found by `rule`. A number in dispute vouches for nobody, not even under the institution's own
    or a scanned code."""
    national = {key: number for key, number in numbers.items() if number.national}
    theirs = {bytes(key): system for key, system in zip(row["held"] or (), row["systems"] or (), strict=True)}
    # Systems in which both have a number, but none in common.
    differing = {n.system for n in national.values()} & set(theirs.values())
    differing -= {number.system for key, number in national.items() if key in theirs}
    resident = normalise.RESIDENT_NUMBER
    held.rows.setdefault(row["person_id"], row)
    words = words_of(vault, row, row["own"])
    held.candidates.append(
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
            same_number=any(
                key in theirs and key not in disputed and number.system == resident for key, number in national.items()
            ),
            tells_birth=rule == "national-number" and row["system"] == resident,
        )
    )


async def drifts(c: Connection, vault: Vault, said: Registration, held: Held, institution: int) -> bool:
    """Whether a registration under the institution's own number contradicts what was ever said of a person whom others
    know as well: or somebody could be made somebody else in two steps, each of which agrees with the one before."""
    known = next(one for one in held.candidates if one.via == "local-number")
    if known.same_number or not says_otherwise(said, known):
        return False
    for row in await c.fetch(SQL.said_before, held.rows[known.person]["own"], institution, normalise.VERSION):
        theirs = fields_of(vault, row["wrap"], row["person_id"], row["digest"], row["said"])
        if theirs is None or theirs.placeholder:
            continue
        then = replace(known, name=theirs.name, latin_name=theirs.latin, sex=theirs.sex, birth_date=theirs.birth)
        if contradicts(said, then):
            return True
    return False


async def candidates_of(
    source: Connection | Database, vault: Vault, asked: Sequence[tuple[Heard, int]]
) -> list[tuple[list[Known], bool]]:
    """For each, which an institution asks: everybody who shares a key, with what was said of them; and whether a key by
    which somebody could be linked found more than can be looked at. Other keys that find so many are left out: they say
    too little."""
    said = [dict[PersonId, list[tuple[Fields, PersonId]]]() for _ in asked]
    here, capped = [set[PersonId]() for _ in asked], [False] * len(asked)
    for nr, person, stored, patient_here, full_key, own, key, wrap in await source.fetch(
        SQL.sharing, *_keys([words for words, _ in asked]), _MOST_A_KEY, normalise.VERSION, [who for _, who in asked]
    ):
        if person is None:
            capped[nr] |= full_key <= len(asked[nr][0].locked)
            continue
        theirs = fields_of(vault, wrap, own, key, stored)
        if theirs is not None:
            said[nr].setdefault(person, []).append((theirs, own))
            here[nr] |= {person} if patient_here else set()
    return [
        ([_known(person, words, here=person in present) for person, words in one.items()], full)
        for one, present, full in zip(said, here, capped, strict=True)
    ]


def _known(person: PersonId, words: Sequence[tuple[Fields, PersonId]], *, here: bool) -> Known:
    said, sides = zip(*words, strict=True)
    return Known(person, said, here=here, sides=sides)


def literal(numbers: Iterable[int]) -> str:
    """Integers as PostgreSQL reads an array of them."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _keys(asked: Collection[Heard]) -> tuple[str, str, str]:
    """Every key with whose it is and its place among theirs, from 1."""
    every = [
        (nr, place, key)
        for nr, one in enumerate(asked)
        for form in (one.keys, *one.others)
        for place, key in enumerate(form, 1)
    ]
    return (
        literal(nr for nr, _, _ in every),
        literal(place for _, place, _ in every),
        literal(key for _, _, key in every),
    )
