"""A steward's acts as they reach cards, codes and logs."""

from __future__ import annotations

import pytest

from support import Institution, Platform, patient, resident_number
from yima import healthcode, mpi
from yima.access import Access
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.errors import Refusal

NATIONAL = "urn:oid:2.16.156.10011.1.3"
SYSTEM = Caller(kind="system", agent_id="cli")
STEWARD = Caller(kind="operator", agent_id="op-1", rights=frozenset({"steward"}))


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture
def access(platform: Platform) -> Access:
    return platform.access


async def somebody(at: Institution, born: str) -> tuple[int, str]:
    made = await at.create(patient(national=resident_number(born), birthDate=born))
    return Platform.person_of(f"Patient/{made['id']}"), made["id"]


async def status(access: Access, person: int) -> str:
    return (await healthcode.card_of(access.database, person)).status


async def test_merged_persons_keep_one_active_card_and_undo_gives_each_its_own(
    access: Access, hospital: Institution
) -> None:
    (one, _), (other, _) = await somebody(hospital, "1981-01-01"), await somebody(hospital, "1982-02-02")
    with pytest.raises(Refusal, match="second-person-needed"):  # two right numbers: not for one steward alone
        await access.stewards.merge(STEWARD, one, other, reason="同一人", now=clock.now())
    number = await access.stewards.merge(SYSTEM, one, other, reason="同一人", now=clock.now())
    assert (await status(access, one), await status(access, other)) == ("merged", "active")
    assert await healthcode.survivor_of(access.database, one) == other
    undone = await access.stewards.undo(STEWARD, number, reason="看错", now=clock.now())
    assert (await status(access, one), await status(access, other)) == ("active", "active")
    assert [event.number for event in await access.stewards.events(STEWARD, one)] == [number, undone]
    rows = await access.database.fetch(
        "select person_id from audit.event where basis = 'steward' and person_id = any($1)", [one, other]
    )
    assert sorted(row["person_id"] for row in rows) == sorted([one, one, other, other])


async def test_a_death_told_of_either_of_two_merged_is_theirs_until_they_are_parted(
    access: Access, hospital: Institution
) -> None:
    said, other = patient(), patient(birthDate="1951-01-02")
    gone, stays = [Platform.person_of(f"Patient/{(await hospital.create(one))['id']}") for one in (said, other)]
    number = await access.stewards.merge(SYSTEM, gone, stays, reason="一人", now=clock.now())

    async def dead() -> list[bool]:
        found = await mpi.identities(access.database, access.vault, [gone, stays])
        return [found[person].deceased for person in (gone, stays)]

    await hospital.create(said | {"deceasedBoolean": True})
    assert await dead() == [True, True], "the merged side keeps the word, the survivor is read with it"
    assert await status(access, stays) == "deceased"
    living = await mpi.living(access.database, access.vault, stays - 1, 1)
    assert stays not in {one.person for one in living}
    await access.reviews.undo_death(STEWARD, stays, reason="误报，本人健在", now=clock.now())
    assert await dead() == [False, False]
    await hospital.create(said | {"deceasedBoolean": True})
    await access.stewards.undo(SYSTEM, number, reason="两人", now=clock.now())
    assert await dead() == [True, False]


async def test_nobody_loses_a_card_by_being_merged(access: Access, hospital: Institution) -> None:
    one, _ = await somebody(hospital, "1983-03-03")
    async with access.database.transaction() as c:
        said = mpi.registration(patient(birthDate="1983-03-04"))
        bare = (await mpi.resolve(c, access.vault, said, mpi.Source(99), now=clock.now())).person
    with pytest.raises(Refusal, match="merge-impossible"):
        await access.stewards.merge(SYSTEM, one, bare, reason="同一人", now=clock.now())
    await access.stewards.merge(SYSTEM, bare, one, reason="同一人", now=clock.now())
    assert await status(access, one) == "active"


async def test_a_patient_split_off_gets_a_person_and_a_card(access: Access, hospital: Institution) -> None:
    person, patient_id = await somebody(hospital, "1983-03-03")
    number, new = await access.stewards.split(SYSTEM, patient_id, reason="另一人", now=clock.now())
    assert new != person
    assert await status(access, new) == "active"
    keys = "select count(*) from mpi.candidate_key where person_id = $1"
    assert (await access.database.fetchrow(keys, new))[0] > 0, "its Patient's words are its own"
    assert (await access.database.fetchrow(keys, person))[0] == 0, "and nobody else's"
    await access.stewards.undo(SYSTEM, number, reason="看错", now=clock.now())
    assert await status(access, new) == "cancelled"


async def test_two_persons_are_explained_in_two_languages_and_on_both_logs(
    access: Access, hospital: Institution
) -> None:
    (one, _), (other, _) = await somebody(hospital, "1984-04-04"), await somebody(hospital, "1985-05-05")
    found = await access.stewards.explain(STEWARD, one, other, clock.now())
    assert found.vetoes == ("other-number",)
    assert any("出生日期" in line for line in found.zh)
    assert any("Birth date" in line for line in found.en)
    rows = await access.database.fetch("select 1 from audit.event where basis = 'steward' and person_id = $1", one)
    assert len(rows) == 1


@pytest.mark.parametrize("kind", ["app", "practitioner", "resident", "operator"])
async def test_only_stewards_may(access: Access, kind: str) -> None:
    caller = Caller(kind=kind, agent_id="x")  # type: ignore[arg-type]  a row of the table
    now = clock.now()
    for refused in (
        access.stewards.merge(caller, 1, 2, reason="", now=now),
        access.stewards.explain(caller, 1, 2, now),
        access.stewards.undo(caller, 1, reason="", now=now),
        access.stewards.split(caller, "x", reason="", now=now),
        access.stewards.move(caller, "x", 1, reason="", now=now),
        access.stewards.keep_apart(caller, 1, 2, reason="", now=now),
        access.stewards.freeze(caller, NATIONAL, "1", reason="", now=now),
        access.stewards.events(caller, 1),
        access.stewards.rekey(caller),
    ):
        with pytest.raises(Refusal, match="right-needed"):
            await refused
