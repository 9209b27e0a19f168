"""Whether a resource is valid R4: structure, formats, required codes, R4's own rules. A refusal names every mistake."""

from __future__ import annotations

from typing import Any

from yima.fhir.accept import accepted
from yima.fhir.checks import MAX_MISTAKES, Mistake, any_resource, mistakes_at
from yima.fhir.rules import rules_of
from yima.fhir.tables import TYPES
from yima.runtime.errors import Refusal


def validate(resource: dict[str, Any]) -> None:
    """Refuse a resource that is not valid R4: elements, cardinality, types, formats, required codes, rules.

    The refusal carries the first mistake; its `also` the others, up to twenty in all. Rules that only warn, and
    profiles, are not looked at. Refusals: resource-type-unknown, field-unknown, field-missing, field-invalid,
    rule-broken.
    """
    name = resource.get("resourceType")
    if type(name) is not str or name not in TYPES:
        raise Refusal("resource-type-unknown", field="resourceType", type=str(name)[:64])
    if accepted(resource):
        return
    try:
        found = any_resource(resource)
    except RecursionError:
        raise Refusal("json-too-deep", limit=64) from None
    if found:
        _refuse(name, mistakes_at("", found))


def warnings_of(resource: dict[str, Any]) -> list[Refusal]:
    """What R4's rules of severity `warning` say of a valid resource: good practice, no reason to refuse."""
    name = str(resource["resourceType"])
    warned = [rule for rule in rules_of(name) if rule.severity == "warning" and not rule.holds(resource, name)]
    return [Refusal("rule-broken", field=name, rule=rule.key, human=rule.human) for rule in warned]


def _refuse(root: str, mistakes: list[Mistake]) -> None:
    first, *others = mistakes[:MAX_MISTAKES]
    raise _refusal(root, first, tuple(_refusal(root, other) for other in others))


def _refusal(root: str, mistake: Mistake, also: tuple[Refusal, ...] = ()) -> Refusal:
    path, code, expected = mistake
    if code != "rule-broken":
        return Refusal(code, field=root + path, also=also, expected=expected)
    rule, _, human = expected.partition(": ")
    return Refusal(code, field=root + path, also=also, rule=rule, human=human)
