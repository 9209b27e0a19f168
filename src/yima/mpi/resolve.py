"""Resolve a registration to one person, inside the caller's transaction, safely under concurrency.

Everything two submissions could meet on (numbers, the demographics key) is locked first, in one order, so that two
hundred institutions naming the same new person at once make one person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from yima.mpi import normalise
from yima.mpi.match import Candidate, Match, Rule, match
from yima.mpi.registration import Identifier, Registration
from yima.runtime import ids, metrics
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

SQL = Queries(__package__)


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


async def resolve(
    c: Connection, vault: Vault, said: Registration, source: Source, *, now: datetime, patient_id: str | None = None
) -> Resolution:
    """Find or make the person. Idempotent; call `link` once the Patient has its id.

    `patient_id` says that the registration replaces that Patient of the same institution.

    Refusal `identity-conflict` when the institution's own number is now used for somebody else; nothing is changed.
    """
    # 1 Keys, and the lock on them.
    numbers = {digest(vault, number, source.institution): number for number in said.identifiers}
    demographics = _demographic_digests(vault, said) if source.matching == "full" else []
    locks = sorted({int.from_bytes(key[:8], "big", signed=True) for key in (*numbers, *demographics)})
    await c.execute(SQL.lock, locks)
    # 2 Who is known by them?
    candidates, patient_id = await _candidates(c, numbers, demographics, source, patient_id)
    decision = match(said, list(candidates))
    if decision.conflict:
        raise Refusal("identity-conflict", field="Patient.identifier")
    # 3 The person, old or new.
    wraps = {candidate.person: wrap for candidate, wrap in candidates.items()}
    person, wrap = decision.person, wraps.get(decision.person or 0)
    if person is None:
        person, wrap = await _create(c, vault, said, now), None
        metrics.persons.inc()
    elif patient_id or decision.rule != "local-number":
        await _refresh(c, vault, person, wrap, said, now)
    # 4 What names this person from now on. A number that another person holds is left with that person.
    await _remember(c, vault, person, numbers, demographics, source, decision, now)
    return Resolution(person, decision.person is None, decision.rule, patient_id, decision.review)


async def link(
    c: Connection, vault: Vault, resolution: Resolution, said: Registration, source: Source, patient_id: str, *, now: datetime
) -> None:
    """Say that a Patient is the resolved person, and under which of the institution's own numbers it is found again."""
    home = ids.home_of(patient_id)
    await c.execute(SQL.add_link, resolution.person, patient_id, home, source.institution, resolution.rule, now)
    local = [number for number in said.identifiers if not number.national]
    await _add_identifiers(c, vault, resolution.person, local, source, patient_id, now)
    for candidate in resolution.review:
        await c.execute(SQL.add_review, resolution.person, candidate, source.institution, "possible-duplicate", now)


def digest(vault: Vault, number: Identifier, institution: int) -> bytes:
    """The blind index of a number: national documents share one space, an institution's own numbers have theirs."""
    scope = "national" if number.national else f"local/{institution}"
    return vault.blind(f"identifier/{scope}/{number.system}", number.value)


def _demographic_digests(vault: Vault, said: Registration) -> list[bytes]:
    if not said.name or len(said.birth_date) != 10:
        return []
    names = {normalise.name_key(name) for name in (said.name, said.latin_name) if name}
    return [
        vault.blind("demographic/1", f"{name}|{said.birth_date}|{said.sex}|{phone}")
        for name in sorted(names)
        for phone in said.phones
    ]


async def _candidates(
    c: Connection, numbers: dict[bytes, Identifier], demographics: Sequence[bytes], source: Source, patient_id: str | None
) -> tuple[dict[Candidate, bytes | None], str | None]:
    found: dict[Candidate, bytes | None] = {}
    national = {key: number for key, number in numbers.items() if number.national}
    if patient_id:
        for row in await c.fetch(SQL.by_patient, patient_id):
            found[await _candidate(c, row, "local-number", national)] = row["wrap"]
    for row in await c.fetch(SQL.by_identifiers, list(numbers)):
        if row["kind"] == "national" and source.matching == "off":
            continue
        rule: Rule = "local-number" if row["kind"] == "local" else "national-number"
        patient_id = patient_id or (row["patient_id"] if rule == "local-number" else None)
        found[await _candidate(c, row, rule, national)] = row["wrap"]
    if not any(candidate.via != "exact-demographics" for candidate in found) and demographics:
        for row in await c.fetch(SQL.by_demographics, list(demographics)):
            found[await _candidate(c, row, "exact-demographics", national)] = row["wrap"]
    return found, patient_id


async def _candidate(c: Connection, row: Any, rule: Rule, national: dict[bytes, Identifier]) -> Candidate:
    held = await c.fetch(SQL.national_digests, row["person_id"]) if national else []
    systems = {number.system for number in national.values()}
    same = any(bytes(h["digest"]) in national for h in held)
    other = not same and any(h["system"] in systems for h in held)
    return Candidate(
        row["person_id"], row["name"], row["latin_name"], row["sex"], row["birth_date"], row["multiple_birth"], rule, other, same
    )


async def _create(c: Connection, vault: Vault, said: Registration, now: datetime) -> PersonId:
    person = ids.new_person_id()
    wrap = vault.new_wrap()
    phone = vault.seal(wrap, said.phones[0].encode()) if said.phones else None
    row = (said.name, said.latin_name, said.sex, said.birth_date, said.multiple_birth, said.deceased, wrap, phone)
    await c.execute(SQL.add_person, person, now, *row)
    return person


async def _refresh(
    c: Connection, vault: Vault, person: PersonId, wrap: bytes | None, said: Registration, now: datetime
) -> None:
    phone = vault.seal(wrap, said.phones[0].encode()) if said.phones and wrap else None
    row = (said.name, said.latin_name, said.sex, said.birth_date, said.multiple_birth, said.deceased, phone)
    await c.execute(SQL.update_person, person, now, *row)


async def _remember(
    c: Connection,
    vault: Vault,
    person: PersonId,
    numbers: dict[bytes, Identifier],
    demographics: Sequence[bytes],
    source: Source,
    decision: Match,
    now: datetime,
) -> None:
    if demographics:
        await c.execute(SQL.add_demographics, list(demographics), person)
    if source.matching != "off" and not decision.review:
        national = [number for number in numbers.values() if number.national]
        await _add_identifiers(c, vault, person, national, source, None, now)


async def _add_identifiers(
    c: Connection,
    vault: Vault,
    person: PersonId,
    numbers: Sequence[Identifier],
    source: Source,
    patient_id: str | None,
    now: datetime,
) -> None:
    if not numbers:
        return
    wrap = await c.fetchval("select wrap from mpi.person where person_id = $1", person)
    await c.execute(
        SQL.add_identifiers,
        person,
        [digest(vault, number, source.institution) for number in numbers],
        ["national" if number.national else "local" for number in numbers],
        [number.system for number in numbers],
        [0 if number.national else source.institution for number in numbers],
        [patient_id] * len(numbers),
        now,
        [vault.seal(wrap, number.value.encode()) for number in numbers],
    )
