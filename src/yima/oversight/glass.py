"""The review of each break-glass: waits with a deadline, may be asked about and answered, ends justified or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from yima.oversight.findings import SQL
from yima.runtime import ids, words
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

State = Literal["waiting", "asked", "answered", "justified", "unjustified"]
VERDICTS: Final = ("justified", "unjustified")
_SHOWN: Final = 200
_MINE: Final = 20


@dataclass(frozen=True, slots=True)
class GlassReview:
    """One break-glass under review. Why it was opened is kept with it (`consent.emergencies`), not here."""

    person: PersonId
    handle: str
    institution: int
    practitioner: int
    opened: datetime
    due: datetime
    state: State
    question: str | None
    asked: datetime | None
    asked_by: str | None
    answer: str | None
    answered: datetime | None
    officer: str | None
    decided: datetime | None
    reason: str | None

    def is_overdue(self, now: datetime) -> bool:
        """Whether the verdict is late."""
        return self.decided is None and self.due < now


async def review_glass(
    c: Connection, handle: str, *, institution: int, practitioner: int, now: datetime, due: datetime
) -> None:
    """Put a break-glass before the privacy officer, in the transaction that opens it: none is left out."""
    await c.execute(SQL.put_glass, ids.home_of_handle(handle), handle, institution, practitioner, now, due)


async def glass_reviews(db: Database, since: datetime) -> list[GlassReview]:
    """Undecided ones by their deadline, so that what is overdue stands first; then those decided since then."""
    return [GlassReview(*row.values()) for row in await db.fetch(SQL.glass_reviews, since, _SHOWN)]


async def glass_review(source: Database | Connection, handle: str) -> GlassReview:
    """One of them. Refusal `not-found`."""
    row = await source.fetchrow(SQL.glass_review, ids.home_of_handle(handle), handle)
    if row is None:
        raise Refusal("not-found", field="handle")
    return GlassReview(*row.values())


async def glasses_of(source: Database | Connection, practitioners: Sequence[int], since: datetime) -> list[GlassReview]:
    """Every break-glass of these staff since then, newest first."""
    return [GlassReview(*row.values()) for row in await source.fetch(SQL.glasses_of, list(practitioners), since)]


async def questions_to(db: Database, practitioner: int) -> list[GlassReview]:
    """What a member of staff was asked about their own, those still to be answered first."""
    return [GlassReview(*row.values()) for row in await db.fetch(SQL.questions_to, practitioner, _MINE)]


async def ask_about(c: Connection, handle: str, officer: str, question: str, now: datetime) -> None:
    """Ask who opened it. Refusals `field-invalid` for too few words, `not-found` when it is decided."""
    await _change(c, SQL.ask_about, handle, words.checked(question, "question"), now, officer)


async def answer_about(c: Connection, handle: str, practitioner: int, answer: str, now: datetime) -> None:
    """The answer of who opened it, and of nobody else. Refusals as `ask_about`, also when nothing was asked."""
    await _change(c, SQL.answer_about, handle, words.checked(answer, "answer"), now, practitioner)


async def judge_glass(c: Connection, handle: str, officer: str, verdict: str, reason: str, now: datetime) -> None:
    """The verdict, once and for all. Refusals `field-invalid`, `not-found` when it is decided already."""
    if verdict not in VERDICTS:
        raise Refusal("field-invalid", field="verdict", expected=", ".join(VERDICTS))
    await _change(c, SQL.judge_glass, handle, words.checked(reason), now, officer, verdict)


async def unjustified(c: Connection, practitioner: int, since: datetime) -> int:
    """How many of their break-glasses were found not justified since then."""
    return int(await c.fetchval(SQL.unjustified, practitioner, since))


async def _change(c: Connection, statement: str, handle: str, *said: Any) -> None:
    if not await c.fetchval(statement, ids.home_of_handle(handle), handle, *said):
        raise Refusal("not-found", field="handle")


# --- stops ------------------------------------------------------------------------------------------------------------

Cause = Literal["glass-unexplained", "glass-unjustified", "bulk", "decision"]


@dataclass(frozen=True, slots=True)
class Stop:
    """Access of a member of staff that was stopped, and what became of it."""

    stop: int
    practitioner: int
    institution: int
    at: datetime
    cause: Cause
    number: int
    """Of break-glasses or persons that led to it."""
    by: str
    """`platform`, or the officer who decided it."""
    proposed_by: str | None
    proposed: datetime | None
    proposal: str | None
    lifted_by: str | None
    lifted: datetime | None


async def hold(c: Connection, practitioner: int) -> None:
    """Wait for whoever else counts the break-glasses of this member of staff, until the transaction ends."""
    await c.execute(SQL.hold, practitioner)


async def put_stop(
    c: Connection, practitioner: int, institution: int, cause: Cause, number: int, by: str, now: datetime
) -> bool:
    """Write a stop down; False when one of the same cause stands already. The caller suspends."""
    made = await c.fetchval(SQL.put_stop, practitioner, institution, now, cause, number, by)
    return made is not None


async def stops(db: Database | Connection, since: datetime, institution: int | None = None) -> list[Stop]:
    """Those that stand, newest first, then those lifted since then; of one institution or of all."""
    return [Stop(*row.values()) for row in await db.fetch(SQL.stops, since, _SHOWN, institution)]


async def is_stopped(source: Database | Connection, practitioner: int) -> bool:
    """Whether a stop of this member of staff stands."""
    return bool((await source.fetchrow(SQL.standing_stops, practitioner))[0])


async def decided_since(c: Connection, since: datetime) -> list[GlassReview]:
    """Those opened or decided since then, for who checks them against the log."""
    return [GlassReview(*row.values()) for row in await c.fetch(SQL.decided_since, since)]


async def propose_lifting(c: Connection, stop: int, officer: str, reason: str, now: datetime) -> None:
    """Propose that access begins again. Refusals `field-invalid`, `not-found` when it does not stand or is proposed."""
    if not await c.fetchval(SQL.propose_lifting, stop, officer, now, words.checked(reason)):
        raise Refusal("not-found", field="stop")


async def stop_to_lift(c: Connection, stop: int) -> Stop:
    """One that somebody proposed to lift, held until the transaction ends. Refusal `not-found` when nobody did."""
    whose = await c.fetchval(SQL.stopped, stop)
    if whose is not None:
        await hold(c, whose)  # two stops of one are lifted, and another is put, one after the other
    row = await c.fetchrow(SQL.stop, stop)
    if row is None or row["proposed_by"] is None or row["lifted_by"] is not None:
        raise Refusal("not-found", field="stop")
    return Stop(*row.values())


async def lift(c: Connection, found: Stop, officer: str, now: datetime) -> bool:
    """Lift it, by a second person, as the caller has made sure; whether no other stop of the same member of staff
    stands any more."""
    await c.execute(SQL.lift, found.stop, officer, now)
    return not await c.fetchval(SQL.standing_stops, found.practitioner)
