"""The values of this room: concepts, what is asked of a code system, and what every code system can answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from yima.fhir import fold
from yima.runtime.errors import Refusal
from yima.terminology.pattern import Pattern

MOST: Final = 20_000
"""Most codes that one question may touch: an expansion, a search modifier, a filter that looks at each concept."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept of a code system (R4 CodeSystem.concept, flattened)."""

    code: str
    display: str = ""
    definition: str = ""
    parents: tuple[str, ...] = ()
    ancestors: frozenset[str] = frozenset()
    """All codes above it, itself not among them."""
    inactive: bool = False
    abstract: bool = False
    """Not to be chosen itself (property `notSelectable`)."""
    designations: tuple[Mapping[str, Any], ...] = ()
    """As in R4: language, use, value."""
    properties: tuple[Mapping[str, Any], ...] = ()
    """As in R4: code and value[x]."""

    def words(self) -> str:
        """Everything a text filter looks at, folded."""
        return fold(" ".join((self.code, self.display, *(str(d.get("value", "")) for d in self.designations))))

    def named(self, language: str) -> str:
        """The display in a language (`zh` also means `zh-CN`), else the usual one."""
        wanted = language.lower()
        for one in self.designations:
            said = str(one.get("language", "")).lower()
            if wanted and (said == wanted or said.startswith(f"{wanted}-") or wanted.startswith(f"{said}-")) and said:
                return str(one.get("value", ""))
        return self.display


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on concepts (R4 ValueSet.compose.include.filter)."""

    property: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which concepts of a system: all that is set must hold."""

    codes: tuple[str, ...] | None = None
    filters: tuple[Filter, ...] = ()
    text: str = ""
    """Words, each of which must stand in the code or one of its displays."""
    active: bool = False
    """Only those in use."""

    def words(self) -> list[str]:
        """The folded words of `text`."""
        return fold(self.text).split()


class System(Protocol):
    """A code system, whether in memory, in the database, or defined by a grammar."""

    @property
    def url(self) -> str:
        """Its canonical address."""
        ...

    @property
    def version(self) -> str:
        """Its version, '' when it has none."""
        ...

    @property
    def name(self) -> str:
        """Its name for people."""
        ...

    def key(self, code: str) -> str:
        """What makes two codes the same: the code, without case where the system has none."""
        ...

    async def select(self, wanted: Wanted) -> list[Concept]:
        """The concepts that are wanted, in the system's order. Refusal `too-costly` beyond `MOST`."""
        ...


def too_costly(limit: str = f"{MOST} codes") -> Refusal:
    """More than may be touched at once."""
    return Refusal("too-costly", field="ValueSet", limit=limit)


# --- filters (R4 valueset-filter-operator) ---------------------------------------------------------------------------
_HIERARCHY: Final = ("is-a", "descendent-of", "is-not-a", "generalizes")
OPERATORS: Final = (*_HIERARCHY, "=", "in", "not-in", "regex", "exists")
_CODE_NAMES: Final = ("concept", "code")


def check_filter(row: Filter) -> None:
    """Refusal `field-invalid` for an operator that R4 does not have, or one that does not go with its property."""
    if row.op not in OPERATORS or not row.property or not row.value:
        raise Refusal("field-invalid", field="filter", expected=f"property, op ({', '.join(OPERATORS)}) and value")
    if row.op in _HIERARCHY and row.property not in _CODE_NAMES:
        raise Refusal("field-invalid", field="filter.property", expected=f"concept, as {row.op} goes by the hierarchy")
    if row.op == "exists" and row.value not in ("true", "false"):
        raise Refusal("field-invalid", field="filter.value", expected="true or false")
    if row.op == "regex":
        Pattern(row.value)


def passes(concept: Concept, row: Filter, above: frozenset[str]) -> bool:
    """Whether a concept meets a filter. `above`: the ancestors of the filter's value, for `generalizes`."""
    match row.op:
        case "is-a":
            return concept.code == row.value or row.value in concept.ancestors
        case "descendent-of":
            return row.value in concept.ancestors
        case "is-not-a":
            return concept.code != row.value and row.value not in concept.ancestors
        case "generalizes":
            return concept.code == row.value or concept.code in above
        case "exists":
            return bool(values_of(concept, row.property)) is (row.value == "true")
        case "regex":
            pattern = Pattern(row.value)
            return any(pattern.matches(text) for text in values_of(concept, row.property))
        case "=":
            return row.value in values_of(concept, row.property)
        case "in":
            return not _listed(row).isdisjoint(values_of(concept, row.property))
    return _listed(row).isdisjoint(values_of(concept, row.property))  # not-in


def _listed(row: Filter) -> set[str]:
    return {piece.strip() for piece in row.value.split(",")}


def values_of(concept: Concept, name: str) -> list[str]:
    """The values of a property as text; `code`, `display`, `definition`, `parent` and `inactive` are properties too."""
    if name in _CODE_NAMES:
        return [concept.code]
    if name in ("display", "definition"):
        found = concept.display if name == "display" else concept.definition
        return [found] if found else []
    if name == "parent":
        return list(concept.parents)
    if name == "inactive":
        return ["true" if concept.inactive else "false"]
    return [text for row in concept.properties if row.get("code") == name for text in _texts(row)]


def _texts(row: Mapping[str, Any]) -> Iterable[str]:
    for key, value in row.items():
        if key.startswith("value"):
            found = value.get("code", "") if isinstance(value, dict) else value
            yield str(found).lower() if isinstance(found, bool) else str(found)
