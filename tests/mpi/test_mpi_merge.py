"""A steward's acts and their undoing, with the real database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from windows import LOCAL, NOW, PASSPORT, RESIDENT, Window, phone, resident_number, said, state, word

from yima import mpi
from yima.runtime import ids
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault


async def two(db: Database, vault: Vault) -> tuple[mpi.Resolution, mpi.Resolution, Window]:
    window = Window(db, vault)
    one = await window.register(said("甲一", numbers=[(LOCAL, phone()), (PASSPORT, f"E{phone()}")], phones=(phone(),)))
    other = await window.register(said("乙二", birth_date="1971-03-04", numbers=[(LOCAL, phone())]))
    return one, other, window


async def test_a_merged_person_is_read_as_the_survivor_everywhere(db: Database, vault: Vault) -> None:
    window, travel, own = Window(db, vault), f"E{phone()}", phone()
    one = (await window.register(said("甲一", numbers=[(LOCAL, own), (PASSPORT, travel)]))).person
    other = (await window.register(said("乙二", birth_date="1971-03-04", numbers=[(LOCAL, phone())]))).person
    patient = await window.patient(one)
    async with db.transaction() as c:
        await mpi.merge(c, one, other, word())
    assert await mpi.person_of_patient(db, patient) == other
    assert await mpi.person_of_document(db, vault, PASSPORT, travel) == other
    assert (await mpi.find_patients(db, vault, LOCAL, own, window.source.institution)) == [(patient, other)]
    assert (await mpi.find_patients(db, vault, PASSPORT, travel, window.source.institution))[0][1] == other
    assert len(await mpi.patients_of(db, other)) == 2
    wholes = await mpi.wholes_of(db, [other, one, 1])
    assert {person: whole.homes for person, whole in wholes.items()} == {
        other: tuple(sorted([one, other])),
        one: tuple(sorted([one, other])),
        1: (1,),
    }
    assert [n.value for n in await mpi.documents_of(db, vault, other)] == [travel]
    assert await mpi.masked_number(db, vault, other) == f"{travel[:3]}{'*' * (len(travel) - 5)}{travel[-2:]}"
    again = await window.register(said("甲一", numbers=[(LOCAL, own)]))
    assert (again.person, again.patient_id, again.created) == (other, patient, False)
    found = await Window(db, vault).register(said("甲一", numbers=[(PASSPORT, travel)]))
    assert found.person == other


async def test_what_was_added_after_a_merge_stays_where_it_was_added(db: Database, vault: Vault) -> None:
    one, other, _ = await two(db, vault)
    async with db.transaction() as c:
        await mpi.merge(c, one.person, other.person, word())
    elsewhere = Window(db, vault)
    late = await elsewhere.register(said("乙二", birth_date="1971-03-04", numbers=[(LOCAL, "x")]), None)
    async with db.transaction() as c:
        await mpi.unmerge(c, one.person, word())
    assert len(await mpi.patients_of(db, one.person)) == 1
    assert len(await mpi.patients_of(db, late.person)) >= 1


async def test_a_patient_that_moves_takes_its_number_along(db: Database, vault: Vault) -> None:
    window, own = Window(db, vault), phone()
    wrong = (await window.register(said("甲一", numbers=[(LOCAL, own)]))).person
    right = (await window.register(said("甲一", birth_date="1971-03-04", numbers=[(LOCAL, phone())]))).person
    patient = await window.patient(wrong)
    async with db.transaction() as c:
        await mpi.move_patient(c, vault, patient, right, word())
    assert (await window.register(said("甲一", birth_date="1971-03-04", numbers=[(LOCAL, own)]))).person == right


async def test_a_frozen_number_names_nobody(db: Database, vault: Vault) -> None:
    number = resident_number()
    first = await Window(db, vault).register(said("共用", numbers=[(RESIDENT, number)]))
    async with db.transaction() as c:
        await mpi.freeze(c, vault, mpi.Identifier.of(RESIDENT, number), word())
    second = await Window(db, vault).register(said("共用", numbers=[(RESIDENT, number)]))
    assert second.created
    assert second.review == (first.person,)


async def test_a_frozen_number_vouches_for_nobody_under_ones_own_number(db: Database, vault: Vault) -> None:
    number, own, window = resident_number(), phone(), Window(db, vault)
    numbers = [(LOCAL, own), (RESIDENT, number)]
    first = await window.register(said("共用", numbers=numbers))
    async with db.transaction() as c:
        await mpi.freeze(c, vault, mpi.Identifier.of(RESIDENT, number), word())
    again = await window.register(said("共用", numbers=numbers))
    assert again.person == first.person, "who says what was said before is who it was"
    with pytest.raises(Refusal, match="identity-conflict"):
        await window.register(said("欧阳另一", birth_date="1999-09-09", sex="male", numbers=numbers))


async def test_who_is_kept_apart_is_neither_merged_nor_asked_about_again(db: Database, vault: Vault) -> None:
    one, other, _ = await two(db, vault)
    async with db.transaction() as c:
        await mpi.keep_apart(c, other.person, one.person, word())
        with pytest.raises(Refusal, match="merge-impossible"):
            await mpi.merge(c, one.person, other.person, word())


async def test_never_the_same_holds_for_who_is_read_as_one_of_the_two(db: Database, vault: Vault) -> None:
    window, own, travel = Window(db, vault), phone(), f"E{phone()}"
    one = (await window.register(said("甲一", numbers=[(LOCAL, own)]))).person
    other = (await window.register(said("乙二", birth_date="1971-03-04", numbers=[(PASSPORT, travel)]))).person
    third = (await window.register(said("丙三", birth_date="1972-03-04"))).person
    async with db.transaction() as c:
        await mpi.keep_apart(c, other, one, word())
        await mpi.merge(c, one, third, word())
        assert await mpi.ask(c, third, other, 1, "possible-duplicate", NOW) is None
    found = await window.register(said("甲一", numbers=[(LOCAL, own), (PASSPORT, travel)]))
    assert (found.person, found.review) == (third, (other,))
    assert await mpi.case_of(db, third, other) is None


async def test_an_act_is_undone_once_and_an_undo_never(db: Database, vault: Vault) -> None:
    one, other, _ = await two(db, vault)
    async with db.transaction() as c:
        done = await mpi.merge(c, one.person, other.person, word())
        undone = await mpi.undo(c, vault, done, word())
        for number in (done, undone):
            with pytest.raises(Refusal, match="undo-impossible"):
                await mpi.undo(c, vault, number, word())
        with pytest.raises(Refusal, match="not-found"):
            await mpi.undo(c, vault, 10**12, word())
        assert [one.kind for one in await mpi.events_of(c, one.person)] == ["merge", "unmerge"]


async def keyed(db: Database, person: int) -> set[int]:
    return {row["key"] for row in await db.fetch("select key from mpi.candidate_key where person_id = $1", person)}


@pytest.mark.parametrize("act", ["split", "move"])
async def test_keys_and_words_go_with_the_patient_that_brought_them(db: Database, vault: Vault, act: str) -> None:
    travel, one, other = f"E{phone()}", Window(db, vault), Window(db, vault)
    first = said("甲一", numbers=[(LOCAL, phone()), (PASSPORT, travel)], phones=(phone(),))
    second = said("甲丁", numbers=[(LOCAL, phone()), (PASSPORT, travel)], phones=(phone(),), sex="")
    person = (await one.register(first)).person
    target = (await other.register(said("乙二", birth_date="1971-03-04", numbers=[(LOCAL, phone())]))).person
    patient = ids.new_resource_id(person)
    found = mpi.Resolution(person, False, "national-number", None)
    async with db.transaction() as c:  # a wrong one, with the words it said
        await c.execute("insert into mpi.candidate_key select k, $2 from unnest($1::bigint[]) k on conflict do nothing",
                        list(mpi.brought(vault, [second], []).keys), person)  # fmt: skip
        await mpi.link(c, vault, found, second, other.source, patient, now=NOW)
    before, brought = await state(db), mpi.brought(vault, [second], [first])
    mine, theirs, both = set(brought.others_keys), set(brought.keys), await keyed(db, person)
    assert (mine | theirs, bool(mine & theirs)) == (both, True)
    had = await keyed(db, target)
    async with db.transaction() as c:
        if act == "split":
            number, new = await mpi.split(c, vault, patient, word(), brought)
            assert (await mpi.identities(c, vault, [new]))[new].name == "甲丁"
        else:
            number, new = await mpi.move_patient(c, vault, patient, target, word(), brought), target
    assert await keyed(db, person) == mine
    assert await keyed(db, new) == theirs | (had if act == "move" else set())
    async with db.transaction() as c:
        await mpi.undo(c, vault, number, word())
    assert await state(db) == before


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["merge", "merge", "unmerge", "move", "split", "apart", "freeze", "number", "undo"]),
        st.integers(0, 4),
        st.integers(0, 4),
    ),
    max_size=8,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(acts=ACTS)
async def test_any_history_undone_last_first_equals_the_start(
    db: Database, vault: Vault, acts: list[tuple[str, int, int]]
) -> None:
    if not acts:
        return
    window = Window(db, vault)
    numbers = [f"E{phone()}" for _ in range(5)]
    words = [said(f"史{n}", numbers=[(LOCAL, phone()), (PASSPORT, numbers[n])], phones=(phone(),)) for n in range(5)]
    people = [(await window.register(one)).person for one in words]
    patients = [await window.patient(person) for person in people]
    # Each has a second Patient elsewhere, under the same passport and with another phone.
    elsewhere = Window(db, vault)
    again = [said(f"史{n}", numbers=[(LOCAL, phone()), (PASSPORT, numbers[n])], phones=(phone(),)) for n in range(5)]
    assert [(await elsewhere.register(one)).person for one in again] == people
    spoken = dict(zip(patients, words, strict=True))
    spoken |= {await elsewhere.patient(people[n]): again[n] for n in range(5)}
    before, done = await state(db), list[int]()
    for kind, n, m in acts:
        try:
            async with db.transaction() as c:
                brought = await brought_by(c, vault, patients[n], spoken)
                done.append(
                    await _act(c, vault, kind, (people[n], people[m]), (patients[n], brought), numbers[m], done)
                )
        except Refusal:
            continue  # impossible in this state, and nothing was done
    for number in reversed(done):
        async with db.transaction() as c:
            act = await mpi.event(c, number)
            undone = {row["undoes"] for row in await c.fetch("select undoes from mpi.event where undoes is not null")}
            if act.undoes is None and number not in undone:
                await mpi.undo(c, vault, number, word())
    assert await state(db) == before


async def brought_by(c: Any, vault: Vault, patient: str, spoken: dict[str, mpi.Registration]) -> mpi.Brought:
    """What a Patient said, and what the other Patients of its person said."""
    query = "select patient_id from mpi.link where person_id = (select person_id from mpi.link where patient_id = $1)"
    stays = [spoken[row["patient_id"]] for row in await c.fetch(query, patient) if row["patient_id"] != patient]
    return mpi.brought(vault, [spoken[patient]], stays)


async def _act(c, vault, kind, persons, moved, number, done) -> int:  # type: ignore[no-untyped-def]  of one test
    if kind == "merge":
        return await mpi.merge(c, *persons, word())
    if kind == "unmerge":
        return await mpi.unmerge(c, persons[0], word())
    if kind == "move":
        return await mpi.move_patient(c, vault, moved[0], persons[1], word(), moved[1])
    if kind == "split":
        return (await mpi.split(c, vault, moved[0], word(), moved[1]))[0]
    if kind == "apart":
        return await mpi.keep_apart(c, *persons, word())
    if kind == "number":
        return await mpi.move_number(c, vault, mpi.Identifier.of(PASSPORT, number), persons[::-1], word())
    if kind == "freeze":
        return await mpi.freeze(c, vault, mpi.Identifier.of(PASSPORT, number), word())
    return await mpi.undo(c, vault, done[-1] if done else 0, word())
