"""Many registrations resolved together are the persons that one after the other would be."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from bench.population import records
from bench.resolve import said
from windows import LOCAL, RESIDENT, Window
from windows import said as person

from support import resident_number
from yima import mpi
from yima.runtime import ids
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault

Resolved = list[mpi.Resolution | Refusal]


class UndoneError(Exception):
    """Ends a transaction of which nothing shall stay."""


async def undone(db: Database, work: Callable[[Connection], Awaitable[Resolved]]) -> Resolved:
    """What the work found, in a transaction that is rolled back."""
    found: Resolved = []
    with contextlib.suppress(UndoneError):
        async with db.transaction() as c:
            found = await work(c)
            raise UndoneError
    return found


async def one_after_the_other(window: Window, c: Connection, asked: Sequence[mpi.Asked]) -> Resolved:
    found: Resolved = []
    for one in asked:
        try:
            found.append(
                await mpi.resolve(
                    c, window.vault, one.said, window.source, now=window._now,
                    patient_id=one.patient_id, scanned=one.scanned,
                )
            )  # fmt: skip
        except Refusal as refusal:
            found.append(refusal)
    return found


def shape(found: Resolved) -> list[Any]:
    """Who is whom, without ids: each as the place of the first that is the same person, its rule, whom it may be."""
    first: dict[int, int] = {}
    told: list[Any] = []
    for place, one in enumerate(found):
        if isinstance(one, Refusal):
            told.append(one.code)
            continue
        first.setdefault(one.person, place)
        told.append((first[one.person], one.created, one.rule, sorted(first[p] for p in one.review)))
    return told


@pytest.mark.parametrize("seed", [3, 4, 5])
async def test_a_town_is_the_same_people_together(db: Database, vault: Vault, seed: int) -> None:
    """Families, twins, namesakes, the mistyped and the twice registered, all of them in one call."""
    window = Window(db, vault)
    town = [mpi.Asked(said(record, f"{seed}-{n}")) for n, record in enumerate(records(260, seed, repeats=0.6))]
    single = await undone(db, lambda c: one_after_the_other(window, c, town))
    together = await undone(db, lambda c: mpi.resolve_many(c, vault, town, window.source, now=window._now))
    assert shape(together) == shape(single)
    assert len({row[0] for row in shape(single)}) < len(town) - 30  # there was something to find


async def test_of_one_call_each_knows_what_the_others_before_it_said(db: Database, vault: Vault) -> None:
    """By number, by scanned code, by replaced Patient; one that is refused stops no other and changes nothing."""
    window = Window(db, vault)
    number, other = resident_number(), resident_number()
    held = await window.register(person("钱一二", numbers=[(RESIDENT, number)]))
    async with db.transaction() as c:
        found = await mpi.resolve_many(
            c,
            vault,
            [
                mpi.Asked(person("孙三四", numbers=[(RESIDENT, other)])),
                mpi.Asked(person("孙三四", numbers=[(RESIDENT, other)])),
                mpi.Asked(person("钱一二", birth_date="2999-01-01")),
                mpi.Asked(person("钱一二", numbers=[(RESIDENT, number)])),
                mpi.Asked(person("钱一二"), scanned=held.person),
            ],
            window.source,
            now=window._now,
        )
    new, again, refused, known, scanned = found
    assert isinstance(new, mpi.Resolution)
    assert isinstance(again, mpi.Resolution)
    assert new.created
    assert (again.person, again.created) == (new.person, False)
    assert isinstance(refused, Refusal)
    assert refused.code == "field-invalid"
    assert isinstance(known, mpi.Resolution)
    assert isinstance(scanned, mpi.Resolution)
    assert known.person == scanned.person == held.person
    assert ids.person_text(new.person) != ids.person_text(held.person)


async def test_two_without_a_key_in_common_add_to_one_person(db: Database, vault: Vault) -> None:
    """One names her by a number and says her Latin name, the other scanned her code and says the day of her birth."""
    window = Window(db, vault)
    number = resident_number()
    held = await window.register(person("李五六", birth_date="1990", numbers=[(RESIDENT, number)]))
    by_number = mpi.Asked(person("李五六", birth_date="1990", latin_name="Li Wuliu", numbers=[(RESIDENT, number)]))
    by_code = mpi.Asked(person("", birth_date="1990-01-02"), scanned=held.person)
    async with db.transaction() as c:
        found = await mpi.resolve_many(c, vault, [by_number, by_code], window.source, now=window._now)
    assert [one.person for one in found if isinstance(one, mpi.Resolution)] == [held.person] * 2
    known = await mpi.identity(db, vault, held.person)
    assert known is not None
    assert (known.name, known.latin_name, known.birth_date) == ("李五六", "Li Wuliu", "1990-01-02")


async def test_nobody_asked_is_nobody_found(db: Database, vault: Vault) -> None:
    window = Window(db, vault)
    assert await undone(db, lambda c: mpi.resolve_many(c, vault, [], window.source, now=window._now)) == []


async def test_there_is_room_for_the_locks_of_many_groups(db: Database, vault: Vault) -> None:
    """A hundred Patients with a name, a birth date and two numbers, in two transactions of each of 48 workers."""
    window = Window(db, vault)
    asked = [
        (
            mpi.Asked(person(f"锁{chr(0x5000 + n)}", numbers=[(RESIDENT, resident_number()), (LOCAL, str(n))])),
            window.source,
        )
        for n in range(100)
    ]
    held = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
    async with db.transaction() as c:
        async for _ in mpi.resolve_new(c, vault, asked, now=window._now):
            pass
        most = 96 * await c.fetchval(held)
        room = "select count(pg_advisory_xact_lock(1, n)) from generate_series(1, $1) as n"
        assert await c.fetchval(room, most) == most
