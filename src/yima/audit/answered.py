"""What left against what was logged: requests counted at the edge of each worker, compared with the lines of the log.

The log is written by the door to person data; what is answered is noted where bytes leave, by the address alone, and
knows nothing of the door. Each worker keeps the ids of its requests and puts them on a table now and then. Once a
minute one worker takes what is there together with the lines of the same transactions: an answer that discloses and has
no line, and a line that no request asked for, are holes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec

from yima.audit.watching import finished
from yima.runtime.database import Connection, Database, Queries, in_slices

T = TypeVar("T")
_SQL: Final = Queries(__package__, "answered.sql")
_PATIENCE: Final = timedelta(minutes=5)
"""So long a line may wait for its request to be noted: requests end within a minute, workers write every half."""
_SLICE: Final = 1_000
"""So many requests are written down, read or compared in one turn of the loop: 1 to 2 ms."""
_REST: Final = 0.005  # seconds
_MOST: Final = 200_000
"""Ids that a worker holds at most while the database is away; then it lets go of the oldest, and says so by a hole."""


class Answered:
    """The requests of one worker since it last wrote them down. `note` costs a fifth of a microsecond."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    def note(self, request_id: str, disclosed: str) -> None:
        """A request was answered. `disclosed`: the name of its address when what it answered is about a person, and it
        was answered well; else empty."""
        self._ids.append(f"{request_id} {disclosed}")

    async def write(self, db: Database) -> int:
        """Put what was noted on the table; how many."""
        ids, self._ids, done = self._ids, [], 0
        try:
            while some := ids[done : done + _SLICE]:
                await db.execute(_SQL.put, "\n".join(some))
                done += len(some)
        except Exception:
            self._ids = (ids[done:] + self._ids)[-_MOST:]
            raise
        return len(ids)


@dataclass(frozen=True, slots=True)
class Hole:
    """Something that does not meet. `no-line`: an answer about a person without a line. `no-answer`: a line of a
    request that no worker had (or that a worker took with it when it was killed)."""

    kind: Literal["no-line", "no-answer"]
    request_id: str
    route: str
    """Of `no-line`: the address that answered."""
    line: str
    """Of `no-answer`: the line, or the first of several."""
    at: datetime
    count: int


class _Lines(NamedTuple):
    """Lines of one request."""

    number: int
    first: datetime
    line: str


class Requests(NamedTuple):
    """What was noted of the requests of one id: a client may send an id twice."""

    disclosed: int
    route: str


_NONE: Final = Requests(0, "")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One comparison."""

    answers: int
    """Answers about persons."""
    lines: int
    holes: tuple[Hole, ...]


async def reconcile(c: Connection, now: datetime) -> Reconciled:
    """Compare what came since the last time, in the caller's transaction. Workers wait for each other.

    The first time only says from where on: what was written before a server ran has no requests.
    """
    row = await c.fetchrow(_SQL.mark)
    until = await finished(c)
    if row is None or until < row["horizon"]:  # the first time; or a copy of the database in another cluster
        await c.execute(_SQL.forget_answers)
        await c.execute(_SQL.set_mark, until, b"")
        return Reconciled(0, 0, ())
    lines = dict[str, _Lines]()
    async for pieces in _calmly(row["waiting"].split(b"\n"), 1):
        lines |= msgspec.json.decode(pieces[0] or b"{}", type=dict[str, _Lines])
    number = 0
    async for rows in in_slices(c, _SQL.lines, row["horizon"], until):
        number += sum(r["lines"] for r in rows)
        _add(lines, rows)
    requests, answers = dict[str, Requests](), 0
    async for rows in in_slices(c, _SQL.noted, until, size=1):
        answers += note(requests, rows[0]["ids"].split("\n"))
    await c.execute(_SQL.forget_noted, until)
    # A request's lines are committed before it is noted, so they stand in transactions before that of the note.
    holes = [hole async for some in _calmly(_taken(requests)) for hole in without_line(some, lines, now)]
    holes += without_answer(lines, [one async for some in _calmly(tuple(lines)) for one in late(some, lines, now)])
    waiting = [msgspec.json.encode(dict(some)) async for some in _calmly(_taken(lines))]
    await c.execute(_SQL.set_mark, until, b"\n".join(waiting))
    return Reconciled(answers, number, tuple(holes))


async def _calmly(items: Iterable[T], size: int = _SLICE) -> AsyncIterator[Sequence[T]]:
    """Many things in slices, with a rest after each in which requests are answered."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
        await asyncio.sleep(_REST)


def _taken(things: dict[str, T]) -> Iterator[tuple[str, T]]:
    """All of them, taken out: to let go of many at once would take long as well."""
    while things:
        yield things.popitem()


def _add(lines: dict[str, _Lines], rows: Iterable[Any]) -> None:
    """Lines of the log (by request) to those that still wait for theirs."""
    for row in rows:
        held = lines.get(row["request_id"])
        lines[row["request_id"]] = (
            held._replace(number=held.number + row["lines"])
            if held
            else _Lines(row["lines"], row["first"], row["line"])
        )


def note(requests: dict[str, Requests], entries: Iterable[str]) -> int:
    """Requests as workers wrote them down; how many disclosed. Pure but for `requests`."""
    disclosed = 0
    for entry in entries:
        request_id, _, route = entry.partition(" ")
        held = requests.get(request_id, _NONE)
        requests[request_id] = Requests(held.disclosed + bool(route), route or held.route)
        disclosed += bool(route)
    return disclosed


def without_line(some: Iterable[tuple[str, Requests]], lines: dict[str, _Lines], now: datetime) -> Iterator[Hole]:
    """Of these requests those that disclosed more than was written; what was written of them is taken from `lines`."""
    for request_id, asked in some:
        one = lines.pop(request_id, None)
        if asked.disclosed > (written := one.number if one else 0):
            yield Hole("no-line", request_id, asked.route, "", now, asked.disclosed - written)


def late(some: Iterable[str], lines: dict[str, _Lines], now: datetime) -> list[str]:
    """Of these requests those whose lines have waited too long for them."""
    return [request_id for request_id in some if now - lines[request_id].first > _PATIENCE]


def without_answer(lines: dict[str, _Lines], requests: Iterable[str]) -> list[Hole]:
    """Those of these requests that nobody made; they are taken from `lines`."""
    taken = [(request_id, lines.pop(request_id)) for request_id in sorted(requests)]
    return [Hole("no-answer", request_id, "", one.line, one.first, one.number) for request_id, one in taken]
