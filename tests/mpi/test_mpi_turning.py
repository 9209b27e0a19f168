"""The index while hashes change their key: workers a step apart make no person twice, and acts of before are undone."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from windows import LOCAL, NOW, PASSPORT, RESIDENT, Window, phone, resident_number, said

from yima import mpi
from yima.mpi.merge import Word
from yima.runtime import ids
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore, Vault

SEEN = 0.06
"""Longer than a worker goes without looking at its key store."""


class LateStore(FileKeyStore):
    """The key store of a worker that does not look, while it is late."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.late, self._last = False, 0

    def edition(self) -> int:
        if not self.late:
            self._last = super().edition()
        return self._last


def facts(kind: str) -> list[mpi.Registration]:
    """One person, as two institutions register them, with one thing in common."""
    number, travel, mobile = resident_number(), f"E{phone()}", phone()
    name = "钥" + "".join(chr(0x4E00 + int(mobile[-n - 3 : -n])) for n in (1, 4))
    shared = {
        "resident number": {"numbers": [(RESIDENT, number)]},
        "passport": {"numbers": [(PASSPORT, travel)]},
        "demographics": {"phones": (mobile,)},
    }[kind]
    numbers = shared.pop("numbers", [])
    return [said(name, numbers=[*numbers, (LOCAL, phone())], **shared) for _ in range(2)]


KINDS = ("resident number", "passport", "demographics")


async def doubles(db: Database, ahead: Vault, behind: Vault) -> int:
    """How many persons were made twice of nine pairs: the worker ahead first, the one behind first, both at once."""
    made = 0
    for kind in KINDS:
        for order in ("ahead", "behind", "together"):
            first, second = facts(kind)
            one, two = (ahead, behind) if order != "behind" else (behind, ahead)
            steps = [Window(db, one).register(first), Window(db, two).register(second)]
            found = await asyncio.gather(*steps) if order == "together" else [await step for step in steps]
            made += found[0].person != found[1].person
    return made


async def turned(db: Database, vault: Vault) -> None:
    (turn,) = vault.hashes.turns
    while any((await mpi.unturned(db, turn)).values()):
        async for _ in mpi.turn_index(db, vault, turn, 7):
            pass


async def test_workers_a_step_apart_make_nobody_twice(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ahead, store = Vault(FileKeyStore(path)), LateStore(path)
    behind = Vault(store)
    settle = partial(ahead.hashes.settle, 2)
    for step in (ahead.hashes.announce, partial(ahead.hashes.write, 2), settle):
        assert await doubles(db, ahead, behind) == 0, "both see the same"
        if step is settle:
            await turned(db, ahead)
        store.late = True
        step()
        await asyncio.sleep(SEEN)
        assert await doubles(db, ahead, behind) == 0, step
        store.late = False
        await asyncio.sleep(SEEN)
    store.late = True  # two steps at once: what the waiting between them is for
    ahead.hashes.write(ahead.hashes.announce())
    await asyncio.sleep(SEEN)
    assert await doubles(db, ahead, behind) > 0
    store.late = False
    await asyncio.sleep(SEEN)


async def test_who_waits_while_the_written_key_changes_is_known_by_a_number(db: Database, vault: Vault) -> None:
    """A registration that was hashed under the old key, and had to wait, reads what it waited for by the new one."""
    store = Vault(vault.store)
    one, other = Window(db, store), Window(db, store)
    first, second = facts("resident number")
    number = store.hashes.announce()
    async with db.transaction() as c:
        found = await mpi.resolve(c, store, first, one.source, now=NOW)
        await mpi.link(c, store, found, first, one.source, ids.new_resource_id(found.person), now=NOW)
        waiting = asyncio.create_task(other.register(second))
        await _somebody_waits(db)
        store.hashes.write(number)
        await asyncio.sleep(SEEN)
    try:
        again = await waiting
        assert (again.person, again.created) == (found.person, False)
        assert again.rule == "national-number"
    finally:
        await turned(db, store)
        store.hashes.settle(number)
        await asyncio.sleep(SEEN)


async def _somebody_waits(db: Database) -> None:
    asked = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    while not (await db.fetchrow(asked))[0]:  # noqa: ASYNC110  PostgreSQL tells nobody
        await asyncio.sleep(0.01)


async def test_what_stewards_did_before_is_undone_after(db: Database, vault: Vault) -> None:
    one, other = Window(db, vault), Window(db, vault)
    travel, mobile = f"E{phone()}", phone()
    first = said("钥甲", numbers=[(LOCAL, phone()), (PASSPORT, travel)], phones=(mobile,))
    second = said("钥甲", numbers=[(LOCAL, phone()), (PASSPORT, travel)], phones=(phone(),))
    person = (await one.register(first)).person
    assert (await other.register(second)).person == person
    patient, word = await other.patient(person), Word("op", NOW, "看错")
    whose = (await other.register(said("钥乙", birth_date="1971-03-04", numbers=[(LOCAL, phone())]))).person
    old, had = vault.hashes.turn_from(1).old, await _held(db, person)
    async with db.transaction() as c:
        number, new = await mpi.split(c, vault, patient, word, mpi.brought(vault, [second], [first]))
        moved = await mpi.move_number(c, vault, mpi.Identifier.of(PASSPORT, travel), (person, whose), word)
        frozen = await mpi.freeze(c, vault, mpi.Identifier.of(PASSPORT, travel), word)
    vault.hashes.write(vault.hashes.announce())
    await asyncio.sleep(SEEN)
    turn = vault.hashes.turns[0]
    async with db.transaction() as c:  # a writer comes before the job
        await mpi.turn_persons(c, vault, [person])
    await turned(db, vault)
    vault.hashes.settle(turn.new.number)
    await asyncio.sleep(SEEN)
    assert (await Window(db, vault).register(said("钥甲", numbers=[(PASSPORT, travel)]))).review, "still in dispute"
    async with db.transaction() as c:
        await mpi.undo(c, vault, frozen, word)
        await mpi.undo(c, vault, moved, word)
        await mpi.undo(c, vault, number, word)
    assert await mpi.documents_of(db, vault, person) == [mpi.Identifier.of(PASSPORT, travel)]
    keys, words, phone_key = had
    assert await _held(db, person) == (
        sorted(turn.shorts(keys)), sorted(map(turn.short_bytes, words)), turn.long(phone_key)
    )  # fmt: skip
    assert not old.has((await _held(db, person))[2])
    assert not await db.fetch("select 1 from mpi.person where person_id = $1", new)
    assert (await Window(db, vault).register(said("钥甲", numbers=[(PASSPORT, travel)]))).person == person
    assert (await mpi.identities(db, vault, [person]))[person].name == "钥甲"


async def _held(db: Database, person: int) -> tuple[list[int], list[bytes], bytes]:
    keys = await db.fetch("select key from mpi.candidate_key where person_id = $1 order by 1", person)
    words = await db.fetch("select digest from mpi.profile where person_id = $1 order by 1", person)
    row = await db.fetchrow("select phone_key from mpi.person where person_id = $1", person)
    return [row["key"] for row in keys], [bytes(row["digest"]) for row in words], bytes(row["phone_key"])
