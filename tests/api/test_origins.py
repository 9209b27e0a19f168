"""Provenance of every write and Person of every Patient: computed when asked for, within what the caller may see."""

from __future__ import annotations

from typing import Any

import pytest
import town as the_town
from town import Town

from support import Institution, Platform, assert_refused, observation, patient
from yima.runtime import ids


@pytest.fixture(scope="module")
async def town(platform: Platform) -> Town:
    return await the_town.build(platform)


async def get(at: Institution, address: str, **headers: str) -> dict[str, Any]:
    answer = await at.call("GET", f"/fhir/{address}", **headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_every_version_has_a_provenance_that_names_institution_and_submission(town: Town) -> None:
    made = await town.a.create(observation(town.ann.patient))
    address = f"Observation/{made['id']}"
    await town.a.call("PUT", f"/fhir/{address}", made | {"status": "amended"})
    await town.a.call("DELETE", f"/fhir/{address}")
    found = (await get(town.a, f"Provenance?target={address}"))["entry"]
    said = [e["resource"] for e in found]
    assert [r["activity"]["coding"][0]["code"] for r in said] == ["DELETE", "UPDATE", "CREATE"]
    assert [r["target"][0]["reference"] for r in said] == [f"{address}/_history/{n}" for n in (3, 2, 1)]
    assert {r["agent"][0]["who"]["identifier"]["value"] for r in said} == {town.a.code}
    assert said[2]["entity"][0]["what"]["identifier"]["value"] in made["meta"]["source"]
    assert said[2]["recorded"] == made["meta"]["lastUpdated"]
    for one in said:
        assert await get(town.a, f"Provenance/{one['id']}") == one
    only = await get(town.a, f"Provenance?target={address}/_history/2")
    assert [e["resource"]["id"] for e in only["entry"]] == [said[1]["id"]]


async def test_provenance_of_a_record_goes_in_pages(town: Town) -> None:
    whole = await get(town.a, f"Patient/{town.bob.patient.partition('/')[2]}/$everything", token=await town.b.token())
    page = await get(town.b, f"Provenance?patient={town.bob.patient}&_count=2")
    assert page["total"] == len(whole["entry"])
    assert len(page["entry"]) == 2
    assert {e["resource"]["resourceType"] for e in page["entry"]} == {"Provenance"}
    onward = next(link["url"] for link in page["link"] if link["relation"] == "next")
    second = await get(town.b, onward.partition("/fhir/")[2])
    first_ids = {e["resource"]["id"] for e in page["entry"]}
    assert first_ids.isdisjoint(e["resource"]["id"] for e in second["entry"])


@pytest.mark.capability("searchRevInclude")
async def test_provenance_comes_along_when_asked_for_and_not_in_everything(town: Town) -> None:
    patient_id = town.ann.patient.partition("/")[2]
    found = await get(town.a, f"Encounter?patient={patient_id}&_revinclude=Provenance:target")
    modes = [e["search"]["mode"] for e in found["entry"]]
    assert modes.count("match") == modes.count("include") == found["total"]
    whole = await get(town.a, f"Patient/{patient_id}/$everything")
    assert "Provenance" not in {e["resource"]["resourceType"] for e in whole["entry"]}


async def test_a_provenance_of_a_clients_own_stands_beside(town: Town) -> None:
    made = await town.a.create(
        {
            "resourceType": "Provenance",
            "target": [{"reference": town.ann.observation}, {"reference": town.ann.patient}],
            "recorded": "2026-03-01T08:00:00Z",
            "agent": [{"who": {"display": "scanner"}}],
        }
    )
    assert (await get(town.a, f"Provenance/{made['id']}")) == made


async def test_provenance_of_what_may_not_be_seen_is_nowhere(town: Town) -> None:
    [of_b] = (await get(town.b, f"Provenance?target={town.bob.observation}"))["entry"]
    assert (await get(town.a, f"Provenance?target={town.bob.observation}"))["total"] == 0
    assert_refused(await town.a.call("GET", f"/fhir/Provenance/{of_b['resource']['id']}"), 404, "not-found")
    assert (await get(town.a, "Provenance?target=Observation/never-was"))["total"] == 0


async def test_a_person_links_the_patients_that_the_caller_may_see(town: Town) -> None:
    mine, theirs = town.sam_at_a, town.sam_at_b
    text = ids.person_text(mine.person)
    found = await get(town.a, f"Person?patient={mine.patient}")
    assert [e["resource"]["link"][0]["target"]["reference"] for e in found["entry"]] == [mine.patient]
    assert found["entry"][0]["resource"]["id"] == text
    assert (await get(town.a, f"Person?patient={theirs.patient}"))["total"] in (0, 1)
    visit = await town.a.visit(mine.person)
    person = await get(town.a, f"Person/{text}", yima_visit=visit)
    assert {link["target"]["reference"] for link in person["link"]} == {mine.patient, theirs.patient}
    assert {link["assurance"] for link in person["link"]} <= {"level2", "level3", "level4"}
    assert not {"name", "birthDate", "identifier"} & person.keys()


async def test_a_person_without_a_visit_is_named_by_a_patient_only(town: Town) -> None:
    text = ids.person_text(town.ann.person)
    assert_refused(await town.a.call("GET", f"/fhir/Person/{text}"), 404, "not-found")
    assert (await get(town.a, f"Person?patient={town.bob.patient}"))["total"] == 0
    assert_refused(await town.a.call("GET", "/fhir/Person?name=x"), 400, "search-parameter-unknown")
    assert_refused(await town.a.call("GET", "/fhir/Person"), 403, "person-not-named")


async def test_a_person_is_written_by_nobody(town: Town) -> None:
    sent = {"resourceType": "Person", "name": [{"text": "x"}]}
    assert_refused(await town.a.call("POST", "/fhir/Person", sent), 405, "method-not-allowed")
    text = ids.person_text(town.ann.person)
    assert_refused(await town.a.call("PUT", f"/fhir/Person/{text}", sent | {"id": text}), 405, "method-not-allowed")


async def test_in_a_sandbox_a_person_is_a_resource_like_any_other(platform: Platform) -> None:
    sandbox = await platform.institution("X", matching="off")
    made = await sandbox.create({"resourceType": "Person", "name": [{"text": "x"}]})
    assert await get(sandbox, f"Person/{made['id']}") == made
    who = await sandbox.create(patient())
    assert (await get(sandbox, f"Provenance?target=Patient/{who['id']}"))["total"] == 1
