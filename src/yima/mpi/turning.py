"""The index's hashes under a new key: in steps, while the platform works. See `yima.runtime.blinding`.

Whoever writes while a rotation goes on first turns what it touches, so that nothing is there under both keys.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final

from yima.mpi.sealed import number_of, profile_of, seal_number, seal_profile
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault
from yima.runtime.layers import Turn

_SQL: Final = Queries(__package__, "turning.sql")


async def turn_index(db: Database, vault: Vault, turn: Turn, limit: int) -> AsyncIterator[int]:
    """Turn everything of the index, so many rows or persons in each step; how many each step had.

    Where somebody holds a row it is left to a later step; `unturned` says what is left.
    """
    for step in (_numbers, _entries, _households):
        done = 1
        while done:
            async with db.transaction() as c:
                done = await step(c, vault, turn, limit)
            yield done
    persons: list[PersonId] = [-1]
    while persons:
        persons = [row["person_id"] for row in await db.fetch(_SQL.persons_after, persons[-1], limit)]
        async with db.transaction() as c:
            await _persons(c, vault, turn, persons, wait=False)
        yield len(persons)
    async with db.transaction() as c:
        await _disputes(c, turn)
    left = sorted(row["person_id"] for row in await db.fetch(_SQL.persons_of_keys, *turn.old.short_range, limit))
    await db.retry(lambda c: _persons(c, vault, turn, left, wait=True))
    yield len(left)


async def unturned(db: Database, turn: Turn) -> dict[str, int]:
    """How many rows of each table of the index have hashes of the old key."""
    return dict(await db.fetchrow(_SQL.left, *turn.old.range, *turn.old.short_range, turn.old.tag))


async def generations(db: Database) -> set[int]:
    """The lowest and the highest generation of the hashes of numbers: the database that a dump made may be older than
    the key file."""
    return {bytes(row["digest"])[0] for row in await db.fetch(_SQL.ends)}


async def turn_persons(c: Connection, vault: Vault, persons: Collection[PersonId]) -> None:
    """Turn everything that is kept by these persons, whom the caller holds or is about to change. Nothing while no
    rotation goes on."""
    turn = vault.hashes.turn
    if turn and persons:
        await _persons(c, vault, turn, sorted(persons), wait=True)


async def turn_entries(c: Connection, vault: Vault, entries: Collection[bytes]) -> None:
    """The same of rows of the population register, by their hashes in any form."""
    if turn := vault.hashes.turn:
        await _turn_entries(c, turn, await c.fetch(_SQL.these_entries, list(entries)))


async def turn_households(
    c: Connection, vault: Vault, persons: Collection[PersonId], households: Collection[int]
) -> None:
    """The same of households: those of these persons, and these in any form."""
    if turn := vault.hashes.turn:
        rows = await c.fetch(_SQL.households_of, *turn.old.short_range, list(persons), list(households))
        await _turn_households(c, turn, rows)


async def _numbers(c: Connection, vault: Vault, turn: Turn, limit: int) -> int:
    rows = await c.fetch(_SQL.numbers, *turn.old.range, limit)
    old = [bytes(row["digest"]) for row in rows]
    new, sealed = [turn.long(one) for one in old], []
    for row, before, after in zip(rows, old, new, strict=True):
        sealed.append(_renumbered(vault, row["wrap"], before, after, row["number"]))
    await c.execute(_SQL.turn_numbers, old, new, sealed)
    await c.execute(_SQL.turn_frozen, old, new)
    return len(rows)


async def _disputes(c: Connection, turn: Turn) -> None:
    old = [bytes(row["digest"]) for row in await c.fetch(_SQL.disputes, *turn.old.range)]
    new = [turn.long(one) for one in old]
    await c.execute(_SQL.turn_frozen, old, new)
    await c.execute(_SQL.turn_events, old, new)


async def _entries(c: Connection, vault: Vault, turn: Turn, limit: int) -> int:  # noqa: ARG001  as every step
    rows = await c.fetch(_SQL.entries, *turn.old.range, limit)
    await _turn_entries(c, turn, rows)
    return len(rows)


async def _turn_entries(c: Connection, turn: Turn, rows: Sequence[Any]) -> None:
    old = [row for row in rows if turn.old.has(bytes(row["entry"]))]
    done = [(row["entry"], turn.long(bytes(row["entry"])), turn.long(bytes(row["content"]))) for row in old]
    if done:
        await c.execute(_SQL.turn_entries, *_columns(done, 3))


async def _households(c: Connection, vault: Vault, turn: Turn, limit: int) -> int:  # noqa: ARG001  as every step
    rows = await c.fetch(_SQL.households, *turn.old.short_range, limit)
    await _turn_households(c, turn, rows)
    return len(rows)


async def _turn_households(c: Connection, turn: Turn, rows: Sequence[Any]) -> None:
    old = sorted(row["household"] for row in rows)
    if old:
        await c.execute(_SQL.turn_households, old, turn.shorts(old))


async def _persons(c: Connection, vault: Vault, turn: Turn, persons: Sequence[PersonId], *, wait: bool) -> None:
    """All that hangs on these persons. Without `wait` only of those whom nobody else holds. With it, whoever is no
    person any more has left keys at most."""
    held = await c.fetch(_SQL.hold if wait else _SQL.hold_free, persons)
    known = {row["person_id"]: row["wrap"] for row in held}
    these = list(persons) if wait else list(known)
    if not these:
        return
    await _keys(c, turn, these)
    await _profiles(c, vault, turn, these, known)
    await _carried(c, vault, turn, these, known)
    phones = [(row["person_id"], turn.long(bytes(row["phone_key"]))) for row in held if row["phone_key"]]
    await c.execute(_SQL.turn_phones, *_columns(phones, 2))
    former = [
        (row["person_id"], row["number"], turn.long(bytes(row["phone_key"])))
        for row in await c.fetch(_SQL.former, these)
    ]
    await c.execute(_SQL.turn_former, *_columns(former, 3))


async def _keys(c: Connection, turn: Turn, persons: list[PersonId]) -> None:
    rows = await c.fetch(_SQL.keys, persons, *turn.old.short_range)
    if rows:
        old = [row["key"] for row in rows]
        await c.execute(_SQL.turn_keys, [row["person_id"] for row in rows], old, turn.shorts(old))


async def _profiles(
    c: Connection, vault: Vault, turn: Turn, persons: list[PersonId], known: dict[PersonId, bytes | None]
) -> None:
    done = []
    for person, digest, held in await c.fetch(_SQL.profiles, persons, turn.old.tag):
        new = turn.short_bytes(bytes(digest))
        done.append((person, digest, new, _moved(vault, known.get(person), person, digest, new, held)))
    if done:
        await c.execute(_SQL.turn_profiles, *_columns(done, 4))


async def _carried(
    c: Connection, vault: Vault, turn: Turn, persons: list[PersonId], known: dict[PersonId, bytes | None]
) -> None:
    done = []
    for person, number, key, digest, held in await c.fetch(_SQL.carried, persons):
        new_key = None if key is None else turn.shorts([key])[0]
        new = None if digest is None else turn.short_bytes(bytes(digest))
        if (new_key, new) == (key, digest):
            continue
        said = held
        if held is not None and new is not None:
            said = _moved(vault, known.get(person), person, digest, new, held)
        done.append((person, number, key, digest, new_key, new, said))
    if done:
        await c.execute(_SQL.turn_carried, *_columns(done, 7))


def _renumbered(vault: Vault, wrap: bytes | None, old: bytes, new: bytes, held: bytes) -> bytes:
    """A number sealed for its row under its new hash; what nobody can open stays as it is."""
    if not wrap:
        return held
    try:
        return seal_number(vault, wrap, new, number_of(vault, wrap, old, held))
    except Refusal:
        return held


def _moved(vault: Vault, wrap: bytes | None, person: PersonId, old: bytes, new: bytes, held: bytes) -> bytes:
    """Words sealed for their row under its new digest; what nobody can open stays as it is."""
    try:
        stored = profile_of(vault, wrap, person, old, held) if wrap else None
    except Refusal:
        stored = None
    return held if stored is None or wrap is None else seal_profile(vault, wrap, person, new, stored)


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
