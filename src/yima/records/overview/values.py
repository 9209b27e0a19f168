"""One Observation as values: numbers with unit, range and flag, or words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, cast

from . import words
from .concepts import Concept, Concepts, answer
from .model import NO_TEXT, Flag, Text
from .reading import Moment, decimal, first, items, mapping, number_text, quantity, status_code, string
from .words_loinc import ADULT_RANGES, DIASTOLIC, PRESSURE, PRESSURE_PANELS, SYSTOLIC

_SEVERITY: tuple[Flag | None, ...] = ("critical", "abnormal", "high", "low", "normal", None)
_ADULT_YEARS = 18
Clock = Callable[[object], Moment | None]


class Value(NamedTuple):
    """One value of one code. ``code`` is the LOINC code (or whatever code there is) the value is a series of."""

    code: str
    group: str
    label: Text
    text: Text
    unit: str
    ucum: str
    number: Decimal | None
    low: Decimal | None
    high: Decimal | None
    reference: str
    flag: Flag | None


def measured(concepts: Concepts, time: Clock, body: Mapping[str, Any], concept: Concept) -> Iterator[Value]:
    """All values of an observation: its own, or one per component; none when it carries none (a panel, a request).

    Only what the observation itself says; `ranged` adds what is known of adults.
    """
    code = filed_under(concept)
    if own := _value(time, body, code, code, concept.title):
        yield own
    if "component" not in body:
        return
    for component in items(body["component"]):
        inner = concepts.read(component.get("code"), "result")
        part = inner.loinc or inner.key
        if part and (value := _value(time, component, part, code, inner.title)):
            yield value


def ranged(found: Sequence[Value], *, adult: bool) -> list[Value]:
    """The values with our own ranges where the observation of an adult has none."""
    return [_ranged(value) if adult and not value.reference else value for value in found]


def _ranged(value: Value) -> Value:
    if value.code not in ADULT_RANGES or value.ucum != ADULT_RANGES[value.code][2]:
        return value
    low, high = (Decimal(edge) if edge else None for edge in ADULT_RANGES[value.code][:2])
    flag = value.flag or _compared(value.number, low, high)
    return value._replace(low=low, high=high, reference=range_text(low, high), flag=flag)


def is_adult(born: date | None, day: date | None) -> bool:
    """Whether somebody was grown up in the year of a day."""
    return bool(born and day and day.year - born.year >= _ADULT_YEARS)


def filed_under(concept: Concept) -> str:
    """The code a result is filed under: LOINC if there is one; the older blood pressure panel counts as the newer."""
    code = concept.loinc or concept.code or concept.key
    return PRESSURE if code in PRESSURE_PANELS else code


def _value(time: Clock, body: Mapping[str, Any], code: str, group: str, label: Text) -> Value | None:
    text, number, unit, ucum = _read(time, body)
    if not text:
        return None
    low, high, reference = _range(body)
    return Value(code, group, label, text, unit, ucum, number, low, high, reference, _flag(body, number, low, high))


def _read(time: Clock, body: Mapping[str, Any]) -> tuple[Text, Decimal | None, str, str]:
    """Text, number, shown unit and UCUM unit of ``value[x]``."""
    if "valueQuantity" in body:
        found = mapping(body["valueQuantity"])
        number, unit = quantity(found)
        if number is not None:
            shown = number_text(number)
            if "comparator" in found:
                shown = string(found["comparator"]) + shown
            return Text(shown, shown), number, unit, string(found.get("code")) or unit
    if "valueInteger" in body and (number := decimal(body["valueInteger"])) is not None:
        return Text(number_text(number), number_text(number)), number, "", ""
    return _words(time, body), None, "", ""


def _words(time: Clock, body: Mapping[str, Any]) -> Text:
    """An answer that is no number: coded, written, yes or no, a time, a ratio, a range."""
    if "valueCodeableConcept" in body:
        return answer(body["valueCodeableConcept"])
    if "valueString" in body:
        return answer(string(body["valueString"]))
    if isinstance(flag := body.get("valueBoolean"), bool):
        return Text(*words.ANSWERS["true" if flag else "false"])
    for name in ("valueDateTime", "valueTime"):
        if text := string(body.get(name)):
            found = time(text)
            return Text(found.text, found.text) if found else Text(text, text)
    ratio = mapping(body.get("valueRatio"))
    span = mapping(body.get("valueRange"))
    for sides, mark in (
        ((ratio.get("numerator"), ratio.get("denominator")), ":"),
        ((span.get("low"), span.get("high")), "–"),
    ):
        numbers = [quantity(side)[0] for side in sides]
        if any(number is not None for number in numbers):
            joined = mark.join("" if number is None else number_text(number) for number in numbers)
            return Text(joined, joined)
    return NO_TEXT


def _range(body: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None, str]:
    """Lower and upper edge and the printed text of the (first, normal) reference range."""
    if "referenceRange" not in body:
        return None, None, ""
    ranges = items(body["referenceRange"])
    normal = [one for one in ranges if "type" not in one or next(_type_codes(one), "normal") == "normal"]
    if not normal:
        return None, None, ""
    low, high = (decimal(mapping(normal[0].get(side)).get("value")) for side in ("low", "high"))
    return low, high, range_text(low, high) or string(normal[0].get("text"))


def _type_codes(one: Mapping[str, Any]) -> Iterator[str]:
    for coding in items(mapping(one.get("type")).get("coding")):
        yield string(coding.get("code"))


def range_text(low: Decimal | None, high: Decimal | None) -> str:
    """``3.9–6.1``, ``≤5.2``, ``≥90`` or nothing."""
    if low is not None and high is not None:
        return f"{number_text(low)}–{number_text(high)}"
    if high is not None:
        return f"≤{number_text(high)}"
    return f"≥{number_text(low)}" if low is not None else ""


def _flag(body: Mapping[str, Any], number: Decimal | None, low: Decimal | None, high: Decimal | None) -> Flag | None:
    """The laboratory's own interpretation, else the comparison with the range."""
    code = status_code(first(body["interpretation"])) if "interpretation" in body else ""
    if code in words.INTERPRETATIONS:
        return cast("Flag", words.INTERPRETATIONS[code])
    return _compared(number, low, high)


def _compared(number: Decimal | None, low: Decimal | None, high: Decimal | None) -> Flag | None:
    if number is None or (low is None and high is None):
        return None
    if low is not None and number < low:
        return "low"
    return "high" if high is not None and number > high else "normal"


def worst(flags: Iterator[Flag | None]) -> Flag | None:
    """The most serious of some flags."""
    return min(flags, key=_SEVERITY.index, default=None)


def summary(found: list[Value]) -> tuple[Text, str]:
    """The values of one observation as one text with its unit; blood pressure as ``132/84``."""
    by_code = {value.code: value for value in found}
    upper, lower = by_code.get(SYSTOLIC), by_code.get(DIASTOLIC)
    if upper and lower and upper.group == PRESSURE:
        joined = f"{upper.text.zh}/{lower.text.zh}"
        return Text(joined, joined), shown_unit(upper.unit)
    if len(found) == 1:
        return found[0].text, shown_unit(found[0].unit)
    parts = found[:6]
    zh = "；".join(f"{v.label.zh} {v.text.zh} {shown_unit(v.unit)}".strip() for v in parts)
    return Text(zh, "; ".join(f"{v.label.en} {v.text.en} {shown_unit(v.unit)}".strip() for v in parts)), ""


_UNITS = {
    "mm[Hg]": "mmHg", "Cel": "℃", "/min": "/min", "10*9/L": "×10⁹/L", "10*12/L": "×10¹²/L", "10*3/uL": "×10³/µL",
    "10*6/uL": "×10⁶/µL", "umol/L": "µmol/L", "kg/m2": "kg/m²", "{score}": "", "[pH]": "", "{titer}": "", "/uL": "/µL",
    "mL/min/{1.73_m2}": "mL/min/1.73m²", "{copies}/mL": "copies/mL", "m[IU]/L": "mIU/L", "wk": "wk",
}  # fmt: skip


def shown_unit(unit: str) -> str:
    """A UCUM unit the way a laboratory prints it."""
    return _UNITS.get(unit, unit)
