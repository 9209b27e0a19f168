"""Consent in and out: decisions as resources, what is said at a counter, and all that is not understood."""

from __future__ import annotations

from typing import Any

import pytest
import town as the_town
from town import Town

from support import Platform, assert_refused

CODES = "http://terminology.hl7.org/CodeSystem/"


@pytest.fixture(scope="module")
async def town(platform: Platform) -> Town:
    return await the_town.build(platform)


@pytest.fixture(scope="module")
async def visit(town: Town) -> str:
    """Sam is at B."""
    return await town.b.visit(town.sam_at_b.person)


@pytest.fixture(scope="module")
async def elsewhere(town: Town) -> str:
    """Sam is at A."""
    return await town.a.visit(town.sam_at_a.person)


def said(patient: str, provision: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": f"{CODES}consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": patient},
        "policyRule": {"coding": [{"system": f"{CODES}v3-ActCode", "code": "OPTOUT"}]},
        "provision": provision,
    } | more


def actor(code: str) -> list[dict[str, Any]]:
    role = {"coding": [{"system": f"{CODES}v3-ParticipationType", "code": "IRCP"}]}
    return [{"role": role, "reference": {"identifier": {"system": "urn:yima:institution", "value": code}}}]


LABEL = [{"system": f"{CODES}v3-ActCode", "code": "PSY"}]


async def consents(town: Town, visit: str = "", query: str = "") -> list[dict[str, Any]]:
    answer = await town.b.call("GET", f"/fhir/Consent?patient={town.sam_at_b.patient}{query}", visit=visit)
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json().get("entry", []))
    return [entry["resource"] for entry in answer.json().get("entry", [])]


async def test_said_at_a_counter_it_counts_at_once_everywhere(town: Town, visit: str) -> None:
    place = f"/fhir/{town.sam_at_a.condition}"
    assert (await town.b.call("GET", place, visit=visit)).status_code == 404
    sent = said(town.sam_at_b.patient, {"type": "permit", "securityLabel": LABEL, "actor": actor(town.b.code)})
    answer = await town.b.call("POST", "/fhir/Consent", sent, visit=visit)
    assert answer.status_code == 201, answer.text
    assert (await town.b.call("GET", place, visit=visit)).status_code == 200
    made = answer.json()
    assert made["provision"] == sent["provision"]
    assert made["id"] in answer.headers["location"]
    assert made["id"] in {one["id"] for one in await consents(town)}
    assert (await town.b.call("GET", f"/fhir/Consent/{made['id']}")).json()["provision"] == sent["provision"]
    assert_refused(await town.a.call("GET", f"/fhir/Consent/{made['id']}"), 404, "not-found")
    assert [one["id"] for one in await consents(town, query="&status=inactive")] == []
    back = said(town.sam_at_b.patient, {"type": "deny", "securityLabel": LABEL, "actor": actor(town.b.code)})
    assert (await town.b.call("POST", "/fhir/Consent", back, visit=visit)).status_code == 201
    assert (await town.b.call("GET", place, visit=visit)).status_code == 404


async def test_a_tree_of_exceptions_becomes_several_decisions(town: Town, visit: str, elsewhere: str) -> None:
    tree = {"type": "permit", "provision": [
        {"type": "deny", "data": [{"meaning": "instance", "reference": {"reference": town.sam_at_a.observation}}]},
        {"type": "deny", "actor": actor(town.a.code), "purpose": [{"system": f"{CODES}v3-ActReason", "code": "TREAT"}]},
    ]}  # fmt: skip
    answer = await town.b.call("POST", "/fhir/Consent", said(town.sam_at_b.patient, tree), visit=visit)
    assert answer.status_code == 201, answer.text
    assert (await town.b.call("GET", f"/fhir/{town.sam_at_a.observation}", visit=visit)).status_code == 404
    assert (await town.b.call("GET", f"/fhir/{town.sam_at_a.encounter}", visit=visit)).status_code == 200
    denied = await town.a.call("GET", f"/fhir/{town.sam_at_b.encounter}", visit=elsewhere)
    assert_refused(denied, 403, "consent-denied")
    found = await consents(town)
    item = next(one for one in found if one["provision"].get("data"))
    assert item["provision"]["data"] == [{"meaning": "instance", "reference": {"display": "withheld"}}]
    actors = [one["provision"].get("actor") for one in found]
    assert actor(town.a.code) not in actors, "what was said about others is none of its business"


WRONG: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("an action", {"type": "deny", "action": [{"text": "read"}]}, {}),
    ("a class of resources", {"type": "deny", "class": [{"code": "Observation"}]}, {}),
    ("a period of data", {"type": "deny", "dataPeriod": {"start": "2020"}}, {}),
    ("no type", {"actor": actor("x")}, {}),
    ("an unknown institution", {"type": "deny", "actor": actor("no-such-place")}, {}),
    ("an unknown label", {"type": "permit", "securityLabel": [{"system": LABEL[0]["system"], "code": "GDIS"}]}, {}),
    ("an unknown purpose", {"type": "deny", "purpose": [{"system": f"{CODES}v3-ActReason", "code": "HPAYMT"}]}, {}),
    ("related data", {"type": "deny", "data": [{"meaning": "related", "reference": {"reference": "Encounter/1"}}]}, {}),
    ("a day without a zone", {"type": "deny", "period": {"end": "2030-01-01"}}, {}),
    ("a class in a closed record", {"type": "deny", "provision": [{"type": "permit", "securityLabel": LABEL}]}, {}),
    ("no exception", {"type": "deny", "provision": [{"type": "deny", "actor": actor("x")}]}, {}),
    ("three levels", {"type": "permit", "provision": [{"type": "deny", "securityLabel": LABEL, "provision": [
        {"type": "permit", "actor": actor("x")}]}]}, {}),
    ("a draft", {"type": "deny"}, {"status": "draft"}),
    ("an extension", {"type": "deny"}, {"extension": [{"url": "http://x.test/y", "valueBoolean": True}]}),
]  # fmt: skip


@pytest.mark.parametrize(("provision", "more"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
async def test_what_is_not_understood_is_refused_as_a_whole(
    town: Town, visit: str, provision: dict[str, Any], more: dict[str, Any]
) -> None:
    before = await consents(town)
    sent = said(town.sam_at_b.patient, provision, **more)
    assert_refused(await town.b.call("POST", "/fhir/Consent", sent, visit=visit), 422, "consent-not-understood")
    assert await consents(town) == before


async def test_only_in_presence_and_only_of_who_is_there(town: Town, elsewhere: str) -> None:
    sent = said(town.sam_at_b.patient, {"type": "deny"})
    assert_refused(await town.b.call("POST", "/fhir/Consent", sent), 403, "visit-needed")
    bob = await town.b.visit(town.bob.person)
    assert_refused(await town.b.call("POST", "/fhir/Consent", sent, visit=bob), 403, "visit-needed")
    assert_refused(await town.b.call("POST", "/fhir/Consent", sent, visit=elsewhere), 403, "visit-needed")
    whole = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": sent, "request": {"method": "POST", "url": "Consent"}}]}  # fmt: skip
    assert_refused(await town.b.call("POST", "/fhir", whole), 422, "consent-not-understood")
    answer = await town.b.call("PUT", "/fhir/Consent/1-a", sent | {"id": "1-a"})
    assert_refused(answer, 422, "consent-not-understood")


async def test_other_consents_and_those_of_a_sandbox_are_kept_as_they_are(platform: Platform, town: Town) -> None:
    other = said(town.bob.patient, {"type": "permit", "action": [{"text": "x"}]})
    other["scope"] = {"coding": [{"system": f"{CODES}consentscope", "code": "research"}]}
    kept = await town.b.create(other)
    found = await town.b.call("GET", f"/fhir/Consent?patient={town.bob.patient}")
    assert [entry["resource"]["id"] for entry in found.json()["entry"]] == [kept["id"]]
    sandbox = await platform.institution("X", matching="off")
    who = await sandbox.create({"resourceType": "Patient"})
    made = await sandbox.create(said(f"Patient/{who['id']}", {"type": "deny"}))
    assert (await sandbox.call("GET", f"/fhir/Consent/{made['id']}")).json() == made
