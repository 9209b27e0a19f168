"""The generated tables (tools/fhir_tables), read once at import: what R4 defines, in a form made for the machine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import msgspec


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = msgspec.json.decode(files("yima.fhir").joinpath("data", name).read_bytes())
    return loaded


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type: its JSON name without choice suffix, cardinality, types and bound value set."""

    name: str
    minimum: int
    many: bool
    types: tuple[str, ...]
    valueset: str
    choice: bool
    summary: bool
    """Whether it belongs to a summary (R4 ElementDefinition.isSummary)."""


_structure: Final = _load("structure.json")
_search: Final = _load("search.json")
RULES: Final[dict[str, list[tuple[str, str, str, str]]]] = _load("rules.json")["rules"]
"""Type -> its own rules: (key, severity, FHIRPath expression, words)."""

KINDS: Final[dict[str, dict[str, Any]]] = _structure["types"]
"""Type -> {base, resource?, elements}, including data types and backbone elements such as Observation.component."""
VALUESETS: Final[dict[str, dict[str, list[str]]]] = _structure["valuesets"]
"""Enumerable value sets that are required somewhere: name -> system -> codes."""
SEARCH_ROWS: Final[dict[str, dict[str, dict[str, Any]]]] = _search["search"]
COMPARTMENT: Final[dict[str, list[str]]] = _search["compartment"]
"""Type -> search parameters that put it into a patient's compartment (R4 CompartmentDefinition patient)."""
UCUM: Final = _load("ucum.json")
"""Prefixes and unit atoms of UCUM (tools/ucum_table.py): see `yima.fhir.ucum`."""
TYPES: Final[frozenset[str]] = frozenset(name for name, kind in KINDS.items() if kind.get("resource"))
"""All concrete R4 resource types."""


def elements_of(type_name: str) -> dict[str, Element]:
    """The elements of a type with those of its base types, by name (`value` for `value[x]`)."""
    kind = KINDS[type_name]
    found = elements_of(kind["base"]) if kind["base"] else {}
    for key, row in kind["elements"].items():
        cardinality, types, *valueset = row.split()
        low, high = cardinality.removesuffix("~").split("..")
        name = key.removesuffix("[x]")
        found[name] = Element(
            name, int(low), high != "1", tuple(types.split("|")), "".join(valueset), name != key, cardinality[-1] == "~"
        )
    return found


def choice_key(name: str, type_name: str) -> str:
    """The JSON key of one type of a choice element: value + Quantity -> valueQuantity."""
    return name + type_name[0].upper() + type_name[1:]
