"""One search parameter compiled: into index forms where the index can answer, else into a test of the resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from yima.fhir import values
from yima.fhir.compartment import COMPARTMENT_TYPES, is_subject
from yima.fhir.dates import matches_dated, value_range
from yima.fhir.forms import ANY_PATIENT
from yima.fhir.parameters import PRIMARY_DATE, Part, SearchParam
from yima.fhir.paths import Path
from yima.fhir.tables import TYPES
from yima.fhir.values import Test

Predicate = Callable[[dict[str, Any]], bool]
Dated = tuple[str, datetime, datetime]
"""(prefix, low, high); compare with `matches_dated`. For `ap` the range is already widened."""


@dataclass(frozen=True)
class Clause:
    """What one parameter demands; exactly what is set must hold."""

    forms: tuple[str, ...] = ()
    """Any of these forms is among the resource's."""
    dated: Dated | None = None
    test: Predicate | None = None
    patients: tuple[str, ...] = ()
    patient_identifiers: tuple[tuple[str | None, str], ...] = ()


class UnknownModifierError(Exception):
    """The parameter's type does not have this modifier, or not for this kind of value."""


def is_chain_known(type_name: str, param: SearchParam, modifier: str, chain: str) -> bool:
    """The one chain answered here: `patient.identifier`, `subject:Patient.identifier`."""
    return chain == "identifier" and modifier in ("", "Patient") and _names_record(type_name, param)


def _names_record(type_name: str, param: SearchParam) -> bool:
    """Whether a parameter may say whose record is searched."""
    return is_subject(type_name, param) or (param.name == "patient" and type_name in COMPARTMENT_TYPES)


def clause(
    type_name: str,
    param: SearchParam,
    name: str,
    modifier: str,
    text: str,
    now: datetime | None,
    *,
    name_patients: bool,
) -> Clause:
    """Compile one parameter. `name` is as sent; `name_patients` lets it name the search's patients.

    Raises UnknownModifierError, and Refusals of values.
    """
    found = values.pieces(name, text)
    if modifier == "missing":
        return Clause(test=_missing(name, param, text))
    if name_patients and (named := _patients(type_name, param, name, modifier, found)):
        return named
    if param.type in ("token", "reference", "uri"):
        forms = _forms(param, name, modifier, found)
        if forms:
            return Clause(forms=tuple(forms))
    if param.type == "date" and not modifier and len(found) == 1:
        primary = PRIMARY_DATE.get(type_name, ())
        if primary and param.name == primary[0]:
            dated = values.date_value(name, found[0], now)
            # With a second choice of date in the index, the first must be looked at itself.
            again = _any_value(param, [_dated_test(dated)]) if len(primary) > 1 else None
            return Clause(dated=dated, test=again)
    return Clause(test=_predicate(param, name, modifier, found, now))


# --- patients -------------------------------------------------------------------------------------------------------
def _patients(type_name: str, param: SearchParam, name: str, modifier: str, found: list[str]) -> Clause | None:
    """The clause of a parameter that names the person whose record is searched; None when this one does not."""
    if type_name == "Patient" and param.name == "identifier" and not modifier:
        return Clause(patient_identifiers=tuple(_identifier(name, text) for text in found))
    if not _names_record(type_name, param):
        return None
    # Where a patient only takes part (Appointment, Provenance), not all of a record is meant, but what has one there.
    forms = () if is_subject(type_name, param) else (f"{param.name}|{ANY_PATIENT}",)
    if modifier == "identifier":
        return Clause(forms, patient_identifiers=tuple(_identifier(name, text) for text in found))
    if modifier not in ("", "Patient"):
        return None
    if all(_names_patient(values.reference_form(name, "", text, modifier)) for text in found):
        return Clause(forms, patients=tuple(values.unescape(text).partition("/_history/")[0] for text in found))
    return None


def _names_patient(form: str) -> bool:
    """A bare id counts: where a Patient may stand, a caller who gives no type means one."""
    return form.partition("|")[2].startswith(("Patient/", "*|"))


def _identifier(name: str, text: str) -> tuple[str | None, str]:
    system, value = values.token_parts(name, text)
    if not value:
        raise values.invalid(name, "[system|]value")
    return system, value


# --- the index --------------------------------------------------------------------------------------------------------
def _forms(param: SearchParam, name: str, modifier: str, found: list[str]) -> list[str]:
    """The index forms of a list of values; none when the modifier needs the resource itself."""
    if not modifier:
        return [values.form_of(param, name, text) for text in found]
    if param.type == "reference":
        if modifier == "identifier":
            return [values.token_form(name, f"{param.name}:identifier", text) for text in found]
        if modifier in TYPES and modifier in param.target:
            return [values.reference_form(name, param.name, text, modifier) for text in found]
    return []


# --- the resource ----------------------------------------------------------------------------------------------------
def _missing(name: str, param: SearchParam, text: str) -> Predicate:
    if text not in ("true", "false"):
        raise values.invalid(name, "true or false")
    wanted = text == "true"
    if param.parts:
        raise UnknownModifierError
    return lambda resource: wanted is not any(path.pick(resource, resource) for path in param.paths)


def _predicate(param: SearchParam, name: str, modifier: str, found: list[str], now: datetime | None) -> Predicate:
    if param.type == "composite" and not modifier:
        return _composite(param, name, found, now)
    if param.type == "token" and modifier == "not":
        held = _any_value(param, [values.has_form(param.name, values.form_of(param, name, text)) for text in found])
        return lambda resource: not held(resource)
    return _any_value(param, [_test(param.type, param.name, name, modifier, text, now) for text in found])


def _test(kind: str, param: str, name: str, modifier: str, text: str, now: datetime | None) -> Test:
    """The test of one value for a search type and modifier."""
    match kind, modifier:
        case "string", "" | "exact" | "contains":
            return values.string_test(modifier, text)
        case "date", "":
            return values.date_test(name, text, now)
        case "number", "":
            return values.number_test(name, text)
        case "quantity", "":
            return values.quantity_test(name, text)
        case "token", "":
            return values.has_form(param, values.token_form(name, param, text))
        case "reference", "":
            return values.has_form(param, values.reference_form(name, param, text))
        case "token", "text":
            return values.display_test(text)
        case "token", "of-type":
            return values.of_type_test(name, text)
        case "uri", "" | "above" | "below":
            return values.uri_test(modifier, text)
    raise UnknownModifierError


def _any_value(param: SearchParam, tests: list[Test]) -> Predicate:
    """Whether any value at any of the parameter's paths passes any test."""

    def holds(resource: dict[str, Any]) -> bool:
        return any(
            test(value, path) for path in param.paths for value in path.pick(resource, resource) for test in tests
        )

    return holds


def _dated_test(dated: Dated) -> Test:
    def test(value: Any, path: Path) -> bool:
        found = value_range(value, path.type)
        return found is not None and matches_dated(*dated, *found)

    return test


def _composite(param: SearchParam, name: str, found: list[str], now: datetime | None) -> Predicate:
    """`a$b`: both components match inside the same context, such as one Observation.component (R4 #combining)."""
    wanted = [(part, _component_tests(part, name, text, now)) for part in param.parts for text in found]

    def holds(resource: dict[str, Any]) -> bool:
        return any(
            all(
                any(test(value, path) for path in paths for value in path.pick(context, resource))
                for test, (_, paths) in zip(tests, part.of, strict=True)
            )
            for part, tests in wanted
            for context in part.at.pick(resource, resource)
        )

    return holds


def _component_tests(part: Part, name: str, text: str, now: datetime | None) -> list[Test]:
    pieces = values.split(text, "$")
    if len(pieces) != len(part.of) or not all(pieces):
        raise values.invalid(name, "value$value")
    return [_test(kind, "", name, "", piece, now) for (kind, _), piece in zip(part.of, pieces, strict=True)]
