"""Creates of many requests share transactions, and nobody can tell: each is stored, logged and refused by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from support import Institution, Platform, assert_refused, bundle, encounter, entry, observation, patient, urn

PSYCHIATRIC = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F32.1"}]}


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def patients(hospital: Institution) -> list[str]:
    """Addresses of three Patients."""
    made = [await hospital.create(patient(hospital.code, number=f"t{n}")) for n in range(3)]
    return [f"Patient/{one['id']}" for one in made]


async def _at_once(hospital: Institution, resources: list[dict[str, Any]], **headers: str) -> list[Any]:
    return list(
        await asyncio.gather(*(hospital.call("POST", f"/fhir/{r['resourceType']}", r, **headers) for r in resources))
    )


async def test_each_is_stored_in_its_home_with_a_receipt_and_a_log_line(
    platform: Platform, hospital: Institution, patients: list[str]
) -> None:
    before = await platform.counts()
    logged = [len(await platform.log_of(platform.person_of(p))) for p in patients]
    answers = await _at_once(hospital, [observation(patients[n % 3]) for n in range(30)])
    assert {a.status_code for a in answers} == {201}
    made = [a.json() for a in answers]
    assert len({one["id"] for one in made}) == 30
    assert all(one["id"][:10] == one["subject"]["reference"][8:18] for one in made)
    assert len({one["meta"]["source"] for one in made}) == 30, "each is a submission of its own"
    after = await platform.counts()
    for table in ("records.resource", "exchange.submission"):
        assert after[table] - before[table] == 30
    lines = [await platform.log_of(platform.person_of(p)) for p in patients]
    assert [len(now) - then for now, then in zip(lines, logged, strict=True)] == [10, 10, 10]
    again = await hospital.call("GET", f"/fhir/Observation/{made[0]['id']}")
    assert again.content == answers[0].content


async def test_what_is_wrong_harms_nobody_else(platform: Platform, hospital: Institution, patients: list[str]) -> None:
    stranger = await platform.institution("B")
    theirs = await stranger.create(patient(stranger.code, number="x"))
    wrong = [
        observation(f"Patient/{theirs['id']}"),
        observation("Patient/0000000001-0000000000000"),
        observation(patients[0], encounter={"reference": urn()}),
        observation(patients[0], performer=[{"reference": "Practitioner?identifier=a|nobody"}]),
    ]
    sent = [one for bad in wrong for one in (observation(patients[1]), bad)]
    before = await platform.counts()
    answers = await _at_once(hospital, sent)
    assert [a.status_code for a in answers[::2]] == [201] * 4
    for answer in answers[1::2]:
        assert_refused(answer, 422, "reference-unresolved")
    after = await platform.counts()
    assert after["records.resource"] - before["records.resource"] == 4


async def test_one_key_is_one_resource_however_often_it_comes_at_once(
    platform: Platform, hospital: Institution, patients: list[str]
) -> None:
    before = await platform.counts()
    same = observation(patients[0], note=[{"text": "once"}])
    answers = await _at_once(hospital, [same] * 6, idempotency_key="together-1")
    assert {(a.status_code, a.content) for a in answers} == {(201, answers[0].content)}
    other = await hospital.call("POST", "/fhir/Observation", observation(patients[1]), idempotency_key="together-1")
    assert_refused(other, 409, "idempotency-mismatch")
    after = await platform.counts()
    assert after["records.resource"] - before["records.resource"] == 1


async def test_what_belongs_to_a_closed_encounter_is_closed(
    platform: Platform, hospital: Institution, patients: list[str]
) -> None:
    where = urn()
    condition = {
        "resourceType": "Condition", "code": PSYCHIATRIC, "subject": {"reference": patients[0]},
        "encounter": {"reference": where},
    }  # fmt: skip
    sent = bundle(entry(encounter(patients[0]), fullUrl=where), entry(condition))
    closed = next(a for a in await hospital.submit(sent) if a.startswith("Encounter/"))
    reference = "/".join(closed.split("/")[:2])
    made = await _at_once(
        hospital,
        [
            observation(patients[0], encounter={"reference": reference}),
            observation(patients[0]),
            observation(patients[1]),
        ],
    )
    classes = [
        (await platform.access.database.fetchrow("select class from records.resource where id = $1", a.json()["id"]))[0]
        for a in made
    ]
    assert classes == ["psychiatric", "", ""]
