"""Stages of life, the filtered timeline and the quality of a record, as both portals show them. Only arranging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

from yima.access import Overview
from yima.portals.layout.messages import Words
from yima.portals.layout.trends import TrendView, trend_views

PICTURES: Final = {
    "child": "baby", "pregnancy": "heart", "chronic": "pulse", "elderly": "person",
    "outpatient": "care", "inpatient": "bed", "emergency": "siren", "vaccination": "syringe", "checkup": "screen",
    "antenatal": "heart", "postnatal": "baby", "birth": "baby", "screening": "screen", "followup": "home",
    "home": "home", "virtual": "phone", "lab": "flask", "imaging": "image", "medicine": "pill", "procedure": "tool",
    "document": "document", "other": "record",
}  # fmt: skip
"""Stage or kind of episode -> icon."""
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage with the charts it names and where its episodes are shown."""

    stage: Any
    picture: str
    trends: tuple[TrendView, ...]
    query: str
    """The timeline's query that shows its kinds of episodes."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter: how many episodes it would show."""

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class TimelineView:
    """The episodes chosen, by year, and what else could be chosen."""

    kinds: tuple[Choice, ...]
    years: tuple[Choice, ...]
    places: tuple[Choice, ...]
    groups: tuple[tuple[str, tuple[Any, ...]], ...]
    total: int
    newer: str
    """The query of the page before, empty on the first."""
    older: str


def stage_views(o: Overview, words: Words) -> tuple[StageView, ...]:
    """The stages that fit this person, each with its charts."""
    made = []
    for stage in o.stages:
        named = [one for one in o.trends if one.code in stage.trends or one.group in stage.trends]
        query = urlencode([("kind", kind) for kind in stage.kinds])
        made.append(StageView(stage, PICTURES[stage.kind], trend_views(named, o.results, words), query))
    return tuple(made)


def timeline_view(
    o: Overview, asked: Sequence[tuple[str, str]], words: Words, places: Mapping[str, str]
) -> TimelineView:
    """The episodes that the query chooses (`kind`, several; `year`; `place`), a page of them (`from`)."""
    kinds = [value for name, value in asked if name == "kind" and value]
    one = dict(asked)
    year, place, start = one.get("year", ""), one.get("place", ""), _number(one.get("from", ""))
    found = [
        e
        for e in o.episodes
        if (not kinds or e.kind in kinds) and (not year or _year(e) == year) and (not place or e.institution == place)
    ]
    shown = found[start : start + _PAGE]
    labels: dict[str, str] = {e.kind: e.kind_label.get(words.lang) for e in o.episodes}
    kept = [("kind", kind) for kind in kinds] + [(n, v) for n, v in (("year", year), ("place", place)) if v]
    return TimelineView(
        kinds=_choices([e.kind for e in o.episodes], labels, kinds),
        years=_choices([_year(e) for e in o.episodes if e.start], {}, [year]),
        places=_choices([e.institution for e in o.episodes if e.institution], dict(places), [place]),
        groups=tuple((name, tuple(rows)) for name, rows in groupby(shown, key=_year)),
        total=len(found),
        newer=urlencode([*kept, ("from", max(0, start - _PAGE))]) if start else "",
        older=urlencode([*kept, ("from", start + _PAGE)]) if start + _PAGE < len(found) else "",
    )


def _choices(values: Sequence[str], labels: dict[str, str], chosen: Sequence[str]) -> tuple[Choice, ...]:
    """Each value once, in the order of its first (newest) episode."""
    return tuple(
        Choice(value, labels.get(value, value), values.count(value), value in chosen) for value in dict.fromkeys(values)
    )


def _year(episode: Any) -> str:
    return f"{episode.start.year:04d}" if episode.start else ""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0
