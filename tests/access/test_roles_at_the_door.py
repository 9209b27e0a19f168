"""Roles and purposes where they count: what somebody sees in a visit hangs on the role, and a visit has one purpose."""

from __future__ import annotations

from typing import Any

import pytest

from support import (
    Institution,
    Platform,
    assert_refused,
    bundle,
    code_of,
    encounter,
    entry,
    law,
    observation,
    patient,
    resident_number,
    urn,
)
from yima import directory
from yima.access import RecordView
from yima.directory import STAFF_ROLES, Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

DEPRESSION = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F32.1"}], "text": "抑郁发作"}
_ACTIVE = "http://terminology.hl7.org/CodeSystem/{}-clinical"
PARTS = {"alerts": "allergies", "medicines": "medicines", "problems": "problems", "results": "results"}
"""Class of resources -> the part of the home page made of it."""


def _active(kind: str) -> dict[str, Any]:
    return {"coding": [{"system": _ACTIVE.format(kind), "code": "active"}]}


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    made = await platform.institution("R")
    purposes = ["treatment", "emergency-treatment", "payment"]
    await platform.database.execute(
        "update directory.app set purposes = $2 where client_id = $1", made.client_id, purposes
    )
    return made


@pytest.fixture(scope="module")
async def sam(hospital: Institution) -> list[str]:
    return await _admitted(hospital)


async def _admitted(hospital: Institution) -> list[str]:
    """Addresses of somebody with one of each class, and a depression in an encounter of its own."""
    who, visit = urn(), urn()
    subject = {"reference": who}
    coded = {"coding": [{"system": "http://www.whocc.no/atc", "code": "C08CA01"}], "text": "氨氯地平"}
    return await hospital.submit(
        bundle(
            entry(patient(hospital.code, national=resident_number()), fullUrl=who),
            entry({"resourceType": "AllergyIntolerance", "patient": subject, "code": {"text": "青霉素"},
                   "clinicalStatus": _active("allergyintolerance")}),
            entry({"resourceType": "MedicationStatement", "status": "active", "subject": subject,
                   "medicationCodeableConcept": coded}),
            entry({"resourceType": "Condition", "subject": subject, "code": {"text": "高血压"},
                   "clinicalStatus": _active("condition")}),
            entry(observation(who)),
            entry({"resourceType": "Coverage", "status": "active", "beneficiary": subject, "payor": [subject]}),
            entry(encounter(who), fullUrl=visit),
            entry({"resourceType": "Condition", "subject": subject, "code": DEPRESSION,
                   "clinicalStatus": _active("condition"), "encounter": {"reference": visit}}),
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def person(platform: Platform, sam: list[str]) -> int:
    return platform.person_of(sam[0])


async def _as(at: Institution, role: str) -> Caller:
    """The doctor of an institution in a role: as the register has them on the next request."""
    async with at.platform.database.transaction() as c:
        await directory.set_practitioner_role(c, at.practitioner, role)
    access, now = at.platform.access, clock.now()
    return await access.callers.caller("clinician", access.callers.session("clinician", str(at.practitioner), now), now)


async def _code(doing: Any) -> str:
    try:
        await doing
    except Refusal as refusal:
        return refusal.code
    return "ok"


@pytest.mark.parametrize("role", [role for role in STAFF_ROLES if law.is_staff(role)])
async def test_what_is_on_the_page_is_what_the_role_needs(hospital: Institution, person: int, role: str) -> None:
    access, caller = hospital.platform.access, await _as(hospital, role)
    assert caller.role == role
    opened: RecordView = await access.open_record(
        caller, person, purpose="", visit=await hospital.visit(person), now=clock.now()
    )
    for cls, part in PARTS.items():
        shown = bool(getattr(opened.overview, part))
        assert shown is law.allows(role, "record", cls, "treatment"), (cls, part)
    said = str(list(opened.overview.problems))
    assert ("抑郁" in said) is law.attends(role), "its own institution wrote it: attending staff see it, nobody else"
    steps = [step.code for step in opened.decision.reasons]
    assert ("level-five-not-of-role" in steps) is not law.attends(role)
    line = (await hospital.platform.log_of(person))[-1]
    assert role in str(line["detail"])
    assert line["purpose"] == "treatment"


async def test_who_watches_over_an_institution_opens_no_record(hospital: Institution, person: int) -> None:
    access, caller, now = hospital.platform.access, await _as(hospital, "protection-officer"), clock.now()
    visit = await hospital.visit(person)
    assert await _code(access.open_record(caller, person, purpose="", visit=visit, now=now)) == "role-not-permitted"
    code = hospital.platform.dynamic(person)
    scanned = access.scan(caller, code, terminal=hospital.terminal, step="010102", purpose="treatment", now=now)
    assert await _code(scanned) == "role-not-permitted"


@pytest.mark.parametrize("role", STAFF_ROLES)
async def test_an_emergency_is_for_who_treats(hospital: Institution, person: int, role: str) -> None:
    access, caller = hospital.platform.access, await _as(hospital, role)
    found = await _code(access.find_person(caller, system="urn:yima:id:passport", value="E00000000", now=clock.now()))
    assert found == ("not-found" if law.treats(role) else "role-not-permitted")
    opening = access.glass.open(
        caller, person, ground="unconscious", reason="昏迷送来，无人陪同", terminal=hospital.terminal, now=clock.now()
    )
    assert await _code(opening) in (("ok", "step-up-needed") if law.treats(role) else ("role-not-permitted",))


async def test_a_role_that_is_none_is_refused(hospital: Institution) -> None:
    async with hospital.platform.database.transaction() as c:
        assert await _code(directory.set_practitioner_role(c, hospital.practitioner, "chief")) == "field-invalid"
        assert await _code(directory.set_practitioner_role(c, 0, "nurse")) == "not-found"


async def test_the_purpose_of_the_scan_binds_the_visit(hospital: Institution) -> None:
    sam = await _admitted(hospital)
    person = hospital.platform.person_of(sam[0])
    visit = await hospital.visit(person)
    for purpose in ("emergency-treatment", "payment", "public-health", "own-request"):
        for path in (sam[4], f"{sam[4]}/_history/1", f"Observation?patient={sam[0]}", f"{sam[0]}/$everything"):
            answer = await hospital.call("GET", f"/fhir/{path}", visit=visit, yima_purpose=purpose)
            expected = ("purpose-not-of-visit", "purpose-not-allowed", "role-not-permitted")
            assert answer.status_code == 403, (purpose, path, answer.text)
            assert code_of(answer) in expected
    for named in ({}, {"yima_purpose": "treatment"}):
        assert (await hospital.call("GET", f"/fhir/{sam[4]}", visit=visit, **named)).status_code == 200
    other = await hospital.call("GET", f"/fhir/{sam[4]}", visit=visit, yima_purpose="emergency-treatment")
    assert_refused(other, 403, "purpose-not-of-visit")


async def test_a_bill_opens_the_bill(hospital: Institution) -> None:
    """In a visit that was scanned for payment, and without one for that purpose: who, when, and the bill."""
    sam = await _admitted(hospital)
    person = hospital.platform.person_of(sam[0])
    scanned = await hospital.scan(hospital.platform.dynamic(person), purpose="payment", step="010105")
    assert scanned.status_code == 200, scanned.text
    patient_id = sam[0].partition("/")[2]
    for headers in ({"visit": scanned.json()["visit"]}, {"yima_purpose": "payment"}):
        for address in sam:
            kind = address.partition("/")[0]
            answer = await hospital.call("GET", f"/fhir/{address}", **headers)
            open_to_it = kind in ("Patient", "Coverage") or address == sam[6]
            if address == sam[6]:
                assert answer.status_code == 404, "the visit to the psychiatrist is of level 5"
            elif open_to_it:
                assert answer.status_code == 200, (address, answer.text)
            else:
                assert (answer.status_code, code_of(answer)) == (403, "role-not-permitted"), (address, answer.text)
        every = (await hospital.call("GET", f"/fhir/Patient/{patient_id}/$everything", **headers)).json()
        assert {one["resource"]["resourceType"] for one in every["entry"]} == {"Patient", "Coverage"}
        along = await hospital.call("GET", f"/fhir/Patient?_id={patient_id}&_revinclude=*", **headers)
        assert "Observation" not in along.text
        searched = await hospital.call("GET", f"/fhir/?patient={patient_id}", **headers)
        assert {one["resource"]["resourceType"] for one in searched.json()["entry"]} == {"Patient", "Coverage"}


async def test_an_app_acts_for_what_it_was_registered(platform: Platform) -> None:
    plain = await platform.institution("P")
    [mine, *_] = await plain.submit()
    unknown = mine[:-4] + "0000"
    for purpose in ("payment", "public-health", "own-request"):
        for address in (mine, unknown):
            for path in (address, f"Observation?patient={address}", f"{address}/$everything"):
                answer = await plain.call("GET", f"/fhir/{path}", yima_purpose=purpose)
                assert_refused(answer, 403, "purpose-not-allowed")
        assert_refused(
            await plain.call("POST", "/fhir/Patient", patient(), yima_purpose=purpose), 403, "purpose-not-allowed"
        )
    person = platform.person_of(mine)
    assert_refused(await plain.scan(platform.dynamic(person), purpose="payment"), 403, "purpose-not-allowed")
    assert (await plain.scan(platform.dynamic(person))).status_code == 200


async def test_the_resident_reads_in_which_role_they_were_seen(hospital: Institution, person: int) -> None:
    access, caller = hospital.platform.access, await _as(hospital, "nurse")
    visit = await hospital.visit(person)
    opened = await access.open_record(caller, person, purpose="", visit=visit, now=clock.now())
    await _as(hospital, "attending-physician")  # a role of today says nothing of that day
    me = Caller(kind="resident", agent_id=ids.person_text(person), person=person, proved=clock.now())
    why = await access.lines.explain(me, opened.event_id)
    assert why.decided
    assert ("role", "nurse") in [(step.code, step.about) for step in why.reasons]
