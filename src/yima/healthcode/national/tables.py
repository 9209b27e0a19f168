"""The code tables of the national card, by dialect: what a province's codes mean here. Data in `dialects.toml`. Pure.

Provinces differ, so nothing is assumed: a code that the chosen dialect does not list is refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from yima.healthcode.tables import STEPS
from yima.runtime.errors import Refusal

TEMPORARY_TYPE: Final = "99"
"""Document type under which a card for somebody without a document is numbered."""
_TABLES: Final = ("documents", "sexes", "apply_modes", "channels", "statuses", "steps")
_NO_STEP: Final = "000000"
_SETTLING: Final = ("010105", "0101051")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The tables of one province. Keys are the province's codes, but for `statuses`, which goes the other way."""

    name: str
    title: str
    documents: Mapping[str, str]
    """Document type -> identifier system of the person index."""
    sexes: Mapping[str, str]
    """Sex -> FHIR administrative-gender."""
    apply_modes: Mapping[str, str]
    channels: Mapping[str, str]
    """Channel -> the channel of `healthcode.CHANNELS`."""
    statuses: Mapping[str, str]
    """Standing of a card -> the province's status code."""
    steps: Mapping[str, str]
    """Step of care -> the step of `healthcode.STEPS`, where the codes differ."""

    def system(self, document_type: str, field: str) -> str:
        """The identifier system of a document type. Refusal `field-invalid`."""
        return _looked_up(self.documents, document_type, field)

    def sex(self, code: str, field: str) -> str:
        """FHIR administrative-gender. Refusal `field-invalid`."""
        return _looked_up(self.sexes, code, field)

    def sex_code(self, sex: str) -> str:
        """The one-character code for FHIR administrative-gender (GB/T 2261.1)."""
        return next((code for code, meant in self.sexes.items() if meant == sex), "0")

    def apply_mode(self, code: str, field: str) -> str:
        """How the card was applied for. Refusal `field-invalid`; nothing said means a window."""
        return _looked_up(self.apply_modes, code, field) if code else "window"

    def step(self, code: str, field: str) -> str:
        """The step of care of `healthcode.STEPS`; nothing said means `000000`. Refusal `field-invalid`."""
        meant = self.steps.get(code, code) or _NO_STEP
        if meant not in STEPS:
            raise Refusal("field-invalid", field=field, expected="a code of the step table, such as 010101")
        return meant

    def channel(self, code: str, field: str) -> str | None:
        """The channel of `healthcode.CHANNELS`, None when nothing was said. Refusal `field-invalid`."""
        return _looked_up(self.channels, code, field) if code else None

    def document_type(self, system: str) -> str:
        """The document type that stands for an identifier system; of several the first."""
        return next((code for code, meant in self.documents.items() if meant == system), TEMPORARY_TYPE)


def purpose_of(step: str) -> str:
    """For what a code is used at a step: a cashier settles, everybody else treats."""
    return "payment" if step in _SETTLING else "treatment"


@cache
def dialect(name: str) -> Dialect:
    """The dialect of that name. Refusal `setting-invalid`."""
    data = _data()
    if name not in data:
        expected = f"one of {', '.join(data)}"
        raise Refusal("setting-invalid", field="national_dialect", expected=expected, source="the dialect tables")
    base, own = data["national"], data[name]
    merged = {table: {**base[table], **own.get(table, {})} for table in _TABLES}
    return Dialect(name, own["title"], **merged)


def dialect_names() -> tuple[str, ...]:
    """The dialects there are."""
    return tuple(_data())


@cache
def _data() -> dict[str, Any]:
    text = files("yima.healthcode.national").joinpath("dialects.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _looked_up(table: Mapping[str, str], code: str, field: str) -> str:
    if code not in table:
        raise Refusal("field-invalid", field=field, expected=f"one of {', '.join(table)}")
    return table[code]
