"""A single item that the resident holds back is nowhere, by whatever way one reads; that there is one is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import town as the_town
from town import Town

from support import Institution, Platform, encounter, observation
from yima import consent
from yima.directory import Caller
from yima.runtime import clock, ids

WAYS = {
    "read": "{item}",
    "vread": "{item}/_history/1",
    "history": "{item}/_history",
    "search": "Observation?patient={id}",
    "search by id": "Observation?patient={id}&_id={number}",
    "search by value": "Observation?patient={id}&code=718-7",
    "rare order": "Observation?patient={id}&_sort=status",
    "count": "Observation?patient={id}&code=718-7&_summary=count",
    "total": "Observation?patient={id}&code=718-7&_count=0&_total=accurate",
    "several types": "?patient={id}&_type=Observation,Encounter",
    "compartment": "Patient/{id}/Observation",
    "compartment of all": "Patient/{id}/*",
    "chain": "DiagnosticReport?patient={id}&result.code=718-7",
    "has": "Encounter?patient={id}&_has:Observation:encounter:code=718-7",
    "include": "DiagnosticReport?patient={id}&_include=DiagnosticReport:result",
    "revinclude": "Encounter?patient={id}&_revinclude=Observation:encounter",
    "everything": "Patient/{id}/$everything",
    "everything of a type": "Patient/{id}/$everything?_type=Observation",
    "lastn": "Observation/$lastn?patient={id}&category=laboratory",
    "summary": "Patient/{id}/$summary",
    "provenance": "Provenance?target={item}",
    "provenance of all": "Provenance?patient={id}",
}
HAEMOGLOBIN = {"coding": [{"system": "http://loinc.org", "code": "718-7", "display": "Hemoglobin"}]}
LABORATORY = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]
}


@pytest.fixture(scope="module")
async def town(platform: Platform) -> Town:
    return await the_town.build(platform)


class Held:
    """A haemoglobin that A wrote of Sam, in an encounter and a report of its own."""

    def __init__(self, town: Town, item: str, related: tuple[str, ...]) -> None:
        self.town, self.item, self.related = town, item, related
        self.number = item.partition("/")[2]
        self.resident = Caller(
            kind="resident",
            agent_id=ids.person_text(town.sam_at_a.person),
            proved=clock.now(),
            person=town.sam_at_a.person,
        )

    def address(self, way: str) -> str:
        return "/fhir/" + WAYS[way].format(
            item=self.item, number=self.number, id=self.town.sam_at_b.patient.partition("/")[2]
        )

    async def tells(self, by: Institution, way: str, visit: str = "") -> bool:
        """Whether the answer has anything of the item: itself, what was found by it, or a count of it."""
        answer = await by.call("GET", self.address(way), visit=visit)
        if answer.status_code != 200:
            return False
        body: dict[str, Any] = answer.json()
        if body.get("resourceType") == "Bundle" and not body.get("entry"):
            return bool(body.get("total"))
        found = [entry.get("resource", {}).get("id", "") for entry in body.get("entry", [])]
        if way in ("chain", "has"):
            return bool(set(found) & set(self.related))
        return self.number in answer.text.replace(f"/Observation/{self.number}/_history", "") if way == "history" else (
            f'"{self.number}"' in answer.text or f"Observation/{self.number}/_history" in answer.text
            or '"value":141' in answer.text
        )  # fmt: skip


@pytest.fixture(scope="module")
async def held(town: Town) -> Held:
    subject = town.sam_at_a.patient
    where = await town.a.create(encounter(subject))
    item = await town.a.create(
        observation(
            subject, value=141, code=HAEMOGLOBIN, category=[LABORATORY],
            encounter={"reference": f"Encounter/{where['id']}"},
        )
    )  # fmt: skip
    report = await town.a.create(
        {
            "resourceType": "DiagnosticReport",
            "status": "final",
            "code": {"text": "血常规"},
            "subject": {"reference": subject},
            "result": [{"reference": f"Observation/{item['id']}"}],
        }
    )
    return Held(town, f"Observation/{item['id']}", (where["id"], report["id"]))


async def decide(held: Held, permit: bool, **said: Any) -> None:
    access = held.town.a.platform.access
    standing = consent.Standing(consent.ITEM, said.pop("institution", 0), permit, resource=held.item, **said)
    await access.choices.decide(held.resident, [standing], clock.now())


@pytest.mark.parametrize("way", WAYS)
async def test_by_no_way(held: Held, way: str) -> None:
    """The restriction counts from the next request on, and so does taking it back; its author goes on seeing it."""
    b = held.town.b
    visit = await b.visit(held.town.sam_at_b.person)
    await decide(held, True)
    assert await held.tells(b, way, visit), "or this way proves nothing"
    await decide(held, False)
    assert not await held.tells(b, way, visit)
    here = held.town.sam_at_a.patient.partition("/")[2]
    own = held.address(way).replace(held.town.sam_at_b.patient.partition("/")[2], here)
    answer = await held.town.a.call("GET", own)
    assert answer.status_code == 200
    await decide(held, True)
    assert await held.tells(b, way, visit)


async def test_that_something_is_withheld_is_said_and_no_more(held: Held) -> None:
    access, b = held.town.a.platform.access, held.town.b
    visit = await b.visit(held.town.sam_at_b.person)
    doctor = Caller(kind="practitioner", agent_id=str(b.practitioner), institution=b.number)
    await decide(held, False)
    opened = await access.open_record(
        doctor, held.town.sam_at_b.person, purpose="treatment", visit=visit, now=clock.now()
    )
    assert consent.ITEM in {one.code for one in opened.withheld}
    assert held.number not in repr(opened.overview)
    assert held.number not in repr(opened.decision.reasons)
    await decide(held, True)
    opened = await access.open_record(
        doctor, held.town.sam_at_b.person, purpose="treatment", visit=visit, now=clock.now()
    )
    assert consent.ITEM not in {one.code for one in opened.withheld}
    assert held.number in repr(opened.overview)


async def test_for_one_institution_one_purpose_and_a_while(held: Held) -> None:
    b = held.town.b
    visit = await b.visit(held.town.sam_at_b.person)
    await decide(held, True)
    await decide(held, False, institution=held.town.a.number)
    assert await held.tells(b, "read", visit), "that is about another institution"
    await decide(held, False, institution=b.number)
    assert not await held.tells(b, "search", visit)
    await decide(held, True, institution=b.number)
    await decide(held, False, institution=b.number, purpose="emergency-treatment")
    assert await held.tells(b, "everything", visit)
    await decide(held, False, institution=b.number, starts=clock.now() + timedelta(days=1))
    assert await held.tells(b, "everything", visit), "from tomorrow on"


async def test_break_glass_opens_what_was_held_back(held: Held) -> None:
    """As it opens a record that was closed: the three sensitive classes are what stays."""
    await decide(held, False)
    access, b = held.town.a.platform.access, held.town.b
    handle = await b.break_glass(held.town.sam_at_b.person)
    doctor = Caller(kind="practitioner", agent_id=str(b.practitioner), institution=b.number)
    opened = await access.open_record(
        doctor, held.town.sam_at_b.person, purpose="emergency-treatment", visit=handle, now=clock.now()
    )
    assert held.number in repr(opened.overview)
    await decide(held, True)
