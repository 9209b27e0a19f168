"""Search values: the grammar of the text, and tests of a resource's values against it (R4 search.html#ptypes)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from yima.fhir import ucum
from yima.fhir.dates import PREFIXES, Range, date_range, matches_dated, number_range, value_range, widen
from yima.fhir.forms import writer
from yima.fhir.parameters import SearchParam
from yima.fhir.paths import Path
from yima.fhir.pinyin import spelled
from yima.fhir.tables import TYPES
from yima.runtime.errors import Refusal

Test = Callable[[Any, Path], bool]
"""(a value picked from a resource, the path it came from) -> whether it matches."""

MAX_VALUES: Final = 200
"""Most values in one OR list."""

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_LOCAL: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?").fullmatch
_PREFIXED: Final = re.compile(rf"({'|'.join(PREFIXES)})?(.*)", re.S)
_INFINITY: Final = float("inf")  # compares with Decimals as with Fractions
_MAGNITUDE: Final = 400
"""Powers of ten beyond which a stored number is no measurement and is not made a fraction of so many digits."""
_NAME_PARTS: Final = ("text", "family", "given", "prefix", "suffix")
_ADDRESS_PARTS: Final = ("text", "line", "city", "district", "state", "postalCode", "country")


def split(text: str, separator: str) -> list[str]:
    """Split at a separator that is not escaped; the pieces stay escaped (R4 search.html#escaping)."""
    if "\\" not in text:
        return text.split(separator)
    pieces, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == separator:
            pieces.append(text[start:at])
            start = at + 1
        at += 1
    return [*pieces, text[start:]]


def pieces(field: str, text: str) -> list[str]:
    """The values of a comma-separated list, still escaped; none may be empty, and there may be at most 200."""
    found = split(text, ",")
    if len(found) > MAX_VALUES:
        raise too_many(field, MAX_VALUES)
    if not all(found):
        raise invalid(field, "a value, or values separated by commas")
    return found


def unescape(text: str) -> str:
    r"""Undo `\,` `\|` `\$` and `\\`."""
    return re.sub(r"\\([,|$\\])", r"\1", text) if "\\" in text else text


def prefixed(text: str) -> tuple[str, str]:
    """`ge2020` -> (ge, 2020); without a prefix, eq."""
    match = _PREFIXED.fullmatch(text)
    assert match is not None  # noqa: S101  the pattern takes any text
    return match[1] or "eq", match[2]


def too_many(field: str, limit: int) -> Refusal:
    """The refusal of a list that is too long."""
    return Refusal("too-costly", field=field, limit=f"{limit} values")


def invalid(field: str, expected: str) -> Refusal:
    """The refusal of a search value."""
    return Refusal("search-value-invalid", field=field, expected=expected)


# --- tokens, references, uris: the same forms as in the index ------------------------------------------------------
def token_parts(field: str, text: str) -> tuple[str | None, str]:
    """(system, code) of `system|code`, `|code`, `code` or `system|`; system None = any, '' = none; code '' = any."""
    pieces = [unescape(piece) for piece in split(text, "|")]
    if len(pieces) > 2 or not any(pieces):
        raise invalid(field, "[system|]code")
    if len(pieces) == 1:
        return None, pieces[0]
    return pieces[0], pieces[1]


def token_form(field: str, param: str, text: str) -> str:
    """A token value as the form that the index holds."""
    system, code = token_parts(field, text)
    return f"{param}|{'*' if system is None else system}|{code or '*'}"


def reference_form(field: str, param: str, text: str, type_name: str = "") -> str:
    """`Type/id`, `id` (with a `:Type` modifier or without) or an absolute address as the form that the index holds."""
    value = unescape(text)
    local = _LOCAL(value)
    if local and local[1] in TYPES:
        if type_name and local[1] != type_name:
            raise invalid(field, f"a reference to {type_name}")
        return f"{param}|{local[1]}/{local[2]}"
    if _ID(value):
        return f"{param}|{type_name}/{value}" if type_name else f"{param}|*|{value}"
    if ":" in value and not any(c.isspace() for c in value):
        return f"{param}|{value}"
    raise invalid(field, "Type/id, an id, or an absolute address")


def form_of(param: SearchParam, field: str, text: str) -> str:
    """The index form of one value of a token, reference or uri parameter."""
    if param.type == "token":
        return token_form(field, param.name, text)
    if param.type == "reference":
        return reference_form(field, param.name, text)
    return f"{param.name}|{unescape(text)}"


def has_form(param: str, form: str) -> Test:
    """Whether a value has a form, as it would be indexed under the parameter's name."""
    return lambda value, path: form in writer(path.type)(param, value, path)


def uri_test(modifier: str, text: str) -> Test:
    """Equal, or an address `below` (starting with) or `above` (being the start of) the given one."""
    wanted = unescape(text)
    if modifier == "below":
        return lambda value, _: isinstance(value, str) and (value + "/").startswith(wanted.rstrip("/") + "/")
    if modifier == "above":
        return lambda value, _: isinstance(value, str) and (wanted + "/").startswith(value.rstrip("/") + "/")
    return lambda value, _: value == wanted


def display_test(text: str) -> Test:
    """`:text`: the words that go with a code contain the text."""
    wanted = fold(unescape(text))

    def words(value: Any) -> Iterator[str]:
        if type(value) is dict:
            for name in ("text", "display"):
                if type(found := value.get(name)) is str:
                    yield found
            for inner in (*value.get("coding", ()), value.get("type")):
                yield from words(inner)

    return lambda value, _: any(wanted in fold(found) for found in words(value))


def of_type_test(field: str, text: str) -> Test:
    """`:of-type` on identifiers: `type system|type code|value`, all three given."""
    pieces = [unescape(piece) for piece in split(text, "|")]
    if len(pieces) != 3 or not all(pieces):
        raise invalid(field, "[type system]|[type code]|[value]")
    system, code, wanted = pieces

    def test(value: Any, path: Path) -> bool:
        if path.type != "Identifier" or value.get("value") != wanted:
            return False
        codings = value.get("type", {}).get("coding", ())
        return any(c.get("system") == system and c.get("code") == code for c in codings)

    return test


# --- strings ------------------------------------------------------------------------------------------------------
def fold(text: str) -> str:
    """Without case, accents and full-width forms: what R4 leaves out of a string comparison."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def texts_of(value: Any, path: Path) -> Iterator[str]:
    """The words of a string, a name or an address, part by part."""
    if type(value) is str:
        yield value
    elif type(value) is dict:
        names = _ADDRESS_PARTS if path.type == "Address" else _NAME_PARTS
        for part in (value.get(name) for name in names):
            yield from part if type(part) is list else (part,) if part else ()


def string_test(modifier: str, text: str) -> Test:
    """Starts with (the default), `contains`, or `exact`."""
    value = unescape(text)
    if modifier == "exact":
        return lambda found, path: any(t == value for t in texts_of(found, path))
    wanted = fold(value)
    if modifier == "contains":
        return lambda found, path: any(
            wanted in fold(t) or spelled(t, wanted, anywhere=True) for t in texts_of(found, path) if t
        )
    return lambda found, path: any(fold(t).startswith(wanted) or spelled(t, wanted) for t in texts_of(found, path) if t)


# --- dates, numbers, quantities -------------------------------------------------------------------------------------
def date_value(field: str, text: str, now: datetime | None) -> tuple[str, datetime, datetime]:
    """(prefix, low, high) of a date value, already widened for `ap`."""
    prefix, rest = prefixed(text)
    found = date_range(rest)
    if found is None:
        raise invalid(field, "[eq|ne|gt|lt|ge|le|sa|eb|ap]YYYY[-MM[-DD[Thh:mm[:ss][zone]]]]")
    if prefix == "ap":
        found = widen(found, now)
    return prefix, *found


def date_test(field: str, text: str, now: datetime | None) -> Test:
    """The value's range against the search range."""
    prefix, low, high = date_value(field, text, now)

    def test(value: Any, path: Path) -> bool:
        found: Range | None = value_range(value, path.type)
        return found is not None and matches_dated(prefix, low, high, *found)

    return test


def _number_bounds(field: str, text: str) -> tuple[str, Decimal, Decimal]:
    prefix, rest = prefixed(text)
    found = number_range(rest)
    if found is None:
        raise invalid(field, "[prefix]number")
    exact = Decimal(rest)
    if prefix in ("eq", "ne"):
        return prefix, *found
    if prefix == "ap":
        margin = max(abs(exact) / 10, exact - found[0])
        return prefix, exact - margin, exact + margin
    return prefix, exact, exact  # R4: the other prefixes take the number as exact


def number_test(field: str, text: str) -> Test:
    """A number, compared by its precision."""
    prefix, low, high = _number_bounds(field, text)
    return lambda value, _: isinstance(value, int | Decimal) and matches_dated(prefix, low, high, value, value)


def quantity_test(field: str, text: str) -> Test:
    """`[prefix]number[|system|code]`; with `number||unit` the unit may be the code or the printed unit.

    A UCUM unit finds what was written in any unit of the same kind (R4 search.html#quantity): both sides are compared
    in base units, exactly, the asked number with the precision it was asked in.
    """
    pieces = [unescape(piece) for piece in split(text, "|")]
    if len(pieces) not in (1, 3):
        raise invalid(field, "[prefix]number or [prefix]number|[system]|code")
    prefix, low, high = _number_bounds(field, pieces[0])
    system, code = pieces[1:] if len(pieces) == 3 else ("", "")
    asked = ucum.unit(code) if system == ucum.SYSTEM else None
    number = _in_base(asked) if asked else _as_written(system, code)
    bounds: tuple[Any, Any] = (asked.base(Fraction(low)), asked.base(Fraction(high))) if asked else (low, high)

    def test(value: Any, path: Path) -> bool:
        found = _quantity_range(value, path.type, number)
        return found is not None and matches_dated(prefix, *bounds, *found)

    return test


Number = Callable[[Any], Decimal | Fraction | None]
"""The number of a quantity on the scale that was asked for; None when it is not on it."""


def _as_written(system: str, code: str) -> Number:
    """The number as it stands, where the unit is the one asked for or none was."""

    def number(quantity: Any) -> Decimal | None:
        found = quantity.get("value") if type(quantity) is dict else None
        if not isinstance(found, int | Decimal) or (code and not _has_unit(quantity, system, code)):
            return None
        return Decimal(found)

    return number


def _in_base(asked: ucum.Unit) -> Number:
    """The number in base units, where it measures the same as the unit asked for."""

    def number(quantity: Any) -> Fraction | None:
        if type(quantity) is not dict or quantity.get("system") != ucum.SYSTEM:
            return None
        found, unit = quantity.get("value"), ucum.unit(str(quantity.get("code", "")))
        if unit is None or unit.dimension != asked.dimension or not isinstance(found, int | Decimal):
            return None
        if abs(Decimal(found).adjusted()) > _MAGNITUDE:
            return None
        return unit.base(Fraction(found))

    return number


def _quantity_range(value: Any, type_name: str, number: Number) -> tuple[Any, Any] | None:
    """The range of a quantity, by its comparator, or of a Range, whose missing ends are open."""
    if type(value) is not dict:
        return None
    if type_name == "Range":
        low, high = number(value.get("low")), number(value.get("high"))
        if low is None and high is None:
            return None
        return (-_INFINITY if low is None else low, _INFINITY if high is None else high)
    found, comparator = number(value), value.get("comparator", "")
    if found is None:
        return None
    return (-_INFINITY if "<" in comparator else found, _INFINITY if ">" in comparator else found)


def _has_unit(quantity: Any, system: str, unit: str) -> bool:
    if system:
        return bool(quantity.get("system") == system and quantity.get("code") == unit)
    return unit in (quantity.get("code"), quantity.get("unit"), quantity.get("currency"))
