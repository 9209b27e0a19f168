"""A dosage instruction in plain words: the prescriber's own text where given, else put together from its parts."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .gather import Fact
from .model import NO_TEXT, Text
from .reading import concept_text, decimal, first, has_chinese, mapping, number_text, quantity, status_code, string
from .words_medicine import DOSE_UNITS, PERIOD_UNITS, ROUTES, TIMING_CODES

_TIMES = {Decimal(1): "once", Decimal(2): "twice"}


def dosage(fact: Fact) -> Text:
    """Words for the first dosage instruction of a medicine, made once (lists and timeline both ask)."""
    if fact.dose is None:
        fact.dose = _words(fact.body)
    return fact.dose


def _words(body: Mapping[str, Any]) -> Text:
    instruction = first(body.get("dosageInstruction") or body.get("dosage"))
    text = string(instruction.get("text")) or string(instruction.get("patientInstruction"))
    parts = [
        part
        for part in (
            _dose(instruction),
            _timing(mapping(instruction.get("timing"))),
            _route(instruction),
            _need(instruction),
        )
        if part
    ]
    built = Text("，".join(part.zh for part in parts), ", ".join(part.en for part in parts)) if parts else NO_TEXT
    if not text:
        return built
    if has_chinese(text):
        return Text(text, built.en or text)
    return Text(built.zh or text, text)


def _dose(instruction: Mapping[str, Any]) -> Text:
    rate = first(instruction.get("doseAndRate"))
    value, unit = quantity(rate.get("doseQuantity") or instruction.get("doseQuantity"))
    if value is None:
        return NO_TEXT
    zh, en = DOSE_UNITS.get(unit.lower(), (unit, unit))
    amount = number_text(value)
    amount = amount.rstrip("0").rstrip(".") if "." in amount and "E" not in amount else amount
    plural = "s" if value > 1 and en.isalpha() and len(en) > 2 and not en.endswith("s") else ""
    return Text(f"每次{amount}{zh}", f"{amount} {en}{plural}")


def _timing(timing: Mapping[str, Any]) -> Text:
    code = status_code(timing.get("code"))
    if found := TIMING_CODES.get(code):
        return Text(*found)
    repeat = mapping(timing.get("repeat"))
    frequency, period = decimal(repeat.get("frequency")), decimal(repeat.get("period"))
    unit = PERIOD_UNITS.get(string(repeat.get("periodUnit")))
    if frequency is None or period is None or unit is None:
        written = concept_text(timing.get("code"))
        return Text(written, written)
    zh, en = unit
    times = _TIMES.get(frequency, f"{number_text(frequency)} times")
    if period == 1:
        return Text(f"每{zh}{number_text(frequency)}次", f"{times} a {en}" if en != "hour" else f"{times} an hour")
    return Text(f"每{number_text(period)}{zh}{number_text(frequency)}次", f"{times} every {number_text(period)} {en}s")


def _route(instruction: Mapping[str, Any]) -> Text:
    route = instruction.get("route")
    written = concept_text(route)
    known = ROUTES.get(written.lower()) or ROUTES.get(status_code(route))
    return Text(*known) if known else Text(written, written)


def _need(instruction: Mapping[str, Any]) -> Text:
    if instruction.get("asNeededBoolean") is True:
        return Text("需要时用", "when needed")
    reason = concept_text(instruction.get("asNeededCodeableConcept"))
    return Text(f"需要时用（{reason}）", f"when needed ({reason})") if reason else NO_TEXT
