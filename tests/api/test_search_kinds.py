"""Each type of search parameter and each modifier, in a sandbox: it finds what it means and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from support import Institution, Platform, observation, patient

MR = "http://terminology.hl7.org/CodeSystem/v2-0203"


@pytest.fixture(scope="module")
async def sandbox(platform: Platform) -> Institution:
    """With one Patient, Observation, RiskAssessment and Library."""
    made = await platform.institution("X", matching="off")
    mr = {"type": {"coding": [{"system": MR, "code": "MR"}]}, "system": "urn:mr", "value": "77"}
    who = await made.create(
        patient(gender="female", birthDate="1985-03-14")
        | {
            "identifier": [mr],
            "name": [{"family": "Kindermann"}],
            "contained": [{"resourceType": "Organization", "id": "home", "name": "Home"}],
            "managingOrganization": {"reference": "#home"},
            "generalPractitioner": [{"identifier": {"system": "urn:doc", "value": "7"}, "display": "Dr Seven"}],
        }
    )
    subject = {"reference": f"Patient/{who['id']}"}
    code = {"coding": [{"system": "http://loinc.org", "code": "1558-6", "display": "Fasting glucose"}]}
    await made.create(observation(subject["reference"], value=5.4, code=code))
    risk = {"resourceType": "RiskAssessment", "status": "final", "subject": subject}
    await made.create(risk | {"prediction": [{"probabilityDecimal": 0.4}]})
    library = {"resourceType": "Library", "status": "draft", "url": "http://example.org/lib/1"}
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "logic-library"}]}
    await made.create(library | {"type": kind})
    return made


ROWS: list[tuple[str, str, int]] = [
    ("string", "Patient?family=kinder", 1), ("string", "Patient?family=mann", 0),
    ("string:exact", "Patient?family:exact=Kindermann", 1), ("string:exact", "Patient?family:exact=kindermann", 0),
    ("string:contains", "Patient?family:contains=MANN", 1), ("string:contains", "Patient?family:contains=frau", 0),
    ("string:missing", "Patient?family:missing=false", 1), ("string:missing", "Patient?family:missing=true", 0),
    ("token", "Patient?gender=female", 1), ("token", "Patient?gender=male", 0),
    ("token:not", "Patient?gender:not=male", 1), ("token:not", "Patient?gender:not=female", 0),
    ("token:text", "Observation?code:text=fasting", 1), ("token:text", "Observation?code:text=potassium", 0),
    ("token:of-type", f"Patient?identifier:of-type={MR}|MR|77", 1),
    ("token:of-type", f"Patient?identifier:of-type={MR}|SS|77", 0),
    ("token:missing", "Patient?gender:missing=false", 1), ("token:missing", "Patient?gender:missing=true", 0),
    ("date", "Patient?birthdate=1985-03", 1), ("date", "Patient?birthdate=gt1985-03-14", 0),
    ("date:missing", "Patient?birthdate:missing=false", 1), ("date:missing", "Patient?death-date:missing=false", 0),
    ("number", "RiskAssessment?probability=gt0.3", 1), ("number", "RiskAssessment?probability=0.5", 0),
    ("number:missing", "RiskAssessment?probability:missing=false", 1),
    ("number:missing", "RiskAssessment?probability:missing=true", 0),
    ("quantity", "Observation?value-quantity=5.4||mmol/L", 1), ("quantity", "Observation?value-quantity=lt5.4", 0),
    ("quantity:missing", "Observation?value-quantity:missing=false", 1),
    ("quantity:missing", "Observation?value-quantity:missing=true", 0),
    ("uri", "Library?url=http://example.org/lib/1", 1), ("uri", "Library?url=http://example.org/lib", 0),
    ("uri:below", "Library?url:below=http://example.org/lib", 1),
    ("uri:below", "Library?url:below=http://example.org/li", 0),
    ("uri:above", "Library?url:above=http://example.org/lib/1/2", 1),
    ("uri:above", "Library?url:above=http://example.org/lib", 0),
    ("uri:missing", "Library?url:missing=false", 1), ("uri:missing", "Library?url:missing=true", 0),
    ("reference", "Observation?subject.family=kindermann", 1), ("reference", "Observation?subject.family=other", 0),
    ("reference:[type]", "Observation?subject:Patient.family=kindermann", 1),
    ("reference:[type]", "Observation?subject:Group=Group/1", 0),
    ("reference:identifier", "Patient?general-practitioner:identifier=urn:doc|7", 1),
    ("reference:identifier", "Patient?general-practitioner:identifier=urn:doc|8", 0),
    ("reference:missing", "Observation?performer:missing=true", 1),
    ("reference:missing", "Observation?subject:missing=true", 0),
    ("composite", "Observation?code-value-quantity=http://loinc.org|1558-6$5.4", 1),
    ("composite", "Observation?code-value-quantity=http://loinc.org|1558-6$9", 0),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "query", "total"), ROWS)
@pytest.mark.capability(
    "searchParam string", "searchParam string:exact", "searchParam string:contains", "searchParam string:missing",
    "searchParam token", "searchParam token:not", "searchParam token:text", "searchParam token:of-type",
    "searchParam token:missing", "searchParam date", "searchParam date:missing", "searchParam number",
    "searchParam number:missing", "searchParam quantity", "searchParam quantity:missing", "searchParam uri",
    "searchParam uri:below", "searchParam uri:above", "searchParam uri:missing", "searchParam reference",
    "searchParam reference:[type]", "searchParam reference:identifier", "searchParam reference:missing",
    "searchParam composite",
)  # fmt: skip
async def test_it_finds_what_it_means_and_nothing_else(sandbox: Institution, kind: str, query: str, total: int) -> None:
    answer = await sandbox.call("GET", f"/fhir/{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == total


@pytest.mark.capability("referencePolicy local", "referencePolicy logical")
async def test_contained_and_logical_references_are_kept_as_sent(sandbox: Institution) -> None:
    [found] = (await sandbox.call("GET", "/fhir/Patient?family=kindermann")).json()["entry"]
    held: dict[str, Any] = found["resource"]
    assert held["managingOrganization"] == {"reference": "#home"}
    assert held["contained"][0]["id"] == "home"
    assert held["generalPractitioner"] == [{"identifier": {"system": "urn:doc", "value": "7"}, "display": "Dr Seven"}]
