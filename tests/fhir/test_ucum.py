"""UCUM: what is a unit, how units relate, and quantity searches across units.

The cases are of the kinds of the published UCUM functional tests (validation, conversion); all of that file's 529
validations and 30 conversions were run against this module when it was written.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima import fhir
from yima.fhir import ucum

VALID = [
    "m", "mg", "10*3/uL", "10*-6", "10^9/L", "/L", "/{cells}", "mm[Hg]", "[iU]/mL", "m[iU]/L", "k[IU]/L", "umol/L",
    "{INR}", "{ratio}", "%", "%{vol}", "ng/(8.h)", "kg.m/s2", "kg.m.s-2", "mL/min/{1.73_m2}", "[degF]", "Cel", "[pH]",
    "meq/L", "g/dL", "10.uN.s/(cm5.m2)", "a_t", "wk", "[in_i'H2O]", "B[10.nV]", "mo", "ug/kg/h", "dam", "2.mg", "1",
    "m+2", "uL", "Gy/s", "daar", "[arb'U]", "((mg))", "/(/m)",
]  # fmt: skip
INVALID = [
    "", " ", "mg ", "m g", "GM", "sec", "mmHg", "KG", "iU", "mm(Hg)", "m//s", "m.", ".m", "m/", "(m", "m)", "m{", "m}",
    "{a}{b", "{{a}}", "m0", "m-", "0", "00", "10*3*2", "kk", "dd[Hg]", "min2x", "µg", "度", "[degF", "Cel.m", "Cel2",
    "m" * 101, "(" * 9 + "m" + ")" * 9, "m99999999999", "10*" + "9" * 30, "kmin", "m=", '"m"', "m+", "1e3",
]  # fmt: skip
CONVERTED = [
    ("6.3", "mm", "m", "0.0063"),
    ("5.4", "mg", "g", "0.0054"),
    ("1", "[in_i]", "cm", "2.54"),
    ("1", "L", "m3", "0.001"),
    ("140", "meq/L", "mmol/L", "140"),
    ("1", "kg.m/s2", "N", "1"),
    ("120", "mm[Hg]", "kPa", "15.998640"),
    ("37", "Cel", "K", "310.15"),
    ("98.6", "[degF]", "Cel", "37"),
    ("0", "K", "Cel", "-273.15"),
    ("29.6", "[degRe]", "Cel", "37"),
    ("60", "min", "h", "1"),
    ("5", "10*9/L", "10*3/uL", "5"),
    ("1", "10*12/L", "/pL", "1"),
    ("12", "%", "1", "0.12"),
    ("3", "m[iU]/L", "[iU]/mL", "0.000003"),
    ("1", "k[IU]", "[iU]", "1000"),
    ("20", "dB", "B", "2"),
    ("180", "deg", "[pi].rad", "1"),
    ("7.4", "[pH]", "[pH]", "7.4"),
    ("2", "mo", "mo_j", "2"),
    ("1", "mL/{beat}", "cm3", "1"),
]
APART = [
    ("mg", "mL"), ("[pH]", "mol/L"), ("[iU]", "mg"), ("[iU]", "[arb'U]"), ("Cel", "m"), ("B[W]", "W"), ("mmHg", "kPa"),
]  # fmt: skip


@pytest.mark.parametrize("code", VALID)
def test_a_unit(code: str) -> None:
    assert ucum.unit(code) is not None


@pytest.mark.parametrize("code", INVALID, ids=range(len(INVALID)))
def test_not_a_unit(code: str) -> None:
    assert ucum.unit(code) is None


@pytest.mark.parametrize(("number", "source", "target", "wanted"), CONVERTED)
def test_converting_is_exact_and_goes_back(number: str, source: str, target: str, wanted: str) -> None:
    there = ucum.convert(Fraction(number), source, target)
    assert there is not None
    assert abs(there - Fraction(wanted)) <= Fraction(1, 10**8)  # the printed outcome has so many digits
    assert ucum.convert(there, target, source) == Fraction(number)


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_does_not_measure_the_same(one: str, other: str) -> None:
    assert ucum.convert(Fraction(1), one, other) is None


@given(st.text(alphabet="m.gks/()[]{}10*^-+HghiUl%' dBCe", max_size=30))
def test_any_text_is_a_unit_or_not(text: str) -> None:
    found = ucum.unit(text)
    assert found is None or found.factor > 0


def test_names() -> None:
    assert [ucum.name_of(c) for c in ("mg", "mm[Hg]", "Cel", "kg/m2")] == [
        "milligram", "millimeter of mercury column", "degree Celsius", "kg/m2",
    ]  # fmt: skip


# --- searching -------------------------------------------------------------------------------------------------------
def _observation(value: str, code: str = "g", **more: Any) -> dict[str, Any]:
    quantity = {"value": Decimal(value), "system": ucum.SYSTEM, "code": code, "unit": code} | more
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueQuantity": quantity}


def _finds(resource: dict[str, Any], asked: str, name: str = "value-quantity") -> bool:
    query = fhir.compile_query(resource["resourceType"], [(name, asked)])
    return query.accepts(fhir.index(resource), resource)


MG = f"|{ucum.SYSTEM}|mg"
FOUND = [
    ("0.0054", "g", f"5.4{MG}", True),
    ("0.00544", "g", f"5.4{MG}", True),
    ("0.00546", "g", f"5.4{MG}", False),
    ("0.00544", "g", f"5.40{MG}", False),
    ("5400", "ug", f"5.4{MG}", True),
    ("0.0054", "g", f"5.4|{ucum.SYSTEM}|mL", False),
    ("0.0054", "g", "5.4||mg", False),
    ("0.0054", "g", "5.4|http://other|mg", False),
    ("0.0054", "g", f"gt5.4{MG}", False),
    ("0.0055", "g", f"gt5.4{MG}", True),
    ("0.0053", "g", f"lt5.4{MG}", True),
    ("0.0054", "g", f"ge5.4{MG}", True),
    ("0.0054", "g", f"le5.4{MG}", True),
    ("0.0054", "g", f"ne5.4{MG}", False),
    ("0.006", "g", f"ne5.4{MG}", True),
    ("0.0059", "g", f"ap5.4{MG}", True),
    ("0.0061", "g", f"ap5.4{MG}", False),
    ("98.6", "[degF]", f"37.0|{ucum.SYSTEM}|Cel", True),
    ("310.15", "K", f"37|{ucum.SYSTEM}|Cel", True),
    ("101.3", "[degF]", f"gt38|{ucum.SYSTEM}|Cel", True),
    ("7.4", "[pH]", f"7.4|{ucum.SYSTEM}|[pH]", True),
    ("7.4", "[pH]", f"gt0|{ucum.SYSTEM}|mol/L", False),
    ("16", "kPa", f"120|{ucum.SYSTEM}|mm[Hg]", True),
    ("5", "bogus", f"5|{ucum.SYSTEM}|bogus", True),
    ("5", "bogus", f"5{MG}", False),
    ("1E+999999999", "g", f"gt1{MG}", False),
]


@pytest.mark.parametrize(("number", "code", "asked", "wanted"), FOUND)
def test_a_quantity_is_found_in_any_unit_of_its_kind(number: str, code: str, asked: str, wanted: bool) -> None:
    assert _finds(_observation(number, code), asked) is wanted


def test_comparators_and_ranges_hold_across_units() -> None:
    assert _finds(_observation("0.01", comparator="<"), f"lt5{MG}")
    assert not _finds(_observation("0.01", comparator=">"), f"lt5{MG}")
    low, high = ({"value": Decimal(v), "system": ucum.SYSTEM, "code": "a"} for v in (60, 70))
    ill = {"resourceType": "Condition", "subject": {}, "onsetRange": {"low": low, "high": high}}
    assert _finds(ill, f"gt800|{ucum.SYSTEM}|mo", "onset-age")
    assert not _finds(ill, f"lt700|{ucum.SYSTEM}|mo", "onset-age")
    assert not _finds(ill, f"gt1|{ucum.SYSTEM}|kg", "onset-age")


def test_a_composite_looks_across_units_too() -> None:
    part = {
        "code": {"coding": [{"system": "s", "code": "c"}]},
        "valueQuantity": _observation("0.0054")["valueQuantity"],
    }
    resource = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "component": [part]}
    assert _finds(resource, f"s|c$5.4|{ucum.SYSTEM}|mg", "component-code-value-quantity")
