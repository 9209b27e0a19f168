"""Words that staff and residents typed, sealed before a room stores them and opened for whom it may show them to.

Words about a person lie under the data key of that person's home and go with it; what must be told after an erasure
(its own reason), and what is about nobody's record, lies under the shelf's. Codes, legal bases, times and names of
staff stand beside them, readable.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import msgspec

from yima import audit, consent, healthcode, mpi, oversight, records
from yima.audit import Event
from yima.runtime import words
from yima.runtime.database import Connection, Database
from yima.runtime.ids import SHELF, PersonId
from yima.runtime.keys import Vault
from yima.runtime.words import Sealed
from yima.runtime.words_before import Readable, WordsBefore

T = TypeVar("T")
Source: TypeAlias = Connection | Database
REASON: Final = "reason"
"""Where the detail of a log line holds what somebody typed; codes and counts stand beside it."""
_LINE: Final = "audit.event.reason"
ROOMS: Final = [WordsBefore(room) for room in ("consent", "oversight", "healthcode", "mpi", "records", "exchange")]
"""Those that keep words."""


class Column(NamedTuple):
    """Words in a table: the column, and what of a row names it among all."""

    name: str
    row: Callable[[Any], tuple[object, ...]]


def finding_row(one: oversight.Finding) -> tuple[object, ...]:
    """What names a finding among all of its person; the first of a day as before there could be more."""
    return (one.reader, one.day, one.part) if one.part else (one.reader, one.day)


_COLUMNS: Final[Mapping[type, Mapping[str, Column]]] = {
    consent.Opened: {
        "reason": Column("consent.emergency.reason", lambda one: (one.practitioner, one.started)),
        "wider_reason": Column("consent.emergency_widened.reason", lambda one: (one.handle,)),
    },
    consent.Removal: {
        "reference": Column("consent.removal.reference", lambda one: (one.proposer, one.proposed)),
        "reason": Column("consent.removal.reason", lambda one: (one.proposer, one.proposed)),
        "undo_reason": Column("consent.removal.undo_reason", lambda one: (one.removal,)),
    },
    oversight.GlassReview: {
        "question": Column("oversight.glass.question", lambda one: (one.handle,)),
        "answer": Column("oversight.glass.answer", lambda one: (one.handle,)),
        "reason": Column("oversight.glass.reason", lambda one: (one.handle,)),
    },
    oversight.Stop: {"proposal": Column("oversight.stop.proposal", lambda one: (one.stop,))},
    oversight.Finding: {"reason": Column("oversight.finding.reason", finding_row)},
    oversight.Alarm: {"reason": Column("oversight.alarm.reason", lambda one: (one.alarm_id,))},
    oversight.Objection: {
        "said": Column("oversight.objection.said", lambda one: (one.line,)),
        "answer": Column("oversight.objection.answer", lambda one: (one.objection,)),
    },
    healthcode.Suspension: {"reason": Column("healthcode.suspension.reason", lambda one: (one.proposer, one.proposed))},
    healthcode.CardEvent: {"reason": Column("healthcode.card_event.reason", lambda one: (one.actor, one.at))},
    mpi.Event: {"reason": Column("mpi.event.reason", lambda one: (one.actor, one.at))},
    mpi.Proposal: {"reason": Column("mpi.proposal.reason", lambda one: (one.proposer, one.proposed))},
    records.Erasure: {
        "reason": Column("records.erasure.reason", lambda one: (one.proposer, one.proposed)),
        "certificate": Column("records.erasure.certificate", lambda one: (one.erasure,)),
    },
}
"""By what is read from tables, which of it somebody typed."""


class Pen:
    """Seals words about one home, in the transaction in which it was taken."""

    def __init__(self, vault: Vault, home: PersonId, wrap: bytes) -> None:
        self._vault = vault
        self._home = home
        self._wrap = wrap

    def seal(self, column: str, row: tuple[object, ...], text: str) -> str:
        """Words of a column for the row that is named so (as `_COLUMNS` names it); nothing stays nothing."""
        return words.seal(self._vault, self._wrap, self._home, _named(column, row), text) if text else ""

    def line(self, event: Event) -> Event:
        """A line of the log, its reason sealed: it is hashed into the tree as it is stored."""
        event_id = event.event_id or audit.new_event_id(event.person)
        reason = self.seal(_LINE, (event_id,), words.kept(str(event.detail[REASON])))
        return msgspec.structs.replace(event, event_id=event_id, detail={**event.detail, REASON: reason})


async def pen_of(c: Connection, vault: Vault, home: PersonId = SHELF) -> Pen:
    """The pen for words about a person, or for what must outlive each record."""
    return Pen(vault, home, await records.word_key(c, vault, home))


async def opened(
    source: Source, vault: Vault, found: Iterable[T], columns: Mapping[str, Column] | None = None
) -> list[T]:
    """Rows as they were read, their words opened: by `columns`, where this room does not know the rows' type. What was
    stored before words were sealed is given back as it is."""
    rows = list(found)
    where = columns or (_COLUMNS[type(rows[0])] if rows else {})
    said = [dict(_sealed(one, where)) for one in rows]
    keys = await _keys(source, (part for parts in said for part in parts.values()))
    pairs = zip(rows, said, strict=True)
    return [_with(one, _opened(vault, keys, one, where, parts)) if parts else one for one, parts in pairs]


async def opened_one(source: Source, vault: Vault, found: T) -> T:
    """The same of one row."""
    return (await opened(source, vault, [found]))[0]


async def opened_lines(source: Source, vault: Vault, lines: Iterable[Event]) -> list[Event]:
    """Lines of the log, their reasons opened; the database is asked only where there is one."""
    found = [(line, words.parted(str(line.detail.get(REASON, "")))) for line in lines]
    keys = await _keys(source, (said for _, said in found if said))
    return [_line(vault, keys, line, said) if said else line for line, said in found]


async def seal_before(db: Database, vault: Vault, room: WordsBefore, limit: int) -> int:
    """Seal up to so many words of before; how many were."""
    async with db.transaction() as c:
        found = await room.some(c, limit)
        pens = {home: await pen_of(c, vault, home) for home in sorted({one.home for one in found})}

        def sealed(one: Readable) -> str:
            return pens[one.home].seal(f"{room.room}.{one.field}", one.row, one.said)

        return await room.seal(c, found, sealed)


def _line(vault: Vault, keys: Mapping[PersonId, bytes], line: Event, said: Sealed) -> Event:
    text = words.opened(vault, keys.get(said.home), _named(_LINE, (line.event_id,)), said)
    return msgspec.structs.replace(line, detail={**line.detail, REASON: text})


def _sealed(one: object, columns: Iterable[str]) -> Iterable[tuple[str, Sealed]]:
    for name in columns:
        said = words.parted(getattr(one, name) or "")
        if said is not None:
            yield name, said


def _opened(
    vault: Vault,
    keys: Mapping[PersonId, bytes],
    one: object,
    columns: Mapping[str, Column],
    parts: Mapping[str, Sealed],
) -> dict[str, str]:
    return {
        name: words.opened(vault, keys.get(said.home), _named(columns[name].name, columns[name].row(one)), said)
        for name, said in parts.items()
    }


async def _keys(source: Source, said: Iterable[Sealed]) -> Mapping[PersonId, bytes]:
    homes = {one.home for one in said}
    return await records.word_keys(source, homes) if homes else {}


def _with(one: Any, changed: Mapping[str, str]) -> Any:
    return (msgspec.structs if isinstance(one, msgspec.Struct) else dataclasses).replace(one, **changed)


def _named(column: str, row: tuple[object, ...]) -> str:
    """What sealed words are bound to."""
    told = [one.astimezone(UTC).isoformat() if isinstance(one, datetime) else str(one) for one in row]
    return "|".join((column, *told))
