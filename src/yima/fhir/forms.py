"""The texts by which tokens, references and addresses are found: what the index hashes and what a search asks for.

token: `p|system|code`, `p|*|code`, `p|system|*` (an empty system, `p||code`, means there is none).
reference: `p|Type/id` and `p|*|id`, or `p|address`; `p|Patient/*` where any Patient is; a logical one:
`p:identifier|system|value`, `p:identifier|*|value`, `p:identifier|system|*`. uri: `p|address`. `p` is the search
parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from yima.fhir.paths import Path
from yima.fhir.tables import VALUESETS

_LOCAL: Final = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?$").search

ANY_PATIENT: Final = "Patient/*"
"""The reference form that says: there is a Patient here, whichever."""

Writer = Callable[[str, Any, Path], Iterator[str]]
"""(parameter, value, the path it came from) -> forms."""


def code_forms(param: str, system: str, code: str) -> Iterator[str]:
    """A code, with or without a system."""
    if code:
        yield f"{param}|{system}|{code}"
        yield f"{param}|*|{code}"
    if system:
        yield f"{param}|{system}|*"


def bound_forms(param: str, valueset: str, code: str) -> Iterator[str]:
    """A bare code; its required binding gives it a system (R4 search.html#token)."""
    for system in implied_systems(valueset, code) or ("",):
        yield from code_forms(param, system, code)


@cache
def _systems_by_code(valueset: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for system, codes in VALUESETS.get(valueset, {}).items():
        for code in codes:
            found[code] = (*found.get(code, ()), system)
    return found


def implied_systems(valueset: str, code: str) -> tuple[str, ...]:
    """The systems in which a required value set has a code."""
    return _systems_by_code(valueset).get(code, ())


def uri_forms(param: str, address: str) -> Iterator[str]:
    """An address; a canonical with a version is found without it, too."""
    yield f"{param}|{address}"
    if "|" in address:
        yield f"{param}|{address.partition('|')[0]}"


def reference_forms(param: str, text: str) -> Iterator[str]:
    """The text of Reference.reference; a version in it is left out, a contained resource (`#..`) has no form."""
    if not text or text[0] == "#":
        return
    match = _LOCAL(text)
    if match is None:
        yield f"{param}|{text}"
    else:
        yield f"{param}|*|{match[2]}"
        yield f"{param}|{text[: match.start(1)]}{match[1]}/{match[2]}"
        if match[1] == "Patient":
            yield f"{param}|{ANY_PATIENT}"


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
    yield from bound_forms(param, path.valueset, plain(value))


def plain(value: Any) -> str:
    """A primitive as it is written in a search."""
    return str(value).lower() if type(value) is bool else str(value)


def _address(param: str, value: Any, _: Path) -> Iterator[str]:
    yield from uri_forms(param, value)


def _reference(param: str, value: Any, path: Path) -> Iterator[str]:
    yield from reference_forms(param, value.get("reference", ""))
    if identifier := value.get("identifier"):
        yield from _identifier(f"{param}:identifier", identifier, path)
        if value.get("type") == "Patient":
            yield f"{param}|{ANY_PATIENT}"


_WRITERS: Final[dict[str, Writer]] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    "Identifier": _identifier,
    "ContactPoint": _contact,
    "Reference": _reference,
    "uri": _address,
    "url": _address,
    "canonical": _address,
    "oid": _address,
}


def writer(type_name: str) -> Writer:
    """How values of a FHIR type are written as forms."""
    return _WRITERS.get(type_name, _plain)
