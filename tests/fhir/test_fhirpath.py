# ruff: noqa: E501  tables of cases read best with one case per line
"""FHIRPath: what expressions yield, what is refused, and that none runs for long; the rules of R4 that use it."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.fhir import fhirpath, rules
from yima.fhir.fhirpath import patterns
from yima.fhir.tables import RULES
from yima.runtime.errors import Refusal

PATIENT: dict[str, Any] = {
    "resourceType": "Patient", "active": True, "birthDate": "1974-12-25", "_birthDate": {"extension": [{"url": "u", "valueString": "x"}]},
    "name": [{"given": ["A", None], "_given": [None, {"id": "g"}], "family": "C"}, {"use": "usual", "given": ["D"]}],
    "contained": [{"resourceType": "Organization", "id": "o", "name": "N"}], "managingOrganization": {"reference": "#o"},
    "multipleBirthInteger": 2, "contact": [{"period": {"start": "2020"}}],
}  # fmt: skip
YIELDS: list[tuple[str, list[Any]]] = [
    ("name.given", ["A", None, "D"]),
    ("Patient.name[1].given", ["D"]),
    ("Observation.name", []),
    ("name.where(use = 'usual').given | name.family", ["D", "C"]),
    ("multipleBirth", [2]),
    ("multipleBirth is integer and (multipleBirth as boolean).empty()", [True]),
    ("birthDate.extension('u').value", ["x"]),
    ("birthDate < @1980 and birthDate > @1974-01", [True]),
    ("birthDate = @1974", []),
    ("birthDate + 1 month = @1975-01-25", [True]),
    ("today() - 1 day = @2026-05-31", [True]),
    ("managingOrganization.resolve().name", ["N"]),
    ("contained.ofType(Organization).id", ["o"]),
    ("name.given.count() = 3 and name.select(given.count()).first() = 2", [True]),
    ("iif(active, 'yes', 'no') & '!'", ["yes!"]),
    ("{} & 'a'", ["a"]),
    ("{} and false", [False]),
    ("{} or false", []),
    ("1 + 2 * 3 - 4 / 2", [Decimal(5)]),
    ("7 div 2 = 3 and 7 mod 2 = 1 and 1 / 0 = {}", []),
    ("0.1 + 0.2 = 0.3", [True]),
    ("1.0 = 1 and '1' != 1 and true != 1", [True]),
    ("1 'kg' = 1000 'g' and 1 week = 7 days and 1 year ~ 1 'a'", [False]),
    ("'abc'.matches('^a.c$') and 'xabc'.matches('b') and 'abc'.matches('^b').not()", [True]),
    ("'a,b'.split(',').join('-')", ["a-b"]),
    ("(1 | 2 | 2).aggregate($total + $this, 0)", [3]),
    ("name.all(given.exists()) and name.exists(family = 'C')", [True]),
    ("descendants().where($this is Period).start", ["2020"]),
    ("contact.period.start.lowBoundary() = @2020-01-01T00:00:00.000+14:00", [True]),
    ("conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", [True]),
]  # fmt: skip


def _context(node: fhirpath.Node) -> fhirpath.Context:
    return fhirpath.Context(resource=node, container=node, now=datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(("expression", "wanted"), YIELDS)
def test_what_an_expression_yields(expression: str, wanted: list[Any]) -> None:
    node = fhirpath.root(PATIENT)
    found = fhirpath.compile_expression(expression).evaluate(node, _context(node))
    assert [item.value if isinstance(item, fhirpath.Node) else item for item in found] == wanted


REFUSED = [
    ("", "expression-invalid"), ("a.", "expression-invalid"), ("a b", "expression-invalid"), ("nothing()", "expression-invalid"),
    ("'a", "expression-invalid"), ("@2020-13", "expression-invalid"), ("%nothing", "expression-invalid"), ("a is nothing", "expression-invalid"),
    ("where()", "expression-invalid"), ("name.given.substring('x')" + "(", "expression-invalid"), ("((((" * 50, "expression-invalid"),
    ("-" * 5000 + "1", "expression-invalid"), ("1" + "+1" * 5000, "expression-invalid"), ("'a'.matches('(?=a)')", "expression-invalid"),
    ("'a'.matches('((a{999}){999}){999}')", "expression-invalid"), ("name.given.single()", "expression-failed"),
    ("1 < 'a'", "expression-failed"), ("name and true", "expression-failed"), ("9999999999999999999999999999 * 10", "expression-failed"),
    ("now()", "expression-failed"), ("'a'.replaceMatches('(a*)*', 'b')", "too-costly"),
    ("descendants().where(%resource.descendants().where(%resource.descendants().where(%resource.descendants().exists()).exists()).exists())", "too-costly"),
    ("repeat($this & 'x')", "too-costly"), ("'x'.repeat($this & 'x')", "too-costly"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "code"), REFUSED)
def test_what_cannot_be_read_computed_or_afforded_is_refused(expression: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        fhirpath.evaluate(PATIENT, expression)
    assert caught.value.code == code


@given(st.text(max_size=40) | st.text("()'.[]$%@|&=<>ab1 ", max_size=60))
def test_no_text_does_more_than_be_refused(expression: str) -> None:
    with contextlib.suppress(Refusal):
        fhirpath.evaluate(PATIENT, expression)


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", "(a|b)", "(ab)", "(?:a|ab)", "a{2}", "b{1,2}", "a{0,1}"])
PIECES = st.lists(st.tuples(ATOMS, st.sampled_from(["", "*", "+", "?", "*?"])), max_size=4)


@given(PIECES, st.booleans(), st.booleans(), st.text("ab1", max_size=8))
def test_patterns_find_what_re_finds(pieces: list[tuple[str, str]], start: bool, end: bool, text: str) -> None:
    body = "".join(f"(?:{atom}){mark}" for atom, mark in pieces)
    pattern = ("^" if start else "") + body + (r"$" if end else "")
    assert patterns.matches(text, pattern) == bool(re.search(pattern, text, re.S))
    assert patterns.matches_full(text, body) == bool(re.fullmatch(body, text, re.S))


def test_every_rule_of_r4_can_be_computed() -> None:
    for type_name, rows in RULES.items():
        for _, _, expression, _ in rows:
            assert fhirpath.decide(expression, frozenset()) in (True, False, None, "open"), type_name
            fhirpath.compile_expression(expression)


STATUS = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
ALLERGY = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
TIMES = [
    "2020",
    "2020-02",
    "2020-02-01",
    "2020-02-29",
    "2020-02-01T10:00:00Z",
    "2020-02-01T10:00:00+08:00",
    "2021-06-01",
]


def _coded(system: str, *codes: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} for code in codes]}


SAMPLES: list[tuple[str, str, dict[str, Any]]] = [
    *(("Period", "per-1", {"start": a, "end": b}) for a in TIMES for b in TIMES),
    *((kind, key, {"verificationStatus": _coded(system, code), **clinical})
      for kind, key, system in (("Condition", "con-5", STATUS), ("AllergyIntolerance", "ait-1", ALLERGY), ("AllergyIntolerance", "ait-2", ALLERGY))
      for code in ("entered-in-error", "confirmed") for clinical in ({}, {"clinicalStatus": {"text": "x"}})),
    *(("Condition", "con-4", {"abatementString": "x", "clinicalStatus": _coded(CLINICAL, code)}) for code in ("active", "resolved", "inactive")),
    *(("Patient", key, {"resourceType": "Patient", "contained": [{"resourceType": "Patient", "meta": meta}]})
      for key in ("dom-4", "dom-5") for meta in ({"versionId": "1"}, {"lastUpdated": "2020-01-01T00:00:00Z"}, {"security": [{"code": "x"}]}, {"tag": [{"code": "x"}]})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("type_name", "key", "value"), SAMPLES, ids=lambda v: json.dumps(v) if isinstance(v, dict) else v
)
def test_a_rule_in_python_says_what_its_expression_says(type_name: str, key: str, value: dict[str, Any]) -> None:
    [rule] = [rule for rule in rules.rules_of(type_name) if rule.key == key]
    expected = fhirpath.compile_expression(rule.expression).holds(fhirpath.root(value, type_name)) is True
    assert rule.holds(value, type_name) is expected


@pytest.mark.parametrize(
    "expression",
    [
        "name.aggregate($total.combine($total), 'a').count()",
        "name.aggregate($total & $total, 'a')",
        "name.aggregate($total + $total, 'a')",
        "name.select(%resource.name.family.join('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')).join('x')",
        "name.select(%resource.name = %resource.name).count()",
        "name.select(%resource.name ~ %resource.name).count()",
        "name.where($this in %resource.name).count()",
        "(1 | 2).repeat($this + 1)",
        "name.select(%resource.name.select(@2020-01-01 + 1 day)).count()",
    ],
)
def test_what_grows_with_each_item_is_stopped(expression: str) -> None:
    resource = {"resourceType": "Patient", "name": [{"family": "x" * 20, "given": ["a", "b"]}] * 400}
    with pytest.raises(Refusal, match="too-costly"):
        fhirpath.evaluate(resource, expression)
