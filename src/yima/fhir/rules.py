"""The rules of R4 (`data/rules.json`): decided by the names of an object's elements where they suffice, else computed.

R4 conformance-rules.html#constraints; a rule holds when its FHIRPath expression yields true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from yima.fhir import fhirpath
from yima.fhir.dates import date_range
from yima.fhir.tables import KINDS, RULES
from yima.runtime.errors import Refusal

_STEPS: Final = 500_000
"""Items one rule may look at; the largest official examples need a tenth."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule for all objects of a type."""

    key: str
    severity: str
    """`error` or `warning`."""
    expression: str
    human: str
    """What it asks, in the words of R4."""

    def decided(self, present: frozenset[str]) -> bool | None:
        """What it says of every object with exactly these elements; None when that depends on their values.

        An expression that yields nothing is not fulfilled, as in HL7's own validator.
        """
        known = fhirpath.decide(self.expression, present)
        return None if known == "open" else known is True

    def test(self, type_name: str) -> Callable[[dict[str, Any]], bool]:
        """`holds` for the objects of one type."""
        return _OWN.get(self.key) or (lambda value: self.holds(value, type_name))

    def holds(self, value: dict[str, Any], type_name: str) -> bool:
        """What it says of one object. Refusal `too-costly` for one so large that this would take long."""
        own = _OWN.get(self.key)
        if own is not None:
            return own(value)
        node = fhirpath.root(value, type_name)
        context = fhirpath.Context(resource=node, container=node, steps=_STEPS)
        try:
            return fhirpath.compile_expression(self.expression).holds(node, context) is True
        except Refusal as refusal:
            if refusal.code == "too-costly":
                raise Refusal("too-costly", field=type_name, limit=f"the work for rule {self.key} of R4") from None
            return False


@cache
def rules_of(type_name: str) -> tuple[Rule, ...]:
    """The rules of a type and of those it derives from."""
    kind = KINDS.get(type_name)
    inherited = rules_of(kind["base"]) if kind else ()
    own = tuple(Rule(*row) for row in RULES.get(type_name, ()))
    return inherited + own


# --- rules that many objects meet, without the ceremony --------------------------------------------------------------
def _start_before_end(period: dict[str, Any]) -> bool:
    start, end = period.get("start"), period.get("end")
    if type(start) is not str or type(end) is not str:
        return True
    if len(start) == len(end) and start[-6:] == end[-6:] and start <= end:
        return True  # written in the same way and in the same zone
    first, last = date_range(start), date_range(end)
    return first is None or last is None or first[0] <= last[1]


def _codes(value: dict[str, Any], name: str) -> set[Any]:
    concept = value.get(name)
    return {coding.get("code") for coding in concept.get("coding", ())} if type(concept) is dict else set()


def _status(verified: str, clinical: Callable[[bool, bool], bool]) -> Callable[[dict[str, Any]], bool]:
    def status(value: dict[str, Any]) -> bool:
        return clinical("entered-in-error" in _codes(value, verified), "clinicalStatus" in value)

    return status


def _abated(value: dict[str, Any]) -> bool:
    return not _codes(value, "clinicalStatus").isdisjoint(("resolved", "remission", "inactive"))


def _no_meta(*names: str) -> Callable[[dict[str, Any]], bool]:
    def no_meta(value: dict[str, Any]) -> bool:
        return not any(name in inner["meta"] for inner in value["contained"] if "meta" in inner for name in names)

    return no_meta


_OWN: Final[dict[str, Callable[[dict[str, Any]], bool]]] = {
    "per-1": _start_before_end,
    "ait-1": _status("verificationStatus", lambda wrong, has: wrong or has),
    "ait-2": _status("verificationStatus", lambda wrong, has: not (wrong and has)),
    "con-5": _status("verificationStatus", lambda wrong, has: not (wrong and has)),
    "con-4": _abated,
    "dom-4": _no_meta("versionId", "lastUpdated"),
    "dom-5": _no_meta("security"),
}
"""The same in Python; asked only where the names leave it open. The tests hold them against their expressions."""
