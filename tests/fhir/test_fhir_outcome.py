# ruff: noqa: E501  tables of cases read best with one case per line
"""Refusals and the CapabilityStatement in FHIR's words; both pass our own validation."""

from __future__ import annotations

from typing import Any

import pytest

from yima import fhir
from yima.runtime.errors import KINDS, Language, Refusal


@pytest.mark.parametrize("code", sorted(KINDS))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_refusal_is_a_valid_outcome_in_both_languages(code: str, language: Language) -> None:
    refusal = Refusal(code, field="Patient.name")
    outcome = fhir.operation_outcome(refusal, language)
    fhir.validate(outcome)
    [issue] = outcome["issue"]
    other: Language = "en" if language == "zh" else "zh"
    assert issue["details"]["coding"] == [{"system": fhir.ERROR_SYSTEM, "code": code}]
    assert issue["details"]["text"] == refusal.text(language)
    assert issue["details"]["_text"]["extension"][0]["extension"][1] == {
        "url": "content",
        "valueString": refusal.text(other),
    }
    assert (issue["code"], issue["diagnostics"]) == (refusal.kind.issue, refusal.mend(language))
    assert issue["expression"] == ["Patient.name"]


def test_each_mistake_is_an_issue() -> None:
    with pytest.raises(Refusal) as caught:
        fhir.validate({"resourceType": "Patient", "gender": "x", "foo": 1})
    outcome = fhir.operation_outcome(caught.value, "zh")
    assert [issue["expression"] for issue in outcome["issue"]] == [["Patient.foo"], ["Patient.gender"]]


def test_the_capability_statement_says_what_is_offered() -> None:
    types = {"Patient": ["read", "search-type"], "Observation": ["read", "create", "search-type"], "Binary": ["read"]}
    statement: dict[str, Any] = fhir.capability(
        "https://yima.example/fhir",
        "0.1.0",
        "2025-01-01",
        types,
        token_url="https://yima.example/oauth/token",
        operations={"Patient": {"everything": "", "summary": "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"}},
    )
    fhir.validate(statement)
    [rest] = statement["rest"]
    by_type = {resource["type"]: resource for resource in rest["resource"]}
    assert list(by_type) == ["Binary", "Observation", "Patient"]
    [code] = [one for one in by_type["Observation"]["searchParam"] if one["name"] == "code"]
    assert code["type"] == "token"
    assert ":of-type" in code["documentation"]
    assert "searchParam" not in by_type["Binary"]
    assert [o["definition"] for o in by_type["Patient"]["operation"]] == [
        "http://hl7.org/fhir/OperationDefinition/Patient-everything",
        "http://hl7.org/fhir/uv/ips/OperationDefinition/summary",
    ]
    assert rest["security"]["extension"][0]["extension"][0]["valueUri"] == "https://yima.example/oauth/token"
    fhir.validate(fhir.capability("https://h/fhir", "1", "2025", {name: ["search-type"] for name in fhir.TYPES}, token_url="https://h/t"))  # fmt: skip
