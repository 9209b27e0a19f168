"""What the store keeps beside a resource so that it can be searched: token hashes and the clinical date.

A token is a 64-bit BLAKE2b of a text `param|system|code` (forms below). Collisions are possible (1 in 10^19 for a
pair) and harmless: a search may meet a resource too many only where the caller does not re-check it.

Forms. token: `p|system|code`, `p|*|code`, `p|system|*` (system may be empty: `p||code` has none).
reference: `p|Type/id`, `p|*|id`, or `p|absolute-url`; logical: `p:identifier|system|value`, `p:identifier|*|value`,
`p:identifier|system|*`. uri: `p|uri`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import Any, Final

from yima.fhir.dates import span, value_range
from yima.fhir.parameters import PRIMARY_DATE, SEARCH
from yima.fhir.paths import Path
from yima.fhir.tables import VALUESETS

_LOCAL: Final = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?$")


@dataclass(frozen=True, slots=True)
class Indexed:
    """The searchable side of a resource."""

    tokens: list[int]
    """Signed 64-bit hashes, sorted, each once."""
    dated: tuple[datetime, datetime] | None
    """Low and high (UTC, inclusive) of the type's primary clinical date."""


def token(text: str, key: bytes = b"") -> int:
    """The hash of one token form. With a key (at most 64 bytes) it cannot be guessed from outside."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=key).digest(), "big", signed=True)


def index(resource: dict[str, Any], *, key: bytes = b"") -> Indexed:
    """Tokens and date of a validated resource. Give the same `key` to `compile_query`.

    The forms hold identifiers: without a key, a stored hash of an identity number can be found by trying them all.
    """
    forms: set[str] = set()
    name = resource["resourceType"]
    for param, path in _indexed(name):
        values = path.pick(resource, resource)
        if values:
            write = writer(path.type)
            for value in values:
                forms.update(write(param, value, path))
    return Indexed(sorted(token(form, key) for form in forms), primary_date(resource))


@cache
def _indexed(type_name: str) -> tuple[tuple[str, Path], ...]:
    return tuple(
        (param.name, path)
        for param in SEARCH[type_name].values()
        if param.type in ("token", "reference", "uri") and param.name != "_id"
        for path in param.paths
    )


def primary_date(resource: dict[str, Any]) -> tuple[datetime, datetime] | None:
    """The first of the type's primary dates that has a value."""
    name = resource["resourceType"]
    for param in PRIMARY_DATE.get(name, ()):
        ranges = [
            found
            for path in SEARCH[name][param].paths
            for value in path.pick(resource, resource)
            if (found := value_range(value, path.type))
        ]
        if ranges:
            return span(ranges)
    return None


Writer = Callable[[str, Any, Path], Iterator[str]]


def code_forms(param: str, system: str, code: str) -> Iterator[str]:
    """The forms of a system and code."""
    if code:
        yield f"{param}|{system}|{code}"
        yield f"{param}|*|{code}"
    if system:
        yield f"{param}|{system}|*"


def _coding(param: str, value: Any, _: Path) -> Iterator[str]:
    yield from code_forms(param, value.get("system", ""), value.get("code", ""))


def _concept(param: str, value: Any, path: Path) -> Iterator[str]:
    for coding in value.get("coding", ()):
        yield from _coding(param, coding, path)


def _identifier(param: str, value: Any, _: Path) -> Iterator[str]:
    yield from code_forms(param, value.get("system", ""), value.get("value", ""))


def _contact(param: str, value: Any, _: Path) -> Iterator[str]:
    yield from code_forms(param, "", value.get("value", ""))


def _plain(param: str, value: Any, path: Path) -> Iterator[str]:
    code = str(value).lower() if type(value) is bool else str(value)
    systems = implicit_systems(path, code)
    for system in systems or ("",):
        yield from code_forms(param, system, code)


def implicit_systems(path: Path, code: str) -> list[str]:
    """The systems a bare code has through its required binding."""
    return [system for system, codes in VALUESETS.get(path.valueset, {}).items() if code in codes]


def _uri(param: str, value: Any, _: Path) -> Iterator[str]:
    yield f"{param}|{value}"
    if "|" in value:  # a canonical with its version is found without it, too
        yield f"{param}|{value.partition('|')[0]}"


def _reference(param: str, value: Any, path: Path) -> Iterator[str]:
    if type(value) is str:  # canonical
        yield from _uri(param, value, path)
        return
    text = value.get("reference", "")
    if text and not text.startswith("#"):
        match = _LOCAL.search(text)
        if match:
            yield f"{param}|*|{match[2]}"
        yield f"{param}|{match[1]}/{match[2]}" if match and match.start() == 0 else f"{param}|{text}"
    if identifier := value.get("identifier"):
        yield from _identifier(f"{param}:identifier", identifier, path)


_WRITERS: Final[dict[str, Writer]] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    "Identifier": _identifier,
    "ContactPoint": _contact,
    "Reference": _reference,
    "uri": _uri,
    "url": _uri,
    "canonical": _uri,
    "oid": _uri,
}


def writer(type_name: str) -> Writer:
    """How values of a FHIR type are written as token forms."""
    return _WRITERS.get(type_name, _plain)
