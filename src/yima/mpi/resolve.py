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
from yima.mpi.match import Candidate, Rule, match
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
    # 1 Keys, and the lock on them.
    numbers = {digest(vault, number, source.institution): number for number in said.identifiers}
    demographics = _demographic_digests(vault, said) if source.matching == "full" else []
    await c.execute(SQL.lock, sorted({_lock(key) for key in (*numbers, *demographics)}))
    # The persons' rows stay locked as well: two who found one person by two keys must not both add a number to it.
    await c.execute(SQL.hold_persons, list(numbers), demographics, patient_id, scanned)
    # 2 Who is known by them? Demographics are asked only when no number has decided.
    known = await _by_numbers(c, numbers, source, patient_id, scanned)
    decision = match(said, known.candidates)
    if decision.person is None and demographics:
        known = await _by_demographics(c, known, numbers, demographics)
        decision = match(said, known.candidates)
    if decision.conflict:
        raise Refusal("identity-conflict", field="Patient.identifier")
    # 3 The person, old or new.
    person = decision.person
    if person is None:
        person, wrap = await _create(c, vault, said, now)
        changed = True
    else:
        wrap = known.rows[person]["wrap"]
        changed = await _refresh(c, vault, known.rows[person], said, now)
    # 4 What names this person from now on. A number that another person holds is left with that person.
    # Nothing new from the same window was indexed before; a second phone is not among what `changed` looks at.
    if demographics and (changed or decision.rule != "local-number" or len(said.phones) > 1):
        await c.execute(SQL.add_demographics, demographics, person)
    kept = {
        key: number
        for key, number in numbers.items()
        if key not in known.digests and (source.matching != "off" or not number.national)
    }
    await _remember(c, vault, person, wrap, kept, source, now)
    return Resolution(person, decision.person is None, decision.rule, known.patient_id, decision.review, bool(kept))


async def link(
    c: Connection,
    vault: Vault,
    resolution: Resolution,
    said: Registration,
    source: Source,
    patient_id: str,
    *,
    now: datetime,
) -> None:
    """Say that a Patient is the resolved person, and that the institution's own numbers mean this Patient."""
    if resolution.patient_id == patient_id and not resolution.new_numbers and not resolution.review:
        return  # it was said before
    home = ids.home_of(patient_id)
    await c.execute(SQL.add_link, resolution.person, patient_id, home, source.institution, resolution.rule, now)
    local = [digest(vault, number, source.institution) for number in said.identifiers if not number.national]
    if local:
        await c.execute(SQL.name_patient, resolution.person, local, patient_id)
    if resolution.created:
        metrics.persons.inc()
    for candidate in resolution.review:
        await c.execute(SQL.add_review, resolution.person, candidate, source.institution, "possible-duplicate", now)


def digest(vault: Vault, number: Identifier, institution: int) -> bytes:
    """The blind index of a number: national documents share one space, an institution's own numbers have theirs."""
    scope = "national" if number.national else f"local/{institution}"
    return vault.blind(f"identifier/{scope}/{number.system}", number.value)


def _lock(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)


def _demographic_digests(vault: Vault, said: Registration) -> list[bytes]:
    if not said.name or len(said.birth_date) != 10 or said.sex == "unknown":
        return []
    names = {normalise.name_key(name) for name in (said.name, said.latin_name) if name}
    return [  # at most two names and eight phones
        vault.blind("demographic/1", f"{name}|{said.birth_date}|{said.sex}|{phone}")
        for name in sorted(names)
        for phone in said.phones
    ]


async def _by_numbers(
    c: Connection,
    numbers: dict[bytes, Identifier],
    source: Source,
    patient_id: str | None,
    scanned: PersonId | None,
) -> _Known:
    """Persons by the Patient that is replaced, by a scanned code, then by the numbers in the order given."""
    known = _Known([], {}, patient_id)
    for row in await c.fetch(SQL.by_patient, patient_id) if patient_id else ():
        _add(known, row, "local-number", numbers)
    for row in await c.fetch(SQL.by_person, scanned) if scanned else ():
        _add(known, row, "scanned-code", numbers)
    rows = {bytes(row["digest"]): row for row in await c.fetch(SQL.by_identifiers, list(numbers))}
    for key, number in numbers.items():
        if key in rows and (source.matching != "off" or not number.national):
            _add(known, rows[key], "national-number" if number.national else "local-number", numbers)
    named = (rows[key]["patient_id"] for key, number in numbers.items() if key in rows and not number.national)
    return _Known(known.candidates, known.rows, patient_id or next(named, None), frozenset(rows))


async def _by_demographics(
    c: Connection, known: _Known, numbers: dict[bytes, Identifier], demographics: Sequence[bytes]
) -> _Known:
    found = _Known([*known.candidates], {**known.rows}, known.patient_id, known.digests)
    for row in await c.fetch(SQL.by_demographics, list(demographics)):
        _add(found, row, "exact-demographics", numbers)
    return found


def _add(known: _Known, row: Any, rule: Rule, numbers: dict[bytes, Identifier]) -> None:
    national = {key: number for key, number in numbers.items() if number.national}
    theirs = {bytes(key): system for key, system in zip(row["held"] or (), row["systems"] or (), strict=True)}
    # Systems in which both have a number, but none in common.
    differing = {n.system for n in national.values()} & set(theirs.values())
    differing -= {number.system for key, number in national.items() if key in theirs}
    resident = normalise.RESIDENT_NUMBER
    known.rows[row["person_id"]] = row
    known.candidates.append(
        Candidate(
            person=row["person_id"],
            name=row["name"],
            latin_name=row["latin_name"],
            sex=row["sex"],
            via=rule,
            birth_date=row["birth_date"],
            multiple_birth=row["multiple_birth"],
            other_number=resident in differing,
            other_document=bool(differing - {resident}),
            same_number=any(key in theirs and number.system == resident for key, number in national.items()),
            tells_birth=rule == "national-number" and row["system"] == resident,
        )
    )


async def _create(c: Connection, vault: Vault, said: Registration, now: datetime) -> tuple[PersonId, bytes | None]:
    person = ids.new_person_id()
    wrap = vault.new_wrap()
    phone, phone_key = _sealed_phone(vault, wrap, said)
    row = (said.name, said.latin_name, said.sex, said.birth_date, said.multiple_birth, said.deceased, wrap, phone)
    await c.execute(SQL.add_person, person, now, *row, phone_key)
    return person, wrap


def _sealed_phone(vault: Vault, wrap: bytes | None, said: Registration) -> tuple[bytes | None, bytes | None]:
    if not said.phones or wrap is None:
        return None, None
    return vault.seal(wrap, said.phones[0].encode()), vault.blind("phone", said.phones[0])


async def _refresh(c: Connection, vault: Vault, known: Any, said: Registration, now: datetime) -> bool:
    """Newer words replace older ones, but never better ones; whether there was anything new to say.

    A name that stands in for one, or only its Latin form, is not better than what is known.
    """
    poorer = normalise.is_placeholder(said.name) and not normalise.is_placeholder(known["name"])
    only_latin = said.name == said.latin_name and not known["name"].isascii()
    name = "" if poorer or only_latin else said.name
    words = (name, said.latin_name, said.sex, said.birth_date)
    held = (known["name"], known["latin_name"], known["sex"], known["birth_date"])
    same_words = all(new in ("", "unknown", old) for new, old in zip(words, held, strict=True))
    same_state = said.multiple_birth in (None, known["multiple_birth"]) and (known["deceased"] or not said.deceased)
    if same_words and same_state and _same_phone(vault, known, said):
        return False
    phone, phone_key = _sealed_phone(vault, known["wrap"], said)
    row = (*words, said.multiple_birth, said.deceased, phone, phone_key)
    await c.execute(SQL.update_person, known["person_id"], now, *row)
    return True


def _same_phone(vault: Vault, known: Any, said: Registration) -> bool:
    return not said.phones or known["phone_key"] == vault.blind("phone", said.phones[0])


async def _remember(
    c: Connection,
    vault: Vault,
    person: PersonId,
    wrap: bytes | None,
    numbers: dict[bytes, Identifier],
    source: Source,
    now: datetime,
) -> None:
    if not numbers or wrap is None:  # without its data key a person is erased and takes no numbers any more
        return
    held = list(numbers.values())
    await c.execute(
        SQL.add_identifiers,
        person,
        list(numbers),
        ["national" if number.national else "local" for number in held],
        [number.system for number in held],
        [0 if number.national else source.institution for number in held],
        now,
        [vault.seal(wrap, number.value.encode()) for number in held],
    )
