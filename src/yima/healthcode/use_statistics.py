"""Statistics of card use, by institution: what is counted by day, step and channel, with small numbers held back.

Pure but for what reads the counted days. A number above 0 and below `SMALL` could point at somebody, and is not shown;
where the hidden ones together were still small, the smallest shown one is hidden with them, so that
subtracting from the total gives nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from yima.healthcode.card import Source
from yima.healthcode.use import SQL

SMALL: Final = 5
"""Numbers from 1 to 4 are not shown."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One line: a day, a step or a channel."""

    key: str
    verified: int | None
    """None: too small to show, or hidden with one that is."""
    missing: int | None
    """Of the verified ones, how many were not reported in time."""

    @property
    def share(self) -> float | None:
        """Missing reports in percent of the verifications; None where nothing may be said, or nothing was verified."""
        return 100 * self.missing / self.verified if self.verified and self.missing is not None else None


@dataclass(frozen=True, slots=True)
class Statistics:
    """One institution (0 = all) over days, both ends included."""

    institution: int
    since: date
    until: date
    total: Cell
    unverified: int | None
    """Reports of codes that were never verified there."""
    by_day: tuple[Cell, ...]
    by_step: tuple[Cell, ...]
    by_channel: tuple[Cell, ...]


async def statistics(source: Source, institution: int, since: date, until: date) -> Statistics:
    """What was counted of one institution. Days that the nightly job has not counted yet are absent."""
    return summed(institution, since, until, await source.fetch(SQL.days, institution, since, until))


async def by_institution(source: Source, since: date, until: date) -> list[Statistics]:
    """`statistics` of every institution where anything was counted, by number."""
    grouped: dict[int, list[Any]] = {}
    for row in await source.fetch(SQL.days, None, since, until):
        grouped.setdefault(row["institution"], []).append(row)
    return [summed(institution, since, until, rows) for institution, rows in grouped.items()]


def summed(institution: int, since: date, until: date, rows: Sequence[Any]) -> Statistics:
    """Add the counted days up. A row has `day`, `step`, `channel`, `verified`, `missing`, `unverified`."""
    total = (sum(row["verified"] for row in rows), sum(row["missing"] for row in rows))
    unverified = sum(row["unverified"] for row in rows)
    whole = protected([("", *total)])
    return Statistics(
        institution,
        since,
        until,
        whole[0],
        unverified if unverified == 0 or unverified >= SMALL else None,
        protected(_by(rows, "day")),
        protected(_by(rows, "step")),
        protected(_by(rows, "channel")),
    )


def protected(counts: Iterable[tuple[str, int, int]], small: int = SMALL) -> tuple[Cell, ...]:
    """(key, verified, missing) as cells, with whatever would give a small number away left open."""
    rows = list(counts)
    hidden = {key for key, verified, _ in rows if 0 < verified < small}
    shown = sorted((verified, key) for key, verified, _ in rows if verified >= small)
    while hidden and shown and sum(v for key, v, _ in rows if key in hidden) < small:
        hidden.add(shown.pop(0)[1])
    return tuple(Cell(k, None, None) if k in hidden else Cell(k, v, m) for k, v, m in rows)


def _by(rows: Sequence[Any], column: str) -> list[tuple[str, int, int]]:
    counts: dict[str, list[int]] = {}
    for row in rows:
        if row["verified"]:
            held = counts.setdefault(str(row[column]), [0, 0])
            held[0] += row["verified"]
            held[1] += row["missing"]
    return [(key, *held) for key, held in sorted(counts.items())]  # type: ignore[misc]  # two numbers, always
