"""From receipts to a page that an operator reads at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final

from yima.exchange import ByInstitution, Dashboard, Submission
from yima.portals.layout import Words, rate_chart
from yima.portals.layout.chart import Bar
from yima.portals.layout.dates import moment, time_of_day
from yima.runtime import jobs
from yima.runtime.database import Database
from yima.runtime.errors import KINDS

_TOTALS: Final = ("persons", "submissions", "resources", "reviews")
_MINUTES: Final = 60


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the platform: `ok` or `bad`, with a figure."""

    key: str
    state: str
    figure: str


@dataclass(frozen=True, slots=True)
class Row:
    """One institution."""

    name: str
    ok: int
    failed: int
    share: float
    """Refused, in percent of all."""
    resources: int
    last: str
    p50: str
    p95: str


@dataclass(frozen=True, slots=True)
class Recent:
    """One submission."""

    time: str
    institution: str
    app: str
    resources: int
    size: str
    ms: str
    outcome: str
    code: str
    meaning: str
    field: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """The whole page."""

    at: str
    totals: tuple[tuple[str, int], ...]
    bars: tuple[Bar, ...]
    top: int
    first: str
    hour_ok: int
    hour_failed: int
    per_minute: int
    """Accepted and refused in the last whole minute."""
    institutions: tuple[Row, ...]
    recent: tuple[Recent, ...]
    parts: tuple[Part, ...]
    find: str
    only: str


async def parts(db: Database) -> tuple[Part, ...]:
    """Health of the parts this page can see: the database answers, and no job was given up."""
    start = perf_counter()
    try:
        await db.fetchrow("select 1")
    except OSError:
        return (Part("database", "bad", ""),)
    took = (perf_counter() - start) * 1000
    dead = len(await jobs.dead(db))
    return Part("database", "ok", f"{took:.1f} ms"), Part("jobs", "bad" if dead else "ok", str(dead))


def dashboard(
    found: Dashboard, health: tuple[Part, ...], query: Mapping[str, str], words: Words, now: datetime
) -> Shown:
    """Arrange the dashboard; `find` narrows both tables by institution, `only=refused` the submissions."""
    find, only = query.get("find", "").strip()[:60], "refused" if query.get("only") == "refused" else ""
    rates = every_minute(found.rates, now)
    bars, top = rate_chart(rates)
    rows = [_row(row, words, now) for row in found.by_institution]
    recent = [_recent(one, words) for one in found.recent]
    wanted = find.casefold()
    return Shown(
        at=moment(now, words.lang),
        totals=tuple((key, found.totals[key]) for key in _TOTALS if key in found.totals),
        bars=bars,
        top=top,
        first=time_of_day(now - timedelta(minutes=_MINUTES - 1)),
        hour_ok=sum(ok for _, ok, _ in rates),
        hour_failed=sum(failed for _, _, failed in rates),
        per_minute=sum(rates[-2][1:]),
        institutions=tuple(row for row in rows if wanted in row.name.casefold()),
        recent=tuple(
            one
            for one in recent
            if wanted in f"{one.institution} {one.app}".casefold() and (not only or one.outcome == only)
        ),
        parts=health,
        find=find,
        only=only,
    )


def every_minute(rates: tuple[tuple[str, int, int], ...], now: datetime) -> list[tuple[str, int, int]]:
    """The last hour with a row for every minute, quiet ones included, as (time of day, accepted, refused)."""
    known = {datetime.fromisoformat(minute): (ok, failed) for minute, ok, failed in rates}
    last = now.replace(second=0, microsecond=0)
    minutes = [last - timedelta(minutes=back) for back in range(_MINUTES - 1, -1, -1)]
    return [(time_of_day(minute), *known.get(minute, (0, 0))) for minute in minutes]


def _row(row: ByInstitution, words: Words, now: datetime) -> Row:
    every = row.ok + row.failed
    return Row(
        row.institution_zh if words.lang == "zh" else row.institution_en,
        row.ok,
        row.failed,
        100 * row.failed / every if every else 0,
        row.resources,
        ago(row.last, words, now),
        _ms(row.p50_ms),
        _ms(row.p95_ms),
    )


def _recent(one: Submission, words: Words) -> Recent:
    kind = KINDS.get(one.code or "")
    meaning = "" if kind is None else kind.zh if words.lang == "zh" else kind.en
    place = one.institution_zh if words.lang == "zh" else one.institution_en
    return Recent(
        time_of_day(one.received) + one.received.strftime(":%S"),
        place,
        one.app,
        one.resources or 0,
        _size(one.bytes or 0),
        _ms(one.ms),
        one.outcome,
        one.code or "",
        _without_blanks(meaning),
        one.field or "",
        one.request_id or "",
    )


def _without_blanks(sentence: str) -> str:
    """The catalogue's sentence with its placeholders left open: the receipt keeps the code, not the values."""
    return sentence.format_map(_Open())


class _Open(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


def ago(at: datetime | None, words: Words, now: datetime) -> str:
    """How long ago, in the largest whole unit."""
    if at is None:
        return "—"
    seconds = max(int((now - at).total_seconds()), 0)
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return words.count(f"ago.{unit}", seconds // size)
    return words("ago.now")


def _ms(value: float | None) -> str:
    return "—" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _size(count: int) -> str:
    return f"{count / 1024:.1f} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"
