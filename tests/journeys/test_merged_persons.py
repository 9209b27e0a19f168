"""A journey in sentences: a steward merges two persons, everybody looks again, the merge is undone, everybody looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from support import Institution, Platform, patient, resident_number
from yima import healthcode, mpi
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

OPERATOR = Caller(kind="system", agent_id="cli")


@dataclass(frozen=True, slots=True)
class Someone:
    """A resident, registered at one institution with one finding."""

    person: int
    patient: str
    finding: str
    cookie: str

    @property
    def text(self) -> str:
        """The person id as programs write it."""
        return ids.person_text(self.person)


async def registered(platform: Platform, at: Institution, born: str, finding: str) -> Someone:
    made = await at.create(patient(national=resident_number(born), birthDate=born))
    person = platform.person_of(f"Patient/{made['id']}")
    code = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10"}], "text": finding}
    about = {"reference": f"Patient/{made['id']}"}
    found = await at.create({"resourceType": "Condition", "subject": about, "code": code})
    cookie = platform.access.callers.session("resident", ids.person_text(person), clock.now())
    return Someone(person, made["id"], found["id"], cookie)


async def code(doing: Any) -> str:
    try:
        await doing
    except Refusal as refusal:
        return refusal.code
    return "ok"


@dataclass(slots=True)
class Town:
    """Two hospitals, two residents who turn out to be one, and whom the first lets see the record."""

    platform: Platform
    first: Institution
    second: Institution
    one: Someone
    other: Someone
    helper: Someone
    visits: dict[str, str]
    """Handles of before the merge, by what they are of."""

    async def resident(self, who: Someone) -> Caller:
        access = self.platform.access
        return await access.callers.caller("resident", who.cookie, clock.now())

    async def found(self, at: Institution, path: str, visit: str) -> tuple[int, frozenset[str]]:
        """Status, and the ids of the Conditions in what was answered."""
        answer = await at.call("GET", path, visit=visit)
        entries = answer.json().get("entry", [])
        return answer.status_code, frozenset(
            e["resource"]["id"] for e in entries if e["resource"]["resourceType"] == "Condition"
        )

    async def looks(self, *of: str) -> dict[str, Any]:
        """What everybody sees now of the two, or of one of them, without times."""
        access, now, fhir = self.platform.access, clock.now(), "/fhir/Patient"
        told: dict[str, Any] = {}
        for name in of or ("one", "other"):
            who = self.one if name == "one" else self.other
            me = await self.resident(who)
            told[f"{name}: session"] = me.person
            told[f"{name}: card"] = (await access.my_card(me, now)).person
            told[f"{name}: own record"] = {r.id for r in await access.my_resources(me, now) if r.type == "Condition"}
            own = Caller(kind="resident", agent_id=me.agent_id, person=me.person, proved=clock.now())
            told[f"{name}: log"] = {e.person for e in await access.access_log(own, now=clock.now())}
            told[f"{name}: family"] = {r.person for r in (await access.families.family(me, now)).for_me}
            visit = self.visits[name]
            told[f"{name}: all by Patient"] = await self.found(
                self.first, f"/fhir/Patient/{who.patient}/$everything", visit
            )
            told[f"{name}: all by id"] = await self.found(self.first, f"{fhir}/{who.text}/$everything", visit)
            told[f"{name}: finding"] = await self.found(self.first, f"/fhir/Condition/{who.finding}", visit)
            as_person = (await self.first.call("GET", f"/fhir/Person/{who.text}", visit=visit)).json()
            told[f"{name}: Person"] = (as_person["id"], as_person["active"], len(as_person["link"]))
            told[f"{name}: elsewhere"] = await self.found(
                self.second, f"/fhir/Condition?patient={who.patient}", self.visits[f"{name} elsewhere"]
            )
            emergency = self.visits[f"{name} emergency"]
            told[f"{name}: emergency"] = await self.found(
                self.first, f"/fhir/Patient/{who.text}/$everything", emergency
            )
            helper = await self.resident(self.helper)
            told[f"{name}: helper"] = await code(
                access.open_record(helper, who.person, purpose="own-request", visit=None, now=clock.now())
            )
        return told


@pytest.fixture
async def town(platform: Platform) -> Town:
    first, second = await platform.institution("A"), await platform.institution("B")
    one = await registered(platform, first, "1961-01-01", "甲")
    other = await registered(platform, first, "1962-02-02", "乙")
    helper = await registered(platform, second, "1990-03-03", "丙")
    visits = dict[str, str]()
    for name, who in (("one", one), ("other", other)):
        visits |= {
            name: await first.visit(who.person),
            f"{name} elsewhere": await second.visit(who.person),
            f"{name} emergency": await first.break_glass(who.person),
        }
    made = Town(platform, first, second, one, other, helper, visits)
    access, now = platform.access, clock.now()
    # The first closes the record to the second hospital, and lets the helper see it.
    me = await made.resident(one)
    await access.set_sharing(me, "all", institution=second.number, permit=False, now=now)
    card = (await access.my_card(await made.resident(helper), now)).number
    name = (await made.resident(helper)).name_zh
    ends = now + timedelta(days=30)
    await access.families.give(me, card_number=card, name=name, scopes={"see-record"}, ends=ends, now=now)
    return made


async def test_two_persons_are_one_from_every_side_until_the_merge_is_undone(town: Town) -> None:
    one, other, access = town.one, town.other, town.platform.access
    # 1 Before: each has their own; a visit of the one opens nothing of the other.
    before = await town.looks()
    assert before["one: own record"] == before["one: all by id"][1] == before["one: emergency"][1] == {one.finding}
    assert before["one: all by Patient"] == (200, {one.finding})
    assert before["other: elsewhere"] == (200, {other.finding})
    assert before["one: elsewhere"][0] == 403
    assert (before["one: helper"], before["other: helper"]) == ("ok", "not-found")
    assert (before["one: log"], before["other: log"]) == ({one.person}, {other.person})
    assert (
        await town.found(town.first, f"/fhir/Patient/{other.patient}/$everything", town.visits["one"])
        != before["other: all by Patient"]
    )
    # 2 The one turns out to be the other. Whatever names either, of before or of now, means the whole person.
    number = await access.stewards.merge(OPERATOR, one.person, other.person, reason="同一人", now=clock.now())
    merged, both = await town.looks(), frozenset({one.finding, other.finding})
    for name in ("one", "other"):
        assert merged[f"{name}: session"] == merged[f"{name}: card"] == other.person
        assert merged[f"{name}: own record"] == both
        assert merged[f"{name}: log"] == {one.person, other.person}
        for way in ("all by Patient", "all by id", "emergency"):
            assert merged[f"{name}: {way}"] == (200, both), (name, way)
        assert merged[f"{name}: finding"] == before[f"{name}: finding"]
        assert merged[f"{name}: helper"] == "ok", "who may see the one may see the person"
        assert merged[f"{name}: family"] == {town.helper.person}
        assert merged[f"{name}: elsewhere"][0] == 403, "what the one closed stays closed for both"
    assert merged["one: Person"] == (one.text, False, 1), "an id of before says who it is now"
    assert merged["other: Person"] == (other.text, True, 2)
    # 3 It was a mistake: each has their own again, exactly.
    await access.stewards.undo(OPERATOR, number, reason="看错", now=clock.now())
    assert await town.looks() == before


async def test_a_merged_person_s_patient_may_still_be_changed(town: Town) -> None:
    one, other, access = town.one, town.other, town.platform.access
    number = await access.stewards.merge(OPERATOR, one.person, other.person, reason="同一人", now=clock.now())
    said = (await town.first.call("GET", f"/fhir/Patient/{one.patient}")).json()
    said["identifier"].append({"system": "urn:hospital:new", "value": "N-1"})
    changed = await town.first.call("PUT", f"/fhir/Patient/{one.patient}", said)
    assert (changed.status_code, changed.json()["meta"]["versionId"]) == (200, "2")
    found = (await town.first.call("GET", "/fhir/Patient?identifier=urn:hospital:new|N-1")).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [one.patient]
    await access.stewards.undo(OPERATOR, number, reason="看错", now=clock.now())
    row = "select person_id from mpi.link where patient_id = $1"
    assert (await town.platform.database.fetchrow(row, one.patient))["person_id"] == one.person


async def test_a_visit_of_one_of_two_opens_the_other_only_while_they_are_merged(town: Town) -> None:
    one, other, access = town.one, town.other, town.platform.access
    path, visit = f"/fhir/Patient/{other.patient}/$everything", town.visits["one"]
    now = clock.now()
    number = await access.stewards.merge(OPERATOR, one.person, other.person, reason="同一人", now=now)
    assert (await town.found(town.first, path, visit))[0] == 200
    # What the person decides now counts for everything of theirs, also against what either decided before.
    elsewhere = f"/fhir/Condition?patient={other.patient}", town.visits["other elsewhere"]
    assert (await town.found(town.second, *elsewhere))[0] == 403
    me = await town.resident(one)
    await access.set_sharing(me, "all", institution=town.second.number, permit=True, now=clock.now())
    assert await town.found(town.second, *elsewhere) == (200, frozenset({one.finding, other.finding}))
    await access.stewards.undo(OPERATOR, number, reason="看错", now=now)
    assert (await town.found(town.first, path, visit))[0] in (403, 404)


async def test_a_death_told_while_two_were_one_is_whose_it_was_told_of(town: Town) -> None:
    one, other, access = town.one, town.other, town.platform.access
    before = await town.looks()
    number = await access.stewards.merge(OPERATOR, one.person, other.person, reason="同一人", now=clock.now())
    said = (await town.first.call("GET", f"/fhir/Patient/{one.patient}")).json() | {"deceasedBoolean": True}
    assert (await town.first.call("PUT", f"/fhir/Patient/{one.patient}", said)).status_code == 200
    assert (await healthcode.card_of(town.platform.database, other.person)).status == "deceased"
    await access.stewards.undo(OPERATOR, number, reason="看错", now=clock.now())
    states = [(await healthcode.card_of(town.platform.database, p)).status for p in (one.person, other.person)]
    assert states == ["deceased", "active"]
    assert await town.looks("other") == {key: before[key] for key in before if key.startswith("other")}
    assert await code(town.resident(one)) == "sign-in-needed", "nobody opens the pages of the dead"


async def test_a_patient_that_said_a_phone_while_it_was_split_off_brings_it_back(town: Town) -> None:
    one, access, db = town.one, town.platform.access, town.platform.database
    number, new = await access.stewards.split(OPERATOR, one.patient, reason="两人", now=clock.now())
    said = (await town.first.call("GET", f"/fhir/Patient/{one.patient}")).json()
    said["telecom"] = [{"system": "phone", "value": "13812345678"}]
    assert (await town.first.call("PUT", f"/fhir/Patient/{one.patient}", said)).status_code == 200
    assert await mpi.phone_of(db, access.vault, new) == "13812345678"
    await access.stewards.undo(OPERATOR, number, reason="看错", now=clock.now())
    assert await mpi.phone_of(db, access.vault, one.person) == "13812345678"
    assert await mpi.person_of_patient(db, one.patient) == one.person
    left = "select count(*) from mpi.candidate_key where person_id = $1"
    assert (await db.fetchrow(left, new))[0] == 0
