"""FHIR REST as institutions use it: create, read, update, versions, deletion, conditions, formats."""

from __future__ import annotations

import asyncio
import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from support import BASE, Institution, Platform, assert_refused, observation, patient


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture
async def stored(hospital: Institution) -> dict[str, Any]:
    return await hospital.create(patient())


@pytest.mark.capability("read", "create")
async def test_what_is_created_can_be_read(hospital: Institution) -> None:
    sent = patient()
    answer = await hospital.call("POST", "/fhir/Patient", sent)
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["location"] == f"{BASE}/fhir/Patient/{made['id']}/_history/1"
    read = await hospital.call("GET", f"/fhir/Patient/{made['id']}")
    assert read.headers["content-type"] == "application/fhir+json"
    assert read.headers["cache-control"] == "no-store"
    assert read.content == answer.content
    assert {k: v for k, v in read.json().items() if k not in ("id", "meta")} == sent
    assert read.json()["meta"]["versionId"] == "1"
    assert read.json()["meta"]["source"].startswith(f"urn:yima:institution:{hospital.code}#")


@pytest.mark.capability("create")
async def test_id_and_meta_of_the_sender_are_not_believed(hospital: Institution) -> None:
    tag = {"system": "urn:x", "code": "kept"}
    meta = {"versionId": "99", "lastUpdated": "1999-01-01T00:00:00Z", "source": "urn:other", "tag": [tag]}
    made = await hospital.create(patient() | {"id": "mine", "meta": meta})
    assert made["id"] != "mine"
    assert made["meta"]["versionId"] == "1"
    assert made["meta"]["lastUpdated"] > "2026"
    assert made["meta"]["source"] != "urn:other"
    assert made["meta"]["tag"] == [tag]


@pytest.mark.capability("read", "format json")
async def test_numbers_extensions_and_order_come_back_as_sent(hospital: Institution, stored: dict[str, Any]) -> None:
    body = json.dumps(observation(f"Patient/{stored['id']}")).replace(
        '"value": 5.4', '"extension":[{"url":"urn:x","valueDecimal":1.500}],"value": 0.10,"_value":{"id":"v"}'
    )
    made = await hospital.call("POST", "/fhir/Observation", body.encode())
    assert made.status_code == 201, made.text
    for query in ("", "?_pretty=true"):
        text = (
            (await hospital.call("GET", f"/fhir/Observation/{made.json()['id']}{query}"))
            .text.replace(" ", "")
            .replace("\n", "")
        )
        assert '"value":0.10' in text
        assert '"valueDecimal":1.500' in text
        assert '"_value":{"id":"v"}' in text


@pytest.mark.capability("update", "vread", "history-instance", "versioned", "readHistory")
async def test_update_makes_a_version_and_keeps_the_old(hospital: Institution, stored: dict[str, Any]) -> None:
    address = f"/fhir/Patient/{stored['id']}"
    answer = await hospital.call("PUT", address, stored | {"active": True})
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert answer.json()["active"] is True
    first = await hospital.call("GET", f"{address}/_history/1")
    assert first.json() == stored
    assert first.headers["etag"] == 'W/"1"'
    assert (await hospital.call("GET", f"{address}/_history/2")).content == answer.content
    for number in ("3", "0", "x", "-1", "99999999999999999999", "x" * 99):
        assert_refused(await hospital.call("GET", f"{address}/_history/{number}"), 404, "not-found")
    history = (await hospital.call("GET", f"{address}/_history")).json()
    assert (history["type"], history["total"]) == ("history", 2)
    assert [e["response"]["etag"] for e in history["entry"]] == ['W/"2"', 'W/"1"']
    assert [e["request"]["method"] for e in history["entry"]] == ["PUT", "POST"]
    assert history["entry"][1]["resource"] == stored
    short = (await hospital.call("GET", f"{address}/_history?_count=1")).json()
    assert (short["total"], len(short["entry"])) == (2, 1)
    late = (
        await hospital.call(
            "GET", f"{address}/_history?_since={answer.json()['meta']['lastUpdated'].replace('+', '%2B')}"
        )
    ).json()
    assert late["total"] == 1
    for query in ("_since=yesterday", "_count=x", "_count=-1"):
        assert_refused(await hospital.call("GET", f"{address}/_history?{query}"), 400, "search-value-invalid")


async def test_an_update_must_carry_its_own_id(hospital: Institution, stored: dict[str, Any]) -> None:
    other = await hospital.create(patient())
    for wrong in (stored | {"id": other["id"]}, {k: v for k, v in stored.items() if k != "id"}):
        assert_refused(await hospital.call("PUT", f"/fhir/Patient/{stored['id']}", wrong), 400, "id-mismatch")


@pytest.mark.capability("delete")
async def test_deletion_is_a_version_too(hospital: Institution, stored: dict[str, Any]) -> None:
    made = await hospital.create(observation(f"Patient/{stored['id']}"))
    address = f"/fhir/Observation/{made['id']}"
    assert (await hospital.call("DELETE", address)).status_code == 204
    assert_refused(await hospital.call("GET", address), 410, "gone")
    assert (await hospital.call("GET", f"{address}/_history/1")).json() == made
    assert_refused(await hospital.call("GET", f"{address}/_history/2"), 410, "gone")
    history = (await hospital.call("GET", f"{address}/_history")).json()["entry"]
    assert [e["request"]["method"] for e in history] == ["DELETE", "POST"]
    assert "resource" not in history[0]
    assert (await hospital.call("GET", f"/fhir/Observation?patient={stored['id']}")).json()["total"] == 0
    back = await hospital.call("PUT", address, made)
    assert back.headers["etag"] == 'W/"3"'
    assert (await hospital.call("GET", address)).status_code == 200


@pytest.mark.capability("versioned", "update")
async def test_a_writer_who_is_behind_is_told_so(hospital: Institution, stored: dict[str, Any]) -> None:
    address = f"/fhir/Patient/{stored['id']}"
    assert (await hospital.call("PUT", address, stored | {"active": True}, if_match='W/"1"')).status_code == 200
    assert_refused(await hospital.call("PUT", address, stored, if_match='W/"1"'), 412, "precondition-failed")
    assert_refused(await hospital.call("DELETE", address, if_match='W/"1"'), 412, "precondition-failed")
    for wrong in ('W/"x"', 'W/"-1"', '"1', 'W/"\u00b2"', 'W/"99999999999999999999"'):
        answer = await hospital.call("PUT", address, stored, if_match=wrong)
        assert answer.status_code in (412, 422), wrong
    assert (await hospital.call("GET", address)).headers["etag"] == 'W/"2"'
    assert (await hospital.call("DELETE", address, if_match='W/"2"')).status_code == 204


@pytest.mark.capability("versioned")
async def test_of_many_writers_from_one_version_exactly_one_wins(hospital: Institution, stored: dict[str, Any]) -> None:
    address = f"/fhir/Patient/{stored['id']}"
    tries = [hospital.call("PUT", address, stored | {"language": f"x-{n}"}, if_match='W/"1"') for n in range(12)]
    answers = await asyncio.gather(*tries)
    assert sorted(a.status_code for a in answers) == [200] + [412] * 11
    now = await hospital.call("GET", address)
    assert now.headers["etag"] == 'W/"2"'
    assert now.content == next(a for a in answers if a.status_code == 200).content


@pytest.mark.capability("conditionalRead")
async def test_what_the_client_has_is_not_sent_again(hospital: Institution, stored: dict[str, Any]) -> None:
    address = f"/fhir/Patient/{stored['id']}"
    first = await hospital.call("GET", address)
    parsedate_to_datetime(first.headers["last-modified"])
    for etags in ('W/"1"', '"1"', 'W/"7", W/"1"', "*"):
        again = await hospital.call("GET", address, if_none_match=etags)
        assert (again.status_code, again.content) == (304, b""), etags
        assert again.headers["etag"] == 'W/"1"'
    assert (await hospital.call("GET", address, if_none_match='W/"2"')).status_code == 200
    assert (await hospital.call("GET", address, if_modified_since=first.headers["last-modified"])).status_code == 304
    for early in ("Mon, 01 Jan 2024 00:00:00 GMT", "nonsense", "2024-01-01"):
        assert (await hospital.call("GET", address, if_modified_since=early)).status_code == 200


@pytest.mark.capability("conditionalCreate")
async def test_a_conditional_create_makes_it_once(hospital: Institution) -> None:
    sent = {"resourceType": "Organization", "identifier": [{"system": "urn:o", "value": "once"}], "name": "检验中心"}
    condition = "identifier=urn:o|once"
    written = [condition, "identifier=urn:o%7Conce"]  # one condition, however it is written
    tries = [hospital.call("POST", "/fhir/Organization", sent, if_none_exist=written[i % 2]) for i in range(8)]
    answers = await asyncio.gather(*tries)
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert len({a.json()["id"] for a in answers}) == 1
    assert {a.headers["etag"] for a in answers} == {'W/"1"'}
    found = (await hospital.call("GET", "/fhir/Organization?identifier=urn:o|once")).json()
    assert found["total"] == 1
    await hospital.create(sent)
    again = await hospital.call("POST", "/fhir/Organization", sent, if_none_exist=condition)
    assert_refused(again, 412, "condition-ambiguous")


@pytest.mark.parametrize("condition", ["", "?", "_format=json", "_sort=name", "_count=1", "name="])
async def test_a_condition_without_a_criterion(platform: Platform, condition: str) -> None:
    """It would mean every resource of the type: the only one there is would be taken, changed or deleted."""
    sandbox = await platform.institution(f"W{len(condition)}", matching="off")
    sent = {"resourceType": "Organization", "name": "检验中心"}
    kept = await sandbox.create(sent)
    address = f"/fhir/Organization?{condition}"
    for answer in (
        await sandbox.call("POST", "/fhir/Organization", sent, if_none_exist=condition),
        await sandbox.call("PUT", address, sent),
        await sandbox.call("DELETE", address),
    ):
        assert answer.status_code in (400, 422), answer.text
    assert (await sandbox.call("GET", f"/fhir/Organization/{kept['id']}")).json()["meta"]["versionId"] == "1"


@pytest.mark.capability("conditionalCreate")
async def test_a_conditional_create_of_a_patient(hospital: Institution) -> None:
    sent = patient(number="C-1")
    condition = "identifier=urn:hospital:a:mrn|C-1"
    first = await hospital.call("POST", "/fhir/Patient", sent, if_none_exist=condition)
    again = await hospital.call("POST", "/fhir/Patient", sent | {"active": True}, if_none_exist=condition)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert_refused(await hospital.call("POST", "/fhir/Patient", sent, if_none_exist="name=张"), 422, "field-invalid")
    assert_refused(
        await hospital.call("POST", "/fhir/Patient", sent, if_none_exist="identifier=C-1"), 400, "search-value-invalid"
    )


@pytest.mark.capability("conditionalUpdate")
async def test_a_conditional_update_finds_its_resource(hospital: Institution, stored: dict[str, Any]) -> None:
    number = {"system": "urn:lab", "value": stored["id"]}
    sent = observation(f"Patient/{stored['id']}", identifier=[number])
    query = f"identifier=urn:lab|{stored['id']}"
    first = await hospital.call("PUT", f"/fhir/Observation?{query}", sent)
    assert first.status_code == 201
    second = await hospital.call("PUT", f"/fhir/Observation?{query}", sent | {"status": "amended"})
    assert (second.status_code, second.json()["id"], second.headers["etag"]) == (200, first.json()["id"], 'W/"2"')
    assert_refused(await hospital.call("PUT", "/fhir/Observation", sent), 422, "field-missing")


@pytest.mark.capability("conditionalUpdate")
async def test_a_conditional_update_of_a_patient_means_the_one_of_the_condition(hospital: Institution) -> None:
    one, other = await hospital.create(patient(number="P-1")), await hospital.create(patient(number="P-2"))
    url = "/fhir/Patient?identifier=urn:hospital:a:mrn|P-1"
    answer = await hospital.call("PUT", url, one | {"active": True})
    assert (answer.status_code, answer.json()["id"]) == (200, one["id"])
    assert (await hospital.call("GET", f"/fhir/Patient/{other['id']}")).json() == other
    new = patient(number="P-3")
    assert (await hospital.call("PUT", "/fhir/Patient?identifier=urn:hospital:a:mrn|P-3", new)).status_code == 201


async def test_sending_a_patient_again_updates_it(hospital: Institution) -> None:
    sent = patient(number="again")
    first = await hospital.call("POST", "/fhir/Patient", sent)
    second = await hospital.call("POST", "/fhir/Patient", sent | {"active": True})
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["id"] == first.json()["id"]


@pytest.mark.capability("update")
async def test_a_resource_never_moves_to_another_patient(hospital: Institution, stored: dict[str, Any]) -> None:
    other = await hospital.create(patient())
    made = await hospital.create(observation(f"Patient/{stored['id']}"))
    moved = made | {"subject": {"reference": f"Patient/{other['id']}"}}
    assert_refused(await hospital.call("PUT", f"/fhir/Observation/{made['id']}", moved), 422, "field-invalid")
