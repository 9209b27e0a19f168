"""Questions from outside: who is this likely to be, who is called so, which numbers mean one person. Nothing changes.

What comes out is for `access`, which decides who may be told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from yima.mpi import normalise
from yima.mpi.decide import Decision, decide
from yima.mpi.fields import Fields
from yima.mpi.fields import fields as fields_of
from yima.mpi.heard import heard
from yima.mpi.held import candidates_of
from yima.mpi.keys import keys
from yima.mpi.model import model_named
from yima.mpi.names import name_key, read_name
from yima.mpi.registration import Identifier
from yima.mpi.resolve import digest
from yima.mpi.sealed import fields_of as fields_held
from yima.mpi.sealed import number_of
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

ASKED: Final = Queries(__package__, "asked.sql")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A local number: whose it is, and the Patient it names."""

    number: Identifier
    institution: int
    patient_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """Demographics as somebody searches by them; empty is not asked for. Text matches from its beginning, as FHIR's
    string search does, and whole where `exact` names it."""

    name: str = ""
    family: str = ""
    given: tuple[str, ...] = ()
    birth_date: str = ""
    """FHIR date: YYYY, YYYY-MM or YYYY-MM-DD."""
    sex: str = ""
    phone: str = ""
    exact: frozenset[str] = frozenset()
    """Of name, family, given."""

    @property
    def fields(self) -> Fields:
        """What candidate keys are made of."""
        from_parts = "".join if not f"{self.family}{''.join(self.given)}".isascii() else " ".join
        text = self.name or from_parts([self.family, *self.given]).strip()
        whole = text if self.name or (self.family and self.given) else ""
        return fields_of(
            name=whole, family=self.family, birth_date=self.birth_date, sex=self.sex,
            phones=[self.phone] if self.phone else [],
        )  # fmt: skip

    @property
    def findable(self) -> bool:
        """Whether it narrows enough to be looked for: a phone, or a whole name with a birth date to the month."""
        return bool(keys(self.fields))


async def likely(source: Database | Connection, vault: Vault, said: Fields, institution: int) -> Decision:
    """Who a registration would be, without registering it: the decision of `resolve` over the same candidates."""
    words = heard(vault, said)
    ((found, capped),) = await candidates_of(source, vault, [(words, institution)])
    return decide(words.fields, found, model_named(), capped=capped)


async def described(source: Database | Connection, vault: Vault, said: Described, institution: int) -> list[PersonId]:
    """Everybody of whom all of this was said. At most 200 a candidate key are looked at."""
    words = heard(vault, said.fields)
    ((found, _),) = await candidates_of(source, vault, [(words, institution)])
    return [known.person for known in found if any(_fits(said, words.fields, theirs) for theirs in known.said)]


def _fits(said: Described, veiled: Fields, theirs: Fields) -> bool:
    return all(
        (
            not said.name or _begins(name_key(said.name), (theirs.name, *theirs.words), "name" in said.exact),
            not said.family or _begins(_part(said.family), (theirs.surname,), "family" in said.exact),
            all(_begins(_part(one), (theirs.given, *theirs.words), "given" in said.exact) for one in said.given),
            not said.birth_date or theirs.birth.startswith(said.birth_date),
            not said.sex or theirs.sex == said.sex,
            not said.phone or bool({*veiled.phones} & {*theirs.phones}),
        )
    )


def _part(text: str) -> str:
    """A part of a name as `Fields` has it."""
    return name_key(text) if not text.isascii() else "".join(read_name(text).ordered.split())


def _begins(wanted: str, held: tuple[str, ...], exact: bool) -> bool:
    return bool(wanted) and any(one == wanted if exact else one.startswith(wanted) for one in held if one)


async def described_among(
    source: Database | Connection, vault: Vault, said: Described, persons: Collection[PersonId]
) -> set[PersonId]:
    """Those of few persons, found otherwise, of whom all of this was said; a phone is not looked at here."""
    rows = await source.fetch(ASKED.said_of, list(persons), normalise.VERSION)
    words = replace(said, phone="")
    held = ((r["person_id"], fields_held(vault, r["wrap"], r["own"], r["digest"], r["said"])) for r in rows)
    return {person for person, theirs in held if theirs and _fits(words, Fields(), theirs)}


async def undisputed_holder(source: Database | Connection, vault: Vault, number: Identifier) -> PersonId | None:
    """Who holds a national number that is in nobody's dispute, or None."""
    row = await source.fetchrow(ASKED.undisputed, list(vault.hashes.forms(digest(vault, number, 0))))
    return row["person_id"] if row else None


async def disputed(source: Database | Connection, vault: Vault, numbers: Iterable[Identifier]) -> bool:
    """Whether one of these numbers is in dispute: what is said beside it may be either's."""
    forms = [form for n in numbers if n.national for form in vault.hashes.forms(digest(vault, n, 0))]
    row = await source.fetchrow(ASKED.disputed, forms) if forms else None
    return bool(row and row[0])


async def domain_known(source: Database | Connection, system: str, institution: int = 0) -> bool:
    """Whether there are numbers of this system: national ones always, an institution's own where it has sent one.

    `institution` 0 asks about all institutions together.
    """
    if normalise.is_national(system):
        return True
    row = await source.fetchrow(ASKED.domain_known, system, institution)
    return bool(row and row[0])


async def local_numbers(source: Database | Connection, vault: Vault, person: PersonId) -> list[Numbered]:
    """The numbers by which institutions know a person, in the clear; the caller decides who may hear which."""
    return [
        Numbered(
            Identifier(row["system"], number_of(vault, row["wrap"], row["digest"], row["number"])),
            row["institution_id"],
            row["patient_id"],
        )
        for row in await source.fetch(ASKED.local_numbers, person)
        if row["wrap"]
    ]
