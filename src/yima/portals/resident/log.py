"""Who looked: events of the audit log as plain sentences, by day and visit, people apart from systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Final

from yima import directory, healthcode
from yima.audit import Event
from yima.portals.layout import Words
from yima.portals.layout.dates import heading_day, moment, time_of_day
from yima.portals.resident import acts
from yima.runtime.civil import civil_day
from yima.runtime.database import Database
from yima.runtime.errors import KINDS

_PEOPLE: Final = ("practitioner",)
_LOOKS: Final = ("read", "search", "break-glass")


@dataclass(frozen=True, slots=True)
class Line:
    """One detail behind a tap."""

    time: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """One visit, one attempt, or what systems did on one day."""

    tone: str
    """`people`, `own`, `system`, `denied` or `emergency`: chooses picture and colour, the words say the same."""
    time: str
    sentence: str
    reason: str
    lines: tuple[Line, ...]
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the log, newest first."""

    heading: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the institutions, departments and staff that occur."""

    institutions: dict[int, directory.Institution]
    departments: dict[tuple[int, str], directory.Department]
    staff: dict[str, directory.Practitioner]

    def place(self, event: Event, lang: str) -> str:
        """The institution's name in the reader's language, or as the log itself has it."""
        found = self.institutions.get(event.institution)
        return (found.name_zh if lang == "zh" else found.name_en) if found else event.institution_name

    def who(self, event: Event, lang: str) -> str:
        """Institution, department, name and title: `一码县医院 内科 王芳 医师`."""
        department = self.departments.get((event.institution, event.department))
        staff = self.staff.get(event.agent_id) if event.agent in _PEOPLE else None
        if lang == "zh":
            person = f"{staff.name_zh} {staff.title_zh}".strip() if staff else event.agent_name
            parts = [self.place(event, lang), department.name_zh if department else "", person]
            return " ".join(part for part in parts if part)
        title = f" ({staff.title_en})" if staff and staff.title_en else ""
        person = f"{staff.name_en}{title}" if staff else event.agent_name
        parts = [person, department.name_en if department else "", self.place(event, lang)]
        return ", ".join(part for part in parts if part)


async def names_in(db: Database, events: Sequence[Event]) -> Names:
    """Look up every name these events need."""
    numbers = {e.institution for e in events if e.institution}
    institutions = {n: found for n in numbers if (found := await directory.institution(db, n))}
    departments: dict[tuple[int, str], directory.Department] = {}
    for number in {e.institution for e in events if e.institution and e.department}:
        departments |= {(number, code): row for code, row in (await directory.department_names(db, number)).items()}
    ids = {e.agent_id for e in events if e.agent in _PEOPLE and e.agent_id.isdigit()}
    staff = {i: person for i in ids if (person := await directory.practitioner(db, int(i)))}
    return Names(institutions, departments, staff)


async def days(db: Database, events: Sequence[Event], words: Words, now: datetime) -> list[Day]:
    """A page of the log as days of cards, in the order of the events (newest first)."""
    names, today = await names_in(db, events), civil_day(now)
    shown = []
    for day, of_day in groupby(events, key=lambda e: civil_day(e.recorded)):
        shown.append(Day(heading_day(day, today, words.lang), tuple(_cards(list(of_day), names, words))))
    return shown


async def scan_lines(db: Database, scans: Sequence[Event], words: Words) -> list[dict[str, str]]:
    """Recent uses of the code, for the code page: a sentence each and whether it was refused."""
    names = await names_in(db, scans)
    return [
        {
            "id": event.event_id,
            "tone": "ok" if event.outcome == "ok" else "alert",
            "text": words(
                "used.ok" if event.outcome == "ok" else "used.refused",
                time=time_of_day(event.recorded),
                place=names.place(event, words.lang),
            ),
            "more": _step(event, words) if event.outcome == "ok" else _refusal(event, words),
        }
        for event in scans
    ]


async def notices(db: Database, events: Sequence[Event], words: Words, now: datetime) -> list[Card]:
    """What the holder must hear about: emergency access, and codes that somebody tried a second time."""
    names, today = await names_in(db, events), civil_day(now)
    cards = []
    for event in events:
        if event.action in ("card", "mandate"):
            card = _act([event], names, words)
            said = words("notice.card", when=when_said(event.recorded, today, words), what=card.sentence)
            cards.append(replace(card, tone="denied", sentence=said))
            continue
        glass = event.action == "break-glass"
        where = names.place(event, words.lang) or words("log.some-place")
        when = when_said(event.recorded, today, words)
        sentence = words("notice.emergency" if glass else "notice.refused", when=when, place=where)
        reason = words("log.said", reason=str(event.detail.get("reason", ""))) if glass else _refusal(event, words)
        cards.append(
            Card(
                "emergency" if glass else "denied", time_of_day(event.recorded), sentence, reason, (), (event.event_id,)
            )
        )
    return cards


def when_said(at: datetime, today: date, words: Words) -> str:
    """`今天 10:42`, `yesterday 10:42`, else the whole moment."""
    back = (today - civil_day(at)).days
    return words(f"when.{back}", time=time_of_day(at)) if back in (0, 1) else moment(at, words.lang)


def _key(event: Event) -> tuple[str, str]:
    """What belongs on one card: a visit, an emergency access, one's own doings, systems; every denial stands alone."""
    if acts.is_act(event):
        return ("act", event.event_id)
    if event.action == "credential":
        return ("own", "credential-ended" if event.detail.get("revoked") else "credential-made")
    if event.action == "share" or event.basis == "shared-by-resident":
        return ("share", event.visit)
    if event.detail.get("app") and event.agent not in _PEOPLE:  # what staff open in a visit is theirs, in the visit
        return ("app" if event.outcome == "ok" else "app-denied", str(event.detail["app"]))
    if event.agent == "resident":
        return ("own", event.action if event.action == "consent" else "look")
    if event.outcome != "ok":
        return ("denied", event.event_id)
    if event.basis == "break-glass":
        return ("emergency", event.visit or event.agent_id)
    if event.action == "submit":
        return ("system", "submit")
    if event.visit:
        return ("people", event.visit)
    if event.agent in _PEOPLE or event.action == "use":
        return ("people", event.event_id)
    return ("system", f"{event.institution}")


def _cards(events: Sequence[Event], names: Names, words: Words) -> list[Card]:
    """The cards of one day, in the order of their newest event; people before what systems and oneself did."""
    grouped: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        grouped.setdefault(_key(event), []).append(event)
    makers = {
        "people": _people,
        "emergency": _emergency,
        "denied": _denied,
        "own": _own,
        "system": _system,
        "act": _act,
        "share": _share,
        "app": _app,
        "app-denied": _app,
    }
    cards = [makers[kind](found, names, words) for (kind, _), found in grouped.items()]
    return sorted(cards, key=lambda card: card.tone in ("system", "own"))


def _people(events: Sequence[Event], names: Names, words: Words) -> Card:
    scans = [e for e in events if e.action == "scan"]
    looks = [e for e in events if e.action in _LOOKS]
    newest = looks[0] if looks else events[0]
    who = names.who(newest, words.lang)
    if looks:
        key = "log.read" if newest.agent in _PEOPLE else "log.read-by-system"
        reason = (
            words("log.because-scan", time=time_of_day(scans[-1].recorded)) if scans else words("log.because-visit")
        )
    elif scans:
        confirmed = scans[-1].basis == "authorised-by-resident"
        key = "log.confirmed" if confirmed else "log.scanned"
        reason = words("log.because-kiosk" if confirmed else "log.scan-only")
    elif newest.action == "use":
        key, reason = "log.used", words("log.use-reported" if newest.visit else "log.use-unverified")
    else:
        key, reason = "log.found", words("log.because-document")
    return _card("people", newest, words(key, who=who), reason, events, words)


def _app(events: Sequence[Event], _names: Names, words: Words) -> Card:
    """What an app did that the resident had said yes to, or tried beyond that."""
    name = events[0].detail.get("app_name", "")
    if events[0].outcome != "ok":
        return _card("denied", events[0], words("log.app-denied", app=name), words("log.app-why"), events, words)
    return _card("app", events[0], words("log.app-read", app=name), words("log.app-why"), events, words)


def _share(events: Sequence[Event], names: Names, words: Words) -> Card:
    """A profile that one shared with a counter, and that its institution read it."""
    read = [e for e in events if e.action != "share"]
    ticket = str(events[-1].detail.get("ticket", ""))
    if not read:
        return _card("own", events[0], words("log.shared", ticket=ticket), words("log.share-only"), events, words)
    place = names.place(read[0], words.lang)
    return _card(
        "own", events[0], words("log.shared-read", ticket=ticket, place=place), words("log.share-only"), events, words
    )


def _emergency(events: Sequence[Event], names: Names, words: Words) -> Card:
    """One emergency access: what was opened, with the words of each step that was taken."""
    said = [e for e in events if e.detail.get("reason")]
    first = [str(e.detail["reason"]) for e in said if not e.detail.get("whole")]
    wider = [str(e.detail["reason"]) for e in said if e.detail.get("whole")]
    reason = words("log.said", reason=first[-1]) if first else words("log.because-emergency")
    if wider:
        reason = f"{reason} {words('log.said-whole', reason=wider[-1])}"
    only_set = not wider and any(e.detail.get("ground") or e.detail.get("set") for e in events)
    key = "log.emergency-set" if only_set else "log.emergency"
    return _card("emergency", events[0], words(key, who=names.who(events[0], words.lang)), reason, events, words)


def _denied(events: Sequence[Event], names: Names, words: Words) -> Card:
    event = events[0]
    key = "log.denied-scan" if event.action == "scan" else "log.denied-read"
    who = names.who(event, words.lang) or words("log.some-place")
    return _card("denied", event, words(key, who=who), _refusal(event, words), (), words)


def _own(events: Sequence[Event], _names: Names, words: Words) -> Card:
    if events[0].action == "consent":
        return _card("own", events[0], words.count("log.own-choice", len(events)), "", events, words)
    if events[0].action == "credential":
        ended = events[0].detail.get("revoked")
        key = "log.credential-ended" if ended else "log.credential-made"
        return _card("own", events[0], words.count(key, len(events)), "", (), words)
    return _card("own", events[0], words.count("log.own-look", len(events)), "", (), words)


def _act(events: Sequence[Event], names: Names, words: Words) -> Card:
    event = events[0]
    who = names.who(event, words.lang)
    return _card(acts.tone(event), event, acts.sentence(event, who, words), acts.reason(event, words), (), words)


def _system(events: Sequence[Event], names: Names, words: Words) -> Card:
    places = list(dict.fromkeys(names.place(e, words.lang) for e in events))
    if events[0].action == "submit":
        lines = tuple(
            Line(time_of_day(e.recorded), words("log.added", place=names.place(e, words.lang), n=_resources(e)))
            for e in events
        )
        return Card(
            "system",
            time_of_day(events[0].recorded),
            words.count("log.systems-added", len(places)),
            words("log.systems-why"),
            lines,
            _proof(events),
        )
    sentence = words("log.system-read", place=places[0])
    return _card("system", events[0], sentence, words("log.own-submission"), events, words)


def _card(tone: str, newest: Event, sentence: str, reason: str, events: Sequence[Event], words: Words) -> Card:
    lines = tuple(Line(time_of_day(e.recorded), _detail(e, words)) for e in reversed(events))
    return Card(
        tone,
        time_of_day(newest.recorded),
        sentence,
        reason,
        lines if len(lines) > 1 else (),
        _proof(events or (newest,)),
    )


def _proof(events: Sequence[Event]) -> tuple[str, ...]:
    return tuple(event.event_id for event in events)


def _detail(event: Event, words: Words) -> str:
    if event.action == "scan":
        return words("log.line.scan", step=_step(event, words))
    if event.action == "use":
        return words("log.line.use", step=_step(event, words))
    if event.action == "consent":
        cls = words(f"class.{event.detail.get('class', 'all')}")
        return words("log.line.opened" if event.detail.get("permit") else "log.line.closed", name=cls)
    if event.action == "resolve" and event.basis in ("steward", "demographics"):
        return words(f"log.line.{event.basis}")
    key = f"log.line.{event.action}"
    return words(key if words.has(key) else "log.line.read")


def _resources(event: Event) -> int:
    types = event.detail.get("types")
    return sum(n for n in types.values() if isinstance(n, int)) if isinstance(types, dict) else 0


def _step(event: Event, words: Words) -> str:
    step = healthcode.STEPS.get(str(event.detail.get("step", "")))
    return "" if step is None else step.zh if words.lang == "zh" else step.en


def _refusal(event: Event, words: Words) -> str:
    """Why it was refused, in the catalogue's words; the resident needs no error code."""
    if f"why.{event.basis}" and words.has(f"why.{event.basis}"):
        return words(f"why.{event.basis}")
    kind = KINDS.get(event.basis)
    return words("why.other") if kind is None else kind.zh if words.lang == "zh" else kind.en
