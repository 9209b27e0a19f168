"""Update as create: a sandbox chooses its own ids; elsewhere a setting says who may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from support import Institution, Platform, assert_refused, bundle, observation, patient
from yima.runtime import clock
from yima.runtime.errors import Refusal


@pytest.fixture(scope="module")
async def sandbox(platform: Platform) -> Institution:
    return await platform.institution("X", matching="off")


@pytest.fixture
async def open_to_all(platform: Platform) -> AsyncIterator[None]:
    """As with `update_create = "all"`."""
    access = platform.access
    access.settings = replace(access.settings, update_create="all")
    yield
    access.settings = replace(access.settings, update_create="sandbox")


def _who(**more: Any) -> dict[str, Any]:
    return patient(**more) | {"id": "example"}


def _put(resource: dict[str, Any], **request: str) -> dict[str, Any]:
    address = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": address} | request}


@pytest.mark.capability("updateCreate")
async def test_a_put_of_an_id_that_does_not_exist_creates_it_under_that_id(sandbox: Institution) -> None:
    made = await sandbox.call("PUT", "/fhir/Patient/example", _who())
    assert made.status_code == 201, made.text
    assert made.headers["location"].endswith("/fhir/Patient/example/_history/1")
    assert made.json()["id"] == "example"
    again = await sandbox.call("PUT", "/fhir/Patient/example", made.json() | {"active": True})
    assert (again.status_code, again.headers["etag"]) == (200, 'W/"2"')
    assert (await sandbox.call("GET", "/fhir/Patient/example")).json() == again.json()
    assert (await sandbox.call("GET", "/fhir/Patient/example/_history/1")).json() == made.json()
    assert (await sandbox.call("GET", "/fhir/Patient/example/_history")).json()["total"] == 2


@pytest.mark.capability("updateCreate", "referencePolicy literal")
async def test_what_refers_to_a_chosen_id_finds_it(sandbox: Institution) -> None:
    await sandbox.call("PUT", "/fhir/Patient/whom", patient() | {"id": "whom"})
    seen = observation("Patient/whom") | {"id": "seen", "performer": [{"reference": "Organization/lab"}]}
    lab = {"resourceType": "Organization", "id": "lab", "name": "Lab"}
    assert (await sandbox.call("PUT", "/fhir/Organization/lab", lab)).status_code == 201
    assert (await sandbox.call("PUT", "/fhir/Observation/seen", seen)).status_code == 201
    other = await sandbox.create(observation("Patient/whom"))
    for query in (
        "Observation?subject=Patient/whom",
        "Observation?patient=whom",
        "Patient/whom/Observation?",
        "Observation?subject._id=whom",
    ):
        found = (await sandbox.call("GET", f"/fhir/{query}")).json()
        assert {e["resource"]["id"] for e in found["entry"]} == {"seen", other["id"]}, query
    found = (await sandbox.call("GET", "/fhir/Observation?_id=seen&_include=*")).json()
    assert {e["fullUrl"].partition("/fhir/")[2] for e in found["entry"]} == {
        "Observation/seen", "Patient/whom", "Organization/lab",
    }  # fmt: skip
    back = (await sandbox.call("GET", "/fhir/Patient?_id=whom&_revinclude=Observation:subject")).json()
    assert len(back["entry"]) == 3
    whole = (await sandbox.call("GET", "/fhir/Patient/whom/$everything")).json()
    assert {e["resource"]["id"] for e in whole["entry"]} == {"whom", "seen", other["id"]}


@pytest.mark.capability("updateCreate", "transaction")
async def test_chosen_ids_in_one_transaction_name_one_another(sandbox: Institution) -> None:
    who = patient() | {"id": "tx"}
    sent = bundle(_put(observation("Patient/tx") | {"id": "tx-1"}), _put(who))
    answer = await sandbox.call("POST", "/fhir", sent)
    assert answer.status_code == 200, answer.text
    assert [e["response"]["status"][:3] for e in answer.json()["entry"]] == ["201", "201"]
    assert (await sandbox.call("GET", "/fhir/Observation/tx-1")).json()["subject"]["reference"] == "Patient/tx"
    assert (await sandbox.call("GET", "/fhir/Patient/tx/Observation")).json()["total"] == 1


async def test_a_chosen_id_comes_back_after_its_deletion(sandbox: Institution) -> None:
    await sandbox.call("PUT", "/fhir/Patient/phoenix", patient() | {"id": "phoenix"})
    assert (await sandbox.call("DELETE", "/fhir/Patient/phoenix")).status_code == 204
    assert_refused(await sandbox.call("GET", "/fhir/Patient/phoenix"), 410, "gone")
    back = await sandbox.call("PUT", "/fhir/Patient/phoenix", patient() | {"id": "phoenix"})
    assert back.headers["etag"] == 'W/"3"'
    assert (await sandbox.call("GET", "/fhir/Patient/phoenix")).status_code == 200


async def test_two_at_once_make_one_resource(sandbox: Institution) -> None:
    sent = {"resourceType": "Organization", "id": "race", "name": "R"}
    tries = [sandbox.call("PUT", "/fhir/Organization/race", sent | {"name": f"R{n}"}) for n in range(6)]
    answers = await asyncio.gather(*tries)
    assert sorted(a.status_code for a in answers) == [200] * 5 + [201]


async def test_two_sandboxes_may_choose_alike(platform: Platform, sandbox: Institution) -> None:
    other = await platform.institution("Y", matching="off")
    for place in (sandbox, other):
        for sent in (_who(), {"resourceType": "Organization", "id": "same", "name": place.code}):
            answer = await place.call("PUT", f"/fhir/{sent['resourceType']}/{sent['id']}", sent)
            assert answer.status_code in (200, 201), answer.text
    assert (await other.call("GET", "/fhir/Organization/same")).json()["name"] == other.code
    assert (await sandbox.call("GET", "/fhir/Organization/same")).json()["name"] == sandbox.code


@pytest.mark.capability("update", "updateCreate")
async def test_if_none_match_creates_and_never_replaces(sandbox: Institution) -> None:
    sent = {"resourceType": "Organization", "id": "once", "name": "O"}
    assert (await sandbox.call("PUT", "/fhir/Organization/once", sent, if_none_match="*")).status_code == 201
    again = await sandbox.call("PUT", "/fhir/Organization/once", sent | {"name": "P"}, if_none_match="*")
    assert_refused(again, 412, "precondition-failed")
    sent["id"] = "never"
    assert_refused(
        await sandbox.call("PUT", "/fhir/Organization/never", sent, if_match='W/"1"'), 412, "precondition-failed"
    )


async def test_a_conditional_update_that_finds_nothing_takes_the_id_it_brings(sandbox: Institution) -> None:
    sent = {"resourceType": "Organization", "id": "brought", "name": "Brought"}
    made = await sandbox.call("PUT", "/fhir/Organization?name=brought", sent)
    assert (made.status_code, made.json()["id"]) == (201, "brought")
    assert (await sandbox.call("PUT", "/fhir/Organization?name=brought", sent)).status_code == 200
    other = await sandbox.call("PUT", "/fhir/Organization?name=brought", sent | {"id": "else"})
    assert_refused(other, 400, "id-mismatch")


async def test_a_put_whose_body_has_another_id_or_none_is_refused(sandbox: Institution) -> None:
    for sent in (patient(), _who() | {"id": "other"}):
        assert_refused(await sandbox.call("PUT", "/fhir/Patient/mine", sent), 400, "id-mismatch")


@pytest.mark.capability("updateCreate")
async def test_elsewhere_ids_are_not_chosen_by_clients(platform: Platform) -> None:
    hospital = await platform.institution("H")
    assert_refused(
        await hospital.call("PUT", "/fhir/Patient/mine", patient() | {"id": "mine"}), 405, "update-create-off"
    )
    ours = "0000000000-0000000000000"
    assert_refused(await hospital.call("PUT", f"/fhir/Patient/{ours}", patient() | {"id": ours}), 404, "not-found")


@pytest.mark.usefixtures("open_to_all")
async def test_where_the_setting_says_so_an_institution_chooses_ids_and_they_are_its_own(platform: Platform) -> None:
    one, other = await platform.institution("H"), await platform.institution("H")
    name = "5f0c2e7e-0c4e-4a37-9d2f-0f6f3a1d7f01"
    made = await one.call("PUT", f"/fhir/Patient/{name}", patient(one.code) | {"id": name})
    assert made.status_code == 201, made.text
    seen = await one.create(observation(f"Patient/{name}"))
    found = (await one.call("GET", f"/fhir/Observation?patient={name}")).json()
    assert [e["resource"]["id"] for e in found["entry"]] == [seen["id"]]
    assert_refused(await other.call("GET", f"/fhir/Patient/{name}"), 404, "not-found")
    assert_refused(await other.call("PUT", f"/fhir/Patient/{name}", patient() | {"id": name}), 404, "not-found")
    person = platform.person_of(f"Observation/{seen['id']}")
    visit = await other.visit(person)
    assert (await other.call("GET", f"/fhir/Patient/{name}", visit=visit)).json()["id"] == name


async def test_a_sandbox_post_always_creates(sandbox: Institution) -> None:
    first, second = [await sandbox.call("POST", "/fhir/Patient", patient(number="same")) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
    again = await sandbox.call("POST", "/fhir/Patient", patient(), if_none_exist="identifier=same")
    assert_refused(again, 412, "condition-ambiguous")


async def test_a_sandbox_is_cleared_and_nobody_else(platform: Platform) -> None:
    sandbox, hospital = await platform.institution("C", matching="off"), await platform.institution("H")
    kept = await hospital.create(patient())
    await sandbox.call("PUT", "/fhir/Patient/cleared", patient() | {"id": "cleared"})
    for day in ("01", "02"):
        await sandbox.create(observation("Patient/cleared", date=f"2026-01-{day}"))
    steps: list[int] = []
    assert await platform.access.clearing.clear(sandbox.number, clock.now(), told=steps.append) == 3
    assert steps == [3]
    assert_refused(await sandbox.call("GET", "/fhir/Patient/cleared"), 404, "not-found")
    assert (await sandbox.call("GET", "/fhir?_count=0")).json()["total"] == 0
    again = await sandbox.call("PUT", "/fhir/Patient/cleared", patient() | {"id": "cleared"})
    assert again.status_code == 201
    assert (await hospital.call("GET", f"/fhir/Patient/{kept['id']}")).json() == kept
    [*_, line] = [line for line in await platform.log_of(0) if "cleared" in line["detail"]]
    assert (line["action"], line["agent_id"]) == ("erase", "yima sandbox clear")
    with pytest.raises(Refusal, match="field-invalid"):
        await platform.access.clearing.clear(hospital.number, clock.now(), told=steps.append)
