# ruff: noqa: E501  tables of cases read best with one case per line
"""What R4 allows passes; what it does not is named with its path, all mistakes at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from yima import fhir
from yima.runtime.errors import Refusal

XHTML = '<div xmlns="http://www.w3.org/1999/xhtml">%s</div>'
PATIENT: dict[str, Any] = {"resourceType": "Patient"}
OBSERVATION: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
CONDITION: dict[str, Any] = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}}

MISTAKES = [
    # (resource, code, field)
    ({"resourceType": "Pateint"}, "resource-type-unknown", "resourceType"),
    ({"resourceType": "DomainResource"}, "resource-type-unknown", "resourceType"),
    ({"resourceType": "HumanName"}, "resource-type-unknown", "resourceType"),
    (PATIENT | {"nmae": []}, "field-unknown", "Patient.nmae"),
    (PATIENT | {"name": [{"familie": "x"}]}, "field-unknown", "Patient.name[0].familie"),
    (PATIENT | {"name": [{"resourceType": "HumanName"}]}, "field-unknown", "Patient.name[0].resourceType"),
    (PATIENT | {"fhir_comments": ["x"]}, "field-unknown", "Patient.fhir_comments"),
    ({"resourceType": "Observation", "status": "final"}, "field-missing", "Observation.code"),
    ({"resourceType": "Condition"}, "field-missing", "Condition.subject"),
    (PATIENT | {"name": {"family": "x"}}, "field-invalid", "Patient.name"),
    (OBSERVATION | {"code": [{"text": "x"}]}, "field-invalid", "Observation.code"),
    (PATIENT | {"name": []}, "field-invalid", "Patient.name"),
    (PATIENT | {"name": [{}]}, "field-invalid", "Patient.name[0]"),
    (PATIENT | {"name": [None]}, "field-invalid", "Patient.name[0]"),
    (PATIENT | {"name": [{"family": ""}]}, "field-invalid", "Patient.name[0].family"),
    (PATIENT | {"name": [{"family": None}]}, "field-invalid", "Patient.name[0].family"),
    (PATIENT | {"name": [{"family": 7}]}, "field-invalid", "Patient.name[0].family"),
    (PATIENT | {"active": "true"}, "field-invalid", "Patient.active"),
    (PATIENT | {"active": 1}, "field-invalid", "Patient.active"),
    (PATIENT | {"multipleBirthInteger": True}, "field-invalid", "Patient.multipleBirthInteger"),
    (PATIENT | {"multipleBirthInteger": 2**31}, "field-invalid", "Patient.multipleBirthInteger"),
    (PATIENT | {"telecom": [{"rank": 0}]}, "field-invalid", "Patient.telecom[0].rank"),
    (PATIENT | {"gender": "man"}, "field-invalid", "Patient.gender"),
    (OBSERVATION | {"status": "done"}, "field-invalid", "Observation.status"),
    (PATIENT | {"id": "a b"}, "field-invalid", "Patient.id"),
    (PATIENT | {"id": "x" * 65}, "field-invalid", "Patient.id"),
    (PATIENT | {"id": "x\n"}, "field-invalid", "Patient.id"),
    (PATIENT | {"birthDate": "2020-02-30"}, "field-invalid", "Patient.birthDate"),
    (PATIENT | {"birthDate": "2021-02-29"}, "field-invalid", "Patient.birthDate"),
    (PATIENT | {"birthDate": "2020-13"}, "field-invalid", "Patient.birthDate"),
    (PATIENT | {"birthDate": "20200101"}, "field-invalid", "Patient.birthDate"),
    (PATIENT | {"birthDate": "0000"}, "field-invalid", "Patient.birthDate"),
    (PATIENT | {"birthDate": "٢٠٢٠"}, "field-invalid", "Patient.birthDate"),
    (PATIENT | {"birthDate": "2020-01-01T00:00:00Z"}, "field-invalid", "Patient.birthDate"),
    (OBSERVATION | {"effectiveDateTime": "2020-01-01T10:00:00"}, "field-invalid", "Observation.effectiveDateTime"),
    (OBSERVATION | {"effectiveDateTime": "2020-01-01T10:00Z"}, "field-invalid", "Observation.effectiveDateTime"),
    (OBSERVATION | {"effectiveDateTime": "2020-01-01T24:00:00Z"}, "field-invalid", "Observation.effectiveDateTime"),
    (OBSERVATION | {"effectiveDateTime": "2020-01-01T10:00:00+15:00"}, "field-invalid", "Observation.effectiveDateTime"),
    (OBSERVATION | {"issued": "2020-01-01"}, "field-invalid", "Observation.issued"),
    (OBSERVATION | {"valueTime": "25:00:00"}, "field-invalid", "Observation.valueTime"),
    (OBSERVATION | {"valueQuantity": {"value": "5"}}, "field-invalid", "Observation.valueQuantity.value"),
    (OBSERVATION | {"valueQuantity": {"value": 5.5}}, "field-invalid", "Observation.valueQuantity.value"),  # a float has lost its digits
    (OBSERVATION | {"valueString": "a", "valueInteger": 1}, "field-invalid", "Observation.value[x]"),
    (OBSERVATION | {"valueString": "a", "_valueInteger": {"id": "x"}}, "field-invalid", "Observation.value[x]"),
    (OBSERVATION | {"value": "a"}, "field-unknown", "Observation.value"),
    (OBSERVATION | {"valueUrl": "a:b"}, "field-unknown", "Observation.valueUrl"),
    (OBSERVATION | {"code": {"coding": [{"code": " x"}]}}, "field-invalid", "Observation.code.coding[0].code"),
    (OBSERVATION | {"code": {"coding": [{"system": "a b"}]}}, "field-invalid", "Observation.code.coding[0].system"),
    (OBSERVATION | {"component": [{"code": {"text": "x"}, "referenceRange": [{"hi": 1}]}]}, "field-unknown", "Observation.component[0].referenceRange[0].hi"),
    (CONDITION | {"clinicalStatus": {"coding": [{"code": "active"}]}}, "field-invalid", "Condition.clinicalStatus.coding"),
    (PATIENT | {"extension": [{"url": "a:b"}]}, "field-invalid", "Patient.extension[0]"),
    (PATIENT | {"extension": [{"valueString": "x"}]}, "field-missing", "Patient.extension[0].url"),
    (PATIENT | {"extension": [{"url": "a:b", "valueString": "x", "extension": [{"url": "c:d", "valueCode": "e"}]}]}, "field-invalid", "Patient.extension[0]"),
    (PATIENT | {"_birthDate": {"value": "x"}}, "field-unknown", "Patient._birthDate.value"),
    (PATIENT | {"_name": [{"id": "x"}]}, "field-unknown", "Patient._name"),
    (PATIENT | {"name": [{"given": ["a", None]}]}, "field-invalid", "Patient.name[0].given[1]"),
    (PATIENT | {"name": [{"given": ["a"], "_given": [None, {"id": "x"}]}]}, "field-invalid", "Patient.name[0]._given"),
    (PATIENT | {"name": [{"given": [None], "_given": [None]}]}, "field-invalid", "Patient.name[0].given[0]"),
    (PATIENT | {"contained": [{"resourceType": "Nothing"}]}, "field-invalid", "Patient.contained[0]"),
    (PATIENT | {"contained": [{"id": "x"}]}, "field-invalid", "Patient.contained[0]"),
    (PATIENT | {"contained": [PATIENT | {"contained": [PATIENT]}]}, "field-invalid", "Patient.contained[0].contained"),
    (PATIENT | {"contained": [{"resourceType": "Condition"}]}, "field-missing", "Patient.contained[0].subject"),
    (PATIENT | {"text": {"status": "generated", "div": "<p>x</p>"}}, "field-invalid", "Patient.text.div"),
    (PATIENT | {"text": {"status": "generated", "div": XHTML % "<script>x</script>"}}, "field-invalid", "Patient.text.div"),
    (PATIENT | {"text": {"status": "generated", "div": XHTML % "<img src='x' onerror = 'y'/>"}}, "field-invalid", "Patient.text.div"),
    (PATIENT | {"text": {"status": "generated", "div": XHTML % "<a href='JavaScript:x'>y</a>"}}, "field-invalid", "Patient.text.div"),
    ({"resourceType": "Binary", "contentType": "text/plain", "data": "a"}, "field-invalid", "Binary.data"),
    ({"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {"resourceType": "Patient", "x": 1}}]}, "field-unknown", "Bundle.entry[0].resource.x"),
    ({"resourceType": "Parameters", "parameter": [{"name": "a", "valueString": "b", "valueCode": "c"}]}, "field-invalid", "Parameters.parameter[0].value[x]"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "code", "field"), MISTAKES)
def test_a_mistake_is_named_with_its_path(resource: dict[str, Any], code: str, field: str) -> None:
    for _ in range(2):  # the second time from remembered shapes
        with pytest.raises(Refusal) as caught:
            fhir.validate(resource)
        assert (caught.value.code, caught.value.field) == (code, field)


GOOD = [
    PATIENT,
    PATIENT | {"_birthDate": {"extension": [{"url": "a:b", "valueCode": "unknown"}]}},
    PATIENT | {"birthDate": "2020-02-29", "_birthDate": {"id": "x"}, "gender": "unknown"},
    PATIENT | {"name": [{"given": [None, "明"], "_given": [{"id": "x"}, None]}]},
    PATIENT | {"name": [{"text": "王　小明"}]},  # a full-width space is text
    PATIENT | {"modifierExtension": [{"url": "a:b", "extension": [{"url": "c", "valueReference": {"display": "x"}}]}]},
    PATIENT | {"contained": [{"resourceType": "Organization", "id": "o", "name": "x"}], "managingOrganization": {"reference": "#o"}},
    PATIENT | {"text": {"status": "empty", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>a &lt; b, once = 1</div>"}},
    {"resourceType": "Observation", "code": {"text": "x"}, "_status": {"extension": [{"url": "a:b", "valueCode": "x"}]}},
    OBSERVATION | {"effectiveDateTime": "2016-12-31T23:59:60.123456789-14:00"},
    OBSERVATION | {"valueQuantity": {"value": 5, "comparator": "<", "_comparator": {"id": "x"}}},
    OBSERVATION | {"component": [{"code": {"text": "x"}, "referenceRange": [{"text": "y"}]}]},
    CONDITION | {"clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}},
    {"resourceType": "Binary", "contentType": "text/plain", "data": "YQ=="},
    {"resourceType": "Questionnaire", "status": "draft", "item": [{"linkId": "1", "type": "group", "item": [{"linkId": "2", "type": "string"}]}]},
]  # fmt: skip


@pytest.mark.parametrize("resource", GOOD)
def test_what_r4_allows_passes(resource: dict[str, Any]) -> None:
    fhir.validate(resource)
    fhir.validate(resource)


def test_all_mistakes_come_in_one_answer() -> None:
    with pytest.raises(Refusal) as caught:
        fhir.validate(PATIENT | {"gender": "x", "name": [{"family": 1}, {"foo": 2}], "bar": 3})
    found = {refusal.field for refusal in (caught.value, *caught.value.also)}
    assert found == {"Patient.bar", "Patient.gender", "Patient.name[0].family", "Patient.name[1].foo"}


def test_at_most_twenty_mistakes_are_told() -> None:
    with pytest.raises(Refusal) as caught:
        fhir.validate(PATIENT | {"name": [{"foo": 1}] * 10_000})
    assert len(caught.value.also) == 19


def test_a_remembered_coding_does_not_let_another_kind_through() -> None:
    coding = {"system": "http://loinc.org", "code": "1", "display": "one"}
    fhir.validate(OBSERVATION | {"code": {"coding": [coding]}})
    for other in (
        coding | {"display": 1},
        {"system": "http://loinc.org", "code": "1", "foo": "one"},
        ["system", "code"],
    ):
        with pytest.raises(Refusal):
            fhir.validate(OBSERVATION | {"code": {"coding": [other]}})


def test_a_mistake_deep_inside_costs_no_more_than_a_shallow_one() -> None:
    """Looking twice at a failing child would double the work with each level: 2^30 here."""
    item: dict[str, Any] = {"linkId": 1, "type": "group"}
    for _ in range(30):
        item = {"linkId": "x", "type": "group", "item": [item]}
    with pytest.raises(Refusal) as caught:
        fhir.validate({"resourceType": "Questionnaire", "status": "draft", "item": [item]})
    assert str(caught.value.field).endswith(".linkId")


def test_every_synthea_bundle_is_valid_and_exact(bundles: list[bytes]) -> None:
    for body in bundles:
        bundle = fhir.parse(body)
        fhir.validate(bundle)
        assert json.loads(fhir.encode(bundle), parse_float=str) == json.loads(body, parse_float=str)


def test_every_synthea_resource_is_indexed_and_has_its_patient(resources: list[dict[str, Any]]) -> None:
    for resource in resources:
        indexed = fhir.index(resource)
        assert indexed.tokens == sorted(set(indexed.tokens))
        assert all(-(2**63) <= number < 2**63 for number in indexed.tokens)
        if resource["resourceType"] in ("Observation", "Encounter", "Condition", "Procedure", "Immunization", "Claim"):
            assert indexed.dated is not None


def test_all_types_are_known() -> None:
    assert len(fhir.TYPES) == 146
    assert {"Patient", "Bundle", "Binary", "Parameters", "OperationOutcome"} <= fhir.TYPES


PAINTED = '<p style="background: url(data: image/png;base64,iVBO)">x</p>'
PIXEL = '<img src="data: image/png;base64,iVBO" alt=""/>'
NARRATIVES: list[tuple[str, bool]] = [
    (XHTML % 'a &lt; b &#160; <a href="http://x/y?javascript:">x</a>' + " ", True),
    (XHTML % '<table class="g"><tbody><tr><td colspan="2" xml:lang="zh">药</td></tr></tbody></table><!-- a -->', True),
    (XHTML % PAINTED, True),
    (XHTML % PIXEL, True),
    (XHTML % '</div></text><identifier><value value="other"/></identifier><text><status value="generated"/>'
             '<div xmlns="http://www.w3.org/1999/xhtml">', False),
    (XHTML % "<b>", False),
    (XHTML % "&nbsp;", False),
    ("<div>no namespace</div>", False),
    ("<div/>", False),
    ("<divx/>", False),
    ('<div xmlns="http://hl7.org/fhir">x</div>', False),
    ("<?xml version='1.0'?>" + XHTML % "x", False),
    (XHTML % "" + XHTML % "", False),
    (XHTML % "<?php x?>", False),
    (XHTML % '<h:script xmlns:h="http://www.w3.org/1999/xhtml">x</h:script>', False),
    (XHTML % '<svg xmlns="http://www.w3.org/2000/svg" onload="x"/>', False),
    (XHTML % "<svg/onload=x>", False),
    (XHTML % '<b onclick="x">y</b>', False),
    (XHTML % '<a href="java&#115;cript:x">y</a>', False),
    (XHTML % '<a href=" java&#10;script:x">y</a>', False),
    (XHTML % '<a href="data:text/html,x">y</a>', False),
    (XHTML % '<img src="data:image/svg+xml;base64,eA=="/>', False),
    (XHTML % '<b style="background: u\\72l(http://x)">y</b>', False),
    (XHTML % "<form/>", False),
    (XHTML % "<iframe/>", False),
    (XHTML % "<video/>", False),
]  # fmt: skip


@pytest.mark.parametrize(("div", "good"), NARRATIVES)
def test_a_narrative_is_one_div_of_formatting(div: str, good: bool) -> None:
    """Anything else would break the XML of all that it stands in, be read as elements, or act in somebody's browser."""
    resource = PATIENT | {"text": {"status": "generated", "div": div}}
    if good:
        fhir.validate(resource)
        assert fhir.parse_xml(fhir.to_xml(resource))["text"]["div"].rstrip() == div.rstrip()
    else:
        with pytest.raises(Refusal, match="field-invalid"):
            fhir.validate(resource)


def test_a_body_full_of_mistakes_is_looked_at_no_further() -> None:
    """Twenty are told. A full body of nothing else would keep a worker from all others for a minute."""
    deep: dict[str, Any] = {"family": "x"}
    for _ in range(5_000):
        deep = {"extension": [deep]}
    with pytest.raises(Refusal) as told:
        fhir.validate({"resourceType": "Patient", "name": [*[{"x": 1}] * 20, deep]})  # what looked on would fall over
    assert (told.value.code, len(told.value.also)) == ("field-unknown", 19)
