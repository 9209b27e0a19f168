"""What the index holds of registrations on their way: persons by their numbers, and whoever shares a candidate key.

Many registrations are asked about by one statement each; one is many of one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from yima.mpi import normalise
from yima.mpi.decide import Known
from yima.mpi.fields import Fields
from yima.mpi.heard import Heard
from yima.mpi.match import Candidate, Rule
from yima.mpi.registration import Identifier
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
    for row in found:
        if row["nr"] != BY_NUMBER:
            add(vault, held, row, "local-number" if row["nr"] == BY_PATIENT else "scanned-code", numbers)
    # Of somebody whose data key is gone nothing is known: a number says nothing by them.
    rows = {bytes(row["digest"]): row for row in found if row["nr"] == BY_NUMBER and row["wrap"]}
    for key, number in numbers.items():
        if key in rows and (documents or not number.national):
            add(vault, held, rows[key], "national-number" if number.national else "local-number", numbers)
    held.digests = frozenset(bytes(row["digest"]) for row in found if row["nr"] == BY_NUMBER)
    named = (rows[key]["patient_id"] for key, number in numbers.items() if key in rows and not number.national)
    held.patient_id = patient_id or next(named, None)
    return held


def add(vault: Vault, held: Held, row: Any, rule: Rule, numbers: dict[bytes, Identifier]) -> None:
    """One more candidate, found by `rule`."""
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
            same_number=any(key in theirs and number.system == resident for key, number in national.items()),
            tells_birth=rule == "national-number" and row["system"] == resident,
        )
    )


async def candidates_of(
    source: Connection | Database, vault: Vault, asked: Sequence[Heard], institution: int
) -> list[tuple[list[Known], bool]]:
    """For each: everybody who shares a key, with what was said of them; and whether a key by which somebody could be
    linked found more than can be looked at. Other keys that find so many are left out: they say too little."""
    said = [dict[PersonId, list[Fields]]() for _ in asked]
    here, capped = [set[PersonId]() for _ in asked], [False] * len(asked)
    for nr, person, stored, patient_here, full_key, own, key, wrap in await source.fetch(
        SQL.sharing, *_keys(asked), _MOST_A_KEY, normalise.VERSION, institution
    ):
        if person is None:
            capped[nr] |= full_key <= len(asked[nr].locked)
            continue
        theirs = fields_of(vault, wrap, own, key, stored)
        if theirs is not None:
            said[nr].setdefault(person, []).append(theirs)
            here[nr] |= {person} if patient_here else set()
    return [
        ([Known(person, tuple(words), here=person in present) for person, words in one.items()], full)
        for one, present, full in zip(said, here, capped, strict=True)
    ]


def _keys(asked: Collection[Heard]) -> tuple[list[int], list[int], list[int]]:
    """Every key with whose it is and its place among theirs, from 1."""
    every = [(nr, place, key) for nr, one in enumerate(asked) for place, key in enumerate(one.keys, 1)]
    return [nr for nr, _, _ in every], [place for _, place, _ in every], [key for _, _, key in every]
