"""Resources that are not R4, hostile words, foreign hosts, odd headers."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from support import (
    Institution,
    Platform,
    assert_refused,
    nothing_written,
    patient,
)


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def subject(hospital: Institution) -> str:
    return f"Patient/{(await hospital.create(patient()))['id']}"


# --- the content of a resource ---------------------------------------------------------------------------------------

RESOURCES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown element": (patient(colour="red"), "field-unknown"),
    "wrong type": (patient(active="yes"), "field-invalid"),
    "number as text": (patient(multipleBirthInteger="2"), "field-invalid"),
    "list where one is": (patient(gender=["female"]), "field-invalid"),
    "one where a list is": (patient(name={"text": "x"}), "field-invalid"),
    "empty list": (patient(name=[]), "field-invalid"),
    "empty object": (patient(maritalStatus={}), "field-invalid"),
    "null": (patient(gender=None), "field-invalid"),
    "empty text": (patient(language=""), "field-invalid"),
    "no such day": (patient(birthDate="2023-02-29"), "field-invalid"),
    "code that is none": (patient(gender="weiblich"), "field-invalid"),
    "both of a choice": (patient(deceasedBoolean=False, deceasedDateTime="2026"), "field-invalid"),
    "script in the narrative": (
        patient(
            text={
                "status": "generated",
                "div": "<div xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></div>",
            }
        ),
        "field-invalid",
    ),
    "wrong check digit": (
        patient(identifier=[{"system": "urn:oid:2.16.156.10011.1.3", "value": "110100201712250061"}]),
        "field-invalid",
    ),
    "a system longer than an index of the database takes": (
        patient(identifier=[{"system": "urn:x:" + random.Random(1).randbytes(4000).hex(), "value": "1"}]),
        "field-invalid",
    ),
    "contained in contained": (
        patient(contained=[{"resourceType": "Patient", "contained": [{"resourceType": "Patient"}]}]),
        "field-invalid",
    ),
}


@pytest.mark.parametrize("case", RESOURCES)
async def test_a_resource_that_is_not_r4(platform: Platform, hospital: Institution, case: str) -> None:
    sent, code = RESOURCES[case]
    async with nothing_written(platform):
        assert_refused(await hospital.call("POST", "/fhir/Patient", sent), 422, code)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "=HYPERLINK(1)",
        "'; drop table mpi.person; --",
        "\u202egnp.exe",
        "张" * 5000,
        "{{7*7}}",
    ],
)
async def test_hostile_names_are_only_names(platform: Platform, hospital: Institution, name: str) -> None:
    made = await hospital.create(patient(name=[{"text": name}]))
    assert made["name"] == [{"text": name}]
    person = platform.person_of(f"Patient/{made['id']}")
    assert (await hospital.scan(platform.dynamic(person))).json()["identity"]["name"] == name


async def test_an_identity_number_in_a_mistake_is_not_repeated(hospital: Institution) -> None:
    wrong = "110100201712250061"
    sent = patient(identifier=[{"system": "urn:oid:2.16.156.10011.1.3", "value": wrong}], birthDate=wrong, gender=wrong)
    answer = await hospital.call("POST", "/fhir/Patient", sent)
    assert answer.status_code == 422
    assert wrong not in answer.text


@pytest.mark.parametrize("number", ["110100201712250061", "11010020171225006X", "13800138000", "+8613800138000"])
async def test_a_number_where_a_name_should_be_is_not_repeated(
    platform: Platform, hospital: Institution, number: str
) -> None:
    """Names are told to the sender, and kept for operators; a program that takes one for the other happens."""
    sent = [patient() | {number: 1}, {"resourceType": number}, patient(name=[{number: "x"}])]
    answers = [await hospital.call("POST", "/fhir/Patient", one) for one in sent]
    answers.append(await hospital.call("POST", "/fhir/Patient", f'{{"{number}":1,"{number}":2}}'.encode()))
    answers.append(await hospital.call("POST", "/fhir/Observation/_search", f"patient=x&{number}=1".encode(),
                                       content_type="application/x-www-form-urlencoded"))  # fmt: skip
    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert number.lstrip("+") not in answer.text, answer.text
    kept = await platform.database.fetch("select field from exchange.refused")
    assert not any(number.lstrip("+") in row["field"] for row in kept)


# --- the request around it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "",
        "localhost@evil.example",
        "evil.example@localhost",
        "[::2]",
        "[",
        "x" * 5000,
        "127.0.0.2",
    ],
)
async def test_requests_for_another_host(platform: Platform, hospital: Institution, host: str) -> None:
    for address in ("/fhir/Patient/1", "/code/verify", "/resident/", "/health/ready"):
        answer = await platform.client.get(
            address, headers={"host": host, "authorization": f"Bearer {await hospital.token()}"}
        )
        assert answer.status_code == 400, answer.text
        assert "host-unknown" in answer.text
    assert (await platform.client.get("/health/live", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8420", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8420"])
async def test_requests_for_this_host(platform: Platform, host: str) -> None:
    assert (await platform.client.get("/health/ready", headers={"host": host})).status_code == 200


HEADERS = [
    {"content-length": "\u00b2"},
    {"content-length": "9" * 5000},
    {"content-length": "-5"},
    {"if-none-match": "\x7f" * 500},
    {"accept-language": "," * 9000},
    {"content-type": ";" * 3000},
    {"content-type": "application/fhir+json; charset"},
    {"prefer": "\u00ff" * 300},
    {"yima-visit": "\u00ff" * 300},
    {"x-request-id": "\u00ff" * 30},
    {"if-modified-since": "Mon, 99 Foo 99999 99:99:99 GMT"},
    {"authorization": "Bearer " + "\u00ff" * 60},
    {"idempotency-key": "\u00ff" * 200},
    {"if-none-exist": "?" * 300},
    {"if-none-exist": "%00=%00"},
    {"if-none-exist": "identifier=\u00ff|%ff"},
    {"if-match": "W/" * 200},
]


@pytest.mark.parametrize("headers", HEADERS, ids=[f"{k}: {v[:12]!r}" for row in HEADERS for k, v in row.items()])
async def test_odd_headers_never_break_anything(
    platform: Platform, hospital: Institution, subject: str, headers: dict[str, str]
) -> None:
    base = {"authorization": f"Bearer {await hospital.token()}".encode(), "content-type": b"application/fhir+json"}
    raw = base | {name: value.encode("latin-1") for name, value in headers.items()}
    for method, address in (
        ("GET", f"/fhir/{subject}"),
        ("POST", "/fhir/Organization"),
        ("PUT", f"/fhir/{subject}"),
        ("POST", "/fhir"),
    ):
        content = json.dumps({"resourceType": "Organization", "name": "x"}).encode() if method != "GET" else None
        answer = await platform.client.request(method, address, headers=raw, content=content)
        assert answer.status_code < 500, (method, address, answer.text)
