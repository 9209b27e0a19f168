"""One line per thing: statements of several institutions about the same thing become one entry, the newest leading."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from .concepts import Concept
from .gather import DAWN, Fact
from .model import Entry, Text
from .reading import Moment

_SEVERITIES = ("severe", "high", "moderate", "mild", "low", "")  # worst first


@dataclass(slots=True, eq=False)
class Draft:
    """One statement on its way into an entry; ``key`` says with which others it is one thing."""

    fact: Fact
    key: str
    since: Moment | None
    last: Moment | None
    until: date | None
    active: bool
    status: Text
    detail: Text
    severity: str = ""
    weight: int = 0  # a statement of higher weight leads, whatever its date (problem list over visit diagnosis)


class Merged(NamedTuple):
    """An entry and the concept it was read from (tags and rules look at the concept)."""

    entry: Entry
    concept: Concept


def merge(drafts: Iterable[Draft]) -> list[Merged]:
    """Group by key; active lines first, each part newest first."""
    groups: dict[str, list[Draft]] = {}
    for draft in drafts:
        groups.setdefault(draft.key or draft.fact.source, []).append(draft)
    merged = [_join(group) for group in groups.values()]
    merged.sort(key=lambda one: (one.entry.active, one.entry.last or date.min), reverse=True)
    return merged


def _join(group: list[Draft]) -> Merged:
    group.sort(key=lambda draft: (draft.weight, draft.last.at if draft.last else DAWN, draft.active), reverse=True)
    lead = group[0]
    concept = lead.fact.concept
    dated = [draft.since for draft in group if draft.since]
    since = min(dated, default=None)
    detail = lead.detail
    if len(group) > 1:
        detail = _with_other_names(group, detail)
    entry = Entry(
        title=concept.title if concept.title else Text(lead.fact.type, lead.fact.type),
        plain=concept.plain,
        code=concept.code,
        system=concept.system,
        when=since.day if since else None,
        when_text=since.text if since else "",
        last=max((draft.last.day for draft in group if draft.last), default=None),
        until=None if lead.active else lead.until,
        active=lead.active,
        status=lead.status,
        detail=detail,
        severity=min((draft.severity for draft in group), key=_rank),
        author=lead.fact.author,
        source=lead.fact.source,
        others=tuple(dict.fromkeys(d.fact.source for d in group[1:] if d.fact.source != lead.fact.source)),
    )
    return Merged(entry, concept)


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)


def _with_other_names(group: list[Draft], detail: Text) -> Text:
    """Names the other statements used: one category may hide a finer diagnosis (E11.2 under E11.9)."""
    lead = group[0].fact.concept.title
    others = dict.fromkeys(d.fact.concept.title for d in group[1:] if d.fact.concept.title.zh != lead.zh)
    shown = [name for name in list(others)[:3] if name]
    if not shown:
        return detail
    zh = "另记录为：" + "、".join(name.zh for name in shown)
    en = "Also recorded as: " + ", ".join(name.en for name in shown)
    return Text(f"{detail.zh}；{zh}" if detail.zh else zh, f"{detail.en}; {en}" if detail.en else en)
