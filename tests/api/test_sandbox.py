"""A sandbox (matching `off`): its app may search across what it wrote itself, and across nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from support import Institution, Platform, assert_refused, bundle, encounter, entry, observation, patient, urn


@pytest.fixture(scope="module")
async def sandbox(platform: Platform) -> Institution:
    return await platform.institution("X", matching="off")


@pytest.fixture(scope="module")
async def people(sandbox: Institution) -> dict[str, Any]:
    """Three test patients with an observation each, of different names and values."""
    made = {}
    for name, family, value in (("one", "Alpha", 1), ("two", "Beta", 2), ("three", "Alpha", 3)):
        who = await sandbox.create(patient(number=name, name=[{"family": family, "given": [name]}]))
        seen = await sandbox.create(observation(f"Patient/{who['id']}", value=value))
        made[name] = (who["id"], seen["id"])
    return made


async def _ids(at: Institution, query: str) -> set[str]:
    answer = await at.call("GET", f"/fhir/{query}")
    assert answer.status_code == 200, answer.text
    return {e["resource"]["id"] for e in answer.json().get("entry", []) if e["search"]["mode"] == "match"}


async def test_it_searches_across_its_own_patients(sandbox: Institution, people: dict[str, Any]) -> None:
    by_name = people
    assert await _ids(sandbox, "Patient?family=alpha") == {by_name["one"][0], by_name["three"][0]}
    assert await _ids(sandbox, "Patient?identifier=two") == {by_name["two"][0]}
    assert await _ids(sandbox, "Observation?value-quantity=gt1") == {by_name["two"][1], by_name["three"][1]}
    assert await _ids(sandbox, "Observation?subject.family=beta") == {by_name["two"][1]}
    assert await _ids(sandbox, f"Observation?subject=Patient/{by_name['one'][0]}") == {by_name["one"][1]}
    assert await _ids(sandbox, "Patient?_has:Observation:patient:value-quantity=3") == {by_name["three"][0]}
    assert await _ids(sandbox, f"Patient/{by_name['one'][0]}/Observation") == {by_name["one"][1]}
    answer = (await sandbox.call("GET", "/fhir/Observation?_include=Observation:subject&_sort=-value-quantity")).json()
    assert (answer["total"], len(answer["entry"])) == (3, 6)


async def test_nobody_elses_people_are_among_them(
    platform: Platform, sandbox: Institution, people: dict[str, Any]
) -> None:
    hospital = await platform.institution("H")
    who = await hospital.create(patient(name=[{"family": "Alpha"}]))
    seen = await hospital.create(observation(f"Patient/{who['id']}"))
    shelf = await hospital.create({"resourceType": "Organization", "name": "Alpha ward"})
    assert len(await _ids(sandbox, "Patient")) == 3
    assert seen["id"] not in await _ids(sandbox, f"Observation?_id={seen['id']}")
    assert await _ids(sandbox, f"Organization?_id={shelf['id']}") == set()
    for address in (f"Patient/{who['id']}", f"Observation/{seen['id']}"):
        assert_refused(await sandbox.call("GET", f"/fhir/{address}"), 404, "not-found")
    other = await platform.institution("Y", matching="off")
    assert await _ids(other, "Patient") == set(), "one sandbox does not see another"
    assert_refused(await hospital.call("GET", "/fhir/Patient?family=Alpha"), 403, "person-not-named")


async def test_it_deletes_and_changes_by_any_search_of_its_own(sandbox: Institution) -> None:
    who = await sandbox.create(patient(number="gone", name=[{"family": "Gone"}]))
    assert (await sandbox.call("DELETE", "/fhir/Patient?family=gone")).status_code == 204
    assert_refused(await sandbox.call("GET", f"/fhir/Patient/{who['id']}"), 410, "gone")
    again = patient(number="put", name=[{"family": "Put"}])
    first = await sandbox.call("PUT", "/fhir/Patient?family=put", again)
    second = await sandbox.call("PUT", "/fhir/Patient?family=put", again | {"gender": "male"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]


async def test_its_bundles_are_found_as_well(sandbox: Institution) -> None:
    who = urn()
    await sandbox.submit(
        bundle(entry(patient(number="b", name=[{"family": "Bundled"}]), fullUrl=who), entry(encounter(who)))
    )
    assert len(await _ids(sandbox, "Encounter?patient.family=bundled")) == 1


async def test_its_searches_are_logged(sandbox: Institution) -> None:
    await sandbox.call("GET", "/fhir/Patient?family=alpha")
    [*_, line] = await sandbox.platform.log_of(0)
    assert (line["action"], line["agent_id"]) == ("search", sandbox.client_id)
