"""A number that was first sent for the wrong person goes to whom it names; and what is said while an act stands comes
back when it is undone."""

from __future__ import annotations

import pytest
from windows import LOCAL, PASSPORT, RESIDENT, Window, phone, resident_number, said, state, word

from yima import mpi
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault


@pytest.mark.parametrize("system", [RESIDENT, PASSPORT])
@pytest.mark.parametrize("disputed", [False, True])
async def test_a_number_goes_to_whom_it_names_and_back(db: Database, vault: Vault, system: str, disputed: bool) -> None:
    born = "1990-01-02" if system == RESIDENT else "1971-03-04"
    number = resident_number(born) if system == RESIDENT else f"E{phone()}"
    clerk = Window(db, vault)
    wrong = said("错登甲", numbers=[(LOCAL, phone()), (system, number)], phones=(phone(),))
    right = said("本人乙", birth_date=born, sex="female", numbers=[(LOCAL, phone()), (system, number)])
    first = (await clerk.register(wrong)).person
    other = await Window(db, vault).register(right)
    assert other.created
    assert first in other.review
    if disputed:
        async with db.transaction() as c:
            await mpi.freeze(c, vault, mpi.Identifier.of(system, number), word())
    before = await state(db)
    async with db.transaction() as c:
        act = await mpi.move_number(c, vault, mpi.Identifier.of(system, number), (first, other.person), word())
        assert await mpi.person_of_document(c, vault, system, number) == other.person
        await mpi.undo(c, vault, act, word())
    assert await state(db) == before


async def test_the_institutions_next_messages_find_the_right_persons(db: Database, vault: Vault) -> None:
    theirs, own, mobile, clerk = resident_number("1971-03-04"), phone(), phone(), Window(db, vault)
    wrong = said("错登丙", birth_date="1990-01-02", numbers=[(LOCAL, own), (RESIDENT, theirs)], phones=(mobile,))
    right = said("本人丁", birth_date="1971-03-04", numbers=[(LOCAL, phone()), (RESIDENT, theirs)])
    first, other = (await clerk.register(wrong)).person, (await clerk.register(right)).person
    async with db.transaction() as c:
        await mpi.move_number(c, vault, mpi.Identifier.of(RESIDENT, theirs), (first, other), word())
    again = await clerk.register(wrong)
    assert (again.person, again.review) == (first, (other,)), "said again, it is asked about, and moves nothing"
    assert await mpi.person_of_document(db, vault, RESIDENT, theirs) == other
    corrected = said("错登丙", numbers=[(LOCAL, own), (RESIDENT, resident_number())], phones=(mobile,))
    assert (await clerk.register(corrected)).person == first
    assert (await Window(db, vault).register(right)).person == other


async def test_the_persons_own_number_is_not_held_against_them(db: Database, vault: Vault) -> None:
    theirs, mobile = resident_number("1971-03-04"), phone()
    wrong = said("错登戊", numbers=[(LOCAL, phone()), (RESIDENT, theirs)], phones=(mobile,))
    first = (await Window(db, vault).register(wrong)).person
    right = said("本人己", birth_date="1971-03-04", numbers=[(LOCAL, phone())])
    other = (await Window(db, vault).register(right)).person
    mine = said("错登戊", numbers=[(LOCAL, phone()), (RESIDENT, resident_number())], phones=(mobile,))
    async with db.transaction() as c:
        await mpi.move_number(c, vault, mpi.Identifier.of(RESIDENT, theirs), (first, other), word())
    found = await Window(db, vault).register(mine)
    assert (found.person, found.rule) == (first, "score")


async def test_a_number_is_moved_to_somebody_else_only_and_taken_back_once(db: Database, vault: Vault) -> None:
    number, window = resident_number(), Window(db, vault)
    holder = (await window.register(said("甲庚", numbers=[(RESIDENT, number)]))).person
    other = (await window.register(said("乙辛", birth_date="1971-03-04", numbers=[(LOCAL, phone())]))).person
    held = mpi.Identifier.of(RESIDENT, number)
    for what, to, code in (
        (held, holder, "field-invalid"), (held, 1, "not-found"),
        (mpi.Identifier.of(RESIDENT, resident_number()), other, "not-found"),
    ):  # fmt: skip
        with pytest.raises(Refusal, match=code):
            async with db.transaction() as c:
                await mpi.move_number(c, vault, what, (holder, to), word())
    async with db.transaction() as c:
        there = await mpi.move_number(c, vault, held, (holder, other), word())
        on = await mpi.move_number(c, vault, held, (other, holder), word())
        with pytest.raises(Refusal, match="undo-impossible"):
            await mpi.undo(c, vault, there, word())
        await mpi.undo(c, vault, on, word())
        await mpi.undo(c, vault, there, word())
    assert await mpi.person_of_document(db, vault, RESIDENT, number) == holder


@pytest.mark.parametrize("act", ["split", "move"])
async def test_what_a_patient_said_while_it_was_away_comes_back_with_it(db: Database, vault: Vault, act: str) -> None:
    one, elsewhere, third = Window(db, vault), Window(db, vault), Window(db, vault)
    travel, own, old, new = f"E{phone()}", phone(), phone(), phone()
    numbers = [(LOCAL, own), (PASSPORT, travel)]
    first, second = said("往返", numbers=numbers, phones=(old,)), said("往返", numbers=[(PASSPORT, travel)])
    person = (await one.register(first)).person
    await elsewhere.register(second)
    target = (await third.register(said("往返", numbers=[(LOCAL, phone())], birth_date="1971-03-04"))).person
    patient = await one.patient(person)
    async with db.transaction() as c:
        brought = mpi.brought(vault, [first], [second])
        number = (
            (await mpi.split(c, vault, patient, word(), brought))[0]
            if act == "split"
            else await mpi.move_patient(c, vault, patient, target, word(), brought)
        )
    before = await state(db)
    news = said("往返", numbers=[(LOCAL, own)], phones=(new,), birth_date="" if act == "move" else "1990-01-02")
    away = (await one.register(news)).person
    assert away != person
    assert await mpi.phone_of(db, vault, away) == new
    async with db.transaction() as c:
        await mpi.undo(c, vault, number, word(), mpi.brought(vault, [news], []))
    assert await mpi.phone_of(db, vault, person) == new
    if act == "move":
        assert await mpi.phone_of(db, vault, target) == ""
    assert not [row for row in (await state(db))["carried"] if row not in before["carried"]]
    keys = {row["key"] for row in await db.fetch("select key from mpi.candidate_key where person_id = $1", person)}
    assert set(mpi.brought(vault, [news], []).keys) <= keys
    if act == "split":
        late = await Window(db, vault).register(said("往返", phones=(new,)))
        assert (late.person, late.rule) == (person, "score")
