"""Registrations at the same moment: one new person is made once, nobody waits for ever."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator

import pytest
from windows import LOCAL, PASSPORT, RESIDENT, Window, phone, resident_number, said

from yima import mpi
from yima.runtime.database import Database
from yima.runtime.keys import Vault

TOGETHER = 200


@pytest.fixture(scope="module")
async def second_pool(database_url: str) -> AsyncIterator[Database]:
    """The pool of another worker on the same database."""
    database = await Database.connect(database_url, size=8)
    yield database
    await database.close()


@pytest.mark.parametrize("shared", ["number", "demographics", "local number", "lunar date"])
@pytest.mark.parametrize("locked", [True, False], ids=["with the lock", "without the lock"])
async def test_two_hundred_at_once_make_one_person(
    db: Database, second_pool: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch, locked: bool, shared: str
) -> None:
    """The same test with the lock taken away must make more: it is able to fail."""
    if not locked:
        unlocked = "select * from mpi.known(($1::bigint[])[1:0], $2::bytea[], $3::bigint[], $4::text[], $5::bigint[])"
        monkeypatch.setattr(sys.modules["yima.mpi.held"].SQL, "known", unlocked)
    one = Window(db, vault)

    def window(turn: int) -> Window:
        made = Window((db, second_pool)[turn % 2], vault)
        made.source = one.source if shared == "local number" else made.source
        return made

    async def register(together: int) -> list[mpi.Resolution]:
        number, mobile, local = resident_number(), phone(), phone()
        # Namesakes of one birthday share a key: the rows of those of earlier rounds would be a lock as well.
        name = "万" + "".join(chr(0x4E00 + int(digits)) for digits in (mobile[-6:-3], mobile[-3:]))
        facts = {
            "number": lambda turn: {"numbers": [(RESIDENT, number), (LOCAL, f"{local}-{turn}")]},
            "demographics": lambda turn: {"phones": (mobile,), "numbers": [(LOCAL, f"{local}-{turn}")]},
            "lunar date": lambda turn: {
                "phones": (mobile,),
                "numbers": [(LOCAL, f"{local}-{turn}")],
                "birth_date": ("1990-01-02", "1989-12-06")[turn % 2],  # one day, in two calendars
            },
            "local number": lambda _: {"numbers": [(LOCAL, local)]},
        }[shared]
        return await asyncio.gather(*(window(turn).register(said(name, **facts(turn))) for turn in range(together)))

    if locked:
        found = await register(TOGETHER if shared != "lunar date" else 40)
        assert len({resolution.person for resolution in found}) == 1
        assert sum(resolution.created for resolution in found) == 1
        return
    for _ in range(20):  # a race is a matter of chance: one round of twenty must show it
        if len({resolution.person for resolution in await register(40)}) > 1:
            return
    pytest.fail("without the lock every round made one person")


async def test_keys_that_overlap_in_any_order_never_deadlock(db: Database, second_pool: Database, vault: Vault) -> None:
    """No retry here: a deadlock would be an error of its own."""
    rng = random.Random(7)
    keys = [*((RESIDENT, resident_number()) for _ in range(4)), *((PASSPORT, f"P000{n}77") for n in range(4))]
    phones = [phone() for _ in range(3)]

    async def register(turn: int) -> None:
        numbers = rng.sample([k for k in keys if k[0] == RESIDENT], 1) + rng.sample(
            [k for k in keys if k[0] == PASSPORT], 2
        )
        rng.shuffle(numbers)
        registration = said(rng.choice(("东", "西")), numbers=numbers, phones=tuple(rng.sample(phones, 2)))
        pool = (db, second_pool)[turn % 2]
        async with pool.transaction() as c:
            await mpi.resolve(c, vault, registration, mpi.Source(1000 + turn), now=Window(db, vault)._now)

    results = await asyncio.gather(*(register(turn) for turn in range(150)), return_exceptions=True)
    assert [result for result in results if result is not None] == []


async def test_two_keys_of_one_person_never_give_it_two_resident_numbers(
    db: Database, second_pool: Database, vault: Vault
) -> None:
    """One finds the person by passport, the other by phone, each with another new resident number: one of them wins."""
    for turn in range(10):
        travel, mobile, name = f"T{turn:07d}", phone(), f"竞争{turn}"
        person = (await Window(db, vault).register(said(name, numbers=[(PASSPORT, travel)], phones=(mobile,)))).person
        await asyncio.gather(
            Window(db, vault).register(said(name, numbers=[(PASSPORT, travel), (RESIDENT, resident_number())])),
            Window(second_pool, vault).register(said(name, numbers=[(RESIDENT, resident_number())], phones=(mobile,))),
        )
        rows = await db.fetch("select 1 from mpi.identifier where person_id = $1 and system = $2", person, RESIDENT)
        assert len(rows) == 1
