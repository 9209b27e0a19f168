"""Searching through references: chains, `_has`, includes, and that none of them leaves the record that was named."""

from __future__ import annotations

from typing import Any

import pytest
import town

from support import Institution, Platform, assert_refused, encounter, observation, patient


@pytest.fixture(scope="module")
async def place(platform: Platform) -> town.Town:
    return await town.build(platform)


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("C")


@pytest.fixture(scope="module")
async def record(hospital: Institution) -> dict[str, str]:
    """A patient whose two observations have different performers and encounters, and a report on both."""
    person = await hospital.create(patient(number="rita", name=[{"text": "欧阳瑞", "family": "欧阳", "given": ["瑞"]}]))
    subject = f"Patient/{person['id']}"
    ward = await hospital.create({"resourceType": "Organization", "name": "Ward 7", "active": True})
    doctor = await hospital.create(
        {"resourceType": "Practitioner", "name": [{"family": "Qian", "given": ["Bo"]}], "gender": "female"}
    )
    visit = await hospital.create(encounter(subject, serviceProvider={"reference": f"Organization/{ward['id']}"}))
    by_doctor = await hospital.create(
        observation(
            subject,
            performer=[{"reference": f"Practitioner/{doctor['id']}"}],
            encounter={"reference": f"Encounter/{visit['id']}"},
            value=9.5,
        )
    )
    alone = await hospital.create(observation(subject, value=4.5, status="preliminary"))
    report = await hospital.create(
        {
            "resourceType": "DiagnosticReport",
            "status": "final",
            "code": {"text": "panel"},
            "subject": {"reference": subject},
            "result": [{"reference": f"Observation/{o['id']}"} for o in (by_doctor, alone)],
        }
    )
    return {
        "patient": str(person["id"]), "ward": ward["id"], "doctor": doctor["id"], "visit": visit["id"],
        "by_doctor": by_doctor["id"], "alone": alone["id"], "report": report["id"],
    }  # fmt: skip


async def _found(at: Institution, query: str, mode: str = "match") -> list[str]:
    answer = await at.call("GET", f"/fhir/{query}")
    assert answer.status_code == 200, answer.text
    entries = answer.json().get("entry", [])
    return [f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in entries if e["search"]["mode"] == mode]


CHAINS: list[tuple[str, list[str]]] = [
    ("performer:Practitioner.family=qian", ["by_doctor"]),
    ("performer.family=qian", ["by_doctor"]),
    ("performer:Practitioner.gender=male", []),
    ("performer:Practitioner.name:exact=Bo", ["by_doctor"]),
    ("encounter.status=finished", ["by_doctor"]),
    ("encounter.service-provider.name=ward", ["by_doctor"]),
    ("encounter:Encounter.service-provider:Organization.name=nothing", []),
    ("subject:Patient.name=欧阳", ["by_doctor", "alone"]),
    ("patient.family=nobody", []),
    ("_has:DiagnosticReport:result:status=final", ["by_doctor", "alone"]),
    ("_has:DiagnosticReport:result:status=amended", []),
    ("_has:DiagnosticReport:result:code:text=pan", ["by_doctor", "alone"]),
    ("_has:DiagnosticReport:result:status=final&encounter.status=finished", ["by_doctor"]),
]


@pytest.mark.parametrize(("query", "wanted"), CHAINS)
@pytest.mark.capability("searchParam reference")
async def test_a_chain_finds_what_it_leads_to(
    hospital: Institution, record: dict[str, str], query: str, wanted: list[str]
) -> None:
    found = await _found(hospital, f"Observation?patient={record['patient']}&{query}")
    assert sorted(found) == sorted(f"Observation/{record[name]}" for name in wanted)


INCLUDES: list[tuple[str, list[str]]] = [
    ("_include=Observation:performer", ["Practitioner/doctor"]),
    ("_include=Observation:subject", ["Patient/patient"]),
    ("_include=Observation:patient", ["Patient/patient"]),
    ("_include=Observation:performer:Organization", []),
    ("_include=Observation:encounter", ["Encounter/visit"]),
    ("_include=Observation:encounter&_include:iterate=Encounter:service-provider",
     ["Encounter/visit", "Organization/ward"]),
    ("_include=Observation:encounter&_include=Encounter:service-provider", ["Encounter/visit"]),
    ("_include=*", ["Practitioner/doctor", "Patient/patient", "Encounter/visit"]),
    ("_revinclude=DiagnosticReport:result", ["DiagnosticReport/report"]),
    ("_revinclude=DiagnosticReport:result&_include:iterate=DiagnosticReport:result",
     ["DiagnosticReport/report", "Observation/alone"]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "wanted"), INCLUDES)
@pytest.mark.capability("searchInclude", "searchRevInclude")
async def test_what_is_asked_for_comes_along(
    hospital: Institution, record: dict[str, str], query: str, wanted: list[str]
) -> None:
    asked = f"Observation?patient={record['patient']}&_id={record['by_doctor']}&{query}"
    assert await _found(hospital, asked) == [f"Observation/{record['by_doctor']}"]
    named = [(kind, record[name]) for kind, _, name in (text.partition("/") for text in wanted)]
    assert sorted(await _found(hospital, asked, "include")) == sorted(f"{kind}/{i}" for kind, i in named)


@pytest.mark.capability("searchInclude")
async def test_what_comes_along_is_not_counted_and_comes_once(hospital: Institution, record: dict[str, str]) -> None:
    asked = f"/fhir/Observation?patient={record['patient']}&_include=Observation:subject"
    answer = (await hospital.call("GET", asked)).json()
    assert answer["total"] == 2
    assert [e["search"]["mode"] for e in answer["entry"]] == ["match", "match", "include"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("performer.nothing=x", 400, "search-parameter-unknown"),
        ("status.name=x", 400, "search-parameter-unknown"),
        ("performer:Device.family=x", 400, "search-parameter-unknown"),
        ("_has:Observation:nothing:code=x", 400, "search-parameter-unknown"),
        ("_has:Encounter:patient:status=x", 400, "search-parameter-unknown"),
        ("_has:DiagnosticReport:result=x", 400, "search-parameter-unknown"),
        ("_include=Observation:nothing", 400, "search-value-invalid"),
        ("_include=Observation:status", 400, "search-value-invalid"),
        ("_revinclude=*", 400, "search-value-invalid"),
        ("encounter.subject.general-practitioner.general-practitioner.name.family=x", 400, "search-parameter-unknown"),
        ("&".join(["encounter.status=finished"] * 6), 400, "too-costly"),
        ("encounter.date=someday", 400, "search-value-invalid"),
    ],
)
async def test_what_cannot_be_followed_is_refused(
    hospital: Institution, record: dict[str, str], query: str, status: int, code: str
) -> None:
    answer = await hospital.call("GET", f"/fhir/Observation?patient={record['patient']}&{query}")
    assert_refused(answer, status, code)


# --- nothing of anybody else ------------------------------------------------------------------------------------------
ESCAPES = [
    "Encounter?patient={own}&_revinclude=Observation:encounter",
    "Encounter?patient={own}&_revinclude=Condition:encounter",
    "Patient?_id={own}&_revinclude=Observation:subject&_include:iterate=*",
    "Patient?_id={own}&_has:Observation:subject:status=final",
    "Observation?patient={own}&subject._id={other}",
    "Observation?patient={own}&_include=*",
]


@pytest.mark.parametrize("query", ESCAPES)
@pytest.mark.capability("searchInclude", "searchRevInclude", "searchParam reference")
async def test_following_references_never_leaves_the_record(place: town.Town, query: str) -> None:
    own, other = place.ann, place.bob
    answer = await place.a.call(
        "GET", f"/fhir/{query.format(own=own.patient.split('/')[1], other=other.patient.split('/')[1])}"
    )
    assert answer.status_code == 200, answer.text
    homes = {place.a.platform.person_of(e["fullUrl"]) for e in answer.json().get("entry", [])}
    assert homes <= {own.person}


async def test_a_resource_that_points_into_another_record_does_not_bring_it_along(place: town.Town) -> None:
    """Hospital A may not even store such a reference to B's patient; one to its own other patient stays shut."""
    subject = place.ann.patient
    made = await place.a.create(observation(subject, focus=[{"reference": place.sam_at_a.patient}]))
    answer = await place.a.call(
        "GET", f"/fhir/Observation?patient={subject}&_id={made['id']}&_include=Observation:focus"
    )
    assert [e["search"]["mode"] for e in answer.json()["entry"]] == ["match"]


async def test_a_closed_class_does_not_come_along(place: town.Town) -> None:
    """B sees Sam's open record in a visit, not what A wrote of his psychiatric stay, by whichever way it asks."""
    visit = await place.b.visit(place.sam_at_a.person)
    sam = place.sam_at_b.patient.split("/")[1]
    asked = f"/fhir/Patient?_id={sam}&_revinclude=Condition:patient&_revinclude=Encounter:patient"
    answer = await place.b.call("GET", asked, visit=visit)
    assert answer.status_code == 200, answer.text
    shown = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in answer.json()["entry"]}
    assert place.sam_at_b.condition in shown, "its own stays visible"
    assert place.sam_at_a.condition not in shown
    chained = f"/fhir/Encounter?patient={place.sam_at_b.patient}&_has:Condition:encounter:code=F32.1"
    hits = (await place.b.call("GET", chained, visit=visit)).json().get("entry", [])
    assert {place.b.platform.person_of(e["fullUrl"]) for e in hits} <= {place.sam_at_b.person}
    assert len(hits) == 1, "only the stay whose diagnosis it may see"


async def test_scopes_hold_for_what_is_followed(platform: Platform) -> None:
    narrow = await platform.institution("N", scopes="system/Patient.cruds system/Observation.cruds")
    person = await narrow.create(patient())
    await narrow.create(observation(f"Patient/{person['id']}"))
    refused = await narrow.call("GET", f"/fhir/Observation?patient={person['id']}&encounter.status=finished")
    assert_refused(refused, 403, "scope-insufficient")
    left_out = await narrow.call("GET", f"/fhir/Observation?patient={person['id']}&_revinclude=DiagnosticReport:result")
    assert left_out.status_code == 200


async def test_the_log_counts_what_came_along(hospital: Institution, record: dict[str, str]) -> None:
    asked = f"/fhir/Observation?patient={record['patient']}&_include=Observation:encounter"
    await hospital.call("GET", asked)
    [*_, line] = await hospital.platform.log_of(hospital.platform.person_of(f"Patient/{record['patient']}"))
    detail: Any = line["detail"]
    assert '"Encounter": 1' in str(detail) or '"Encounter":1' in str(detail)
