"""Searches through references: `subject.name=..`, `_has:Observation:patient:code=..` (R4 search.html#chaining, #has).

Only read here: what a chain finds depends on what its asker may see, so whoever decides about that answers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from yima.fhir.parameters import SEARCH, SearchParam
from yima.fhir.tables import TYPES

MAX_LINKS: Final = 4
"""Most references one chain may go through."""
_COLUMNS: Final = ("_id", "_lastUpdated")


@dataclass(frozen=True, slots=True)
class Chain:
    """`param` must point to a resource of one of `targets` that meets the search `rest=value`."""

    param: str
    targets: tuple[str, ...]
    rest: str
    value: str


@dataclass(frozen=True, slots=True)
class Has:
    """A `type` must meet the search `rest=value` and point by `param` to the resource that is looked for."""

    type: str
    param: str
    rest: str
    value: str


def chain_of(param: SearchParam, modifier: str, rest: str, value: str) -> Chain | None:
    """The chain behind `param[:modifier].rest=value`; None when there is no such thing."""
    if param.type != "reference" or rest.count(".") + 1 > MAX_LINKS or not rest:
        return None
    targets = param.target & {modifier} if modifier else param.target
    found = tuple(target for target in sorted(targets) if _knows(target, rest))
    return Chain(param.name, found, rest, value) if found else None


def has_of(type_name: str, name: str, value: str) -> Has | None:
    """The reverse chain that a name `_has:Type:param:rest` means for a search on `type_name`; None for another."""
    pieces = name.split(":", 3)
    if len(pieces) != 4 or pieces[0] != "_has" or name.count("_has:") > MAX_LINKS:
        return None
    _, source, param, rest = pieces
    known = SEARCH.get(source, {}).get(param)
    if known is None or known.type != "reference" or type_name not in known.target or not _knows(source, rest):
        return None
    return Has(source, param, rest, value)


def _knows(type_name: str, rest: str) -> bool:
    """Whether a search on the type has the parameter with which `rest` begins."""
    if rest.startswith("_has:"):
        return has_of(type_name, rest, "") is not None
    stem, dot, further = rest.partition(".")
    stem, _, modifier = stem.partition(":")
    if stem in _COLUMNS and not dot:
        return not modifier
    param = SEARCH[type_name].get(stem) if type_name in TYPES else None
    if param is None:
        return False
    return not dot or chain_of(param, modifier, further, "") is not None
