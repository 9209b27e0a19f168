"""What connects persons with institutions and with each other, without saying who they are."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from yima.mpi.keys import Key, hashed
from yima.mpi.names import read_name
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

_SQL = Queries(__package__, "relations.sql")


class Registered(NamedTuple):
    """That an institution registered a person: when first, and when last (another Patient of the same person)."""

    person: PersonId
    institution: int
    first: datetime
    latest: datetime


async def registered_at(source: Connection | Database, persons: Collection[PersonId]) -> list[Registered]:
    """Where these persons are registered."""
    return [Registered(*row.values()) for row in await source.fetch(_SQL.registered, list(persons))]


async def phone_keys(
    source: Connection | Database, vault: Vault, persons: Collection[PersonId]
) -> dict[PersonId, bytes]:
    """A keyed hash of each person's phone: equal for those who gave the same one, who mostly live together."""
    rows = await source.fetch(_SQL.phones, list(persons))
    return {row["person_id"]: vault.hashes.now(bytes(row["phone_key"])) for row in rows}


async def persons_of_phone(source: Connection | Database, vault: Vault, phone: str) -> list[PersonId]:
    """Whose phone this is, as it was last registered; at most fifty. `phone`: as `phone_key` writes it."""
    hashes = vault.hashes
    (key,) = hashes.shorts([hashed(Key("phone", phone), vault.store.secret("mpi/candidate-keys/1"))])
    own = list(hashes.forms(vault.blind("phone", phone)))
    return [row["person_id"] for row in await source.fetch(_SQL.of_phone, hashes.short_forms(key), own)]


def surname_of(name: str) -> str:
    """The family name in a name as it is written; empty when that cannot be told."""
    return read_name(name).surname
