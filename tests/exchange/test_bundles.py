"""Submissions: all or nothing, references forward and by search, resends that change nothing, one person for many."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from support import (
    Institution,
    Platform,
    assert_refused,
    bundle,
    encounter,
    entry,
    nothing_written,
    observation,
    patient,
    urn,
    visit_bundle,
)


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


async def test_a_transaction_is_all_or_nothing(platform: Platform, hospital: Institution) -> None:
    who = urn()
    bad_ends = [
        entry(observation(urn())),  # refers to nothing
        entry(observation("Patient/0000000000-0000000000000")),
        entry(observation(who) | {"id": "x"}, "PUT", "Observation/0000000001-0000000000001"),  # does not exist
        entry(None, "DELETE", "Observation/0000000001-0000000000001"),
        entry(observation(who, status="nonsense")),
    ]
    for bad in bad_ends:
        async with nothing_written(platform):
            answer = await hospital.call(
                "POST", "/fhir", bundle(entry(patient(), fullUrl=who), entry(observation(who)), bad)
            )
            assert answer.status_code in (404, 422), answer.text


@pytest.mark.capability("batch")
async def test_entries_of_a_batch_stand_alone(platform: Platform, hospital: Institution) -> None:
    known = f"Patient/{(await hospital.create(patient()))['id']}"
    sent = bundle(
        entry(observation(known)),
        entry(observation("Patient/nobody")),
        entry(observation(known)),
        entry(None, "DELETE", "Observation/0000000001-0000000000001"),
        entry(None, "GET", known),
        entry(None, "GET", "Patient/x"),
        kind="batch",
    )
    answer = await hospital.call("POST", "/fhir", sent)
    assert answer.status_code == 200
    body = answer.json()
    assert body["type"] == "batch-response"
    assert [e["response"]["status"][:3] for e in body["entry"]] == ["201", "422", "201", "404", "200", "404"]
    assert body["entry"][1]["response"]["outcome"]["issue"][0]["details"]["coding"][0]["code"] == "reference-unresolved"
    assert body["entry"][4]["resource"]["resourceType"] == "Patient"
    assert (await hospital.call("GET", f"/fhir/Observation?patient={known}")).json()["total"] == 2


async def test_entries_may_refer_to_what_stands_after_them(hospital: Institution) -> None:
    who, where = urn(), urn()
    sent = bundle(
        entry(observation(who, encounter={"reference": where}), fullUrl=urn()),
        entry(encounter(who), fullUrl=where),
        entry(patient(), fullUrl=who),
    )
    addresses = await hospital.submit(sent)
    seen = (await hospital.call("GET", f"/fhir/{addresses[0]}")).json()
    assert seen["subject"]["reference"] == addresses[2]
    assert seen["encounter"]["reference"] == addresses[1]
    home = addresses[2].partition("/")[2][:10]
    assert all(address.partition("/")[2].startswith(home) for address in addresses), "all lie in the patient's home"


async def test_references_in_narrative_and_by_address_are_rewritten(hospital: Institution) -> None:
    base = "http://his.example/fhir"
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{base}/Patient/7">x</a></div>'
    sent = bundle(
        entry(patient(), fullUrl=f"{base}/Patient/7"),
        entry(observation("Patient/7", text={"status": "generated", "div": div}), fullUrl=f"{base}/Observation/8"),
        entry(
            observation(f"{base}/Patient/7", hasMember=[{"reference": "Observation/8"}]),
            fullUrl=f"{base}/Observation/9",
        ),
    )
    addresses = await hospital.submit(sent)
    first, second = [(await hospital.call("GET", f"/fhir/{a}")).json() for a in addresses[1:]]
    assert first["subject"]["reference"] == second["subject"]["reference"] == addresses[0]
    assert second["hasMember"][0]["reference"] == addresses[1]


async def test_references_by_search_are_resolved(hospital: Institution) -> None:
    known = await hospital.create(patient(number="cond-1"))
    place = await hospital.create(
        {"resourceType": "Organization", "identifier": [{"system": "urn:o", "value": "lab"}], "name": "检验科"}
    )
    where = await hospital.create(encounter(f"Patient/{known['id']}", identifier=[{"system": "urn:e", "value": "1"}]))
    sent = observation(
        "Patient?identifier=urn:hospital:a:mrn|cond-1",
        performer=[{"reference": "Organization?identifier=urn:o|lab"}],
        encounter={"reference": "Encounter?identifier=urn:e|1"},
    )
    (address,) = await hospital.submit(bundle(entry(sent)))
    stored = (await hospital.call("GET", f"/fhir/{address}")).json()
    assert stored["subject"]["reference"] == f"Patient/{known['id']}"
    assert stored["performer"][0]["reference"] == f"Organization/{place['id']}"
    assert stored["encounter"]["reference"] == f"Encounter/{where['id']}"


async def test_a_search_that_means_two_is_refused(platform: Platform, hospital: Institution) -> None:
    for _ in range(2):
        await hospital.create(
            {"resourceType": "Organization", "identifier": [{"system": "urn:o", "value": "two"}], "name": "x"}
        )
    known = await hospital.create(patient())
    sent = observation(f"Patient/{known['id']}", performer=[{"reference": "Organization?identifier=urn:o|two"}])
    async with nothing_written(platform):
        assert_refused(await hospital.call("POST", "/fhir", bundle(entry(sent))), 412, "condition-ambiguous")


async def test_a_conditional_create_in_a_bundle(hospital: Institution) -> None:
    def sent() -> dict[str, Any]:
        lab, who = urn(), urn()
        made = {"resourceType": "Organization", "identifier": [{"system": "urn:o", "value": "once"}], "name": "x"}
        return bundle(
            entry(made, fullUrl=lab, ifNoneExist="identifier=urn:o|once"),
            entry(patient(), fullUrl=who),
            entry(observation(who, performer=[{"reference": lab}])),
        )

    submissions = await asyncio.gather(*(hospital.submit(sent()) for _ in range(6)))
    assert len({addresses[0] for addresses in submissions}) == 1
    assert len({addresses[1] for addresses in submissions}) == 6
    for addresses in submissions:
        stored = (await hospital.call("GET", f"/fhir/{addresses[2]}")).json()
        assert stored["performer"][0]["reference"] == addresses[0]


async def test_one_resource_twice_in_a_bundle_is_refused(platform: Platform, hospital: Institution) -> None:
    made = await hospital.create(patient())
    seen = await hospital.create(observation(f"Patient/{made['id']}"))
    twice = entry(seen, "PUT", f"Observation/{seen['id']}")
    same = patient()
    for sent in (
        bundle(twice, twice),
        bundle(twice, entry(None, "DELETE", f"Observation/{seen['id']}")),
        bundle(entry(same), entry(same)),
    ):
        async with nothing_written(platform):
            assert_refused(await hospital.call("POST", "/fhir", sent), 422, "field-invalid")


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_a_bundle_of_nothing(hospital: Institution, kind: str) -> None:
    for sent in (bundle(kind=kind), {"resourceType": "Bundle", "type": kind}):
        answer = await hospital.call("POST", "/fhir", sent)
        assert (answer.status_code, answer.json()) == (200, {"resourceType": "Bundle", "type": f"{kind}-response"})


# --- resends ---------------------------------------------------------------------------------------------------------

KEYED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "by header": ({}, {"idempotency_key": "visit-1"}),
    "by the Bundle's identifier": ({"identifier": {"system": "urn:visits", "value": "2"}}, {}),
    "by its bytes": ({}, {}),
}


@pytest.mark.parametrize("case", KEYED)
@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_a_resend_changes_nothing(platform: Platform, case: str, kind: str) -> None:
    hospital = await platform.institution("R")
    members, headers = KEYED[case]
    sent = (
        (visit_bundle(hospital.code) if kind == "transaction" else bundle(entry(patient()), entry(patient())))
        | members
        | {"type": kind}
    )
    first = await hospital.call("POST", "/fhir", sent, **headers)
    assert first.status_code == 200
    async with nothing_written(platform):
        for _ in range(2):
            again = await hospital.call("POST", "/fhir", sent, **headers)
            assert again.content == first.content
    if case != "by its bytes":
        other = visit_bundle(hospital.code) | members
        async with nothing_written(platform):
            assert_refused(await hospital.call("POST", "/fhir", other, **headers), 409, "idempotency-mismatch")


@pytest.mark.parametrize("case", KEYED)
async def test_resends_at_once_are_one_submission(platform: Platform, case: str) -> None:
    hospital = await platform.institution("R")
    members, headers = KEYED[case]
    sent = visit_bundle(hospital.code, observations=3) | members
    before = await platform.counts()
    answers = await asyncio.gather(*(hospital.call("POST", "/fhir", sent, **headers) for _ in range(20)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.content for a in answers}) == 1
    after = await platform.counts()
    assert after["records.resource"] - before["records.resource"] == 5
    assert after["exchange.submission"] - before["exchange.submission"] == 1


async def test_keys_are_each_institutions_own(platform: Platform) -> None:
    one, other = await platform.institution("K"), await platform.institution("K")
    sent = visit_bundle()
    first = await one.submit(sent, idempotency_key="same")
    second = await other.submit(sent, idempotency_key="same")
    assert not set(first) & set(second)


async def test_a_refused_submission_may_be_sent_again_when_mended(hospital: Institution) -> None:
    sent = bundle(entry(observation("Patient?identifier=urn:hospital:a:mrn|late")))
    assert_refused(await hospital.call("POST", "/fhir", sent, idempotency_key="late"), 422, "reference-unresolved")
    await hospital.create(patient(number="late"))
    assert (await hospital.call("POST", "/fhir", sent, idempotency_key="late")).status_code == 200
