# ruff: noqa: E501  tables of cases read best with one case per line
"""Who points to whom, how ids given out in a transaction reach every place, and whose record a resource is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from yima import fhir

OLD = "urn:uuid:7d9c7a60-3f0a-4d3e-9b52-0d0f3e6b7a11"
OID = "urn:oid:2.16.840.1.113883.1"
NEW = "Patient/abc"

DOCUMENT: dict[str, Any] = {
    "resourceType": "DocumentReference",
    "status": "current",
    "text": {"status": "generated", "div": f"<div><a href=\"{OLD}\">a</a> <img src='{OLD}#x'/> {OLD} <a href='{OLD}1'>b</a></div>"},
    "contained": [{"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": OLD}, "subject": {"reference": OLD}}],
    "extension": [{"url": "http://a/b", "valueReference": {"reference": "Patient/2"}}, {"url": "http://a/c", "valueUri": OLD}],
    "masterIdentifier": {"system": OLD, "value": OLD},
    "subject": {"reference": OLD, "_reference": {"extension": [{"url": "http://a/d", "valueUrl": OLD}]}},
    "author": [{"reference": "Practitioner?identifier=a|b"}, {"reference": "#o"}, {"display": "nobody"}],
    "content": [{"attachment": {"url": OLD}}],
    "context": {"related": [{"reference": OLD + "#part"}, {"identifier": {"value": "x", "assigner": {"reference": OID}}}]},
}  # fmt: skip


def test_every_reference_is_found_with_its_path() -> None:
    assert [(path, text) for _, path, text in fhir.references(DOCUMENT)] == [
        ("DocumentReference.contained[0].subject", OLD),
        ("DocumentReference.extension[0].valueReference", "Patient/2"),
        ("DocumentReference.subject", OLD),
        ("DocumentReference.author[0]", "Practitioner?identifier=a|b"),
        ("DocumentReference.author[1]", "#o"),
        ("DocumentReference.context.related[0]", OLD + "#part"),
        ("DocumentReference.context.related[1].identifier.assigner", OID),
    ]


def test_a_reference_can_be_set_while_walking() -> None:
    document = copy.deepcopy(DOCUMENT)
    for reference, _, _ in fhir.references(document):
        reference["reference"] = "X/1"
    assert {text for _, _, text in fhir.references(document)} == {"X/1"}


def test_conditional_references_are_told_apart() -> None:
    assert [path for _, path, _ in fhir.conditional_references(DOCUMENT)] == ["DocumentReference.author[0]"]
    other = {"resourceType": "Basic", "code": {}, "subject": {"reference": "http://x/Patient?a=b"}}
    assert fhir.conditional_references(other) == []


def test_rewriting_reaches_every_address_and_nothing_else() -> None:
    document = copy.deepcopy(DOCUMENT)
    fhir.rewrite(document, {OLD: NEW, OID: "Organization/9"})
    assert document["text"]["div"] == (
        f"<div><a href=\"{NEW}\">a</a> <img src='{NEW}#x'/> {OLD} <a href='{OLD}1'>b</a></div>"
    )
    assert document["contained"][0]["subject"]["reference"] == NEW
    assert document["contained"][0]["code"]["text"] == OLD
    assert document["extension"][1]["valueUri"] == NEW
    assert document["masterIdentifier"] == {"system": NEW, "value": OLD}
    assert document["subject"]["reference"] == NEW
    assert document["subject"]["_reference"]["extension"][0]["valueUrl"] == NEW
    assert document["content"][0]["attachment"]["url"] == NEW
    assert document["context"]["related"][0]["reference"] == NEW + "#part"
    assert document["context"]["related"][1]["identifier"]["assigner"]["reference"] == "Organization/9"
    assert document["author"] == DOCUMENT["author"]


def test_what_was_found_in_one_walk_is_rewritten_alike(bundles: list[bytes]) -> None:
    entries = [e for body in bundles[:3] for e in fhir.parse(body)["entry"]]
    mapping = {OLD: NEW, OID: "Organization/9"} | {e["fullUrl"]: f"Basic/{n}" for n, e in enumerate(entries)}
    parts = [{key: DOCUMENT[key]} for key in DOCUMENT if key != "resourceType"]
    documents = [DOCUMENT, *({"resourceType": "DocumentReference"} | part for part in parts)]
    for resource in [*documents, *(e["resource"] for e in entries)]:
        one, other = copy.deepcopy(resource), copy.deepcopy(resource)
        found = fhir.find(other)
        assert sorted(node["reference"] for node in found.references) == sorted(t for _, _, t in fhir.references(one))
        fhir.rewrite(one, mapping)
        fhir.relink(other, mapping, found)
        assert one == other


def test_a_stored_bundle_is_a_world_of_its_own() -> None:
    """References in its entries mean its entries; their codes still count."""
    entry: dict[str, Any] = {"fullUrl": OLD, "resource": {"resourceType": "Basic", "subject": {"reference": OLD}}}
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    bundle["link"] = [{"relation": "self", "url": OLD}]
    entry["resource"]["code"] = {"coding": [{"system": "urn:x", "code": "1"}]}
    was = copy.deepcopy(bundle)
    assert list(fhir.references(bundle)) == fhir.find(bundle).references == []
    assert fhir.find(bundle).codings == {("urn:x", "1")}
    fhir.relink(bundle, {OLD: NEW}, fhir.find(bundle))
    assert bundle == was | {"link": [{"relation": "self", "url": NEW}]}


def test_after_rewriting_no_temporary_reference_is_left(bundles: list[bytes]) -> None:
    bundle = fhir.parse(bundles[0])
    mapping = {e["fullUrl"]: f"{e['resource']['resourceType']}/{n}" for n, e in enumerate(bundle["entry"])}
    for entry in bundle["entry"]:
        fhir.rewrite(entry["resource"], mapping)
        assert not [text for _, _, text in fhir.references(entry["resource"]) if text.startswith("urn:uuid:")]
        fhir.validate(entry["resource"])


P, Q = {"reference": "Patient/1"}, {"reference": "Patient/2"}
DOCTOR = {"reference": "Practitioner/1"}
COMPARTMENTS = [
    # (resource, patients, subject)
    ({"resourceType": "Observation", "performer": [DOCTOR, Q], "subject": P}, ["Patient/1", "Patient/2"], "Patient/1"),
    ({"resourceType": "Observation", "performer": [Q], "subject": {"reference": "Group/1"}}, ["Patient/2"], None),
    ({"resourceType": "Observation", "subject": P, "performer": [P]}, ["Patient/1"], "Patient/1"),
    ({"resourceType": "Claim", "patient": P, "payee": {"party": Q}}, ["Patient/1", "Patient/2"], "Patient/1"),
    ({"resourceType": "Coverage", "policyHolder": Q, "subscriber": Q, "beneficiary": P}, ["Patient/1", "Patient/2"], "Patient/1"),
    ({"resourceType": "Appointment", "participant": [{"actor": DOCTOR}, {"actor": P}, {"actor": Q}]}, ["Patient/1", "Patient/2"], None),
    ({"resourceType": "Immunization", "patient": {"reference": "http://h/fhir/Patient/1"}}, ["http://h/fhir/Patient/1"], "http://h/fhir/Patient/1"),
    ({"resourceType": "Encounter", "subject": {"reference": "Patient?identifier=a|b"}}, ["Patient?identifier=a|b"], "Patient?identifier=a|b"),
    ({"resourceType": "Encounter", "subject": {"reference": OLD, "type": "Patient"}}, [OLD], OLD),
    ({"resourceType": "Encounter", "subject": {"reference": OLD}}, [], None),
    ({"resourceType": "Encounter", "subject": {"reference": "Patient/1/_history/2"}}, ["Patient/1/_history/2"], "Patient/1/_history/2"),
    ({"resourceType": "Encounter", "subject": {"identifier": {"value": "x"}, "type": "Patient"}}, [], None),
    ({"resourceType": "ServiceRequest", "subject": P, "requester": Q}, ["Patient/1"], "Patient/1"),
    ({"resourceType": "Composition", "author": [Q], "subject": P}, ["Patient/1", "Patient/2"], "Patient/1"),
    ({"resourceType": "ResearchSubject", "individual": P}, ["Patient/1"], "Patient/1"),
    ({"resourceType": "Patient", "id": "1", "link": [{"other": Q, "type": "seealso"}]}, [], None),
    ({"resourceType": "Task", "for": P, "owner": Q}, ["Patient/1"], "Patient/1"),
    ({"resourceType": "Device", "patient": P}, ["Patient/1"], "Patient/1"),
    ({"resourceType": "Device"}, [], None),
    ({"resourceType": "Organization", "id": "1"}, [], None),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "patients", "subject"), COMPARTMENTS)
def test_whose_record_a_resource_belongs_to(resource: dict[str, Any], patients: list[str], subject: str | None) -> None:
    assert fhir.patient_references(resource) == patients
    assert fhir.subject_reference(resource) == subject


def test_the_compartment_has_the_types_of_r4_and_those_that_may_name_a_patient() -> None:
    assert len(fhir.COMPARTMENT_TYPES) == 65 + 4
    assert {"Observation", "Provenance", "AuditEvent", "Person"} <= fhir.COMPARTMENT_TYPES
    assert {"Contract", "Device", "GuidanceResponse", "Task"} <= fhir.COMPARTMENT_TYPES  # ours: they may name a patient
    assert not {"Patient", "Organization", "Practitioner"} & fhir.COMPARTMENT_TYPES
