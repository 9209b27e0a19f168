# ruff: noqa: E501  tables of cases read best with one case per line
"""What a search means: each row is a parameter, a resource, and whether R4 says they meet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima import fhir

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
GENDER = "http://hl7.org/fhir/administrative-gender"
KEY = b"0123456789abcdef0123456789abcdef"

PATIENT: dict[str, Any] = fhir.parse(
    """{"resourceType":"Patient","id":"p1","active":true,"gender":"male","birthDate":"1980-05-17",
    "identifier":[{"type":{"coding":[{"system":"t","code":"MR"}],"text":"Record Number"},"system":"urn:h","value":"a|b,c$d"},
    {"value":"free"}],
    "name":[{"use":"official","family":"Müller-Ørsted","given":["Jörg","欧阳"],"text":"欧阳修　Jörg"}],
    "telecom":[{"system":"phone","value":"555"},{"system":"email","value":"a@b.example"}],
    "address":[{"line":["12 Long Road"],"city":"Beijing","postalCode":"100000"}],
    "generalPractitioner":[{"reference":"Practitioner/d1"}],
    "managingOrganization":{"identifier":{"system":"urn:o","value":"o9"}},
    "link":[{"type":"seealso","other":{"reference":"http://else.example/fhir/Patient/7"}}],
    "meta":{"tag":[{"system":"http://t","code":"x"}],"profile":["http://p.example/StructureDefinition/a|2.0"]},
    "communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"zh"}],"text":"中文 Chinese"}}]}""".encode()
)
PRESSURE: dict[str, Any] = fhir.parse(
    b"""{"resourceType":"Observation","id":"o1","status":"final","subject":{"reference":"Patient/p1/_history/3"},
    "code":{"coding":[{"system":"http://loinc.org","code":"55284-4","display":"Blood Pressure"},{"code":"local"}],"text":"BP"},
    "effectiveDateTime":"2020-03-01T10:00:00+08:00","encounter":{"reference":"Encounter/e1"},
    "component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
    {"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80.5,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}"""
)
WEIGHT: dict[str, Any] = fhir.parse(
    b"""{"resourceType":"Observation","id":"o2","status":"final","code":{"text":"w"},"valueQuantity":{"value":5.40,"unit":"kg"},
    "effectivePeriod":{"start":"2020-01-10"},"referenceRange":[{"text":"x"}]}"""
)
CONDITION: dict[str, Any] = fhir.parse(
    b"""{"resourceType":"Condition","subject":{"reference":"Patient/p1"},"onsetDateTime":"2019-06","code":{"coding":[{"system":"s","code":"c"}]}}"""
)
RISK: dict[str, Any] = fhir.parse(
    b"""{"resourceType":"RiskAssessment","status":"final","subject":{"reference":"Patient/p1"},"prediction":[{"probabilityDecimal":0.8}],
    "occurrencePeriod":{"start":"2020-01-01","end":"2020-01-31"}}"""
)
VALUESET: dict[str, Any] = {"resourceType": "ValueSet", "status": "active", "url": "http://acme.org/fhir/ValueSet/123"}

ROWS: list[tuple[dict[str, Any], str, str, bool]] = [
    # token
    (PRESSURE, "code", f"{LOINC}|55284-4", True),
    (PRESSURE, "code", "55284-4", True),
    (PRESSURE, "code", f"{LOINC}|", True),
    (PRESSURE, "code", "|local", True),
    (PRESSURE, "code", "|55284-4", False),
    (PRESSURE, "code", f"{LOINC}|local", False),
    (PRESSURE, "code", "http://other|55284-4", False),
    (PRESSURE, "code", "x,local", True),
    (PRESSURE, "code", "LOCAL", False),
    (PRESSURE, "code:not", "local", False),
    (PRESSURE, "code:not", "x,y", True),
    (PRESSURE, "code:not", "x,local", False),
    (PRESSURE, "code:text", "blood", True),
    (PRESSURE, "code:text", "bp", True),
    (PRESSURE, "code:text", "weight", False),
    (PRESSURE, "combo-code", f"{LOINC}|8480-6", True),
    (PRESSURE, "status", "final", True),
    (PRESSURE, "status", "http://hl7.org/fhir/observation-status|final", True),
    (PRESSURE, "status", "http://wrong|final", False),
    (PATIENT, "gender", "male", True),
    (PATIENT, "gender", f"{GENDER}|male", True),
    (PATIENT, "active", "true", True),
    (PATIENT, "active", "false", False),
    (PATIENT, "deceased", "false", True),
    (PATIENT, "deceased", "true", False),
    (PATIENT | {"deceasedDateTime": "2020"}, "deceased", "true", True),
    (PATIENT | {"deceasedBoolean": False}, "deceased", "false", True),
    (PATIENT, "phone", "555", True),
    (PATIENT, "email", "555", False),
    (PATIENT, "telecom", "555", True),
    (PATIENT, "language", "zh", True),
    (PATIENT, "language:text", "chin", True),
    (PATIENT, "_tag", "http://t|x", True),
    (PATIENT, "identifier:of-type", r"t|MR|a\|b\,c\$d", True),
    (PATIENT, "identifier:of-type", "t|SS|a", False),
    (PATIENT, "identifier:text", "record", True),
    # missing
    (PATIENT, "gender:missing", "false", True),
    (PATIENT, "death-date:missing", "true", True),
    (PATIENT, "death-date:missing", "false", False),
    (PATIENT, "general-practitioner:missing", "true", False),
    # reference
    (PRESSURE, "encounter", "Encounter/e1", True),
    (PRESSURE, "encounter", "e1", True),
    (PRESSURE, "encounter:Encounter", "e1", True),
    (PRESSURE, "encounter", "Encounter/e2", False),
    (PRESSURE, "encounter", "Encounter/e1/_history/9", True),
    (PATIENT, "general-practitioner", "Practitioner/d1", True),
    (PATIENT, "general-practitioner:Organization", "d1", False),
    (PATIENT, "organization:identifier", "urn:o|o9", True),
    (PATIENT, "organization:identifier", "o9", True),
    (PATIENT, "organization:identifier", "urn:x|o9", False),
    (PATIENT, "link", "http://else.example/fhir/Patient/7", True),
    (PATIENT, "link", "7", True),
    (PATIENT, "link", "Patient/7", False),
    # uri
    (VALUESET, "url", "http://acme.org/fhir/ValueSet/123", True),
    (VALUESET, "url", "http://acme.org/fhir", False),
    (VALUESET, "url:below", "http://acme.org/fhir", True),
    (VALUESET, "url:below", "http://acme.org/fh", False),
    (VALUESET, "url:above", "http://acme.org/fhir/ValueSet/123/_history/5", True),
    (VALUESET, "url:above", "http://acme.org/fhir/ValueSet", False),
    (PATIENT, "_profile", "http://p.example/StructureDefinition/a", True),
    (PATIENT, "_profile", r"http://p.example/StructureDefinition/a\|2.0", True),
    # string
    (PATIENT, "family", "mull", True),
    (PATIENT, "family", "MÜLL", True),
    (PATIENT, "family", "ller", False),
    (PATIENT, "family:contains", "ller", True),
    (PATIENT, "family:exact", "Müller-Ørsted", True),
    (PATIENT, "family:exact", "Muller-Ørsted", False),
    (PATIENT, "name", "jorg", True),
    (PATIENT, "name", "欧阳", True),
    (PATIENT, "name", "阳", False),
    (PATIENT, "name:contains", "修", True),
    (PATIENT, "given", "x,jö", True),
    (PATIENT, "address", "12 long", True),
    (PATIENT, "address", "beij", True),
    (PATIENT, "address-city:exact", "Beijing", True),
    # date: the primary one, from the index
    (PRESSURE, "date", "2020", True),
    (PRESSURE, "date", "2020-03-01", True),
    (PRESSURE, "date", "2020-03-01T02:00:00Z", True),
    (PRESSURE, "date", "2020-03-01T10:00:00", False),
    (PRESSURE, "date", "2020-03-01T10:00:00+08:00", True),
    (PRESSURE, "date", "ne2020-03-01", False),
    (PRESSURE, "date", "gt2020-03-01", False),
    (PRESSURE, "date", "ge2020-03-01", True),
    (PRESSURE, "date", "gt2020-02", True),
    (PRESSURE, "date", "lt2020-03-02", True),
    (PRESSURE, "date", "le2020-03", True),
    (PRESSURE, "date", "sa2020-02", True),
    (PRESSURE, "date", "eb2020-04", True),
    (PRESSURE, "date", "sa2020", False),
    (PRESSURE, "date", "2019,2020", True),
    (PRESSURE, "date", "2018,2019", False),
    (WEIGHT, "date", "2020", False),  # it is still going on
    (WEIGHT, "date", "ne2020", True),
    (WEIGHT, "date", "gt2050", True),
    (WEIGHT, "date", "lt2020-01-11", True),
    (WEIGHT, "date", "lt2020-01-10", False),
    (WEIGHT, "date", "sa2020-01-09", True),
    (WEIGHT, "date", "eb2050", False),
    # date: with a second choice in the index, and others
    (CONDITION, "recorded-date", "2019", False),  # 2019-06 is its onset
    (CONDITION, "recorded-date", "ne2019", False),
    (CONDITION | {"recordedDate": "2019-07-01"}, "recorded-date", "2019", True),
    (CONDITION, "onset-date", "2019", True),
    (CONDITION, "onset-date", "2019-06-10", False),
    (CONDITION, "onset-date", "gt2019-06-10", True),
    (PATIENT, "birthdate", "1980-05", True),
    (PATIENT, "birthdate", "lt1980", False),
    (PATIENT, "death-date", "ge1900", False),
    # number
    (RISK, "probability", "0.8", True),
    (RISK, "probability", "1", True),  # [0.5, 1.5)
    (RISK, "probability", "0.75", False),
    (RISK, "probability", "gt0.8", False),
    (RISK, "probability", "ge0.8", True),
    (RISK, "probability", "ap0.85", True),
    (RISK, "probability", "ne0.8", False),
    # quantity
    (WEIGHT, "value-quantity", "5.4", True),
    (WEIGHT, "value-quantity", "5.40", True),
    (WEIGHT, "value-quantity", "5.41", False),
    (WEIGHT, "value-quantity", "5", True),
    (WEIGHT, "value-quantity", "5.4||kg", True),
    (WEIGHT, "value-quantity", f"5.4|{UCUM}|kg", False),
    (WEIGHT, "value-quantity", "gt5||kg", True),
    (WEIGHT, "value-quantity", "lt5,gt5.3", True),
    (PRESSURE, "component-value-quantity", f"le80.5|{UCUM}|mm[Hg]", True),
    (PRESSURE, "component-value-quantity", f"gt130|{UCUM}|mm[Hg]", False),
    (WEIGHT | {"valueQuantity": {"value": 5, "comparator": "<"}}, "value-quantity", "lt1", True),
    (WEIGHT | {"valueQuantity": {"value": 5, "comparator": ">="}}, "value-quantity", "gt900", True),
    # composite: both in one component
    (PRESSURE, "component-code-value-quantity", f"{LOINC}|8480-6$gt100", True),
    (PRESSURE, "component-code-value-quantity", "8462-4$gt100", False),
    (PRESSURE, "component-code-value-quantity", f"8462-4$80.5|{UCUM}|mm[Hg]", True),
    (PRESSURE, "combo-code-value-quantity", "8462-4$lt90", True),
    # ids
    (PATIENT, "_id", "p1", True),
    (PATIENT, "_id", "x,p1", True),
    (PATIENT, "_id", "p2", False),
]


@pytest.mark.parametrize(("resource", "name", "value", "meets"), ROWS)
@pytest.mark.parametrize("key", [b"", KEY])
def test_a_search_means_what_r4_says(resource: dict[str, Any], name: str, value: str, meets: bool, key: bytes) -> None:
    query = fhir.compile_query(resource["resourceType"], [(name, value)], key=key)
    assert query.accepts(fhir.index(resource, key=key), resource) is meets


def test_a_key_changes_every_token() -> None:
    assert not set(fhir.index(PATIENT).tokens) & set(fhir.index(PATIENT, key=KEY).tokens)


def test_parameters_all_hold_and_listed_values_are_alternatives() -> None:
    query = fhir.compile_query("Observation", [("code", "a,b"), ("code", "c"), ("status", "final")])
    assert [len(any_of) for any_of in query.tokens] == [2, 1, 1]


def test_about_a_date_reaches_a_tenth_of_the_way_to_now() -> None:
    now = datetime(2020, 3, 11, tzinfo=UTC)
    near = fhir.compile_query("Observation", [("date", "ap2020-02-28")], now=now)
    far = fhir.compile_query("Observation", [("date", "ap2020-02-20")], now=now)
    indexed = fhir.index(PRESSURE)
    assert near.accepts(indexed, PRESSURE)
    assert not far.accepts(indexed, PRESSURE)


DATES = [
    ("2020", "2020-01-01T00:00:00", "2020-12-31T23:59:59.999999"),
    ("2020-02", "2020-02-01T00:00:00", "2020-02-29T23:59:59.999999"),
    ("2021-02-28", "2021-02-28T00:00:00", "2021-02-28T23:59:59.999999"),
    ("2020-01-01T08:00:00+08:00", "2020-01-01T00:00:00", "2020-01-01T00:00:00.999999"),
    ("2020-01-01T00:00Z", "2020-01-01T00:00:00", "2020-01-01T00:00:59.999999"),
    ("2020-01-01T00:00:00.25Z", "2020-01-01T00:00:00.25", "2020-01-01T00:00:00.259999"),
    ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59", "2016-12-31T23:59:59.999999"),
    ("9999", "9999-01-01T00:00:00", "9999-12-31T23:59:59.999999"),
    ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"),
    ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00", "0001-01-01T00:00:00.999999"),
]


@pytest.mark.parametrize(("text", "low", "high"), DATES)
def test_a_date_is_the_range_it_stands_for(text: str, low: str, high: str) -> None:
    found = fhir.date_range(text)
    assert found == tuple(datetime.fromisoformat(bound).replace(tzinfo=UTC) for bound in (low, high))


MOMENTS = st.integers(0, 1000).map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(n))
RANGES = st.tuples(MOMENTS, MOMENTS).map(lambda pair: (min(pair), max(pair)))


@given(RANGES, RANGES)
def test_prefixes_relate_as_r4_defines_them(search: Any, found: Any) -> None:
    def holds(prefix: str) -> bool:
        return fhir.matches_dated(prefix, *search, *found)

    assert holds("ne") is not holds("eq")
    assert holds("ge") is (holds("gt") or holds("eq"))
    assert holds("le") is (holds("lt") or holds("eq"))
    assert not holds("sa") or holds("gt")
    assert not holds("eb") or holds("lt")
    assert holds("eq") or holds("gt") or holds("lt")
    assert holds("ap") is not (holds("sa") or holds("eb"))


PARAMETERS = sorted((name, param) for name, params in fhir.SEARCH.items() for param in params)


def test_every_parameter_of_every_type_compiles() -> None:
    values = {"date": "2020", "number": "1", "quantity": "1", "reference": "abc", "composite": ""}
    for name, param in PARAMETERS:
        found = fhir.SEARCH[name][param]
        value = (
            "$".join(values.get(kind, "x") for kind, _ in found.parts[0].of)
            if found.parts
            else values.get(found.type, "x")
        )
        query = fhir.compile_query(name, [(param, value)])
        empty = {"resourceType": name}
        if query.predicate:
            assert query.predicate(empty) is False
    assert len(PARAMETERS) > 2000


def test_only_three_parameters_of_r4_are_left_out() -> None:
    """Two point into the Bundle itself, one needs geography; see tools/fhir_tables/README.md."""
    assert not {"composition", "message"} & set(fhir.SEARCH["Bundle"])
    assert "near" not in fhir.SEARCH["Location"]
    assert "name" in fhir.SEARCH["InsurancePlan"]
    assert sum(param.type == "composite" for params in fhir.SEARCH.values() for param in params.values()) > 40


def test_index_and_search_agree_on_every_synthea_code(resources: list[dict[str, Any]]) -> None:
    """Every coding of `code` is found again by each of its forms, and by its negation never."""
    for resource in resources[:2000]:
        name = resource["resourceType"]
        if "code" not in fhir.SEARCH[name]:
            continue
        indexed = fhir.index(resource)
        for coding in resource.get("code", {}).get("coding", ()):
            for value in (f"{coding['system']}|{coding['code']}", coding["code"], f"{coding['system']}|"):
                assert fhir.compile_query(name, [("code", value)]).accepts(indexed, resource)
                assert not fhir.compile_query(name, [("code:not", value)]).accepts(indexed, resource)
