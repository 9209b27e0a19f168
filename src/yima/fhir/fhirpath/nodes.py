"""What FHIRPath walks over: elements of a resource with their R4 type and their place."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any, Final

from yima.fhir.fhirpath.temporal import Quantity, Temporal, temporal
from yima.fhir.primitives import CHECKS
from yima.fhir.tables import KINDS, choice_key, elements_of

_BASE: Final = {
    **dict.fromkeys(("code", "id", "markdown"), "string"),
    **dict.fromkeys(("url", "canonical", "uuid", "oid"), "uri"),
    **dict.fromkeys(("unsignedInt", "positiveInt"), "integer"),
}
_TEMPORAL: Final = {"date": "Date", "dateTime": "DateTime", "instant": "DateTime", "time": "Time"}
_QUANTITIES: Final = frozenset(("Quantity", "Age", "Count", "Distance", "Duration", "Money", "SimpleQuantity"))
TYPE_INFO: Final = "TypeInfo"
"""What type() yields: namespace and name (FHIRPath N2, 12.1)."""
_SYSTEM: Final = frozenset(("Boolean", "Integer", "Decimal", "String", "Quantity", "Date", "DateTime", "Time", "Any"))
_CALENDAR: Final = {"a": "year", "mo": "month"}

Plain = bool | int | Decimal | str | Temporal | Quantity
"""A value of FHIRPath's own types."""


class Node:
    """An element: its JSON value, the `_` twin of a primitive, its R4 type, and where it stands."""

    __slots__ = ("at", "holder", "key", "twin", "type", "value")

    def __init__(
        self, value: Any, type_name: str, twin: Any = None, holder: Node | None = None, key: str = "", at: int = -1
    ) -> None:
        self.value = value
        self.type = type_name
        self.twin = twin
        self.holder = holder
        self.key = key
        self.at = at
        """The place in the array, -1 when the element is no array."""

    @property
    def path(self) -> str:
        """`Patient.name[0].given[1]`."""
        if self.holder is None:
            return self.type
        place = f"[{self.at}]" if self.at >= 0 else ""
        return f"{self.holder.path}.{self.key}{place}"

    def plain(self) -> Plain | Node:
        """A primitive or Quantity as FHIRPath's own value; anything else, and a primitive without a value, as it is."""
        value = self.value
        kind = type(value)
        if kind is str:
            wanted = _TEMPORAL.get(self.type)
            return (temporal(value, wanted) or str(value)) if wanted else str(value)
        if kind is bool or kind is int:
            return Decimal(value) if self.type == "decimal" else value
        if kind is Decimal:
            return value  # type: ignore[no-any-return]
        if self.type in _QUANTITIES and isinstance(value.get("value"), (int, Decimal)):
            code = value.get("code") or value.get("unit") or "1"
            if value.get("system") == "http://unitsofmeasure.org" and code in _CALENDAR:
                return Quantity(Decimal(value["value"]), str(code))
            return Quantity(Decimal(value["value"]), str(code))
        return self

    def child(self, name: str) -> list[Node]:
        """The elements of that name, of any type for a choice."""
        holder = self.value
        if type(holder) is not dict:
            holder = self.twin
            if type(holder) is not dict or name not in ("extension", "id"):
                return []
        found: list[Node] = []
        for key, type_name, primitive in keys_of(self.type, name):
            value = holder.get(key)
            twin = holder.get("_" + key) if primitive else None
            if value is not None or twin is not None:
                found += self._nodes(value, twin, key, type_name)
        return found

    def _nodes(self, value: Any, twin: Any, key: str, type_name: str) -> Iterator[Node]:
        if type(value) is not list and type(twin) is not list:
            yield Node(value, _concrete(type_name, value), twin, self, key)
            return
        values = value if type(value) is list else ()
        twins = twin if type(twin) is list else ()
        for at in range(max(len(values), len(twins))):
            one = values[at] if at < len(values) else None
            other = twins[at] if at < len(twins) else None
            if one is not None or other is not None:
                yield Node(one, _concrete(type_name, one), other, self, key, at)

    def children(self) -> list[Node]:
        """All elements, in the order R4 defines them."""
        return [node for name in names_of(self.type) for node in self.child(name)]


def _concrete(type_name: str, value: Any) -> str:
    if type_name in ("Resource", "DomainResource") and type(value) is dict:
        named = value.get("resourceType")
        return named if type(named) is str and named in KINDS else type_name
    return type_name


@cache
def keys_of(type_name: str, name: str) -> tuple[tuple[str, str, bool], ...]:
    """The JSON keys an element may stand under: (key, type, whether primitive). None for what R4 does not define."""
    if type_name == TYPE_INFO:
        return ((name, "string", False),)
    if type_name not in KINDS:
        type_name = "Element"
    element = elements_of(type_name).get(name)
    if element is None:
        return ()
    return tuple((choice_key(name, t) if element.choice else name, t, t in CHECKS) for t in element.types)


@cache
def names_of(type_name: str) -> tuple[str, ...]:
    """The names of the elements of a type; those of a primitive are its id and extensions."""
    return tuple(elements_of(type_name if type_name in KINDS else "Element"))


@cache
def is_kind(type_name: str, wanted: str) -> bool:
    """Whether a FHIR type is another or derives from it."""
    while type_name:
        if type_name == wanted:
            return True
        if type_name in KINDS:
            type_name = KINDS[type_name]["base"]
        elif type_name in CHECKS:
            type_name = _BASE.get(type_name, "Element")
        else:
            return False
    return False


def system_type(value: Plain) -> str:
    """The name of a value's type in FHIRPath's own namespace."""
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, Temporal):
        return value.kind
    names = ((int, "Integer"), (Decimal, "Decimal"), (str, "String"), (Quantity, "Quantity"))
    return next(name for kind, name in names if isinstance(value, kind))


def is_type(item: Plain | Node, wanted: str) -> bool:
    """`item is wanted` (FHIRPath N1, 6.3; the FHIR model for elements, System for values)."""
    space, _, name = wanted.rpartition(".")
    if isinstance(item, Node):
        return space != "System" and is_kind(item.type, name)
    return space != "FHIR" and system_type(item) == name


def is_known(wanted: str) -> bool:
    """Whether FHIR R4 or FHIRPath has a type of that name."""
    name = wanted.rpartition(".")[2]
    return name in KINDS or name in CHECKS or name in _SYSTEM or name in _QUANTITIES


def is_exactly(item: Plain | Node, wanted: str) -> bool:
    """As `is_type`, but a primitive is only of its own type: ofType(string) finds no codes."""
    if isinstance(item, Node) and item.type in CHECKS:
        return item.type == wanted.removeprefix("FHIR.")
    return is_type(item, wanted)


def root(resource: dict[str, Any], type_name: str = "") -> Node:
    """The node an expression starts at."""
    return Node(resource, type_name or str(resource.get("resourceType", "Element")))
