"""From what access discloses to what the clinician's desk shows. Only arranging; nothing is decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from yima import consent, healthcode
from yima.access import RecordView
from yima.mpi import Identity
from yima.portals.layout import Words
from yima.portals.layout.trends import TrendView, trend_views
from yima.runtime.civil import civil_day
from yima.runtime.ids import person_text


@dataclass(frozen=True, slots=True)
class Person:
    """Identity as the band shows it."""

    text: str
    """Public form of the person id, for forms; never a document number."""
    name: str
    latin_name: str
    sex: str
    birth_date: str
    years: int | None
    months: int
    deceased: bool
    initial: str


def person(identity: Identity, now: datetime) -> Person:
    """Arrange an identity; age in whole years today, in months for babies."""
    born = _day(identity.birth_date)
    today = civil_day(now)
    months = 0
    if born:
        months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    name = identity.name or identity.latin_name
    return Person(
        person_text(identity.person),
        name,
        identity.latin_name if identity.name else "",
        identity.sex or "unknown",
        identity.birth_date,
        months // 12 if born else None,
        months,
        identity.deceased,
        name[:1],
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def steps() -> list[healthcode.Term]:
    """The steps in the order a desk needs them: whole steps before refined ones, "other" last."""
    terms = [term for code, term in healthcode.STEPS.items() if code != "000000"]
    return [*sorted(terms, key=lambda term: len(term.code)), healthcode.STEPS["000000"]]


@dataclass(frozen=True, slots=True)
class Panel:
    """Results under one heading, those out of range first counted."""

    label: Any
    rows: tuple[Any, ...]
    flagged: int


@dataclass(frozen=True, slots=True)
class VisitShown:
    """What the desk arranges itself."""

    alerts: tuple[Any, ...]
    tags: tuple[Any, ...]
    panels: tuple[Panel, ...]
    flagged: tuple[Any, ...]
    trends: tuple[TrendView, ...]
    reasons: tuple[tuple[str, str], ...]
    """(sentence, code) for each link of the chain of reasons."""
    emergency: bool


def visit(opened: RecordView, words: Words) -> VisitShown:
    """Arrange a disclosed record."""
    o = opened.overview
    panels: list[Panel] = []
    for result in o.results:
        if not panels or panels[-1].label != result.panel:
            panels.append(Panel(result.panel, (), 0))
        last = panels[-1]
        panels[-1] = Panel(last.label, (*last.rows, result), last.flagged + _is_flagged(result))
    return VisitShown(
        alerts=tuple(tag for tag in o.tags if tag.level == "alert"),
        tags=tuple(tag for tag in o.tags if tag.level != "alert"),
        panels=tuple(panels),
        flagged=tuple(result for result in o.results if _is_flagged(result)),
        trends=trend_views(o.trends, o.results, words, height=118),
        reasons=tuple((reason(step.code, step.about, opened, words), step.code) for step in opened.decision.reasons),
        emergency=opened.decision.basis == "break-glass",
    )


def _is_flagged(result: Any) -> bool:
    return result.flag not in (None, "normal")


def reason(code: str, about: str, opened: RecordView, words: Words) -> str:
    """One link of the chain in words; an unknown code is shown as it is rather than hidden."""
    key = f"reason.{code}"
    if not words.has(key):
        return f"{code} {about}".strip()
    named = {w.code: (w.zh if words.lang == "zh" else w.en) for w in opened.withheld}
    if code == "role":
        about = consent.ROLES.get(about, (about, about))[words.lang == "zh"]
    elif code == "purpose":
        term = healthcode.PURPOSES.get(about)
        about = about if term is None else term.zh if words.lang == "zh" else term.en
    elif words.has(f"class.{about}"):
        about = words(f"class.{about}")
    return words(key, about=named.get(about, about))
