"""Persons of before the index was sealed, sealed now: in steps, while the platform works.

A person is done when nothing readable is left of them in any row; whoever reads meanwhile opens both forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from yima.mpi.heard import words_digest
from yima.mpi.lives import Happened, Place, Residence, place_of, residence_of, seal_life
from yima.mpi.sealed import number_of, seal_number, seal_profile, sealed_row, words_of
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.ids import PersonId
from yima.runtime.keys import BOUND, Vault

_SQL: Final = Queries(__package__, "sealing.sql")
Row = Mapping[str, Any]


async def unsealed(db: Database) -> int:
    """How many persons have readable rows."""
    return int((await db.fetchrow(_SQL.unsealed))["persons"])


async def seal_persons(db: Database, vault: Vault, limit: int) -> int:
    """Seal the rows of up to so many persons; how many there were. 0: all are sealed.

    Of a person whose data key is gone everything that is readable is removed.
    """
    async with db.transaction() as c:
        rows = await c.fetch(_SQL.next_persons, limit)
        keys = {row["person_id"]: row["wrap"] for row in rows}
        if rows:
            await _numbers(c, vault, keys)
            await _profiles(c, vault, keys)
            await _carried(c, vault, keys)
            await _persons(c, vault, rows)
    return len(rows)


async def seal_person(c: Connection, vault: Vault, person: PersonId) -> None:
    """Seal one person's words, if they are not yet: their digests are those of `heard` from then on."""
    row = await c.fetchrow(_SQL.one_person, person)
    if row is not None:
        keys = {person: row["wrap"]}
        await _profiles(c, vault, keys)
        await _carried(c, vault, keys)


async def _persons(c: Connection, vault: Vault, rows: Iterable[Row]) -> None:
    done = []
    for row in rows:
        person, wrap = row["person_id"], row["wrap"]
        done.append(
            (person, *(sealed_row(vault, wrap, person, words_of(vault, row)) if wrap else (b"", True, 0, None)))
        )
    await c.execute(_SQL.write_persons, *_columns(done))


async def _numbers(c: Connection, vault: Vault, keys: Mapping[PersonId, bytes | None]) -> None:
    done = []
    for person, digest, held in await c.fetch(_SQL.numbers, list(keys)):
        if wrap := keys[person]:
            done.append((digest, seal_number(vault, wrap, digest, number_of(vault, wrap, digest, held))))
    if done:
        await c.execute(_SQL.write_numbers, *_columns(done))


async def _profiles(c: Connection, vault: Vault, keys: Mapping[PersonId, bytes | None]) -> None:
    done = [
        (person, digest, new, seal_profile(vault, wrap, person, new, held))
        for person, digest, held in await c.fetch(_SQL.profiles, list(keys))
        if held[:1] != BOUND and (wrap := keys[person])
        for new in [words_digest(vault, held)]
    ]
    await c.execute(_SQL.forget_profiles, [p for p, w in keys.items() if not w])
    if done:
        await c.execute(_SQL.write_profiles, *_columns(done))


async def _carried(c: Connection, vault: Vault, keys: Mapping[PersonId, bytes | None]) -> None:
    """What acts took from these persons, to be given back if they are undone."""
    done = [
        (person, number, digest, new, seal_profile(vault, wrap, person, new, held))
        for person, number, digest, held in await c.fetch(_SQL.carried, list(keys))
        if held[:1] != BOUND and (wrap := keys[person])
        for new in [words_digest(vault, held)]
    ]
    if done:
        await c.execute(_SQL.write_carried, *_columns(done))


async def unsealed_lives(db: Database) -> int:
    """How many rows of the population register are readable."""
    return int((await db.fetchrow(_SQL.unsealed_lives))["rows"])


async def seal_lives(db: Database, vault: Vault, limit: int) -> int:
    """Seal up to so many rows of one table of the population register; how many there were. 0: all are sealed.

    Of a person whose data key is gone nothing readable is left.
    """
    async with db.transaction() as c:
        if rows := await c.fetch(_SQL.residences, limit):
            sealed = [_sealed(vault, row, residence_of(vault, row)) for row in rows]
            await c.execute(_SQL.write_residences, [row["entry"] for row in rows], sealed)
        elif rows := await c.fetch(_SQL.places, limit):
            sealed = [_sealed(vault, row, place_of(vault, row)) for row in rows]
            keys = [row["person_id"] for row in rows], [row["household"] for row in rows]
            await c.execute(_SQL.write_places, *keys, sealed)
        elif rows := await c.fetch(_SQL.happened, limit):
            sealed = [_sealed(vault, row, Happened(row["kind"], row["happened"], row["dated"])) for row in rows]
            keys = [row["person_id"] for row in rows], [row["number"] for row in rows]
            await c.execute(_SQL.write_happened, *keys, sealed)
    return len(rows)


def _sealed(vault: Vault, row: Row, said: Residence | Place | Happened) -> bytes:
    return seal_life(vault, row["wrap"], row["person_id"], said) if row["wrap"] else b""


async def rewrap_persons(db: Database, vault: Vault, after: PersonId, limit: int) -> PersonId | None:
    """Wrap the data keys of the next persons by the newest master key; the last person looked at, None at the end."""
    rows = await db.fetch(_SQL.keys_after, after, limit)
    persons, old = [row["person_id"] for row in rows], [row["wrap"] for row in rows]
    await db.execute(_SQL.rewrap, persons, old, [vault.rewrapped(wrap) for wrap in old])
    return persons[-1] if persons else None


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
