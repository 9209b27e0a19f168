"""Where a page stands in an order, so that the next one goes on from its last row and not from a number of rows.

An order is a list of columns with a direction; rows without a value come last either way, and the id makes it total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima import fhir

_COLUMNS: Final = {"date": "low", "_lastUpdated": "updated", "_id": "id"}
_CASTS: Final = {"low": "timestamptz", "updated": "timestamptz", "version": "integer"}
"""Columns that are not text."""
Keys = Sequence[tuple[str, bool]]
"""(column, descending); `id` is among them."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Beyond a row, in either direction."""

    edge: tuple[str | None, ...] = ()
    """The row's values in the order's columns, as text; empty for the beginning (or, looking back, the end)."""
    back: bool = False
    """The page that ends before the row, instead of the one that begins after it."""
    seen: int = 0
    """How many rows stood before."""
    take: int = 0
    """How many rows, where that is not what the search says: the last page is as long as what is left for it."""


START: Final = Spot()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which page of what is found: where, at most how many rows, and whether all are to be counted."""

    count: int
    spot: Spot = START
    total: bool = True


def keys_of(query: fhir.Query, *, many: bool) -> Keys:
    """The columns by which what a query finds is ordered; newest clinical date first when it says nothing.

    `many`: resources of several types are found, whose ids may be alike.
    """
    if query.order:
        return [("id", False)]
    found: dict[str, bool] = {}
    for key, descending in query.sort or [("date", True)]:
        found.setdefault(_COLUMNS[key], descending)  # named again it orders nothing more
    if many:
        found.setdefault("type", False)
    found.setdefault("id", False)
    return list(found.items())


def order_by(keys: Keys, back: bool) -> str:
    """The order as SQL, or its reverse."""
    if back:
        return ", ".join(f"{name} {'asc' if descending else 'desc'} nulls first" for name, descending in keys)
    return ", ".join(f"{name} {'desc' if descending else 'asc'} nulls last" for name, descending in keys)


def edge_of(keys: Keys, row: Any) -> tuple[str | None, ...]:
    """A row's values in the order's columns, as text."""
    found = (row[name] for name, _ in keys)
    return tuple(v.isoformat() if isinstance(v, datetime) else None if v is None else str(v) for v in found)


def _value(name: str, text: str | None) -> Any:
    if text is None:
        return None
    match _CASTS.get(name):
        case "timestamptz":
            return datetime.fromisoformat(text)
        case "integer":
            return int(text)
    return text


def beyond(keys: Keys, spot: Spot, args: list[Any]) -> str:
    """Whether a row lies beyond a spot, as SQL; its values are added to `args`."""
    if len(spot.edge) != len(keys):
        return "true"
    ways: list[str] = []
    same: list[str] = []
    for (name, descending), text in zip(keys, spot.edge, strict=True):
        args.append(_value(name, text))
        place = f"${len(args)}::{_CASTS.get(name, 'text')}"
        if step := _further(name, place, text is None, descending, spot.back):
            ways.append(" and ".join([*same, step]))
        same.append(f"{name} is not distinct from {place}")
    return "(" + " or ".join(f"({way})" for way in ways) + ")"


def _further(name: str, place: str, empty: bool, descending: bool, back: bool) -> str:
    """What is beyond in one column; '' when nothing can be."""
    if empty:  # nothing comes after what has no value, and all that has one comes before
        return f"{name} is not null" if back else f"{place} is not null"
    sign = "<" if descending != back else ">"
    return f"{name} {sign} {place}" if back else f"({name} {sign} {place} or {name} is null)"
