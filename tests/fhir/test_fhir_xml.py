"""XML and back: the same tree, and nothing that XML can do beyond a tree."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from yima import fhir
from yima.runtime.errors import Refusal

NS = 'xmlns="http://hl7.org/fhir"'
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">Ann &amp; <b>Bob</b><br/></div>'

TREES: dict[str, dict[str, Any]] = {
    "primitives": {
        "resourceType": "Patient", "id": "a", "active": False, "birthDate": "1990-01", "multipleBirthInteger": 2,
        "name": [{"family": "欧阳 \"x\" <&>", "given": ["a", "b"]}],
    },
    "decimals keep their digits": {
        "resourceType": "Observation", "status": "final", "code": {"text": "x"},
        "valueQuantity": {"value": Decimal("0.10")},
        "component": [{"code": {"text": "y"}, "valueQuantity": {"value": 5}}],
    },
    "extensions of primitives": {
        "resourceType": "Patient", "birthDate": "1990", "_birthDate": {"id": "b", "extension": [
            {"url": "http://x", "valueString": "line\nbreak\ttab"}]},
        "name": [{"given": ["a", None, "c"], "_given": [None, {"extension": [{"url": "u", "valueCode": "v"}]}, None]}],
        "_gender": {"extension": [{"url": "http://y", "valueBoolean": True}]},
    },
    "narrative": {"resourceType": "Patient", "text": {"status": "generated", "div": DIV}},
    "contained and bundled": {
        "resourceType": "Bundle", "type": "collection",
        "entry": [{"fullUrl": "urn:x", "resource": {"resourceType": "Patient", "contained": [
            {"resourceType": "Organization", "id": "o", "name": "O"}], "managingOrganization": {"reference": "#o"}}}],
    },
    "an element called resourceType": {
        "resourceType": "ExampleScenario", "status": "draft",
        "instance": [{"resourceId": "i", "resourceType": "MedicationRequest"}],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TREES)
def test_there_and_back(name: str) -> None:
    tree = fhir.parse(fhir.encode(TREES[name]))
    fhir.validate(tree)
    back = fhir.parse_xml(fhir.to_xml(tree))
    assert fhir.encode({key: back[key] for key in tree}) == fhir.encode(tree)
    assert back.keys() == tree.keys()


def test_elements_stand_in_the_order_that_r4_demands() -> None:
    made = fhir.to_xml(
        {"resourceType": "Patient", "gender": "male", "name": [{"given": ["a"], "use": "usual"}], "id": "x"}
    )
    assert made.decode().partition("?>")[2] == (
        f'<Patient {NS}><id value="x"/>'
        '<name><use value="usual"/><given value="a"/></name><gender value="male"/></Patient>'
    )


BAD: list[tuple[str, str]] = [
    ("", "xml-malformed"),
    ("<Patient", "xml-malformed"),
    ("<Patient/>", "xml-malformed"),
    (f"<Patient {NS}/><Patient {NS}/>", "xml-malformed"),
    (f'<!DOCTYPE x [<!ENTITY a "b">]><Patient {NS}><id value="&a;"/></Patient>', "xml-malformed"),
    (f'<!DOCTYPE x SYSTEM "file:///etc/passwd"><Patient {NS}/>', "xml-malformed"),
    (f'<Patient {NS}><id value="&nbsp;"/></Patient>', "xml-malformed"),
    (f"<Patient {NS}>words</Patient>", "xml-malformed"),
    ('<Patient xmlns="http://other"/>', "xml-malformed"),
    (f'<Patient {NS}><x:id xmlns:x="http://other" value="1"/></Patient>', "xml-malformed"),
    (f"<Nothing {NS}/>", "resource-type-unknown"),
    (f'<Patient {NS}><nothing value="1"/></Patient>', "field-unknown"),
    (f'<Patient {NS} active="true"/>', "field-unknown"),
    (f'<Patient {NS}><active value="true" style="x"/></Patient>', "field-unknown"),
    (f'<Patient {NS}><gender value="male"/><gender value="male"/></Patient>', "field-invalid"),
    (f"<Patient {NS}><contained/></Patient>", "field-invalid"),
    (f'<Observation {NS}><valueRange><low><value value="1e999999"/></low></valueRange></Observation>',
     "number-out-of-range"),
    (f'<Observation {NS}><valueQuantity><value value="abc"/></valueQuantity></Observation>', "field-invalid"),
    (f"<Parameters {NS}>{'<parameter><part>' * 100}", "json-too-deep"),
    (f'<Patient {NS}><text><status value="generated"/><h:div xmlns:h="http://www.w3.org/1999/xhtml"/></text></Patient>',
     "xml-malformed"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code"), BAD)
def test_what_is_no_fhir_xml(text: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        fhir.validate(fhir.parse_xml(text.encode()))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "value", "wanted"), [("active", "yes", "yes"), ("multipleBirthInteger", "two", "two")]
)
def test_a_wrong_primitive_is_left_to_validation(name: str, value: str, wanted: str) -> None:
    tree = fhir.parse_xml(f'<Patient {NS}><{name} value="{value}"/></Patient>'.encode())
    assert tree[name] == wanted
    with pytest.raises(Refusal, match="field-invalid"):
        fhir.validate(tree)


def test_what_repeats_often_costs_no_more_for_each() -> None:
    """A list that is copied for each of its elements takes a quarter of a minute for these, hours for a full body."""
    given = '<given value="a"/><given id="b"/>' * 30_000
    body = f"<Patient {NS}><name>{given}</name></Patient>"
    [name] = fhir.parse_xml(body.encode())["name"]
    assert (len(name["given"]), len(name["_given"])) == (60_000, 60_000)
