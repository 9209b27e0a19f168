"""The parameters of a search that shape its answer rather than choose resources (R4 search.html#return)."""

from __future__ import annotations

from typing import Any, Final

from yima.fhir.order import SortKey, sort_key
from yima.fhir.parameters import PRIMARY_DATE, SEARCH
from yima.fhir.tables import TYPES
from yima.fhir.values import invalid, pieces
from yima.runtime.errors import Refusal

MAX_COUNT: Final = 10**9
_WORDS: Final = {
    "_summary": ("true", "text", "data", "count", "false"),
    "_total": ("none", "estimate", "accurate"),
}
_OTHERS_DUTY: Final = ("_format", "_pretty")  # read by the HTTP surface

COLUMNS: Final = ("date", "_lastUpdated", "_id")
"""What the store itself can sort by."""


def _id_of(resource: dict[str, Any]) -> Any:
    return resource.get("id")


def _updated_of(resource: dict[str, Any]) -> Any:
    return resource.get("meta", {}).get("lastUpdated")


class Control:
    """What the result parameters of one search ask for."""

    def __init__(self, type_name: str) -> None:
        self.type = type_name
        self.sort: list[tuple[str, bool]] = []
        self.order: list[tuple[SortKey, bool]] = []
        self.count: int | None = None
        self.include: list[str] = []
        self.revinclude: list[str] = []
        self.iterate: list[str] = []
        self.words: dict[str, str] = {}
        self.elements: list[str] = []
        self.cursor: str | None = None

    @property
    def summary(self) -> str | None:
        """`_summary`: true, text, data, count or false."""
        return self.words.get("_summary")

    @property
    def total(self) -> str | None:
        """`_total`: none, estimate or accurate."""
        return self.words.get("_total")

    def add(self, name: str, modifier: str, text: str) -> bool:
        """Read one parameter; False when it is not a result parameter."""
        if name in ("_include", "_revinclude") and modifier in ("", "iterate", "recurse"):
            self._include(name, modifier, text)
        elif modifier:
            return False
        elif name in _WORDS:
            if text not in _WORDS[name]:
                raise invalid(name, " | ".join(_WORDS[name]))
            self.words[name] = text
        elif name == "_sort":
            self.sort.extend(map(self._sort_key, pieces(name, text)))
            self.order = self._order()
        elif name == "_count":
            self.count = self._count(text)
        elif name == "_elements":
            self.elements.extend(piece.removeprefix(f"{self.type}.") for piece in pieces(name, text))
        elif name == "_cursor":
            self.cursor = text
        else:
            return name in _OTHERS_DUTY
        return True

    def _count(self, text: str) -> int:
        if not text.isascii() or not text.isdigit():
            raise invalid("_count", "a whole number from 0")
        return MAX_COUNT if len(text.lstrip("0")) > len(str(MAX_COUNT)) - 1 else int(text)

    def _sort_key(self, text: str) -> tuple[str, bool]:
        key, descending = text.removeprefix("-"), text.startswith("-")
        primary = PRIMARY_DATE.get(self.type, ())
        if primary and key in ("date", primary[0]):
            return "date", descending
        param = SEARCH[self.type].get(key)
        if key in ("_lastUpdated", "_id") or (param and sort_key(param, descending=descending)):
            return key, descending
        raise Refusal("search-parameter-unknown", field=f"_sort={key[:64]}", type=self.type)

    def _order(self) -> list[tuple[SortKey, bool]]:
        """How to sort where the store's columns do not say it; empty where they do."""
        if all(key in COLUMNS for key, _ in self.sort):
            return []
        primary = PRIMARY_DATE.get(self.type, ("",))[0]
        found: list[tuple[SortKey, bool]] = []
        for key, descending in self.sort:
            if key == "_id":
                found.append((_id_of, descending))
            elif key == "_lastUpdated":
                found.append((_updated_of, descending))
            elif made := sort_key(SEARCH[self.type][primary if key == "date" else key], descending=descending):
                found.append((made, descending))
        return found

    def _include(self, name: str, modifier: str, text: str) -> None:
        if text != "*" or name == "_revinclude":
            source, _, rest = text.partition(":")
            param, _, target = rest.partition(":")
            known = SEARCH.get(source, {}).get(param) if param != "*" else None
            if source not in TYPES or (target and target not in TYPES) or (param != "*" and known is None):
                raise invalid(name, "Type:parameter[:Type]")
            if known is not None and known.type != "reference":
                raise invalid(name, "a reference parameter")
        (self.include if name == "_include" else self.revinclude).append(text)
        if modifier:
            self.iterate.append(text)
