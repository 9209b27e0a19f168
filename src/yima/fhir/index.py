"""What the store keeps beside a resource so that it can be searched: token hashes and the clinical date.

A token is a 64-bit BLAKE2b of a form (forms.py). Two forms meet by chance once in 10^19; a search could then find a
resource too many, never one too few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any, Final

from yima.fhir.dates import span, value_range
from yima.fhir.forms import bound_forms, code_forms, plain, reference_forms, uri_forms, writer
from yima.fhir.parameters import PRIMARY_DATE, SEARCH
from yima.fhir.paths import Path, steps_of
from yima.fhir.tables import elements_of

REMEMBERED: Final = 65536  # hashes kept per kind; some 10 MB when full


@dataclass(frozen=True, slots=True)
class Indexed:
    """The searchable side of a resource."""

    tokens: list[int]
    """Signed 64-bit hashes, sorted, each once."""
    dated: tuple[datetime, datetime] | None
    """Low and high (UTC, inclusive) of the type's primary clinical date."""


def token(form: str, key: bytes = b"") -> int:
    """The hash of one form. With a key (at most 64 bytes) it cannot be guessed from outside."""
    return int.from_bytes(blake2b(form.encode(), digest_size=8, key=key).digest(), "big", signed=True)


def tokens(forms: Iterable[str], keys: bytes | tuple[bytes, ...]) -> list[int]:
    """The hashes of alternatives, for a search; under several keys while rows are going over from one to another."""
    every = (keys,) if isinstance(keys, bytes) else keys
    return [token(form, key) for key in every for form in forms]


def index(resource: dict[str, Any], *, key: bytes = b"") -> Indexed:
    """Tokens and date of a validated resource. Give the same `key` to `compile_query`.

    The forms hold identifiers: without a key, a stored hash of an identity number can be found by trying them all.
    """
    hashes: set[int] = set()
    for name, place in _plan(resource["resourceType"], tuple(resource)):
        if place.second and place.second not in resource[name]:
            continue
        for value in place.path.pick(resource, resource):
            hashes.update(place.hashes(place, value, key))
    return Indexed(sorted(hashes), primary_date(resource))


def primary_date(resource: dict[str, Any]) -> tuple[datetime, datetime] | None:
    """The first of the type's primary dates that has a value."""
    for paths in _date_paths(resource["resourceType"]):
        ranges = [
            found
            for path in paths
            for value in path.pick(resource, resource)
            if (found := value_range(value, path.type)) is not None
        ]
        if ranges:
            return ranges[0] if len(ranges) == 1 else span(ranges)
    return None


@cache
def _date_paths(type_name: str) -> tuple[tuple[Path, ...], ...]:
    return tuple(SEARCH[type_name][param].paths for param in PRIMARY_DATE.get(type_name, ()))


@dataclass(frozen=True, slots=True)
class _Place:
    """A path with all the parameters that look there, so that it is walked once."""

    path: Path
    params: tuple[str, ...]
    hashes: Callable[[_Place, Any, bytes], Iterable[int]]
    second: str = ""
    """The key in the object behind the first, where that is one object: without it nothing is there."""


@lru_cache(REMEMBERED // 16)
def _plan(type_name: str, keys: tuple[str, ...]) -> list[tuple[str, _Place]]:
    """The places to look at in a resource with these keys, with the key each begins with."""
    places = _places(type_name)
    return [(name, place) for name in (*keys, "") for place in places.get(name, ())]


@cache
def _places(type_name: str) -> dict[str, list[_Place]]:
    """The places of a type by their first JSON key; '' for the computed ones."""
    params: dict[Path, list[str]] = {}
    elements = elements_of(type_name)
    for param in SEARCH[type_name].values():
        if param.type in ("token", "reference", "uri") and param.name != "_id":
            for path in param.paths:
                params.setdefault(path, []).append(param.name)
    found: dict[str, list[_Place]] = {}
    for path, names in params.items():
        first, *rest = (step for step, _ in steps_of(path.text))
        single = first in elements and not elements[first].many
        place = _Place(path, tuple(names), _HASHES.get(path.type, _of_any), rest[0] if rest and single else "")
        found.setdefault("" if first.startswith("@") else first, []).append(place)
    return found


# Codes, addresses and references come again and again, so their hashes are remembered. Identifiers and telephone
# numbers are not: they hardly ever come twice, and must not linger in memory.
@lru_cache(REMEMBERED)
def _code_hashes(params: tuple[str, ...], system: str, code: str, key: bytes) -> tuple[int, ...]:
    return tuple(token(form, key) for param in params for form in code_forms(param, system, code))


@lru_cache(REMEMBERED)
def _bound_hashes(params: tuple[str, ...], valueset: str, code: str, key: bytes) -> tuple[int, ...]:
    return tuple(token(form, key) for param in params for form in bound_forms(param, valueset, code))


@lru_cache(REMEMBERED)
def _uri_hashes(params: tuple[str, ...], address: str, key: bytes) -> tuple[int, ...]:
    return tuple(token(form, key) for param in params for form in uri_forms(param, address))


@lru_cache(REMEMBERED)
def _reference_hashes(params: tuple[str, ...], text: str, key: bytes) -> tuple[int, ...]:
    return tuple(token(form, key) for param in params for form in reference_forms(param, text))


@lru_cache(REMEMBERED // 16)
def _identifier_hashes(params: tuple[str, ...], system: str, value: str, key: bytes) -> tuple[int, ...]:
    return tuple(token(form, key) for param in params for form in code_forms(f"{param}:identifier", system, value))


def _of_any(place: _Place, value: Any, key: bytes) -> Iterable[int]:
    write = writer(place.path.type)
    return [token(form, key) for param in place.params for form in write(param, value, place.path)]


def _of_coding(place: _Place, value: Any, key: bytes) -> Iterable[int]:
    return _code_hashes(place.params, value.get("system", ""), value.get("code", ""), key)


def _of_concept(place: _Place, value: Any, key: bytes) -> Iterable[int]:
    codings = value.get("coding", ())
    if len(codings) == 1:
        return _of_coding(place, codings[0], key)
    return [number for coding in codings for number in _of_coding(place, coding, key)]


def _of_code(place: _Place, value: Any, key: bytes) -> Iterable[int]:
    return _bound_hashes(place.params, place.path.valueset, plain(value), key)


def _of_address(place: _Place, value: Any, key: bytes) -> Iterable[int]:
    return _uri_hashes(place.params, value, key)


def _of_reference(place: _Place, value: Any, key: bytes) -> Iterable[int]:
    known = _reference_hashes(place.params, value.get("reference", ""), key)
    identifier = value.get("identifier")
    if identifier is None:
        return known
    kind = value.get("type")
    if kind == "Patient":
        return _of_any(place, value, key)
    # An organisation's code is no secret, and stands in nearly every resource.
    hashes = _identifier_hashes if kind == "Organization" else _identifier_hashes.__wrapped__
    return known + hashes(place.params, identifier.get("system", ""), identifier.get("value", ""), key)


_HASHES: Final[dict[str, Callable[[_Place, Any, bytes], Iterable[int]]]] = {
    "Coding": _of_coding,
    "CodeableConcept": _of_concept,
    "Reference": _of_reference,
    "boolean": _of_code,
    "code": _of_code,
    "uri": _of_address,
    "canonical": _of_address,
}
