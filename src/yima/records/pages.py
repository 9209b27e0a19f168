"""A page of rows, and where the pages beside it are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yima.records.read import Stored, stored_all
from yima.records.spots import Keys, Spot, edge_of
from yima.runtime.keys import Vault


@dataclass(frozen=True, slots=True)
class Page:
    """One page of matches; how many there are in all, where that was asked; and where the pages beside it are."""

    rows: tuple[Stored, ...]
    total: int
    previous: Spot | None = None
    next: Spot | None = None


def page_of(vault: Vault, rows: Sequence[Any], total: int, keys: Keys, spot: Spot, more: bool) -> Page:
    """The page at a spot. `more`: there is something beyond it in the direction it was looked in."""
    found = tuple(stored_all(vault, rows))
    if not rows:
        return Page(found, total)
    first, last = edge_of(keys, rows[0]), edge_of(keys, rows[-1])
    before, after = (more, bool(spot.edge)) if spot.back else (bool(spot.edge), more)
    seen = spot.seen if not spot.back else max(spot.seen - len(rows), 0)
    return Page(
        found,
        total,
        Spot(first, back=True, seen=seen) if before else None,
        Spot(last, seen=seen + len(rows)) if after else None,
    )
