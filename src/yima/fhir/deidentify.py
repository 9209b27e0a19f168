"""A resource without what says whose it is: for statistics and research, where nobody needs a person. Pure.

By data type, from R4's own definitions, so that nothing new slips through: names, addresses (but the province),
numbers, contacts, free text, pictures, signatures, contained resources and extensions go; days are shifted by the same
number for all of one person; ids become pseudonyms that are the same within one export and in no other. Codes,
quantities and what is between them stay. HIPAA 164.514(b)(2) lists eighteen such kinds; those that FHIR can hold are
covered by their types.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, Final

from yima.fhir.tables import KINDS, TYPES, choice_key, elements_of

_OLDEST: Final = 90
_SHIFT: Final = 365
_DROPPED: Final = frozenset(
    {
        "HumanName", "ContactPoint", "Identifier", "Attachment", "Narrative", "Annotation", "Signature", "Extension",
        "ContactDetail", "string", "markdown", "base64Binary", "xhtml", "uri", "url", "oid", "uuid", "time",
        "RelatedArtifact", "Contributor", "DataRequirement", "Expression", "TriggerDefinition", "UsageContext",
    }
)  # fmt: skip
"""Types that say who somebody is, or that may hold anything. `time` alone is a moment nobody can shift."""
_KEPT_TEXT: Final = {"Coding": {"system", "version", "display"}, "Quantity": {"unit", "system"}}
"""Words of code systems and units are not of people. Quantity stands for its specialisations."""
_QUANTITIES: Final = frozenset({"Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity", "Money"})
_DAY: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_DATES: Final = frozenset({"date", "dateTime", "instant"})


@dataclass(frozen=True, slots=True)
class Veil:
    """What hides the persons of one export. `key` is that export's alone."""

    key: bytes

    def pseudonym(self, name: str) -> str:
        """An id in place of an id: 26 characters of base16."""
        return hmac.digest(self.key, f"id\x1f{name}".encode(), "sha256").hex()[:26]

    def shift(self, person: int) -> int:
        """By how many days the dates of a person are put back, 1 to 365."""
        return int.from_bytes(hmac.digest(self.key, f"days\x1f{person}".encode(), "sha256")[:4], "big") % _SHIFT + 1


def deidentified(resource: dict[str, Any], veil: Veil, person: int, today: date) -> dict[str, Any]:
    """The resource without what says whose it is. `person` groups what is shifted together; `today` caps ages at 90."""
    name = str(resource["resourceType"])
    made = _Hiding(veil, veil.shift(person), today).node(resource, name)
    head = {"resourceType": name, "id": veil.pseudonym(str(resource.get("id", "")))}
    meta = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "PSEUDED"}]}
    return head | {"meta": meta} | {k: v for k, v in made.items() if k not in ("id", "meta", "resourceType")}


class _Hiding:
    def __init__(self, veil: Veil, days: int, today: date) -> None:
        self._veil = veil
        self._days = timedelta(days=days)
        self._today = today

    def node(self, node: dict[str, Any], kind: str) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        kinds = _kinds(kind)
        for key, value in node.items():
            of = kinds.get(key)
            if of is None or key in ("contained", "implicitRules", "meta", "extension", "modifierExtension"):
                continue
            found = self._list(value, of, kind, key) if isinstance(value, list) else self._value(value, of, kind, key)
            if found is not None and found not in ([], {}):
                kept[key] = found
        return kept

    def _list(self, values: list[Any], of: str, kind: str, key: str) -> list[Any]:
        return [one for value in values if (one := self._value(value, of, kind, key)) is not None]

    def _value(self, value: Any, of: str, kind: str, key: str) -> Any:
        if of in _DROPPED:
            parent = "Quantity" if kind in _QUANTITIES else kind
            return value if key in _KEPT_TEXT.get(parent, ()) else None
        if of == "Address":
            return {"state": value["state"]} if isinstance(value, dict) and value.get("state") else None
        if of == "Reference":
            return self._reference(value)
        if of in _DATES:
            return self._date(value, key)
        if isinstance(value, dict):
            return self.node(value, of) if of in KINDS else None
        return self._veil.pseudonym(str(value)) if of == "id" else value

    def _reference(self, value: Any) -> Any:
        said = value.get("reference", "") if isinstance(value, dict) else ""
        kind, _, name = said.partition("/")
        return {"reference": f"{kind}/{self._veil.pseudonym(name)}"} if kind in TYPES and name else None

    def _date(self, value: Any, key: str) -> Any:
        text = str(value)
        if key == "birthDate":
            return str(max(int(text[:4]), self._today.year - _OLDEST)) if text[:4].isdigit() else None
        whole = _DAY.match(text)
        if whole is None:
            return text[:4]
        try:
            return (date(int(whole[1]), int(whole[2]), int(whole[3])) - self._days).isoformat()
        except (ValueError, OverflowError):
            return None


@cache
def _kinds(kind: str) -> dict[str, str]:
    """JSON key -> data type or backbone element."""
    return {
        choice_key(element.name, of) if element.choice else element.name: of
        for element in elements_of(kind).values()
        for of in element.types
    }
