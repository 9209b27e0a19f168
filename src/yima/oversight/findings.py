"""The list of looks worth asking about: put there by the watch, taken off by care that comes later or by an officer.

Beside it are looks that nothing explains but that are not odd enough by themselves (`noted`): for a week, so that who
does it again and again is seen to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from yima.oversight.scoring import Judged, Look
from yima.runtime import words
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

SQL = Queries(__package__)
Decision = Literal["explained", "misconduct"]
FOLLOWS: Final = ("nothing", "talk", "training", "warning", "access-stopped", "reported")
"""What follows a decision: nothing, a talk, training, a warning, access stopped, reported to the authority."""
_SHOWN: Final = 500
_LATER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One reader's looks at one person on one day, with their score."""

    person: PersonId
    reader: str
    day: date
    institution: int
    department: str
    first: datetime
    last: datetime
    lines: int
    persons: int
    bases: tuple[str, ...]
    line: str
    score: int
    why: tuple[str, ...]
    state: str
    officer: str | None
    decided: datetime | None
    reason: str | None
    follows: str | None
    visits: tuple[str, ...] = ()
    part: int = 0
    """0, then 1, 2, ..: what the same reader did on the same day after each decision."""

    def look(self) -> Look:
        """As it was judged, to be judged again."""
        return Look(
            person=self.person, reader=self.reader, institution=self.institution, department=self.department,
            first=self.first, last=self.last, lines=self.lines, bases=self.bases, line=self.line, persons=self.persons,
            visits=self.visits,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an officer decides, why, and what follows."""

    officer: str
    decision: Decision
    reason: str
    follows: str = "nothing"


def checked(officer: str, decision: str, reason: str, follows: str) -> Verdict:
    """A verdict from the words of a form. Refusal `field-invalid` names what is missing: a reason always is needed, and
    what follows a misconduct."""
    if decision not in ("explained", "misconduct"):
        raise Refusal("field-invalid", field="decision", expected="explained, misconduct")
    reason = words.checked(reason)
    if follows not in FOLLOWS or (decision == "misconduct" and follows == "nothing"):
        raise Refusal("field-invalid", field="follows", expected=", ".join(FOLLOWS[1:]))
    kept: Decision = "misconduct" if decision == "misconduct" else "explained"
    return Verdict(officer, kept, reason, follows)


class Before(NamedTuple):
    """What was decided of a reader's looks at a person on a day, and how many lines came since."""

    last: datetime
    lines: int
    more: int
    score: int
    why: Sequence[str]


def is_another(look: Look, judged: Judged, before: Before) -> bool:
    """Whether what a reader did after a decision is materially more, which the officer could not know: at least as
    much again, an hour later, or odd in another way. Otherwise it stays with what was decided."""
    if not judged.reviewed:
        return False
    newly_odd = judged.score > before.score or not set(judged.why) <= set(before.why)
    return newly_odd or before.more + look.lines >= before.lines or look.last > before.last + _LATER


_Key = tuple[PersonId, str, date]


async def put_findings(c: Connection, found: Sequence[tuple[Look, date, Judged]]) -> None:
    """Put looks on the list, or note them; the same reader, person and day is one entry, and grows. What comes after a
    decision is another entry when it is materially more (`is_another`)."""
    worst: dict[_Key, tuple[Look, Judged]] = {}
    for look, day, judged in found:
        known = worst.get(key := (look.person, look.reader, day))
        if known is None or known[1].score < judged.score:
            worst[key] = look, judged
    if not worst:
        return
    parts, small = await _parts(c, worst)
    if small:
        await c.execute(SQL.add_more, *map(list, zip(*small, strict=True)))
    rows = [
        (
            *key, look.institution, look.department, look.first, look.last, look.lines, look.persons,
            " ".join(look.bases), look.line, judged.score, " ".join(judged.why), judged.state, " ".join(look.visits),
            parts[key],
        )
        for key, (look, judged) in worst.items() if key in parts
    ]  # fmt: skip
    if rows:
        await c.execute(SQL.put_findings, *map(list, zip(*rows, strict=True)))


async def _parts(
    c: Connection, worst: Mapping[_Key, tuple[Look, Judged]]
) -> tuple[dict[_Key, int], list[tuple[PersonId, str, date, int, int]]]:
    """Which part of its entry each look belongs to; and those that stay with a decision, by the lines they add to it.
    The entries are held until the transaction ends, so that none is decided meanwhile."""
    held = await c.fetch(SQL.latest_parts, *map(list, zip(*worst, strict=True)))
    parts, small = dict.fromkeys(worst, 0), []
    for row in held:
        key = row["person_id"], row["reader"], row["day"]
        look, judged = worst[key]
        parts[key] = row["part"]
        if row["decided"] is None:
            continue
        if is_another(look, judged, Before(row["last"], row["lines"], row["more"], row["score"], row["why"])):
            parts[key] += 1
        else:
            small.append((*key, parts.pop(key), look.lines))
    return parts, small


async def open_findings(c: Connection, since: datetime) -> list[Finding]:
    """What is open or noted and was seen last since then: care that is submitted later may explain it."""
    return [_finding(row) for row in await c.fetch(SQL.open_since, since)]


async def rescore(c: Connection, judged: Sequence[tuple[Finding, Judged]]) -> None:
    """Write down what a later judgement says; what is explained by now is taken off the list."""
    if judged:
        rows = [(f.person, f.reader, f.day, j.score, " ".join(j.why), j.state, f.part) for f, j in judged]
        await c.execute(SQL.rescore, *map(list, zip(*rows, strict=True)))


async def unexplained_by(c: Connection, readers: Iterable[str], since: datetime) -> dict[str, tuple[int, int]]:
    """Of each reader: persons of whom nothing explains a look, and persons seen, both since then."""
    rows = await c.fetch(SQL.unexplained_by, sorted(set(readers)), since)
    return {row["reader"]: (row["unexplained"], row["seen"]) for row in rows}


async def unexplained_share(c: Connection, since: datetime, kind: str) -> float:
    """The share of looks of readers of a kind (by the beginning of their names) that nothing explains, since then."""
    row = await c.fetchrow(SQL.unexplained_share, since, f"{kind}%")
    return float(row["unexplained"] / max(row["seen"], 1))


async def findings(db: Database, since: datetime) -> list[Finding]:
    """The list: open ones by score, then what was decided since then. At most five hundred."""
    return [_finding(row) for row in await db.fetch(SQL.findings, since, _SHOWN)]


async def open_finding(c: Connection, person: PersonId, reader: str, day: date) -> Finding:
    """The one that waits, held until the transaction ends. Refusal `not-found` when none does."""
    row = await c.fetchrow(SQL.open_finding, person, reader, day)
    if row is None:
        raise Refusal("not-found", field="finding")
    return _finding(row)


async def decide_finding(c: Connection, found: Finding, verdict: Verdict, now: datetime) -> None:
    """Decide on one that is held."""
    await c.execute(
        SQL.decide_finding, found.person, found.reader, found.day, found.part, verdict.decision, verdict.officer, now,
        verdict.reason, verdict.follows,
    )  # fmt: skip


def _finding(row: Any) -> Finding:
    values = dict(row)
    values["person"] = values.pop("person_id")
    for name in ("bases", "why", "visits"):
        values[name] = tuple(values[name])
    return Finding(**values)
