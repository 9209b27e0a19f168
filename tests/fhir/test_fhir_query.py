# ruff: noqa: E501  tables of cases read best with one case per line
"""What a search request becomes: whose record, which order, what is refused and by which code."""

from __future__ import annotations

import pytest

from yima import fhir
from yima.runtime.errors import Refusal

PATIENTS = [
    # (type, parameter, value, patients, identifiers)
    ("Observation", "patient", "Patient/1", ["Patient/1"], []),
    ("Observation", "patient", "1,Patient/2", ["1", "Patient/2"], []),
    ("Observation", "subject", "1", ["1"], []),
    ("Observation", "subject:Patient", "1", ["1"], []),
    ("Observation", "patient", "Patient/1/_history/2", ["Patient/1"], []),
    ("Observation", "patient.identifier", r"urn:s|a\,b", [], [("urn:s", "a,b")]),
    ("Observation", "subject:Patient.identifier", "x,|y", [], [(None, "x"), ("", "y")]),
    ("Observation", "patient:identifier", "s|v", [], [("s", "v")]),
    ("Coverage", "beneficiary", "Patient/1", ["Patient/1"], []),
    ("RelatedPerson", "patient", "Patient/1", ["Patient/1"], []),
    ("Patient", "identifier", "s|v", [], [("s", "v")]),
]


@pytest.mark.parametrize(("type_name", "name", "value", "patients", "identifiers"), PATIENTS)
def test_the_patients_of_a_search_are_named(
    type_name: str, name: str, value: str, patients: list[str], identifiers: list[tuple[str | None, str]]
) -> None:
    query = fhir.compile_query(type_name, [(name, value)])
    assert (query.patients, query.patient_identifiers) == (patients, identifiers)
    assert query.tokens == []
    assert query.predicate is None


def test_where_a_patient_only_takes_part_the_search_asks_for_one() -> None:
    appointment = {"resourceType": "Appointment", "participant": [{"actor": {"reference": "Patient/1"}}]}
    empty = {"resourceType": "Appointment", "participant": [{"actor": {"reference": "Practitioner/1"}}]}
    for name, value in (("patient", "Patient/1"), ("patient.identifier", "s|v")):
        query = fhir.compile_query("Appointment", [(name, value)])
        assert query.patients or query.patient_identifiers
        assert query.accepts(fhir.index(appointment), appointment)
        assert not query.accepts(fhir.index(empty), empty)


NOT_PATIENTS = [
    ("Observation", "subject", "Group/1"),
    ("Observation", "subject", "Patient/1,Group/1"),
    ("Observation", "performer", "Patient/1"),
    ("Coverage", "policy-holder", "Patient/1"),
    ("Patient", "link", "Patient/1"),
]


@pytest.mark.parametrize(("type_name", "name", "value"), NOT_PATIENTS)
def test_other_references_are_only_tokens(type_name: str, name: str, value: str) -> None:
    query = fhir.compile_query(type_name, [(name, value)])
    assert not query.patients
    assert len(query.tokens) == 1


def test_a_second_patient_narrows_and_never_widens() -> None:
    query = fhir.compile_query("Observation", [("patient", "Patient/1"), ("subject", "Patient/2")])
    assert query.patients == ["Patient/1"]
    assert len(query.tokens) == 1


def test_a_chain_names_the_patient_only_where_nothing_else_has() -> None:
    query = fhir.compile_query("Observation", [("patient", "Patient/1"), ("patient.identifier", "s|v")])
    assert (query.patients, query.patient_identifiers) == (["Patient/1"], [])
    assert query.chains == [fhir.Chain("patient", ("Patient",), "identifier", "s|v")]
    across = fhir.compile_query("Observation", [("patient.identifier", "s|v"), ("subject", "Patient/1")], across=True)
    assert (across.patients, across.patient_identifiers, len(across.chains), len(across.tokens)) == ([], [], 1, 1)


def test_a_sort_by_other_than_columns_brings_its_keys() -> None:
    plain = fhir.compile_query("Observation", [("_sort", "-date,_id")])
    assert plain.order == []
    [(key, descending), (by_date, _)] = fhir.compile_query("Observation", [("_sort", "-value-quantity,date")]).order
    resource = {"resourceType": "Observation", "valueQuantity": {"value": 3}, "effectiveDateTime": "2025"}
    assert (key(resource), descending) == (3, True)
    assert by_date(resource).year == 2025
    assert key({"resourceType": "Observation"}) is None


def test_an_unknown_modifier_is_told_with_its_type() -> None:
    with pytest.raises(Refusal, match="'date:in' is not known for Observation"):
        fhir.compile_query("Observation", [("date:in", "http://x")])


def test_modifiers_that_need_terminology_are_kept_as_sent() -> None:
    asked = [("code:in", "http://x,ValueSet/1"), ("code:not-in", "http://x"), ("code:below", "s|c,s|d")]
    query = fhir.compile_query("Observation", asked)
    assert [(c.modifier, c.value_sets, c.codes) for c in query.coded] == [
        ("in", ("http://x", "ValueSet/1"), ()),
        ("not-in", ("http://x",), ()),
        ("below", (), (("s", "c"), ("s", "d"))),
    ]
    assert not query.tokens
    assert fhir.forms_among(query.coded[0], [("s", "c"), ("t", "*")]) == ["code|s|c", "code|t|*"]


def test_a_resource_without_the_element_is_in_no_value_set() -> None:
    [coded] = fhir.compile_query("Condition", [("code:not-in", "http://x")]).coded
    without = fhir.not_among(coded, fhir.forms_among(coded, [("s", "c"), ("t", "*")]))
    for code, wanted in [
        (None, True),
        ({"text": "only words"}, True),
        ({"coding": [{"system": "s", "code": "d"}]}, True),
        ({"coding": [{"code": "c"}]}, True),
        ({"coding": [{"system": "s", "code": "c"}]}, False),
        ({"coding": [{"system": "s", "code": "d"}, {"system": "s", "code": "c"}]}, False),
        ({"coding": [{"system": "t", "code": "any"}]}, False),
    ]:
        resource = {"resourceType": "Condition", "subject": {}} | ({"code": code} if code else {})
        assert without(resource) is wanted, code


def test_result_parameters() -> None:
    query = fhir.compile_query(
        "MedicationRequest",
        [
            ("_sort", "-authoredon,_lastUpdated"), ("_sort", "_id"), ("_count", "20"), ("_include", "MedicationRequest:medication"),
            ("_include:iterate", "MedicationRequest:patient:Patient"), ("_revinclude", "Provenance:target"), ("_summary", "count"),
            ("_elements", "id,status"), ("_total", "accurate"), ("_cursor", "abc"), ("_format", "json"), ("_lastUpdated", "ge2020"),
            ("_lastUpdated", "lt2021"),
        ],
    )  # fmt: skip
    assert query.sort == [("date", True), ("_lastUpdated", False), ("_id", False)]
    assert (query.count, query.summary, query.total, query.cursor) == (20, "count", "accurate", "abc")
    assert query.include == ["MedicationRequest:medication", "MedicationRequest:patient:Patient"]
    assert query.iterate == ["MedicationRequest:patient:Patient"]
    assert query.revinclude == ["Provenance:target"]
    assert query.elements == ["id", "status"]
    assert [prefix for prefix, _, _ in query.last_updated] == ["ge", "lt"]


REFUSED = [
    # (parameter, value, code)
    ("foo", "1", "search-parameter-unknown"),
    ("code:nonsense", "1", "search-parameter-unknown"),
    ("identifier:in", "http://x", "search-parameter-unknown"),
    ("code:in", "", "search-value-invalid"),
    ("code:below", "x", "search-value-invalid"),
    ("code:above", "|x", "search-value-invalid"),
    ("code:below", "s|", "search-value-invalid"),
    ("code:in", ",".join("abcdefghijk"), "too-costly"),
    ("date:exact", "2020", "search-parameter-unknown"),
    ("code.identifier", "x", "search-parameter-unknown"),
    ("subject:Group.name", "x", "search-parameter-unknown"),
    ("_has:Group:member:_id", "1", "search-parameter-unknown"),
    ("_sort", "code-value-quantity", "search-parameter-unknown"),
    ("_sort", "-date;drop table x", "search-parameter-unknown"),
    ("code", "", "search-value-invalid"),
    ("code", "a,,b", "search-value-invalid"),
    ("code", "|", "search-value-invalid"),
    ("code", "a|b|c", "search-value-invalid"),
    ("date", "yesterday", "search-value-invalid"),
    ("date", "2020-13", "search-value-invalid"),
    ("date", "2020-02-30", "search-value-invalid"),
    ("date", "xx2020", "search-value-invalid"),
    ("date", "0000", "search-value-invalid"),
    ("_lastUpdated", "2020,2021", "search-value-invalid"),
    ("value-quantity", "5|kg", "search-value-invalid"),
    ("value-quantity", "NaN", "search-value-invalid"),
    ("value-quantity", "1e9999", "search-value-invalid"),
    ("value-quantity", "9" * 1000, "search-value-invalid"),
    ("subject:Patient", "Group/1", "search-value-invalid"),
    ("encounter", "a b", "search-value-invalid"),
    ("component-code-value-quantity", "a", "search-value-invalid"),
    ("code:missing", "maybe", "search-value-invalid"),
    ("_count", "-1", "search-value-invalid"),
    ("_count", "１", "search-value-invalid"),
    ("_summary", "yes", "search-value-invalid"),
    ("_total", "some", "search-value-invalid"),
    ("_include", "Observation", "search-value-invalid"),
    ("_include", "Observation:code", "search-value-invalid"),
    ("_include", "Observation:subject:Nothing", "search-value-invalid"),
    ("code", ",".join(map(str, range(201))), "too-costly"),
    ("_id", ",".join(map(str, range(10_000))), "too-costly"),
]


@pytest.mark.parametrize(("name", "value", "code"), REFUSED)
def test_what_cannot_be_searched_is_refused_by_code(name: str, value: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        fhir.compile_query("Observation", [(name, value)])
    assert caught.value.code == code


def test_an_identifier_is_never_in_the_text_of_a_refusal() -> None:
    with pytest.raises(Refusal) as caught:
        fhir.compile_query("Patient", [("identifier", "a|110101199003070000|x")])
    assert "110101" not in str(caught.value)


def test_lenient_leaves_out_unknown_parameters_but_no_modifier() -> None:
    query = fhir.compile_query("Observation", [("foo", "1"), ("subject.foo", "x"), ("code", "c")], lenient=True)
    assert query.ignored == ["foo", "subject.foo"]
    assert len(query.tokens) == 1
    with pytest.raises(Refusal, match="search-parameter-unknown"):
        fhir.compile_query("Observation", [("code:nonsense", "1")], lenient=True)


def test_a_huge_count_is_a_number() -> None:
    assert fhir.compile_query("Observation", [("_count", "9" * 5000)]).count == 10**9
    assert fhir.compile_query("Observation", [("_count", "0")]).count == 0


def test_hundreds_of_parameters_are_too_costly() -> None:
    with pytest.raises(Refusal, match="too-costly"):
        fhir.compile_query("Observation", [("code", "x")] * 101)
