"""A refusal in FHIR's words: OperationOutcome (R4 operationoutcome.html)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from yima.fhir.profiles import Finding
from yima.runtime.errors import Language, Refusal

ERROR_SYSTEM: Final = "urn:yima:error"
"""Code system of the stable codes in runtime/errors.toml."""
_TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"
_TAGS: Final[dict[Language, str]] = {"en": "en", "zh": "zh-CN"}


def operation_outcome(refusal: Refusal, language: Language = "en") -> dict[str, Any]:
    """One issue for the refusal and one for each of its `also`: text in `language`, with the other as translation."""
    return {
        "resourceType": "OperationOutcome",
        "language": _TAGS[language],
        "issue": [_issue(each, language) for each in (refusal, *refusal.also)],
    }


def findings_outcome(findings: Sequence[Finding], language: Language, well: str) -> dict[str, Any]:
    """One issue for each remark, or the one that says that all is well."""
    issues = [_issue(found.refusal, language) | {"severity": found.severity} for found in findings]
    if not any(found.severity == "error" for found in findings):
        issues.append({"severity": "information", "code": "informational", "details": {"text": well}})
    return {"resourceType": "OperationOutcome", "language": _TAGS[language], "issue": issues}


def _issue(refusal: Refusal, language: Language) -> dict[str, Any]:
    other: Language = "en" if language == "zh" else "zh"
    translation = [
        {"url": "lang", "valueCode": _TAGS[other]},
        {"url": "content", "valueString": refusal.text(other)},
    ]
    issue: dict[str, Any] = {
        "severity": "error",
        "code": refusal.kind.issue,
        "details": {
            "coding": [{"system": ERROR_SYSTEM, "code": refusal.code}],
            "text": refusal.text(language),
            "_text": {"extension": [{"url": _TRANSLATION, "extension": translation}]},
        },
        "diagnostics": refusal.mend(language),
    }
    if refusal.field:
        issue["expression"] = [refusal.field]
    return issue
