"""From pairs and acts to what a steward reads at a glance: frozen values for the templates. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yima import mpi
from yima.access import Pair, Queue, Side
from yima.directory import Institution, Operator
from yima.portals.layout import Words
from yima.portals.layout.dates import day, moment
from yima.runtime import ids

_CLOSE: Final = frozenset({"order", "sound", "character", "close", "swapped", "digit", "near", "month"})
_ROUNDED: Final = 0.02
"""Bits; stored evidence is rounded to a hundredth."""
_MOST_BITS: Final = 30.0
"""Bits that fill the bar of a piece of evidence."""


@dataclass(frozen=True, slots=True)
class Names:
    """Words for those who appear on a page."""

    words: Words
    institutions: Mapping[int, Institution]
    operators: Mapping[str, Operator]

    def place(self, number: int) -> str:
        """An institution in the reader's language."""
        found = self.institutions.get(number)
        return (found.name_zh if self.words.lang == "zh" else found.name_en) if found else self.words("platform")

    def who(self, actor: str | None) -> str:
        """Who acted: a steward by name, others by kind and id."""
        found = self.operators.get(actor or "")
        if found:
            return found.name_zh if self.words.lang == "zh" else found.name_en
        return self.words("by.command") if (actor or "").startswith("system/") else (actor or "")

    def person(self, identity: mpi.Identity | None) -> str:
        """Somebody's name as it is read."""
        if identity is None or not (identity.name or identity.latin_name):
            return self.words("nameless")
        return identity.name or identity.latin_name


@dataclass(frozen=True, slots=True)
class Row:
    """One case of the queue."""

    review_id: int
    risk: int
    one: str
    other: str
    about: str
    """Birth dates and sexes, where they are the same said once."""
    probability: str
    found: tuple[str, ...]
    place: str
    age: str
    created: str
    waits: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of two persons side by side; pieces are (text, differs)."""

    label: str
    state: str
    """same, close, differ, unknown"""
    one: tuple[tuple[str, bool], ...]
    other: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One comparison in words, with its bits; `width` of 100 is the length of its bar."""

    words: str
    bits: str
    width: float
    speaks_for: bool


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that was done."""

    number: int
    when: str
    kind: str
    who: str
    reason: str
    one: str
    other: str
    one_id: str
    other_id: str
    patient: str
    undoes: int | None
    undone: bool


def rows(queue: Queue, names: Names, now: datetime) -> list[Row]:
    """The queue."""
    return [_row(case, queue, names, now) for case in queue.cases]


def _row(case: mpi.Case, queue: Queue, names: Names, now: datetime) -> Row:
    one, other = queue.names.get(case.person), queue.names.get(case.candidate)
    said = [f"{day(i.birth_date, names.words.lang)} {names.words('sex.' + i.sex)}".strip() for i in (one, other) if i]
    at = 0 if names.words.lang == "zh" else 1
    return Row(
        case.review_id,
        case.risk or 1,
        names.person(one),
        names.person(other),
        " / ".join(dict.fromkeys(said)),
        percent(case.bits),
        tuple(mpi.WHY[key][at] for key in case.found if key in mpi.WHY)[:2],
        names.place(case.institution),
        age(case.created, names.words, now),
        moment(case.created, names.words.lang),
        case.reason == mpi.SOURCE_SAYS,
    )


def percent(bits: float | None) -> str:
    """How likely, in percent; never rounded up to certainty."""
    if bits is None:
        return "—"
    share = mpi.probability(bits) * 100
    return "> 99.99 %" if share > 99.99 else "< 0.01 %" if share < 0.01 else f"{share:.2f} %"


def then(pair: Pair) -> str:
    """How likely the queue says that it is, where what is known has changed since; else empty."""
    bits = pair.case.bits if pair.case else None
    return percent(bits) if bits is not None and abs(bits - pair.bits) > _ROUNDED else ""


def age(since: datetime, words: Words, now: datetime) -> str:
    """How long something has waited."""
    hours = max(0, int((now - since).total_seconds() // 3600))
    return words.count("age.days", hours // 24) if hours >= 24 else words.count("age.hours", hours)


def facts(pair: Pair, names: Names) -> list[Fact]:
    """What is said of the two, line by line, with what differs marked."""
    words, lang = names.words, names.words.lang
    one, other = pair.one.identity, pair.other.identity
    return [
        _fact(words("fact.name"), one.name, other.name, pair.levels.get("name")),
        _fact(words("fact.latin"), one.latin_name, other.latin_name),
        _fact(words("fact.sex"), words("sex." + one.sex), words("sex." + other.sex), pair.levels.get("sex")),
        _fact(
            words("fact.birth"), day(one.birth_date, lang), day(other.birth_date, lang), pair.levels.get("birth")
        ),
        _number(pair, words),
        _masked(
            words("fact.phone"), pair.one.phone, pair.other.phone, pair.levels.get("household") in ("both", "phone")
        ),
        _fact(words("fact.multiple"), _multiple(pair.one, words), _multiple(pair.other, words)),
        _fact(words("fact.deceased"), _alive(pair.one, words), _alive(pair.other, words)),
    ]  # fmt: skip


def _number(pair: Pair, words: Words) -> Fact:
    """The document numbers; who came with the other's number holds none, since it stayed where it was."""
    same, given = pair.levels.get("number") in ("same", "document"), words("fact.number.given")
    one, other = pair.one.number, pair.other.number
    if same and bool(one) != bool(other):
        one, other = one or given, other or given
    return _masked(words("fact.number"), one, other, same)


def _masked(label: str, one: str, other: str, same: bool) -> Fact:
    """What is shown in part only: whether it is the same is known from the comparison, not from what is shown."""
    state = "unknown" if not one or not other else "same" if same else "differ"
    return Fact(label, state, ((one or "—", False),), ((other or "—", False),))


def _multiple(side: Side, words: Words) -> str:
    order = side.identity.multiple_birth
    return words("single") if order is None else words("multiple", n=order) if order else words("multiple.unknown")


def _alive(side: Side, words: Words) -> str:
    return words("dead" if side.identity.deceased else "alive")


def _fact(label: str, one: str, other: str, level: str | None = None) -> Fact:
    state = "unknown" if not one or not other else "same" if one == other else "differ"
    if state == "differ" and level in _CLOSE:
        state = "close"
    marked = state in ("close", "differ") and len(one) == len(other)
    return Fact(label, state, _pieces(one, other, marked), _pieces(other, one, marked))


def _pieces(text: str, against: str, marked: bool) -> tuple[tuple[str, bool], ...]:
    """Runs of characters that agree and that do not; one piece where lengths differ."""
    if not marked:
        return ((text or "—", False),)
    runs: list[tuple[str, bool]] = []
    for mine, theirs in zip(text, against, strict=True):
        differs = mine != theirs
        if runs and runs[-1][1] == differs:
            runs[-1] = (runs[-1][0] + mine, differs)
        else:
            runs.append((mine, differs))
    return tuple(runs)


def evidence(pair: Pair, words: Words) -> list[Evidence]:
    """The comparisons in words, without the prior and the sum."""
    lines = pair.zh if words.lang == "zh" else pair.en
    return [
        Evidence(line[9:], f"{bits:+.1f}", round(min(abs(bits) / _MOST_BITS, 1) * 100, 1), bits >= 0)
        for line, bits in zip(lines[1:-1], pair.weights, strict=True)
    ]


def sentences(keys: Sequence[str], table: Mapping[str, tuple[str, str]], lang: str) -> list[str]:
    """Keys of the index in the reader's words."""
    return [table[key][0 if lang == "zh" else 1] for key in keys if key in table]


def acts(
    events: Sequence[mpi.Event], undone: frozenset[int], people: Mapping[int, mpi.Identity], names: Names
) -> list[Act]:
    """What was done, in the order given."""
    return [
        Act(
            event.number, moment(event.at, names.words.lang), event.kind, names.who(event.actor), event.reason,
            names.person(people.get(event.person)) if event.person in people else "",
            names.person(people.get(event.other or 0)) if event.other in people else "",
            ids.person_text(event.person), ids.person_text(event.other) if event.other else "",
            event.patient_id or "", event.undoes, event.number in undone,
        )
        for event in events
    ]  # fmt: skip
