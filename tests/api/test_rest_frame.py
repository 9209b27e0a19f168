"""What stands around FHIR REST: formats, methods, addresses, languages, request ids, idempotency keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support import Institution, Platform, assert_refused, nothing_written, observation, patient


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture
async def stored(hospital: Institution) -> dict[str, Any]:
    return await hospital.create(patient())


@pytest.mark.parametrize(
    ("prefer", "has_body"), [("return=minimal", False), ("return=representation", True), ("", True)]
)
async def test_the_body_of_an_answer_is_the_clients_choice(hospital: Institution, prefer: str, has_body: bool) -> None:
    answer = await hospital.call("POST", "/fhir/Patient", patient(), prefer=prefer)
    assert bool(answer.content) is has_body
    assert answer.headers["location"]


@pytest.mark.capability("format json", "format xml")
async def test_only_json_and_xml_are_spoken(platform: Platform, hospital: Institution, stored: dict[str, Any]) -> None:
    address = f"/fhir/Patient/{stored['id']}"
    for accept in ("application/pdf", "text/html", "text/turtle"):
        assert_refused(await hospital.call("GET", address, accept=accept), 406, "not-acceptable")
        async with nothing_written(platform):
            assert_refused(
                await hospital.call("POST", "/fhir/Patient", patient(), accept=accept), 406, "not-acceptable"
            )
    assert_refused(await hospital.call("GET", f"{address}?_format=turtle"), 406, "not-acceptable")
    for accept in (
        "application/fhir+json",
        "application/json",
        "*/*",
        "text/html, */*;q=0.1",
        "application/fhir+json; fhirVersion=4.0",
    ):
        assert (await hospital.call("GET", address, accept=accept)).status_code == 200
    assert (await hospital.call("GET", f"{address}?_format=json", accept="text/html")).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "application/rdf+xml",
        "text/plain",
        "",
        "application/x-www-form-urlencoded",
        "application/fhir+json; charset=gb18030",
    ],
)
async def test_other_bodies_are_not_read(platform: Platform, hospital: Institution, kind: str) -> None:
    async with nothing_written(platform):
        for address in ("/fhir/Patient", "/fhir"):
            answer = await hospital.call("POST", address, json.dumps(patient()).encode(), content_type=kind)
            assert_refused(answer, 415, "unsupported-media-type")


@pytest.mark.capability("format json")
async def test_json_by_its_other_names(hospital: Institution) -> None:
    for kind in (
        "application/json",
        "application/fhir+json;charset=UTF-8",
        'application/fhir+json; fhirVersion=4.0; charset="utf-8"',
    ):
        answer = await hospital.call("POST", "/fhir/Patient", json.dumps(patient()).encode(), content_type=kind)
        assert answer.status_code == 201, answer.text


METHODS = [
    ("PATCH", "/fhir"),
    ("POST", "/fhir/Patient/{id}"),
    ("PUT", "/fhir"),
    ("DELETE", "/fhir"),
    ("DELETE", "/fhir/Patient/{id}/_history"),
    ("GET", "/code/verify"),
    ("GET", "/oauth/token"),
    ("TRACE", "/fhir/metadata"),
    ("FOO", "/fhir/metadata"),
    ("POST", "/fhir/Patient/{id}/$everything"),
]


@pytest.mark.parametrize(("method", "address"), METHODS)
async def test_methods_that_an_address_does_not_have(
    hospital: Institution, stored: dict[str, Any], method: str, address: str
) -> None:
    assert_refused(await hospital.call(method, address.format(id=stored["id"])), 405, "method-not-allowed")


NOWHERE = [
    "/fhir/Patient/unknown",
    "/fhir/Patient/0000000000-0000000000000",
    "/fhir/Patient/%00",
    "/fhir/Patient/..%2f..%2fetc%2fpasswd",
    "/fhir/Observation/{id}/$summary",
    "/fhir/Observation/{id}",
    "/fhir/Patient/{id}/_history/1/x",
    "/fhirx",
    "/nothing",
    "/.env",
    "/fhir/Group/1/$export",
    "/fhir/Observation/$export",
    "/fhir/Patient/{id}/Organization",
    "/fhir/Patient/{id}/Nothing",
    "/fhir/Observation/{id}/Patient",
]


@pytest.mark.parametrize("address", NOWHERE)
async def test_addresses_that_are_nowhere(hospital: Institution, stored: dict[str, Any], address: str) -> None:
    assert_refused(await hospital.call("GET", address.format(id=stored["id"])), 404, "not-found")


@pytest.mark.parametrize(
    "name", ["Foo", "patient", "Resource", "DomainResource", "P%00", "x" * 3000, "$exported", "metadatas"]
)
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
    assert (await platform.client.get("/health/live", headers={"x-request-id": "trace-12345"})).headers[
        "x-request-id"
    ] == "trace-12345"
    for bad in ("short", "has space in it", "x" * 65, "a\tb\tc\td\te"):
        assert (await platform.client.get("/health/live", headers={"x-request-id": bad})).headers["x-request-id"] != bad


async def test_an_idempotency_key_is_for_one_request_only(
    platform: Platform, hospital: Institution, stored: dict[str, Any]
) -> None:
    sent = patient()
    first = await hospital.call("POST", "/fhir/Patient", sent, idempotency_key="k1")
    before = await platform.counts()
    again = await hospital.call("POST", "/fhir/Patient", sent, idempotency_key="k1")
    assert (again.status_code, again.content, again.headers["location"]) == (
        first.status_code,
        first.content,
        first.headers["location"],
    )
    assert await platform.counts() == before
    assert_refused(
        await hospital.call("POST", "/fhir/Patient", patient(), idempotency_key="k1"), 409, "idempotency-mismatch"
    )
    made = [await hospital.create(observation(f"Patient/{stored['id']}")) for _ in range(2)]
    addresses = [f"/fhir/Observation/{one['id']}" for one in made]
    assert (await hospital.call("DELETE", addresses[0], idempotency_key="k2")).status_code == 204
    assert (await hospital.call("DELETE", addresses[0], idempotency_key="k2")).status_code == 204
    assert_refused(await hospital.call("DELETE", addresses[1], idempotency_key="k2"), 409, "idempotency-mismatch")
    assert (await hospital.call("GET", addresses[1])).status_code == 200
    assert_refused(await hospital.call("POST", "/fhir/Patient", sent, idempotency_key="k" * 257), 422, "field-invalid")
