"""What a resident finds wrong in the own log, with a deadline, and the answer; and whether notices are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima.oversight.findings import SQL, Verdict
from yima.runtime import ids, words
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

LONGEST_SAID: Final = 1000
"""Characters of what a resident says."""
_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class Objection:
    """ "This looks wrong", of one line of the log."""

    person: PersonId
    objection: str
    line: str
    said: str
    """In the resident's words; may be empty."""
    opened: datetime
    due: datetime
    """Until when an answer is owed."""
    officer: str | None
    decided: datetime | None
    decision: str | None
    answer: str | None
    follows: str | None

    def is_overdue(self, now: datetime) -> bool:
        """Whether the answer is late."""
        return self.decided is None and self.due < now


async def object_to(c: Connection, person: PersonId, line: str, said: str, now: datetime, due: datetime) -> str:
    """Open a case about a line; its id. Refusal `conflict` when there is one about this line already."""
    made = await c.fetchval(
        SQL.object, person, ids.new_resource_id(person), line, words.kept(said, LONGEST_SAID), now, due
    )
    if made is None:
        raise Refusal("case-open", field="line")
    return str(made)


async def objections(db: Database, since: datetime) -> list[Objection]:
    """Unanswered ones by their deadline, so that what is overdue stands first; then those answered since then."""
    return [_objection(row) for row in await db.fetch(SQL.objections, since, _SHOWN)]


async def objections_of(db: Database, persons: Sequence[PersonId]) -> list[Objection]:
    """All that these persons opened, newest first."""
    return [_objection(row) for row in await db.fetch(SQL.objections_of, list(persons))]


async def answer(c: Connection, objection: str, verdict: Verdict, now: datetime) -> tuple[PersonId, str]:
    """Answer in plain words (the verdict's reason); whose case it was, and the line. Refusal `not-found`."""
    person = ids.home_of(objection)
    line = await c.fetchval(
        SQL.answer, person, objection, verdict.officer, now, verdict.decision, verdict.reason, verdict.follows
    )
    if person is None or line is None:
        raise Refusal("not-found", field="objection")
    return person, str(line)


async def wants_notices(db: Database, person: PersonId) -> bool:
    """Whether this person is told of each access; yes until they say no."""
    row = await db.fetchrow(SQL.choice, person)
    return row is None or bool(row["wanted"])


async def choose_notices(c: Connection, person: PersonId, wanted: bool, now: datetime) -> None:
    """The resident's choice."""
    await c.execute(SQL.choose, person, wanted, now)


async def to_tell(
    c: Connection, news: Iterable[tuple[PersonId, str]], now: datetime, *, even_unwanted: bool = False
) -> list[tuple[PersonId, str]]:
    """Of (person, what about), those who want notices and were not told yet; they count as told from the commit on."""
    asked = sorted(set(news))
    if not asked:
        return []
    said_no = [] if even_unwanted else await c.fetch(SQL.unwanted, sorted({person for person, _ in asked}))
    unwanted = {row["person_id"] for row in said_no}
    wanted = [(person, about) for person, about in asked if person not in unwanted]
    rows = await c.fetch(SQL.tell, [p for p, _ in wanted], [about for _, about in wanted], [now] * len(wanted))
    return [(row["person_id"], row["about"]) for row in rows]


def _objection(row: Any) -> Objection:
    return Objection(*row.values())
