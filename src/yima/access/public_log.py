"""What anybody may know of the log: its heads, its witnesses, and how many lines there are of what. No person, and no
number so small that it might be one's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from yima import audit, directory
from yima.access.context import Context
from yima.access.population import rounded
from yima.audit.proof import COSIGNER, Head, Log, Witness, cosignature, read_verifier
from yima.runtime.civil import civil_day

DAYS: Final = 7
_HEADS: Final = 12
_FRESH: Final = timedelta(seconds=60)
"""So long figures are kept: what everybody may ask must not be work each time."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Lines by something, each a multiple of `least`; None where there are fewer, but some."""

    by_day: Mapping[str, Sequence[int | None]]
    """By action, the latest day first: as many as `DAYS`."""
    by_class: Mapping[str, int | None]
    """By class of institution (WS 218, its letter; empty: residents and the platform itself)."""
    denied: Sequence[int | None]
    """What was refused, by day."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A head, and the witnesses that signed it."""

    head: Head
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything on the regulator's page."""

    at: datetime
    key: str
    heads: Sequence[Shown]
    """Newest first."""
    witnesses: Sequence[Witness]
    checked: audit.Verification | None
    """The last check of the whole log by its operator."""
    days: Sequence[date]
    counts: Counts
    least: int


class PublicLog:
    """The door to what is public of the log."""

    def __init__(self, cx: Context, log: Log, least: int) -> None:
        self._cx = cx
        self._log = log
        self._least = least
        self._kept: Figures | None = None

    async def figures(self, now: datetime) -> Figures:
        """As they were less than a minute ago."""
        if self._kept is None or not timedelta() <= now - self._kept.at < _FRESH:
            self._kept = await self._figures(now)
        return self._kept

    async def _figures(self, now: datetime) -> Figures:
        database, today = self._cx.database, civil_day(now)
        days = [today - timedelta(days=back) for back in range(DAYS)]
        witnesses = await self._log.witnesses.known()
        heads = [_shown(head, witnesses) for head in await self._log.heads(limit=_HEADS)]
        tallies = await audit.tallied(database, days[-1])
        kinds = {one.institution_id: one.kind[:1] for one in await directory.institutions(database)}
        return Figures(
            now, self._log.verifier.text(), heads, witnesses, await audit.last_verification(database), days,
            self._counts(tallies, days, kinds), self._least,
        )  # fmt: skip

    def _counts(self, tallies: Sequence[audit.Tally], days: Sequence[date], kinds: Mapping[int, str]) -> Counts:
        by_day: Counter[tuple[str, date]] = Counter()
        by_class: Counter[str] = Counter()
        denied: Counter[date] = Counter()
        for one in tallies:
            by_day[one.action, one.day] += one.lines
            by_class[kinds.get(one.institution, "")] += one.lines
            denied[one.day] += one.lines if one.outcome == "denied" else 0
        actions = sorted({action for action, _ in by_day})
        return Counts(
            {action: [rounded(by_day[action, day], self._least) for day in days] for action in actions},
            {kind: rounded(number, self._least) for kind, number in sorted(by_class.items())},
            [rounded(denied[day], self._least) for day in days],
        )


def _shown(head: Head, witnesses: Sequence[Witness]) -> Shown:
    keys = [read_verifier(witness.key, COSIGNER) for witness in witnesses]
    return Shown(head, tuple(key.name for key in keys if cosignature(head.note, key)))
