"""From what access discloses to what the record page shows. Only arranging: no rule of medicine is here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final

from yima.access import Overview, RecordView
from yima.portals.layout import Words
from yima.portals.layout.trends import TrendView, trend_views

_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_NOT_VISITS: Final = frozenset({"vaccination", "lab", "imaging", "medicine", "procedure", "document", "other"})
_PICTURES: Final = {
    "outpatient": "care",
    "inpatient": "bed",
    "emergency": "siren",
    "vaccination": "syringe",
    "checkup": "screen",
    "antenatal": "heart",
    "postnatal": "baby",
    "birth": "baby",
    "screening": "screen",
    "followup": "home",
    "home": "home",
    "virtual": "phone",
    "lab": "flask",
    "imaging": "image",
    "medicine": "pill",
    "procedure": "tool",
    "document": "document",
    "other": "record",
}


def masked(name: str) -> str:
    """A name that strangers at a counter cannot read: 张*伟, 李*, 买****江, `L* Wei`."""
    if not name:
        return ""
    if not _HAN.search(name):
        return " ".join(part[0] + "*" * min(len(part) - 1, 4) for part in name.split())
    if len(name) < 3:
        return name[0] + "*"
    return name[0] + "*" * min(len(name) - 2, 4) + name[-1]


def named(name: str, latin: str, lang: str) -> str:
    """The name in the reader's script where both are known."""
    return (latin or name) if lang == "en" else (name or latin)


@dataclass(frozen=True, slots=True)
class Basis:
    """What a tag or a suggestion rests on: a statement, who wrote it, when."""

    title: str
    author: str
    when: date | None


@dataclass(frozen=True, slots=True)
class Service:
    """Service activities of one kind."""

    kind: str
    picture: str
    label: Any
    count: int
    last: date | None
    places: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """One episode with what the page filters and draws it by."""

    episode: Any
    picture: str
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Year:
    """A year of the timeline."""

    year: str
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class RecordShown:
    """Everything the record page arranges itself."""

    bases: dict[str, tuple[Basis, ...]]
    """By code of tag or suggestion."""
    services: tuple[Service, ...]
    years: tuple[Year, ...]
    filters: tuple[tuple[str, int], ...]
    trends: tuple[TrendView, ...]
    panels: tuple[tuple[Any, tuple[Any, ...]], ...]
    empty: bool


def record(opened: RecordView, words: Words) -> RecordShown:
    """Arrange a whole record."""
    o = opened.overview
    stops = [_stop(episode) for episode in o.episodes]
    counts = [
        (name, sum(name in stop.filters for stop in stops)) for name in ("visits", "tests", "medicines", "vaccinations")
    ]
    return RecordShown(
        bases=bases(o, words.lang),
        services=services(o),
        years=tuple(Year(year, tuple(found)) for year, found in groupby(stops, key=_year)),
        filters=(("all", len(stops)), *(pair for pair in counts if 0 < pair[1] < len(stops))),
        trends=trend_views(o.trends, o.results, words),
        panels=panels(o),
        empty=not (o.episodes or o.problems or o.medicines or o.results or o.immunisations or o.allergies),
    )


def panels(o: Overview) -> tuple[tuple[Any, tuple[Any, ...]], ...]:
    """Last results under the heading they are read under."""
    return tuple((panel, tuple(found)) for panel, found in groupby(o.results, key=lambda result: result.panel))


def services(o: Overview) -> tuple[Service, ...]:
    """Counts of service activities by kind, most frequent first."""
    kinds: dict[str, list[Any]] = {}
    for activity in o.activities:
        kinds.setdefault(activity.kind, []).append(activity)
    made = [
        Service(
            kind,
            _PICTURES.get(kind, "record"),
            rows[0].label,
            sum(row.count for row in rows),
            max((row.last for row in rows if row.last), default=None),
            tuple(rows),
        )
        for kind, rows in kinds.items()
    ]
    return tuple(sorted(made, key=lambda service: -service.count))


def bases(o: Overview, lang: str) -> dict[str, tuple[Basis, ...]]:
    """For each tag and suggestion the statements it rests on, as words instead of resource ids."""
    known: dict[str, Basis] = {}
    for episode in o.episodes:
        basis = Basis(episode.title.get(lang), episode.institution, episode.start)
        known |= dict.fromkeys(episode.sources, basis)
        known |= {
            line.source: Basis(line.title.get(lang), episode.institution, line.when or episode.start)
            for line in episode.items
        }
    for result in o.results:
        known[result.source] = Basis(result.label.get(lang), result.author, result.when)
        known |= {one.source: Basis(result.label.get(lang), one.author, one.when) for one in result.earlier}
    for entry in (*o.problems, *o.allergies, *o.medicines, *o.immunisations, *o.procedures):
        known |= dict.fromkeys((*entry.others, entry.source), Basis(entry.title.get(lang), entry.author, entry.when))
    rows: Sequence[Any] = (*o.tags, *o.suggestions)
    return {row.code: tuple(dict.fromkeys(known[s] for s in row.sources if s in known))[:5] for row in rows}


def _stop(episode: Any) -> Stop:
    found = {line.kind for line in episode.items}
    kinds = []
    if episode.kind not in _NOT_VISITS:
        kinds.append("visits")
    if episode.kind in ("lab", "imaging") or (found & {"found"} and episode.kind != "vaccination"):
        kinds.append("tests")
    if episode.kind == "medicine" or ("given" in found and episode.kind != "vaccination"):
        kinds.append("medicines")
    if episode.kind == "vaccination":
        kinds.append("vaccinations")
    return Stop(episode, _PICTURES.get(episode.kind, "record"), tuple(kinds))


def _year(stop: Stop) -> str:
    return str(stop.episode.start.year) if stop.episode.start else ""


def bundle(contents: Sequence[bytes], now: datetime) -> bytes:
    """A FHIR R4 Bundle of type collection around stored resources, which are passed through byte by byte."""
    stamp = now.isoformat(timespec="seconds").encode()
    entries = b",".join(b'{"resource":' + content + b"}" for content in contents)
    return b'{"resourceType":"Bundle","type":"collection","timestamp":"' + stamp + b'","entry":[' + entries + b"]}"
