"""Sorting by any parameter: the value by which a resource stands in line (R4 search.html#sort)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from yima.fhir.dates import value_range
from yima.fhir.forms import plain
from yima.fhir.parameters import SearchParam
from yima.fhir.paths import Path
from yima.fhir.values import fold, texts_of

SortKey = Callable[[dict[str, Any]], Any]
"""A resource -> what it is compared by, or None when it has no such value; it then stands last either way."""


def sort_key(param: SearchParam, *, descending: bool) -> SortKey | None:
    """How resources are ordered by a parameter; None for those that have no order (composites).

    Of several values the lowest counts when ascending, the highest when descending.
    """
    if not param.paths:
        return None
    choose = max if descending else min

    def key(resource: dict[str, Any]) -> Any:
        found = [
            value
            for path in param.paths
            for raw in path.pick(resource, resource)
            for value in _values(param, raw, path)
        ]
        return choose(found) if found else None

    return key


def _values(param: SearchParam, raw: Any, path: Path) -> list[Any]:
    """Comparable values of one picked value, all of one Python type for one search type."""
    match param.type:
        case "date":
            found = value_range(raw, path.type)
            return list(found) if found else []
        case "number" | "quantity":
            number = raw.get("value") if isinstance(raw, dict) else raw
            return [Decimal(number)] if isinstance(number, int | Decimal) else []
        case "string":
            return [fold(text) for text in texts_of(raw, path)]
        case "reference":
            return [str(raw.get("reference", ""))] if isinstance(raw, dict) else [str(raw)]
        case "token":
            return _tokens(raw)
    return [str(raw)]


def _tokens(raw: Any) -> list[str]:
    if not isinstance(raw, dict):
        return [plain(raw)]
    codings = raw.get("coding")
    if codings:
        return [fold(raw.get("text") or codings[0].get("display") or codings[0].get("code", ""))]
    return [fold(str(raw.get("value") or raw.get("display") or raw.get("code") or raw.get("text") or ""))]
