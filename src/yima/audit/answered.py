"""What left against what was logged: requests counted at the edge of each worker, compared with the lines of the log.

The log is written by the door to person data; what is answered is noted where bytes leave, by the address alone, and
knows nothing of the door. Each worker keeps the ids of its requests and puts them on a table now and then. Once a
minute one worker takes what is there together with the lines of the same transactions: an answer that discloses and has
no line, and a line that no request asked for, are holes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

from yima.audit.watching import finished
from yima.runtime.database import Connection, Database, Queries

_SQL: Final = Queries(__package__, "answered.sql")
_PATIENCE: Final = timedelta(minutes=5)
"""So long a line may wait for its request to be noted: requests end within a minute, workers write every half."""
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
        ids, self._ids = self._ids, []
        try:
            if ids:
                await db.execute(_SQL.put, "\n".join(ids))
        except Exception:
            self._ids = (ids + self._ids)[-_MOST:]
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
        await c.execute(_SQL.set_mark, until, b"{}")
        return Reconciled(0, 0, ())
    waiting = msgspec.json.decode(row["waiting"], type=dict[str, _Lines])
    lines = {r["request_id"]: _Lines(r["lines"], r["first"], r["line"])
             for r in await c.fetch(_SQL.lines, row["horizon"], until)}  # fmt: skip
    requests = noted(r["ids"] for r in await c.fetch(_SQL.take, until))
    # A request's lines are committed before it is noted, so they stand in transactions before that of the note.
    holes, waiting = matched(_joined(waiting, lines), requests, now)
    await c.execute(_SQL.set_mark, until, msgspec.json.encode(waiting))
    answers = sum(one.disclosed for one in requests.values())
    return Reconciled(answers, sum(one.number for one in lines.values()), tuple(holes))


def noted(texts: Iterable[str]) -> dict[str, Requests]:
    """Requests by id, from what workers wrote. Pure."""
    routes: dict[str, str] = {}
    disclosed: Counter[str] = Counter()
    for text in texts:
        for entry in text.split("\n"):
            request_id, _, route = entry.partition(" ")
            disclosed[request_id] += bool(route)
            routes[request_id] = route or routes.get(request_id, "")
    return {request_id: Requests(disclosed[request_id], route) for request_id, route in routes.items()}


def matched(
    lines: Mapping[str, _Lines], requests: Mapping[str, Requests], now: datetime
) -> tuple[Sequence[Hole], dict[str, _Lines]]:
    """The holes, and the lines that go on waiting for their request. Pure."""
    holes: list[Hole] = []
    for request_id, asked in requests.items():
        written = lines[request_id].number if request_id in lines else 0
        if asked.disclosed > written:
            holes.append(Hole("no-line", request_id, asked.route, "", now, asked.disclosed - written))
    left = {request_id: one for request_id, one in lines.items() if request_id not in requests}
    late = {request_id for request_id, one in left.items() if now - one.first > _PATIENCE}
    for request_id in sorted(late):
        one = left[request_id]
        holes.append(Hole("no-answer", request_id, "", one.line, one.first, one.number))
    return holes, {request_id: one for request_id, one in left.items() if request_id not in late}


def _joined(waiting: Mapping[str, _Lines], fresh: Mapping[str, _Lines]) -> dict[str, _Lines]:
    joined = dict(waiting)
    for request_id, one in fresh.items():
        held = joined.get(request_id)
        joined[request_id] = held._replace(number=held.number + one.number) if held else one
    return joined
