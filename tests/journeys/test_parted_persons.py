"""A journey: two people were taken for one, and every way of reading shows the mixture. A steward parts them, and every
way shows each only their own; undone, all is as before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest
from parted import NAMES, NOT_A_RECORD, WAYS, Name, Town, Way, addresses, resources

from support import Platform, assert_refused, be_humans, observation, patient, resident_number
from yima import consent, healthcode, mpi
from yima.access import ExportOrder
from yima.consent import Standing
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.keys import Vault

STEWARD = Caller(kind="system", agent_id="cli")
BOTH = frozenset(NAMES)
FEW: Final = [way for way in WAYS if way.address.endswith(("$everything", "Condition?patient={patient}", "timeline"))]
"""Enough to see how the rows fall, once every way was gone."""


@pytest.fixture(scope="module")
async def town(platform: Platform) -> AsyncIterator[Town]:
    made = await Town.founded(platform)
    yield made
    await made.close()


async def part(town: Town) -> int:
    """The other turns out to be somebody else; the number of the act."""
    stewards, other = town.platform.access.stewards, town.sides["OTHER"].patient
    number, person = await stewards.split(STEWARD, other, reason="两个人", now=clock.now())
    town.person["OTHER"] = person
    return number


async def undo(town: Town, number: int) -> None:
    """Both are one again."""
    await town.platform.access.stewards.undo(STEWARD, number, reason="看错", now=clock.now())
    town.person["OTHER"] = town.person["ONE"]


async def apart(town: Town, ways: list[Way] | None = None) -> None:
    """Every way shows each only their own."""
    for (way, name), (status, whose, found) in (await town.all_seen(ways or WAYS)).items():
        assert status == 200, way
        assert whose in ({name}, frozenset()), f"{way} shows {name} of {sorted(whose)}"
        assert whose or way.shows == "figures", f"{way} does not show {name} their own"
        if "_summary=count" in way.address:
            assert found == ("2",)


def test_every_way_of_reading_is_in_the_table() -> None:
    assert set(addresses()) - {way.route for way in WAYS} - NOT_A_RECORD == set()
    assert not {way.route for way in WAYS} & NOT_A_RECORD


async def test_parting_two_people_separates_what_was_stored_before_on_every_way(town: Town) -> None:
    before = await town.all_seen()
    for (way, name), (status, whose, _) in before.items():
        assert status == 200, way
        if way.shows != "figures":
            assert whose == (BOTH if way.shows == "record" else {name}), f"{way}: the mixture"
    number = await part(town)
    await apart(town)
    await undo(town, number)
    assert await town.all_seen() == before


async def test_one_resource_or_line_of_the_other_is_not_there(town: Town) -> None:
    number = await part(town)
    for name, other in (NAMES, NAMES[::-1]):
        theirs, visit = town.sides[other], await town.visit(name)
        row = f"/fhir/Condition/{theirs.rows['Condition']}"
        for address in (row, f"{row}/_history", f"{row}/_history/1", f"{row}/$meta", f"/fhir/Patient/{theirs.patient}"):
            assert_refused(await town.clinic.call("GET", address, visit=visit), 404, "not-found")
        held = Standing(consent.ITEM, 0, permit=False, resource=row.removeprefix("/fhir/"))
        with pytest.raises(Exception, match="not-found"):
            await town.platform.access.choices.decide(town.resident(name), [held], clock.now())
        lines = {name: {line.event_id: line for line in await town.lines(name)} for name in NAMES}
        assert not lines[name].keys() & lines[other].keys()
        about = {line.detail["patient"] for line in lines[name].values() if "patient" in line.detail}
        assert about == {town.sides[name].patient}
        actions = {line.action for line in lines[name].values() if "patient" in line.detail}
        assert {"submit", "read"} <= actions, "of before and of now"
        for line in lines[other]:
            assert await town.platform.access.privacy.my_line(town.resident(name), line) is None
            with pytest.raises(Exception, match="not-found"):
                await town.platform.access.lines.explain(town.resident(name), line)
    during = {line.event_id for line in await town.lines("OTHER")}
    await undo(town, number)
    assert during <= {line.event_id for line in await town.lines("ONE")}, "what was looked at then is not lost"


async def test_what_only_the_other_had_said_of_the_person_goes_along_and_comes_back(town: Town) -> None:
    access, stewards = town.platform.access, town.platform.access.stewards

    async def phones() -> list[str]:
        db, vault = access.database, Vault(town.platform.keys)
        return [await mpi.phone_of(db, vault, town.person[name]) for name in NAMES]

    said = {name: town.sides[name].phone for name in NAMES}
    assert await phones() == [said["OTHER"]] * 2, "the last word counted for both"
    number = await part(town)
    assert await phones() == [said["ONE"], said["OTHER"]]
    await undo(town, number)
    assert await phones() == [said["OTHER"]] * 2
    # Parted again, and one says a new number meanwhile: that stays.
    number = await part(town)
    body = (await town.hospital.call("GET", f"/fhir/Patient/{town.sides['ONE'].patient}")).json()
    body["telecom"] = [{"system": "phone", "value": "13900000077"}]
    await town.hospital.call("PUT", f"/fhir/Patient/{body['id']}", body)
    await stewards.undo(STEWARD, number, reason="看错", now=clock.now())
    assert (await phones())[0] == "13900000077"
    town.person["OTHER"] = town.person["ONE"]


async def test_who_looked_at_whom_is_counted_by_whose_the_row_is_now(town: Town) -> None:
    number, access = await part(town), town.platform.access
    row = f"/fhir/Condition/{town.sides['OTHER'].rows['Condition']}"
    looked = "select 1 from oversight.seen where reader = $1 and person_id = $2"
    reader, person = f"app/{town.hospital.client_id}", town.person["OTHER"]
    await access.privacy.watch(clock.now())
    assert not await access.database.fetch(looked, reader, person)
    assert (await town.hospital.call("GET", row)).status_code == 200
    await access.privacy.watch(clock.now())
    assert await access.database.fetch(looked, reader, person)
    await undo(town, number)


async def test_what_is_written_between_parting_and_undoing_falls_where_it_belongs(town: Town) -> None:
    number = await part(town)
    for name in NAMES:
        side = town.sides[name]
        made = await town.hospital.create(resources(f"Patient/{side.patient}", name)[1])
        changed = {**made, "code": {"text": f"{name}-later"}}
        assert (await town.hospital.call("PUT", f"/fhir/Condition/{made['id']}", changed)).status_code == 200
        side.later.append(made["id"])
        elsewhere = {**changed, "subject": {"reference": f"Patient/{town.sides[NAMES[name == 'ONE']].patient}"}}
        moved = await town.hospital.call("PUT", f"/fhir/Condition/{made['id']}", elsewhere)
        assert_refused(moved, 422, "field-invalid")
    # A condition looks among what was stored about the same Patient.
    number_of = {"identifier": [{"system": "urn:lab", "value": "7"}]}
    for name in NAMES:
        about = observation(f"Patient/{town.sides[name].patient}") | number_of | {"code": {"text": f"{name}-lab"}}
        for status in (201, 200):
            again = await town.hospital.call("POST", "/fhir/Observation", about, if_none_exist="identifier=urn:lab|7")
            assert again.status_code == status
            town.sides[name].later.append(again.json()["id"])
    later = [replace(way, shows="record") for way in FEW]
    await apart(town, later)
    await undo(town, number)
    for (way, _), (_, whose, found) in (await town.all_seen(later)).items():
        assert whose == BOTH
        if "timeline" not in way.address:
            assert {"ONE-later", "OTHER-later"} <= set(found)


async def test_a_move_takes_everything_to_the_other_person_and_back(town: Town) -> None:
    made = await town.hospital.create(patient(national=resident_number("1971-01-01"), birthDate="1971-01-01"))
    third = Platform.person_of(f"Patient/{made['id']}")
    stewards, access = town.platform.access.stewards, town.platform.access
    now = clock.now()
    await access.set_sharing(town.resident("ONE"), "all", institution=town.clinic.number, permit=False, now=now)
    number = await stewards.move(STEWARD, town.sides["OTHER"].patient, third, reason="另一人", now=clock.now())
    town.person["OTHER"] = third
    assert (await town.seen(FEW[0], "OTHER")).status == 403, "what was refused stays refused"
    await access.set_sharing(
        town.resident("OTHER"), "all", institution=town.clinic.number, permit=True, now=clock.now()
    )
    await access.set_sharing(town.resident("ONE"), "all", institution=town.clinic.number, permit=True, now=clock.now())
    await apart(town, FEW)
    assert made["id"] in (await town.answer(FEW[0], "OTHER"))[1], "beside what the person had before"
    await undo(town, number)
    assert {seen.whose for seen in (await town.all_seen(FEW)).values()} == {BOTH}
    own = await access.my_resources(
        Caller(kind="resident", agent_id="x", person=third, proved=clock.now()), clock.now()
    )
    assert [row.id for row in own] == [made["id"]]


async def standing(town: Town, name: Name) -> set[tuple[str, bool]]:
    """What counts of the person's decisions."""
    found = await town.platform.access.choices.of_mine(town.resident(name), clock.now())
    return {(one.standing.resource or one.standing.cls, one.standing.permit) for one in found}


async def test_refusals_go_along_permissions_do_not_and_nobody_gains_by_undoing(town: Town) -> None:
    choices = town.platform.access.choices
    item = f"Condition/{town.sides['OTHER'].rows['Condition']}"

    async def say(name: Name, *said: Standing, withdrawn: bool = False) -> None:
        await choices.decide(town.resident(name), said, clock.now(), withdrawn=withdrawn)

    place = town.hospital.number
    await say("ONE", Standing("psychiatric", 0, permit=True), Standing("std", place, permit=False))
    await say("ONE", Standing(consent.ITEM, 0, permit=False, resource=item))
    before = await standing(town, "ONE")
    assert {("psychiatric", True), ("std", False), (item, False)} <= before
    number = await part(town)
    assert await standing(town, "OTHER") == {one for one in before if not one[1]}
    await say("OTHER", Standing("hiv", place, permit=False), Standing("hiv", 0, permit=True))
    assert await standing(town, "ONE") == before, "decisions are each one's own from now on"
    await say("ONE", Standing("std", place, permit=False), withdrawn=True)
    await undo(town, number)
    assert await standing(town, "ONE") == (before - {("std", False)}) | {("hiv", False)}
    everything = [Standing("psychiatric", 0, permit=True), Standing(consent.ITEM, 0, permit=False, resource=item)]
    await say("ONE", *everything, Standing("hiv", place, permit=False), withdrawn=True)


async def exported(town: Town) -> set[Name]:
    """Whose Conditions a de-identified export holds."""
    order = ExportOrder(
        export="x", institution=town.clinic.number, institution_zh="", client="c", types=("Condition",), since=None,
        deidentified=True, legal_basis="statistics",
    )  # fmt: skip
    async with town.platform.database.transaction() as c:
        rows = (await town.platform.access.exporting.portion(c, order, 0, 100, clock.now())).rows
    return {name for row in rows for name in NAMES if row.patient == town.sides[name].patient}


async def test_an_export_tells_them_apart(town: Town) -> None:
    choices, number = town.platform.access.choices, await part(town)
    closed = Standing("all", 0, permit=False, purpose="public-health")
    assert await exported(town) == BOTH
    await choices.decide(town.resident("OTHER"), [closed], clock.now())
    assert await exported(town) == {"ONE"}
    for name, count in zip(NAMES, (2, 1), strict=True):
        assert len([line for line in await town.lines(name) if line.action == "export"]) == count
    await undo(town, number)
    assert await exported(town) == set(), "one no is a no"
    await choices.decide(town.resident("ONE"), [closed], clock.now(), withdrawn=True)


async def erased(town: Town, name: Name, resource: str = "") -> set[Name]:
    """Two people erase the record (or one resource) behind somebody's card; whose rows went."""
    access, now = town.platform.access, clock.now()
    await be_humans(access.database, access.vault, "one", "two")
    first, second = (
        Caller(kind="operator", agent_id=who, rights=frozenset({"erase"}), proved=now) for who in ("one", "two")
    )
    card = await healthcode.card_of(access.database, town.person[name])
    made = await access.erasures.propose(
        first, card.shown_number, resource=resource, institution="", reason="the purpose has ended",
        legal_basis="purpose-ended", now=now,
    )  # fmt: skip
    async with access.database.transaction() as c:
        await access.erasures.approve(c, second, made, now)
    empty = "select distinct patient from records.resource where content = '' and home = any($1)"
    gone = {row["patient"] for row in await access.database.fetch(empty, list(town.person.values()))}
    return {side for side in NAMES if town.sides[side].patient in gone}


async def test_an_erasure_goes_no_further_than_the_person(platform: Platform) -> None:
    town = await Town.founded(platform)
    number = await part(town)
    carried = "select count(*) from mpi.carried where number = $1"
    assert (await platform.database.fetchrow(carried, number))[0] > 0
    with pytest.raises(Exception, match="not-found"):
        await erased(town, "ONE", f"Condition/{town.sides['OTHER'].rows['Condition']}")
    assert await erased(town, "OTHER") == {"OTHER"}
    assert (await platform.database.fetchrow(carried, number))[0] == 0, "with it what the act kept of its words"
    assert (await town.seen(FEW[0], "ONE")).whose == {"ONE"}
    assert (await town.seen(FEW[0], "OTHER")).status == 404
    certificates = platform.access.erasures.certificates
    assert [len(await certificates(town.resident(name))) for name in NAMES] == [0, 1]
    await undo(town, number)
    assert await erased(town, "ONE") == BOTH
    await town.close()


async def test_of_merged_persons_everything_is_erased_and_exported_as_one(platform: Platform) -> None:
    town = await Town.founded(platform)
    stewards, now = platform.access.stewards, clock.now()
    await part(town)
    number = await stewards.merge(STEWARD, town.person["OTHER"], town.person["ONE"], reason="一人", now=now)
    closed = Standing("all", 0, permit=False, purpose="public-health")
    await platform.access.choices.decide(town.resident("OTHER"), [closed], now)
    assert await exported(town) == set(), "what one of them closed is closed"
    await stewards.undo(STEWARD, number, reason="看错", now=clock.now())
    assert await exported(town) == set(), "a decision taken while they were one stays with both"
    await platform.access.choices.decide(town.resident("ONE"), [closed], clock.now(), withdrawn=True)
    assert await exported(town) == {"ONE"}
    again = await stewards.merge(STEWARD, town.person["OTHER"], town.person["ONE"], reason="一人", now=clock.now())
    assert await erased(town, "OTHER") == BOTH
    await stewards.undo(STEWARD, again, reason="看错", now=clock.now())
    assert [len(await platform.access.erasures.certificates(town.resident(name))) for name in NAMES] == [0, 1]
    await town.close()
