"""Units of measure by UCUM (2.2, case sensitive): is a text a unit, and how do two units relate.

A unit becomes an exact factor over base units (Fractions: 1 mg is 1/1000 g, not a float near it). Special units on a
linear scale (Cel, [degF], [degRe]) have an offset too. Logarithmic and other special units (pH, Np, B, ..) and
arbitrary units ([iU], ..) are comparable with themselves only, prefixes apart: each is a dimension of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from yima.fhir.tables import UCUM

SYSTEM: Final = "http://unitsofmeasure.org"
VERSION: Final[str] = UCUM["version"]

_LONGEST: Final = 100
_DEEPEST: Final = 8
_GREATEST_EXPONENT: Final = 40
_LONGEST_NUMBER: Final = 20
_PREFIXES: Final = {code: Fraction(value) for code, value in UCUM["prefixes"].items()}
_LINEAR: Final = {
    "Cel": (Fraction(1), Fraction("273.15")),
    "degF": (Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
    "degRe": (Fraction(5, 4), Fraction("273.15")),
}
"""Special units that are a factor and an offset of kelvin (UCUM section 22, table of functions)."""
_ENDS: Final = frozenset('0123456789+-./(){}="')

Dimension = tuple[tuple[str, int], ...]
"""(base unit, exponent), sorted, no exponent zero."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A value in this unit is `value * factor + offset` in base units."""

    factor: Fraction
    dimension: Dimension = ()
    offset: Fraction = Fraction(0)

    def base(self, value: Fraction) -> Fraction:
        """A value of this unit in base units."""
        return value * self.factor + self.offset


class _NotAUnitError(Exception):
    """The text is not a UCUM expression."""


@lru_cache(4096)
def unit(code: str) -> Unit | None:
    """The unit a UCUM expression stands for; None when it is none (or longer than 100 characters)."""
    if not code or len(code) > _LONGEST or not code.isascii() or any(c <= " " for c in code):
        return None
    try:
        reader = _Reader(code)
        found = reader.main_term()
        return found if reader.at == len(code) else None
    except _NotAUnitError:
        return None


def convert(value: Fraction, source: str, target: str) -> Fraction | None:
    """A value of one unit in another; None when either is none or they do not measure the same."""
    one, other = unit(source), unit(target)
    if one is None or other is None or one.dimension != other.dimension:
        return None
    return (one.base(value) - other.offset) / other.factor


def name_of(code: str) -> str:
    """The words for a single unit, with its prefix (`mg`: milligram); for anything else the code itself."""
    if found := _names(code):
        return found
    for prefix, words in UCUM["prefix_names"].items():
        if code.startswith(prefix) and (inner := code[len(prefix) :]) and _is_metric(inner):
            return f"{words}{_names(inner)}"
    return code


def _names(symbol: str) -> str:
    return str(UCUM["base"].get(symbol) or (UCUM["units"][symbol][2] if symbol in UCUM["units"] else ""))


def _is_metric(symbol: str) -> bool:
    return symbol in UCUM["base"] or (symbol in UCUM["units"] and "m" in UCUM["units"][symbol][3])


class _Reader:
    """Recursive descent over the grammar of UCUM section 13."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def main_term(self) -> Unit:
        """`/term` or `term`."""
        if self._peek() == "/":
            self.at += 1
            return self._term(Unit(Fraction(1)), divide=True)
        return self._term(None, divide=False)

    def _term(self, left: Unit | None, *, divide: bool) -> Unit:
        right = self._component()
        found = right if left is None else _times(left, right, -1 if divide else 1)
        while (operator := self._peek()) in (".", "/") and operator:
            self.at += 1
            found = _times(found, self._component(), -1 if operator == "/" else 1)
        return found

    def _component(self) -> Unit:
        char = self._peek()
        if char == "(":
            return self._group()
        if char == "{":
            self._annotation()
            return Unit(Fraction(1))
        if char.isdigit() and not self.text.startswith(("10*", "10^"), self.at):
            digits = self._digits()
            if not int(digits):
                raise _NotAUnitError
            found = Unit(Fraction(int(digits)))
        else:
            found = _powered(_simple(self._symbol()), self._exponent())
        if self._peek() == "{":
            self._annotation()
        return found

    def _group(self) -> Unit:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _NotAUnitError
        self.at += 1
        found = self.main_term()
        if self._peek() != ")":
            raise _NotAUnitError
        self.at += 1
        self.depth -= 1
        return found

    def _annotation(self) -> None:
        end = self.text.find("}", self.at)
        if end < 0 or "{" in self.text[self.at + 1 : end]:
            raise _NotAUnitError
        self.at = end + 1

    def _digits(self) -> str:
        start = self.at
        while self._peek().isdigit():
            self.at += 1
        found = self.text[start : self.at]
        if not found or len(found) > _LONGEST_NUMBER:
            raise _NotAUnitError
        return found

    def _exponent(self) -> int:
        sign = self._peek()
        if sign not in ("+", "-") and not sign.isdigit():
            return 1
        if sign in ("+", "-"):
            self.at += 1
        found = int(self._digits()) * (-1 if sign == "-" else 1)
        if abs(found) > _GREATEST_EXPONENT or not found:
            raise _NotAUnitError
        return found

    def _symbol(self) -> str:
        if self.text.startswith(("10*", "10^"), self.at):
            self.at += 3
            return self.text[self.at - 3 : self.at]
        start = self.at
        while (char := self._peek()) and char not in _ENDS:
            if char == "[":
                end = self.text.find("]", self.at)
                if end < 0:
                    raise _NotAUnitError
                self.at = end
            self.at += 1
        if self.at == start:
            raise _NotAUnitError
        return self.text[start : self.at]


@lru_cache(1024)
def _simple(symbol: str) -> Unit:
    """An atom, or a prefix and a metric atom."""
    if symbol in UCUM["base"] or symbol in UCUM["units"]:
        return _atom(symbol)
    for prefix, factor in _PREFIXES.items():
        inner = symbol[len(prefix) :]
        if symbol.startswith(prefix) and inner and _is_metric(inner):
            found = _atom(inner)
            return Unit(found.factor * factor, found.dimension, found.offset)
    raise _NotAUnitError


def _atom(symbol: str) -> Unit:
    if symbol in UCUM["base"]:
        return Unit(Fraction(1), ((symbol, 1),))
    number, of, _, flags = UCUM["units"][symbol]
    if "f" in flags:
        function, _, of = of.partition("|")
        if function not in _LINEAR:
            return Unit(Fraction(1), ((symbol, 1),))
        factor, offset = _LINEAR[function]
        return Unit(factor, (("K", 1),), offset)
    if "a" in flags and of == "1":
        return Unit(Fraction(1), ((symbol, 1),))
    inner = unit(of)
    if inner is None:
        raise _NotAUnitError
    return Unit(Fraction(number) * inner.factor, inner.dimension)


def _times(left: Unit, right: Unit, exponent: int) -> Unit:
    """left * right^exponent (exponent 1 or -1). A unit with an offset stands alone: it has no place in a product."""
    if left.offset or right.offset:
        raise _NotAUnitError
    dimension = dict(left.dimension)
    for base, power in right.dimension:
        dimension[base] = dimension.get(base, 0) + power * exponent
    factor = left.factor * right.factor if exponent == 1 else left.factor / right.factor
    return Unit(factor, tuple(sorted((base, power) for base, power in dimension.items() if power)))


def _powered(found: Unit, exponent: int) -> Unit:
    if exponent == 1:
        return found
    if found.offset:
        raise _NotAUnitError
    return Unit(found.factor**exponent, tuple((base, power * exponent) for base, power in found.dimension))
