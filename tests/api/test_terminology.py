"""Terminology over HTTP: each operation on the type and on one resource, by GET and POST, right and wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from support import Institution, Platform, assert_refused, nothing_written
from yima.runtime import clock
from yima.terminology import Columns, Table, Terminology, read_file

GENDER = "http://hl7.org/fhir/administrative-gender"
GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
UCUM = "http://unitsofmeasure.org"
ICD = "http://hl7.org/fhir/sid/icd-10"
MAP = "http://hl7.org/fhir/ConceptMap/cm-administrative-gender-v2"
TABLE = """代码,名称,英文
E10-E14,糖尿病,Diabetes
E11,2型糖尿病,Type 2
E11.9,2型糖尿病不伴有并发症,without
I10,高血压,Essential
"""


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    """An institution, where part of ICD-10 was loaded."""
    columns = Columns("代码", "名称", designations={"英文": "en"}, nested=True)
    table = Table(ICD, "2019", "ICD-10", columns)
    [loading] = read_file("icd.csv", TABLE.encode(), table)
    await Terminology(platform.access.database).load(loading, clock.now())
    return await platform.institution("T")


def _parameters(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(rows)}


def _of(answer: Any) -> dict[str, Any]:
    """Parameters as name -> value; what repeats, the last."""
    assert answer.status_code == 200, answer.text
    return {row["name"]: next((v for k, v in row.items() if k != "name"), None) for row in answer.json()["parameter"]}


def _codes(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["code"] for row in answer.json()["expansion"].get("contains", [])]


def _set(*include: dict[str, Any], **compose: Any) -> dict[str, Any]:
    return {"resourceType": "ValueSet", "status": "active", "compose": {"include": list(include), **compose}}


def _filter(prop: str, op: str, value: str, system: str = ICD) -> dict[str, Any]:
    return {"system": system, "filter": [{"property": prop, "op": op, "value": value}]}


# --- $expand ---------------------------------------------------------------------------------------------------------
EXPANDED = [
    (f"ValueSet/$expand?url={GENDERS}", ["male", "female", "other", "unknown"]),
    ("ValueSet/administrative-gender/$expand", ["male", "female", "other", "unknown"]),
    (f"ValueSet/$expand?url={GENDERS}|4.0.1", ["male", "female", "other", "unknown"]),
    (f"ValueSet/$expand?url={GENDERS}&valueSetVersion=4.0.1&filter=MAL", ["male", "female"]),
    (f"ValueSet/$expand?url={GENDERS}&offset=1&count=2", ["female", "other"]),
    (f"ValueSet/$expand?url={GENDERS}&count=0", []),
    (f"ValueSet/$expand?url={ICD}?fhir_vs", ["E10-E14", "E11", "E11.9", "I10"]),
    (f"ValueSet/$expand?url={ICD}?fhir_vs=isa/E11", ["E11", "E11.9"]),
    (f"ValueSet/$expand?url={ICD}?fhir_vs&filter=糖尿 没有", []),
    (f"ValueSet/$expand?url={ICD}?fhir_vs&filter=高血", ["I10"]),
    (f"ValueSet/$expand?url={ICD}?fhir_vs&filter=type", ["E11"]),
]


@pytest.mark.parametrize(("address", "codes"), EXPANDED)
@pytest.mark.capability("operation $expand")
async def test_expanding(hospital: Institution, address: str, codes: list[str]) -> None:
    assert _codes(await hospital.call("GET", f"/fhir/{address}")) == codes


@pytest.mark.capability("operation $expand")
async def test_an_expansion_tells_what_it_is_a_page_of(hospital: Institution) -> None:
    found = (await hospital.call("GET", f"/fhir/ValueSet/$expand?url={GENDERS}&offset=1&count=2")).json()
    assert (found["url"], found["expansion"]["total"], found["expansion"]["offset"]) == (GENDERS, 4, 1)
    assert found["expansion"]["contains"][0] == {"system": GENDER, "code": "female", "display": "Female"}
    assert {"name": "count", "valueInteger": 2} in found["expansion"]["parameter"]
    assert "compose" not in found


@pytest.mark.capability("operation $expand")
async def test_displays_in_other_languages(hospital: Institution) -> None:
    url = f"/fhir/ValueSet/$expand?url={ICD}?fhir_vs=isa/I10"
    [row] = (await hospital.call("GET", f"{url}&displayLanguage=en&includeDesignations=true")).json()["expansion"][
        "contains"
    ]
    assert row["display"] == "Essential"
    assert row["designation"] == [{"language": "en", "value": "Essential"}]
    [row] = (await hospital.call("GET", url)).json()["expansion"]["contains"]
    assert row["display"] == "高血压"
    assert "designation" not in row


COMPOSED = [
    (_set(_filter("concept", "is-a", "E10-E14")), ["E10-E14"]),
    (_set(_filter("concept", "is-a", "E11")), ["E11", "E11.9"]),
    (_set(_filter("concept", "descendent-of", "E11")), ["E11.9"]),
    (_set(_filter("concept", "is-not-a", "E11")), ["E10-E14", "I10"]),
    (_set(_filter("concept", "generalizes", "E11.9")), ["E11", "E11.9"]),
    (_set(_filter("concept", "in", "I10, E11")), ["E11", "I10"]),
    (_set(_filter("code", "not-in", "I10,E11")), ["E10-E14", "E11.9"]),
    (_set(_filter("code", "regex", r"[A-Z]\d\d")), ["E11", "I10"]),
    (_set(_filter("display", "=", "高血压")), ["I10"]),
    (_set(_filter("parent", "exists", "true")), ["E11.9"]),
    (_set(_filter("parent", "=", "E11")), ["E11.9"]),
    (_set(_filter("definition", "exists", "false")), ["E10-E14", "E11", "E11.9", "I10"]),
    (_set({"system": ICD}, exclude=[_filter("concept", "is-a", "E11")]), ["E10-E14", "I10"]),
    (_set({"system": ICD}, exclude=[{"system": ICD, "concept": [{"code": "I10"}]}]), ["E10-E14", "E11", "E11.9"]),
    (_set({"system": ICD, "concept": [{"code": "I10"}, {"code": "NEW", "display": "own"}]}), ["I10", "NEW"]),
    (_set({"system": "urn:not:here", "concept": [{"code": "x"}]}), ["x"]),
    (_set({"valueSet": [GENDERS]}), ["male", "female", "other", "unknown"]),
    (_set({"system": GENDER, "concept": [{"code": "male"}, {"code": "no"}], "valueSet": [GENDERS]}), ["male"]),
    (_set({"valueSet": [GENDERS, f"{ICD}?fhir_vs"]}), []),
    (_set(_filter("concept", "is-a", "_ActEncounterCode", ACT) | {"version": "2018-08-12"},
          exclude=[_filter("notSelectable", "=", "true", ACT)]),
     ["AMB", "EMER", "FLD", "HH", "IMP", "ACUTE", "NONAC", "OBSENC", "PRENC", "SS", "VR"]),
]  # fmt: skip


@pytest.mark.parametrize(("value_set", "codes"), COMPOSED, ids=range(len(COMPOSED)))
async def test_a_value_set_that_is_sent_along(hospital: Institution, value_set: Any, codes: list[str]) -> None:
    sent = _parameters({"name": "valueSet", "resource": value_set})
    assert _codes(await hospital.call("POST", "/fhir/ValueSet/$expand", sent)) == codes


async def test_an_own_value_set_is_expanded_by_its_id(hospital: Institution) -> None:
    made = await hospital.create(_set({"system": ICD, "concept": [{"code": "I10"}]}) | {"url": "urn:own:set"})
    assert _codes(await hospital.call("GET", f"/fhir/ValueSet/{made['id']}/$expand")) == ["I10"]
    stranger = await hospital.platform.institution("U")
    assert_refused(await stranger.call("GET", f"/fhir/ValueSet/{made['id']}/$expand"), 404, "not-found")


# --- $validate-code --------------------------------------------------------------------------------------------------
IN_SETS = [
    (f"url={GENDERS}&system={GENDER}&code=male", True),
    (f"url={GENDERS}&system={GENDER}&code=male&display=MALE", True),
    (f"url={GENDERS}&system={GENDER}&code=male&display=Female", False),
    (f"url={GENDERS}&system={GENDER}&code=wild", False),
    (f"url={GENDERS}&system={GENDER}&code=Male", False),
    (f"url={GENDERS}&code=male", True),
    (f"url={ICD}?fhir_vs=isa/E11&system={ICD}&code=E11.9&display=without", True),
    (f"url={ICD}?fhir_vs=isa/E11&system={ICD}&code=I10", False),
    (f"url=http://hl7.org/fhir/ValueSet/ucum-units&system={UCUM}&code=mg/dL", True),
    (f"url=http://hl7.org/fhir/ValueSet/ucum-units&system={UCUM}&code=mgdl", False),
    ("url=http://hl7.org/fhir/ValueSet/mimetypes&system=urn:ietf:bcp:13&code=image/png", True),
    ("url=http://hl7.org/fhir/ValueSet/mimetypes&system=urn:ietf:bcp:13&code=png", False),
    ("url=http://hl7.org/fhir/ValueSet/all-languages&system=urn:ietf:bcp:47&code=zh-Hans-CN", True),
    ("url=http://hl7.org/fhir/ValueSet/all-languages&system=urn:ietf:bcp:47&code=z", False),
]


@pytest.mark.parametrize(("query", "valid"), IN_SETS)
@pytest.mark.capability("operation $validate-code")
async def test_a_code_in_a_value_set(hospital: Institution, query: str, valid: bool) -> None:
    found = _of(await hospital.call("GET", f"/fhir/ValueSet/$validate-code?{query}"))
    assert found["result"] is valid
    assert ("message" in found) is not valid


@pytest.mark.capability("operation $validate-code")
async def test_a_wrong_display_is_told_with_the_right_one(hospital: Institution) -> None:
    url = f"/fhir/ValueSet/administrative-gender/$validate-code?system={GENDER}&code=male&display=Man"
    found = _of(await hospital.call("GET", url))
    assert (found["result"], found["display"], found["code"]) == (False, "Male", "male")
    assert "'Male'" in found["message"]


async def test_codings_and_concepts(hospital: Institution) -> None:
    url = {"name": "url", "valueUri": GENDERS}
    male, wild = ({"system": GENDER, "code": code} for code in ("male", "wild"))
    for row, valid in [
        ({"name": "coding", "valueCoding": male}, True),
        ({"name": "coding", "valueCoding": wild}, False),
        ({"name": "codeableConcept", "valueCodeableConcept": {"coding": [wild, male]}}, True),
        ({"name": "codeableConcept", "valueCodeableConcept": {"coding": [wild]}}, False),
    ]:
        answer = await hospital.call("POST", "/fhir/ValueSet/$validate-code", _parameters(url, row))
        assert _of(answer)["result"] is valid


IN_SYSTEMS = [
    (f"$validate-code?url={GENDER}&code=male", True),
    (f"$validate-code?url={GENDER}&code=wild", False),
    ("administrative-gender/$validate-code?code=female", True),
    (f"$validate-code?url={UCUM}&code=10*3/uL", True),
    (f"$validate-code?url={ICD}&version=2019&code=I10", True),
]


@pytest.mark.parametrize(("address", "valid"), IN_SYSTEMS)
@pytest.mark.capability("operation $validate-code")
async def test_a_code_of_a_system(hospital: Institution, address: str, valid: bool) -> None:
    assert _of(await hospital.call("GET", f"/fhir/CodeSystem/{address}"))["result"] is valid


# --- $lookup and $subsumes -------------------------------------------------------------------------------------------
def _properties(answer: Any) -> set[tuple[str, Any]]:
    rows = [row["part"] for row in answer.json()["parameter"] if row["name"] == "property"]
    return {(code["valueCode"], next(v for k, v in value.items() if k != "name")) for code, value in rows}


@pytest.mark.capability("operation $lookup")
async def test_looking_a_code_up(hospital: Institution) -> None:
    answer = await hospital.call("GET", f"/fhir/CodeSystem/$lookup?system={ICD}&code=E11")
    found = _of(answer)
    assert (found["name"], found["version"], found["display"]) == ("ICD-10", "2019", "2型糖尿病")
    assert _properties(answer) == {("inactive", False), ("child", "E11.9")}
    only = await hospital.call("GET", f"/fhir/CodeSystem/$lookup?system={ICD}&code=E11.9&property=parent")
    assert _properties(only) == {("parent", "E11")}
    coding = _parameters({"name": "coding", "valueCoding": {"system": UCUM, "code": "mg"}})
    assert _of(await hospital.call("POST", "/fhir/CodeSystem/$lookup", coding))["display"] == "milligram"
    answer = await hospital.call("GET", f"/fhir/CodeSystem/$lookup?system={ICD}&code=I10&displayLanguage=en")
    assert _of(answer)["display"] == "Essential"
    [designation] = [row["part"] for row in answer.json()["parameter"] if row["name"] == "designation"]
    assert {"name": "value", "valueString": "Essential"} in designation


SUBSUMED = [
    (f"$subsumes?system={ICD}&codeA=E11&codeB=E11.9", "subsumes"),
    (f"$subsumes?system={ICD}&codeA=E11.9&codeB=E11", "subsumed-by"),
    (f"$subsumes?system={ICD}&codeA=E11&codeB=E11", "equivalent"),
    (f"$subsumes?system={ICD}&codeA=E11&codeB=I10", "not-subsumed"),
    ("v3-ActCode/$subsumes?codeA=_ActEncounterCode&codeB=ACUTE", "subsumes"),
]


@pytest.mark.parametrize(("address", "outcome"), SUBSUMED)
@pytest.mark.capability("operation $subsumes")
async def test_what_is_under_what(hospital: Institution, address: str, outcome: str) -> None:
    assert _of(await hospital.call("GET", f"/fhir/CodeSystem/{address}"))["outcome"] == outcome


# --- $translate ------------------------------------------------------------------------------------------------------
TRANSLATED = [
    (f"$translate?url={MAP}&system={GENDER}&code=male", ["M"]),
    ("cm-administrative-gender-v2/$translate?code=female", ["F"]),
    (f"$translate?url={MAP}&system={GENDER}&code=wild", []),
    (f"$translate?url={MAP}&system=http://terminology.hl7.org/CodeSystem/v2-0001&code=M&reverse=true", ["male"]),
    (f"$translate?system={GENDER}&code=male&targetsystem=http://terminology.hl7.org/CodeSystem/v2-0001", ["M"]),
    (f"$translate?url={MAP}&system=urn:other&code=male", []),
]


@pytest.mark.parametrize(("address", "codes"), TRANSLATED)
@pytest.mark.capability("operation $translate")
async def test_translating(hospital: Institution, address: str, codes: list[str]) -> None:
    answer = await hospital.call("GET", f"/fhir/ConceptMap/{address}")
    assert _of(answer)["result"] is bool(codes)
    matches = [{p["name"]: p for p in row["part"]} for row in answer.json()["parameter"] if row["name"] == "match"]
    assert [match["concept"]["valueCoding"]["code"] for match in matches] == codes


def _mapped(codes: Iterable[str], targets: int, **also: Any) -> dict[str, Any]:
    """A group that maps each code to so many others."""
    target = [{"code": f"t{n}", "equivalence": "wider"} for n in range(targets)]
    element = [{"code": code, "target": target} for code in codes]
    return {"source": "urn:a", "target": "urn:b", "element": element} | also


COSTLY = {
    "codings": ([_mapped("a", 1)], [{"code": str(n)} for n in range(101)]),
    "every coding with every target": ([_mapped("a", 300)], [{"code": "a", "display": str(n)} for n in range(100)]),
    "groups": ([_mapped("a", 1)] * 250, [{"code": "z", "display": str(n)} for n in range(100)]),
}


@pytest.mark.parametrize("case", COSTLY)
async def test_a_translation_stays_affordable(hospital: Institution, case: str) -> None:
    groups, codings = COSTLY[case]
    sent = {"resourceType": "ConceptMap", "status": "active", "group": groups}
    asked = {"name": "codeableConcept", "valueCodeableConcept": {"coding": codings}}
    rows = _parameters({"name": "conceptMap", "resource": sent}, asked)
    assert_refused(await hospital.call("POST", "/fhir/ConceptMap/$translate", rows), 400, "too-costly")


async def test_a_long_expansion_is_read_in_one_pass(hospital: Institution) -> None:
    """Copied for each of its codes, the list that waits would take minutes."""
    listed = {"identifier": "urn:x", "timestamp": "2026-01-01", "contains": [
        {"system": "urn:s", "code": f"a{n}", "contains": [{"system": "urn:s", "code": f"b{n}"}]} for n in range(9_000)
    ]}  # fmt: skip
    held = {"resourceType": "ValueSet", "status": "active", "expansion": listed}
    rows = _parameters({"name": "valueSet", "resource": held}, {"name": "count", "valueInteger": 3})
    answer = await hospital.call("POST", "/fhir/ValueSet/$expand", rows)
    assert (answer.json()["expansion"]["total"], _codes(answer)) == (18_000, ["a0", "b0", "a1"])


async def test_a_map_that_is_sent_with_products_and_dependencies(hospital: Institution) -> None:
    target = {
        "code": "b", "equivalence": "wider", "dependsOn": [{"property": "urn:laterality", "value": "left"}],
        "product": [{"property": "urn:side", "system": "urn:s", "value": "l"}],
    }  # fmt: skip
    group = {"source": "urn:a", "target": "urn:b", "element": [{"code": "a", "target": [target]}],
             "unmapped": {"mode": "fixed", "code": "other"}}  # fmt: skip
    sent = {"resourceType": "ConceptMap", "status": "active", "group": [group]}
    base = [{"name": "conceptMap", "resource": sent}, {"name": "system", "valueUri": "urn:a"}]
    left = {"name": "dependency", "part": [{"name": "element", "valueUri": "urn:laterality"},
            {"name": "concept", "valueCodeableConcept": {"coding": [{"code": "left"}]}}]}  # fmt: skip
    for rows, codes in [
        ([{"name": "code", "valueCode": "a"}, left], ["b"]),
        ([{"name": "code", "valueCode": "a"}], []),
        ([{"name": "code", "valueCode": "z"}], ["other"]),
    ]:
        answer = await hospital.call("POST", "/fhir/ConceptMap/$translate", _parameters(*base, *rows))
        matches = [row["part"] for row in answer.json()["parameter"] if row["name"] == "match"]
        found = [p["valueCoding"]["code"] for parts in matches for p in parts if p["name"] == "concept"]
        assert found == codes
        assert any(p["name"] == "product" for parts in matches for p in parts) is (codes == ["b"])


# --- the resources themselves ----------------------------------------------------------------------------------------
async def test_r4s_own_resources_are_read_and_found(hospital: Institution) -> None:
    read = await hospital.call("GET", "/fhir/CodeSystem/administrative-gender")
    assert read.json()["concept"][0]["code"] == "male"
    for address, total in [
        (f"ValueSet?url={GENDERS}", 1),
        (f"ValueSet?url={GENDERS}|4.0.1", 1),
        (f"CodeSystem?url={ICD}", 1),
        ("CodeSystem?_id=administrative-gender,address-use", 2),
        ("ConceptMap?name=v2.administrativegender", 1),
        ("ValueSet?url=http://no.such/set", 0),
    ]:
        found = await hospital.call("GET", f"/fhir/{address}")
        assert (found.status_code, found.json()["total"]) == (200, total), found.text
    assert_refused(await hospital.call("GET", "/fhir/ValueSet/no-such"), 404, "not-found")
    shown = (await hospital.call("GET", f"/fhir/ValueSet?url={GENDERS}&_elements=name")).json()["entry"][0]["resource"]
    assert shown["name"] == "AdministrativeGender"
    assert "compose" not in shown


async def test_all_of_them_page_by_page(hospital: Institution) -> None:
    address, seen, total = "/fhir/CodeSystem?status=draft&_count=100", [], 0
    while address:
        page = (await hospital.call("GET", address)).json()
        total = page["total"]
        seen += [e["resource"]["id"] for e in page["entry"]]
        address = next((link["url"].partition("8420")[2] for link in page["link"] if link["relation"] == "next"), "")
    assert len(seen) == len(set(seen)) == total > 100
    assert (await hospital.call("GET", "/fhir/ValueSet?_summary=count")).json()["total"] > 1300
    assert_refused(await hospital.call("GET", "/fhir/ValueSet?_offset=x"), 422, "field-invalid")


async def test_a_sandbox_finds_what_it_submitted(platform: Platform) -> None:
    sandbox = await platform.institution("S", matching="off")
    made = await sandbox.create(_set({"system": ICD}) | {"url": "urn:sandbox:set"})
    found = await sandbox.call("GET", "/fhir/ValueSet?url=urn:sandbox:set")
    assert [e["resource"]["id"] for e in found.json()["entry"]] == [made["id"]]
    assert (await sandbox.call("GET", f"/fhir/ValueSet/{made['id']}")).json()["url"] == "urn:sandbox:set"


async def test_a_sandbox_reads_what_it_put_under_an_id_of_r4s_own(platform: Platform) -> None:
    sandbox = await platform.institution("S", matching="off")
    own = {"resourceType": "ValueSet", "id": "administrative-gender", "status": "draft", "url": "urn:sandbox:own"}
    before = await sandbox.call("GET", "/fhir/ValueSet/administrative-gender")
    assert before.json()["url"] == "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert (await sandbox.call("PUT", "/fhir/ValueSet/administrative-gender", own)).status_code == 201
    assert (await sandbox.call("GET", "/fhir/ValueSet/administrative-gender")).json()["url"] == "urn:sandbox:own"


async def test_what_there_is(hospital: Institution) -> None:
    found = (await hospital.platform.client.get("/fhir/metadata?mode=terminology")).json()
    systems = {row["uri"]: [v["code"] for v in row.get("version", [])] for row in found["codeSystem"]}
    assert systems[ICD] == ["2019"]
    assert systems[GENDER] == ["4.0.1"]
    assert UCUM in systems
    statement = (await hospital.platform.client.get("/fhir/metadata")).json()
    named = {
        (r["type"], o["name"]): o["definition"]
        for r in statement["rest"][0]["resource"]
        for o in r.get("operation", ())
    }
    for kind, name in [
        ("ValueSet", "expand"), ("ValueSet", "validate-code"), ("CodeSystem", "lookup"), ("CodeSystem", "subsumes"),
        ("CodeSystem", "validate-code"), ("ConceptMap", "translate"),
    ]:  # fmt: skip
        assert named[kind, name] == f"http://hl7.org/fhir/OperationDefinition/{kind}-{name}"


async def test_xml_and_a_body_in_xml(hospital: Institution) -> None:
    url = f"/fhir/ValueSet/$expand?url={GENDERS}&_format=xml"
    answer = await hospital.call("GET", url)
    assert "<ValueSet" in answer.text
    row = f'<parameter><name value="url"/><valueUri value="{GENDERS}"/></parameter>'
    body = f'<Parameters xmlns="http://hl7.org/fhir">{row}</Parameters>'
    headers = {"content-type": "application/fhir+xml"}
    assert len(_codes(await hospital.call("POST", "/fhir/ValueSet/$expand", body.encode(), **headers))) == 4


# --- bad input -------------------------------------------------------------------------------------------------------
NESTED: dict[str, Any] = _set({"valueSet": ["urn:self"]}) | {"url": "urn:self"}
BAD_GET = [
    ("ValueSet/$expand", 422, "field-missing"),
    ("ValueSet/$expand?url=http://no.such", 404, "value-set-unknown"),
    (f"ValueSet/$expand?url={GENDERS}|9", 404, "value-set-unknown"),
    (f"ValueSet/$expand?url={GENDERS}&url={GENDERS}", 422, "field-invalid"),
    (f"ValueSet/$expand?url={GENDERS}&colour=red", 400, "search-parameter-unknown"),
    (f"ValueSet/$expand?url={GENDERS}&count=-1", 422, "field-invalid"),
    (f"ValueSet/$expand?url={GENDERS}&count=x", 422, "field-invalid"),
    (f"ValueSet/$expand?url={GENDERS}&offset=1.5", 422, "field-invalid"),
    (f"ValueSet/$expand?url={GENDERS}&activeOnly=maybe", 422, "field-invalid"),
    (f"ValueSet/$expand?url={GENDERS}&filter=%00", 422, "field-invalid"),
    (f"ValueSet/$expand?url={GENDERS}&filter={'x' * 2001}", 422, "field-invalid"),
    (f"ValueSet/$expand?url={GENDERS}&valueSet=x", 422, "field-invalid"),
    ("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/ucum-units", 400, "too-costly"),
    ("ValueSet/$expand?url=http://snomed.info/sct?fhir_vs", 404, "value-set-unknown"),
    ("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/condition-code", 404, "code-system-unknown"),
    ("ValueSet/no-such/$expand", 404, "not-found"),
    (f"ValueSet/administrative-gender/$expand?url={GENDERS}", 422, "field-missing"),
    (f"ValueSet/$validate-code?url={GENDERS}", 422, "field-missing"),
    ("ValueSet/$validate-code?code=male", 422, "field-missing"),
    (f"ValueSet/$validate-code?url={GENDERS}&code=male&coding=x", 422, "field-invalid"),
    ("CodeSystem/$lookup?code=male", 422, "field-missing"),
    (f"CodeSystem/$lookup?system={GENDER}", 422, "field-missing"),
    (f"CodeSystem/$lookup?system={GENDER}&code=wild", 404, "concept-unknown"),
    (f"CodeSystem/$lookup?system={GENDER}&version=9&code=male", 404, "code-system-unknown"),
    ("CodeSystem/$lookup?system=http://loinc.org&code=1-8", 404, "code-system-unknown"),
    (f"CodeSystem/$subsumes?system={ICD}&codeA=E11", 422, "field-missing"),
    ("CodeSystem/$subsumes?codeA=E11&codeB=I10", 422, "field-missing"),
    (f"CodeSystem/$subsumes?system={ICD}&codeA=E11&codeB=Z", 404, "concept-unknown"),
    ("CodeSystem/$validate-code?code=male", 422, "field-missing"),
    ("CodeSystem/$validate-code?url=urn:none&code=male", 404, "code-system-unknown"),
    ("CodeSystem/no-such/$validate-code?code=male", 404, "not-found"),
    (f"ConceptMap/$translate?url={MAP}", 422, "field-missing"),
    ("ConceptMap/$translate?url=urn:none&code=x", 404, "concept-map-unknown"),
    ("ConceptMap/$translate?system=urn:none&code=x", 404, "concept-map-unknown"),
    ("metadata?mode=sideways", 400, "search-value-invalid"),
]
BAD_SETS = [
    (_set(_filter("concept", "is-like", "E11")), 422, "field-invalid"),
    (_set(_filter("display", "is-a", "E11")), 422, "field-invalid"),
    (_set(_filter("concept", "is-a", "")), 422, "field-invalid"),
    (_set(_filter("parent", "exists", "perhaps")), 422, "field-invalid"),
    (_set(_filter("code", "regex", "(a")), 422, "field-invalid"),
    (_set(_filter("code", "regex", r"(a)\1")), 422, "field-invalid"),
    (_set(_filter("code", "regex", "a" * 201)), 422, "field-invalid"),
    (_set({"concept": [{"code": "x"}]}), 422, "rule-broken"),
    (_set({"system": "urn:none"}), 404, "code-system-unknown"),
    (_set({"valueSet": ["urn:none"]}), 404, "value-set-unknown"),
    (_set({"valueSet": [GENDERS]}) | {"compose": {"include": "x"}}, 422, "field-invalid"),
    (_set({"system": ICD, "concept": ["x"]}), 422, "field-invalid"),
    (NESTED, 404, "value-set-unknown"),
    ({"resourceType": "Patient"}, 422, "field-invalid"),
]
BAD_BODIES: list[tuple[Any, int, str]] = [
    (b"{", 400, "json-malformed"),
    ({"resourceType": "Patient"}, 400, "resource-type-mismatch"),
    ({"resourceType": "Parameters", "parameter": {}}, 422, "field-invalid"),
    (_parameters({"name": "url"}), 422, "rule-broken"),
    (_parameters({"name": "url", "valueUri": GENDERS, "valueString": "x"}), 422, "field-invalid"),
    (_parameters({"name": "url", "valueInteger": 5}), 422, "field-invalid"),
    (_parameters({"name": "url", "part": []}), 422, "field-invalid"),
    (_parameters({"valueUri": GENDERS}), 422, "field-missing"),
    ({"resourceType": "Parameters", "parameter": ["x"]}, 422, "field-invalid"),
]


@pytest.mark.parametrize(("address", "status", "code"), BAD_GET)
async def test_what_is_asked_wrongly_is_refused(hospital: Institution, address: str, status: int, code: str) -> None:
    assert_refused(await hospital.call("GET", f"/fhir/{address}"), status, code)


@pytest.mark.parametrize(("value_set", "status", "code"), BAD_SETS, ids=range(len(BAD_SETS)))
async def test_a_value_set_that_cannot_be_computed(
    hospital: Institution, value_set: Any, status: int, code: str
) -> None:
    sent = _parameters({"name": "valueSet", "resource": value_set})
    assert_refused(await hospital.call("POST", "/fhir/ValueSet/$expand", sent), status, code)


@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES, ids=range(len(BAD_BODIES)))
async def test_a_body_that_is_no_parameters(hospital: Institution, body: Any, status: int, code: str) -> None:
    async with nothing_written(hospital.platform):
        assert_refused(await hospital.call("POST", "/fhir/ValueSet/$expand", body), status, code)


async def test_codings_that_are_none(hospital: Institution) -> None:
    for wrong in [{}, {"code": 5}, {"code": ""}, {"system": GENDER}, "x"]:
        sent = _parameters({"name": "url", "valueUri": GENDERS}, {"name": "coding", "valueCoding": wrong})
        answer = await hospital.call("POST", "/fhir/ValueSet/$validate-code", sent)
        assert_refused(answer, 422, "field-invalid")
