"""The token modifiers that need terminology: `:in`, `:not-in`, `:above`, `:below` on codes (R4 search.html#token).

What a search says is kept as it was sent (`Coded`). Whoever knows terminology finds the codes, and `among` or
`not_among` put them into the query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from yima.fhir import values
from yima.fhir.forms import writer
from yima.fhir.parameters import SearchParam

MODIFIERS: Final = ("in", "not-in", "above", "below")
_CODED: Final = frozenset({"code", "Coding", "CodeableConcept"})
_MOST: Final = 10


@dataclass(frozen=True, slots=True)
class Coded:
    """One parameter with such a modifier. The resource must have one of the codes of any of the values; for `not-in`
    none of them, so that one without any code matches."""

    param: SearchParam
    field: str
    """The parameter as sent."""
    modifier: str
    value_sets: tuple[str, ...] = ()
    """Addresses or references, for `in` and `not-in`."""
    codes: tuple[tuple[str, str], ...] = ()
    """(system, code), for `above` and `below`."""


def coded_of(param: SearchParam, field: str, modifier: str, text: str) -> Coded | None:
    """The condition, or None where parameter and modifier are not of this kind. Refusals `search-value-invalid`,
    `too-costly`."""
    if param.type != "token" or modifier not in MODIFIERS or not any(path.type in _CODED for path in param.paths):
        return None
    pieces = values.pieces(field, text)
    if len(pieces) > _MOST:
        raise values.too_many(field, _MOST)
    if modifier in ("in", "not-in"):
        return Coded(param, field, modifier, value_sets=tuple(map(values.unescape, pieces)))
    codes = [values.token_parts(field, piece) for piece in pieces]
    known = tuple((system, code) for system, code in codes if system and code)
    if len(known) < len(codes):
        raise values.invalid(field, "system|code")
    return Coded(param, field, modifier, codes=known)


def forms_among(coded: Coded, found: Iterable[tuple[str, str]]) -> list[str]:
    """The index forms of (system, code) pairs; code `*` is any of the system."""
    return [f"{coded.param.name}|{system}|{code}" for system, code in found]


def not_among(coded: Coded, forms: Iterable[str]) -> Callable[[dict[str, Any]], bool]:
    """Whether a resource has none of these forms at the parameter's paths."""
    unwanted = set(forms)
    name = coded.param.name

    def holds(resource: dict[str, Any]) -> bool:
        return not any(
            form in unwanted
            for path in coded.param.paths
            for value in path.pick(resource, resource)
            for form in writer(path.type)(name, value, path)
        )

    return holds
