"""FHIR REST as institutions use it: create, read, update, versions, deletion, conditions, formats."""

from __future__ import annotations

import asyncio
import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from support import BASE, Institution, Platform, assert_refused, nothing_written, observation, patient


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture
async def stored(hospital: Institution) -> dict[str, Any]:
    return await hospital.create(patient())


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


async def test_id_and_meta_of_the_sender_are_not_believed(hospital: Institution) -> None:
    tag = {"system": "urn:x", "code": "kept"}
    meta = {"versionId": "99", "lastUpdated": "1999-01-01T00:00:00Z", "source": "urn:other", "tag": [tag]}
    made = await hospital.create(patient() | {"id": "mine", "meta": meta})
    assert made["id"] != "mine"
    assert made["meta"]["versionId"] == "1"
    assert made["meta"]["lastUpdated"] > "2026"
    assert made["meta"]["source"] != "urn:other"
    assert made["meta"]["tag"] == [tag]


async def test_numbers_extensions_and_order_come_back_as_sent(hospital: Institution, stored: dict[str, Any]) -> None:
    body = json.dumps(observation(f"Patient/{stored['id']}")).replace(
        '"value": 5.4', '"extension":[{"url":"urn:x","valueDecimal":1.500}],"value": 0.10,"_value":{"id":"v"}'
    )
    made = await hospital.call("POST", "/fhir/Observation", body.encode())
    assert made.status_code == 201, made.text
    for query in ("", "?_pretty=true"):
        text = (await hospital.call("GET", f"/fhir/Observation/{made.json()['id']}{query}")).text.replace(" ", "").replace("\n", "")
        assert '"value":0.10' in text
        assert '"valueDecimal":1.500' in text
        assert '"_value":{"id":"v"}' in text


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
    late = (await hospital.call("GET", f"{address}/_history?_since={answer.json()['meta']['lastUpdated'].replace('+', '%2B')}")).json()
    assert late["total"] == 1
    for query in ("_since=yesterday", "_count=x", "_count=-1"):
        assert_refused(await hospital.call("GET", f"{address}/_history?{query}"), 400, "search-value-invalid")


async def test_an_update_must_carry_its_own_id(hospital: Institution, stored: dict[str, Any]) -> None:
    other = await hospital.create(patient())
    for wrong in (stored | {"id": other["id"]}, {k: v for k, v in stored.items() if k != "id"}):
        assert_refused(await hospital.call("PUT", f"/fhir/Patient/{stored['id']}", wrong), 422, "field-invalid")


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


async def test_a_writer_who_is_behind_is_told_so(hospital: Institution, stored: dict[str, Any]) -> None:
    address = f"/fhir/Patient/{stored['id']}"
    assert (await hospital.call("PUT", address, stored | {"active": True}, if_match='W/"1"')).status_code == 200
    assert_refused(await hospital.call("PUT", address, stored, if_match='W/"1"'), 412, "precondition-failed")
    assert_refused(await hospital.call("DELETE", address, if_match='W/"1"'), 412, "precondition-failed")
    for wrong in ('W/"x"', 'W/"-1"', '"1', 'W/"\u00b2"', "W/\"99999999999999999999\""):
        answer = await hospital.call("PUT", address, stored, if_match=wrong)
        assert answer.status_code in (412, 422), wrong
    assert (await hospital.call("GET", address)).headers["etag"] == 'W/"2"'
    assert (await hospital.call("DELETE", address, if_match='W/"2"')).status_code == 204


async def test_of_many_writers_from_one_version_exactly_one_wins(hospital: Institution, stored: dict[str, Any]) -> None:
    address = f"/fhir/Patient/{stored['id']}"
    tries = [hospital.call("PUT", address, stored | {"language": f"x-{n}"}, if_match='W/"1"') for n in range(12)]
    answers = await asyncio.gather(*tries)
    assert sorted(a.status_code for a in answers) == [200] + [412] * 11
    now = await hospital.call("GET", address)
    assert now.headers["etag"] == 'W/"2"'
    assert now.content == next(a for a in answers if a.status_code == 200).content


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


async def test_a_conditional_create_makes_it_once(hospital: Institution) -> None:
    sent = {"resourceType": "Organization", "identifier": [{"system": "urn:o", "value": "once"}], "name": "检验中心"}
    condition = "identifier=urn:o|once"
    tries = [hospital.call("POST", "/fhir/Organization", sent, if_none_exist=condition) for _ in range(8)]
    answers = await asyncio.gather(*tries)
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert len({a.json()["id"] for a in answers}) == 1
    assert {a.headers["etag"] for a in answers} == {'W/"1"'}
    found = (await hospital.call("GET", "/fhir/Organization?identifier=urn:o|once")).json()
    assert found["total"] == 1
    await hospital.create(sent)
    again = await hospital.call("POST", "/fhir/Organization", sent, if_none_exist=condition)
    assert_refused(again, 412, "condition-ambiguous")


async def test_a_conditional_create_of_a_patient(hospital: Institution) -> None:
    sent = patient(number="C-1")
    condition = "identifier=urn:hospital:a:mrn|C-1"
    first = await hospital.call("POST", "/fhir/Patient", sent, if_none_exist=condition)
    again = await hospital.call("POST", "/fhir/Patient", sent | {"active": True}, if_none_exist=condition)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert_refused(await hospital.call("POST", "/fhir/Patient", sent, if_none_exist="name=张"), 422, "field-invalid")
    assert_refused(await hospital.call("POST", "/fhir/Patient", sent, if_none_exist="identifier=C-1"), 400, "search-value-invalid")


async def test_a_conditional_update_finds_its_resource(hospital: Institution, stored: dict[str, Any]) -> None:
    number = {"system": "urn:lab", "value": stored["id"]}
    sent = observation(f"Patient/{stored['id']}", identifier=[number])
    query = f"identifier=urn:lab|{stored['id']}"
    first = await hospital.call("PUT", f"/fhir/Observation?{query}", sent)
    assert first.status_code == 201
    second = await hospital.call("PUT", f"/fhir/Observation?{query}", sent | {"status": "amended"})
    assert (second.status_code, second.json()["id"], second.headers["etag"]) == (200, first.json()["id"], 'W/"2"')
    assert_refused(await hospital.call("PUT", "/fhir/Observation", sent), 422, "field-missing")


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


async def test_a_resource_never_moves_to_another_patient(hospital: Institution, stored: dict[str, Any]) -> None:
    other = await hospital.create(patient())
    made = await hospital.create(observation(f"Patient/{stored['id']}"))
    moved = made | {"subject": {"reference": f"Patient/{other['id']}"}}
    assert_refused(await hospital.call("PUT", f"/fhir/Observation/{made['id']}", moved), 422, "field-invalid")


@pytest.mark.parametrize(("prefer", "has_body"), [("return=minimal", False), ("return=representation", True), ("", True)])
async def test_the_body_of_an_answer_is_the_clients_choice(hospital: Institution, prefer: str, has_body: bool) -> None:
    answer = await hospital.call("POST", "/fhir/Patient", patient(), prefer=prefer)
    assert bool(answer.content) is has_body
    assert answer.headers["location"]


async def test_only_json_is_spoken(platform: Platform, hospital: Institution, stored: dict[str, Any]) -> None:
    address = f"/fhir/Patient/{stored['id']}"
    for accept in ("application/fhir+xml", "text/html", "text/turtle"):
        assert_refused(await hospital.call("GET", address, accept=accept), 406, "not-acceptable")
        async with nothing_written(platform):
            assert_refused(await hospital.call("POST", "/fhir/Patient", patient(), accept=accept), 406, "not-acceptable")
    assert_refused(await hospital.call("GET", f"{address}?_format=xml"), 406, "not-acceptable")
    for accept in ("application/fhir+json", "application/json", "*/*", "text/html, */*;q=0.1", "application/fhir+json; fhirVersion=4.0"):
        assert (await hospital.call("GET", address, accept=accept)).status_code == 200
    assert (await hospital.call("GET", f"{address}?_format=json", accept="text/html")).status_code == 200


@pytest.mark.parametrize(
    "kind", ["application/fhir+xml", "text/plain", "", "application/x-www-form-urlencoded", "application/fhir+json; charset=gb18030"]
)
async def test_other_bodies_are_not_read(platform: Platform, hospital: Institution, kind: str) -> None:
    async with nothing_written(platform):
        for address in ("/fhir/Patient", "/fhir"):
            answer = await hospital.call("POST", address, json.dumps(patient()).encode(), content_type=kind)
            assert_refused(answer, 415, "unsupported-media-type")


async def test_json_by_its_other_names(hospital: Institution) -> None:
    for kind in ("application/json", "application/fhir+json;charset=UTF-8", "application/fhir+json; fhirVersion=4.0; charset=\"utf-8\""):
        answer = await hospital.call("POST", "/fhir/Patient", json.dumps(patient()).encode(), content_type=kind)
        assert answer.status_code == 201, answer.text


METHODS = [
    ("PATCH", "/fhir/Patient/{id}"), ("POST", "/fhir/Patient/{id}"), ("PUT", "/fhir"), ("GET", "/fhir"), ("DELETE", "/fhir/Patient"),
    ("DELETE", "/fhir/metadata"), ("DELETE", "/fhir/Patient/{id}/_history"), ("GET", "/code/verify"), ("GET", "/oauth/token"),
    ("TRACE", "/fhir/metadata"), ("FOO", "/fhir/metadata"), ("POST", "/fhir/Patient/{id}/$everything"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "address"), METHODS)
async def test_methods_that_an_address_does_not_have(hospital: Institution, stored: dict[str, Any], method: str, address: str) -> None:
    assert_refused(await hospital.call(method, address.format(id=stored["id"])), 405, "method-not-allowed")


NOWHERE = [
    "/fhir/Patient/unknown", "/fhir/Patient/0000000000-0000000000000", "/fhir/Patient/%00", "/fhir/Patient/..%2f..%2fetc%2fpasswd",
    "/fhir/Patient/{id}/$summary", "/fhir/Observation/{id}", "/fhir/Patient/{id}/_history/1/x", "/fhirx", "/nothing", "/.env",
    "/fhir/Patient/_history", "/fhir/Group/1/$export", "/fhir/Patient/$export", "/fhir/Patient/{id}/Observation",
]  # fmt: skip


@pytest.mark.parametrize("address", NOWHERE)
async def test_addresses_that_are_nowhere(hospital: Institution, stored: dict[str, Any], address: str) -> None:
    assert_refused(await hospital.call("GET", address.format(id=stored["id"])), 404, "not-found")


@pytest.mark.parametrize("name", ["Foo", "patient", "Resource", "DomainResource", "P%00", "x" * 3000, "$export", "metadatas"])
async def test_types_that_are_none(hospital: Institution, name: str) -> None:
    assert_refused(await hospital.call("GET", f"/fhir/{name}/1"), 404, "resource-type-unknown")
    assert_refused(await hospital.call("GET", f"/fhir/{name}?_id=1"), 404, "resource-type-unknown")
    assert_refused(await hospital.call("POST", f"/fhir/{name}", patient()), 404, "resource-type-unknown")


async def test_a_body_at_the_wrong_address(platform: Platform, hospital: Institution) -> None:
    async with nothing_written(platform):
        assert_refused(await hospital.call("POST", "/fhir/Observation", patient()), 400, "resource-type-mismatch")
        assert_refused(await hospital.call("POST", "/fhir", patient()), 400, "resource-type-mismatch")


async def test_the_same_words_in_both_languages(hospital: Institution) -> None:
    zh = await hospital.call("GET", "/fhir/Patient/unknown", accept_language="zh-CN,zh;q=0.9")
    en = await hospital.call("GET", "/fhir/Patient/unknown", accept_language="en-GB")
    assert zh.json()["language"] == "zh-CN"
    assert "未找到" in zh.json()["issue"][0]["details"]["text"]
    assert "nothing here" in en.json()["issue"][0]["details"]["text"]
    silent = await hospital.call("GET", "/fhir/Patient/unknown", accept_language="fr")
    assert silent.json()["language"] == "zh-CN"  # the deployment's own


async def test_a_request_keeps_the_id_it_came_with(platform: Platform) -> None:
    assert (await platform.client.get("/health/live", headers={"x-request-id": "trace-12345"})).headers["x-request-id"] == "trace-12345"
    for bad in ("short", "has space in it", "x" * 65, "a\tb\tc\td\te"):
        assert (await platform.client.get("/health/live", headers={"x-request-id": bad})).headers["x-request-id"] != bad


async def test_an_idempotency_key_is_for_one_request_only(platform: Platform, hospital: Institution, stored: dict[str, Any]) -> None:
    sent = patient()
    first = await hospital.call("POST", "/fhir/Patient", sent, idempotency_key="k1")
    before = await platform.counts()
    again = await hospital.call("POST", "/fhir/Patient", sent, idempotency_key="k1")
    assert (again.status_code, again.content, again.headers["location"]) == (first.status_code, first.content, first.headers["location"])
    assert await platform.counts() == before
    assert_refused(await hospital.call("POST", "/fhir/Patient", patient(), idempotency_key="k1"), 409, "idempotency-mismatch")
    made = [await hospital.create(observation(f"Patient/{stored['id']}")) for _ in range(2)]
    addresses = [f"/fhir/Observation/{one['id']}" for one in made]
    assert (await hospital.call("DELETE", addresses[0], idempotency_key="k2")).status_code == 204
    assert (await hospital.call("DELETE", addresses[0], idempotency_key="k2")).status_code == 204
    assert_refused(await hospital.call("DELETE", addresses[1], idempotency_key="k2"), 409, "idempotency-mismatch")
    assert (await hospital.call("GET", addresses[1])).status_code == 200
    assert_refused(await hospital.call("POST", "/fhir/Patient", sent, idempotency_key="k" * 257), 422, "field-invalid")
