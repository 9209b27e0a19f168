"""What is known of a person, and which Patients and homes are theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from yima.mpi.held import SQL
from yima.mpi.registration import Identifier
from yima.mpi.resolve import digest
from yima.mpi.sealed import number_of, words_of
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

_LONG_NUMBER = 10


@dataclass(frozen=True, slots=True)
class Identity:
    """What a counter needs to see to know who stands there. Never a document number."""

    person: PersonId
    name: str
    latin_name: str
    sex: str
    """FHIR administrative-gender."""
    birth_date: str
    """FHIR date: possibly only a year, or a year and month."""
    multiple_birth: int | None
    deceased: bool


@dataclass(frozen=True, slots=True)
class Review:
    """Two persons who may be one, waiting for a data steward."""

    review_id: int
    person: PersonId
    candidate: PersonId
    institution: int
    reason: str
    created: datetime


async def identities(
    source: Database | Connection, vault: Vault, persons: Iterable[PersonId]
) -> dict[PersonId, Identity]:
    """The identities of these persons; unknown ids are absent."""
    rows = await source.fetch(SQL.identities, list(persons))
    return {row["person_id"]: _identity(vault, row) for row in rows}


async def identity(source: Database | Connection, vault: Vault, person: PersonId) -> Identity | None:
    """One identity, or None."""
    return (await identities(source, vault, [person])).get(person)


async def not_deceased(c: Connection, person: PersonId, now: datetime) -> None:
    """Take back a death that was reported by mistake; the next true report says it again."""
    await c.execute(SQL.not_deceased, person, now)


async def masked_number(db: Database, vault: Vault, person: PersonId) -> str:
    """The national document number, `masked`; empty without one."""
    row = await db.fetchrow(SQL.contact, person)
    if row is None or row["number"] is None or row["wrap"] is None or row["number_wrap"] is None:
        return ""
    return masked(number_of(vault, row["number_wrap"], row["digest"], row["number"]))


def masked(number: str) -> str:
    """A number with all but the first three and last two characters hidden. Of a short one only the last two are shown,
    so that what is hidden cannot be guessed."""
    shown = 3 if len(number) >= _LONG_NUMBER else 0
    return f"{number[:shown]}{'*' * (len(number) - shown - 2)}{number[-2:]}"


async def phone_of(source: Database | Connection, vault: Vault, person: PersonId) -> str:
    """The person's phone number in the clear; empty without one. For what the resident decides to show."""
    row = await source.fetchrow(SQL.contact, person)
    return "" if row is None else words_of(vault, row).phone


async def holder(source: Database | Connection, vault: Vault, number: Identifier) -> PersonId:
    """Who holds a national number: they themselves, also where they are read as another. Refusal `not-found`."""
    row = await source.fetchrow(SQL.holder_of, list(vault.hashes.forms(digest(vault, number, 0))))
    if row is None:
        raise Refusal("not-found", field="identifier")
    return int(row["person_id"])


async def documents_of(db: Database | Connection, vault: Vault, person: PersonId) -> list[Identifier]:
    """The person's national documents in the clear, the first registered first; none of a person that was erased.

    For answers to an institution that holds the number itself or has just read the person's own fresh code: the caller
    decides that, and says so on the person's log.
    """
    rows = await db.fetch(SQL.documents, person)
    return [
        Identifier(row["system"], number_of(vault, row["wrap"], row["digest"], row["number"]))
        for row in rows
        if row["wrap"]
    ]


async def patients_of(source: Database | Connection, person: PersonId) -> list[tuple[str, int]]:
    """The Patients of a person as (resource id, institution), oldest first."""
    return [(row["patient_id"], row["institution_id"]) for row in await source.fetch(SQL.patients_of, person)]


@dataclass(frozen=True, slots=True)
class Link:
    """That a Patient is a person, and by which rule that was found."""

    patient: str
    institution: int
    rule: str


async def links_of(source: Database | Connection, person: PersonId) -> list[Link]:
    """The links of a person, oldest first."""
    rows = await source.fetch(SQL.patients_of, person)
    return [Link(row["patient_id"], row["institution_id"], row["rule"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Whole:
    """One human being as the index has them now: everybody who was merged, whomever of them one asked for."""

    person: PersonId
    """As whom they are read."""
    members: frozenset[PersonId]
    """Everybody who is read so, `person` among them: whose log lines, decisions and mandates are theirs."""
    homes: tuple[PersonId, ...]
    """The shard keys under which their resources lie, in order: the members, and the homes of their Patients."""
    patients: frozenset[str] | None = None
    """Their Patients, where rows of other persons may lie in these homes too (a steward split a Patient off, or moved
    it): only rows of these are theirs. None, by far the usual case: all rows there are."""


async def wholes_of(source: Database | Connection, persons: Iterable[PersonId]) -> dict[PersonId, Whole]:
    """As whom each of these persons is read, in one question."""
    asked = set(persons)
    roots = {person: person for person in asked}
    members: dict[PersonId, set[PersonId]] = {person: {person} for person in asked}
    homes: dict[PersonId, set[PersonId]] = {person: {person} for person in asked}
    patients: dict[PersonId, set[str]] = {person: set() for person in asked}
    sharing = set[PersonId]()
    for person, root, member, home, patient, shared in await source.fetch(SQL.wholes_of, list(asked)):
        roots[person] = root
        members[person].add(member)
        homes[person] |= {member, home or member}
        patients[person] |= {patient} if patient else set()
        sharing |= {person} if shared or home not in (None, member) else set()
    return {
        p: Whole(
            roots[p], frozenset(members[p]), tuple(sorted(homes[p])), frozenset(patients[p]) if p in sharing else None
        )
        for p in asked
    }


async def whole_of(source: Database | Connection, person: PersonId) -> Whole:
    """As whom a person is read, and who else is."""
    return (await wholes_of(source, [person]))[person]


async def shared_homes(source: Database | Connection) -> list[PersonId]:
    """The homes in which rows of several persons may lie: see `Whole.patients`. Few."""
    return [row["home"] for row in await source.fetch(SQL.shared_homes)]


async def given_back(source: Database | Connection, members: Iterable[PersonId]) -> frozenset[PersonId]:
    """Those who were split off from these persons and found to be them after all: what was done to their record then
    was done to these."""
    return frozenset(row["other"] for row in await source.fetch(SQL.given_back, list(members)))


async def person_of_patient(source: Database | Connection, patient_id: str) -> PersonId | None:
    """The person a Patient is linked to, or None. Not always its home: a merge moves the link, never the Patient."""
    if "\x00" in patient_id:
        return None
    row = await source.fetchrow(SQL.person_of_patient, patient_id)
    return row["person_id"] if row else None


async def beside(source: Database | Connection, patient_id: str) -> list[str]:
    """The Patients that are linked to the same person as this one, itself among them; a merge links none."""
    return [row["patient_id"] for row in await source.fetch(SQL.beside, patient_id)]


async def persons_of_patients(source: Database | Connection, patients: Sequence[str]) -> dict[str, PersonId]:
    """The persons that these Patients are linked to; unknown ids are absent. Ids without NUL."""
    return {row["patient_id"]: row["person_id"] for row in await source.fetch(SQL.persons_of_patients, list(patients))}


async def registered_by(source: Database | Connection, patient_id: str, institution: int) -> bool:
    """Whether this institution registered the Patient."""
    return bool((await source.fetchrow(SQL.registered_by, patient_id, institution))[0])


async def find_patients(
    source: Database | Connection, vault: Vault, system: str | None, value: str, institution: int
) -> list[tuple[str, PersonId]]:
    """This institution's own Patients with an identifier, as (resource id, person); others' are not found."""
    number = Identifier.of(system or "", value)
    query = SQL.find_national if number.national else SQL.find_local
    rows = await source.fetch(query, list(vault.hashes.forms(digest(vault, number, institution))), institution)
    return [(row["patient_id"], row["person_id"]) for row in rows]


async def person_of_document(source: Database | Connection, vault: Vault, system: str, value: str) -> PersonId | None:
    """Who holds a national document, or None. For emergencies: the caller logs the look-up on that person's log."""
    number = Identifier.of(system, value)
    row = await source.fetchrow(SQL.by_document, _forms(vault, number)) if number.national else None
    return row["person_id"] if row else None


def _forms(vault: Vault, number: Identifier) -> list[bytes]:
    return list(vault.hashes.forms(digest(vault, number, 0)))


async def open_reviews(db: Database, limit: int = 100) -> Sequence[Review]:
    """The newest doubtful cases."""
    rows = await db.fetch(SQL.reviews, limit)
    return [
        Review(r["review_id"], r["person_id"], r["candidate"], r["institution_id"], r["reason"], r["created"])
        for r in rows
    ]


async def totals(db: Database) -> dict[str, int]:
    """How many persons there are, and how many reviews are open."""
    return dict(await db.fetchrow(SQL.counts))


def _identity(vault: Vault, row: Any) -> Identity:
    words = words_of(vault, row)
    return Identity(
        row["person_id"],
        words.name,
        words.latin_name,
        row["sex"],
        words.birth_date,
        row["multiple_birth"],
        row["deceased"],
    )
