"""Emergency access in two deliberate steps: the emergency set, then the whole record, each with its own ground.

Grounds are closed lists, so that they can be counted and compared; the words beside them are for the resident.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from yima.consent.decide import Visit
from yima.consent.store import SQL
from yima.runtime import ids, words
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

GROUNDS: Final = {
    "unconscious": ("昏迷或意识不清，不能表达", "Unconscious or confused, cannot speak for themselves"),
    "life-threat": ("危及生命，来不及取得同意", "Life is in danger, no time for consent"),
    "cannot-decide": (
        "不能自己决定，监护人联系不上",
        "Cannot decide for themselves, and who may decide cannot be reached",
    ),
    "danger-to-others": ("可能伤害自己或他人", "May harm themselves or others"),
    "disaster": ("灾害或群体伤害救治", "Care in a disaster with many injured"),
}
"""Why the glass may be broken: code -> (Chinese, English). Convenience is none of them."""
WIDENINGS: Final = {
    "cause-unclear": ("病因不明，需要既往病史", "The cause is unclear, earlier findings are needed"),
    "procedure-ahead": ("即将手术、麻醉或介入", "An operation, anaesthesia or intervention is ahead"),
    "set-incomplete": ("急救信息缺少所需内容", "What is needed is not in the emergency set"),
    "transfer": ("转院交接", "Handing over to another hospital"),
}
"""Why the emergency set does not suffice: code -> (Chinese, English)."""
WITHOUT_CODE: Final = ("emergency-set", "break-glass")
"""What `Visit.assurance` says of the two steps: the holder showed no code."""
REASON_CHARACTERS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A break-glass as it is asked for: who opens whose record, where, on what ground, and in their own words."""

    person: PersonId
    institution: int
    practitioner: int
    terminal: str
    ground: str
    reason: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A break-glass as it was: `widened`, ground and words of the second step are None where it was not taken."""

    person: PersonId
    handle: str
    institution: int
    practitioner: int
    terminal: str
    ground: str
    reason: str
    started: datetime
    expires: datetime
    widened: datetime | None
    wider_ground: str | None
    wider_reason: str | None


async def open_emergency(c: Connection, said: Emergency, *, now: datetime, lasts: timedelta) -> str:
    """Open the emergency set for a while; the handle stands where a visit's would.

    Refusals `break-glass-reason-missing` when the words are fewer than eight characters: the resident will read them,
    and `break-glass-ground-unknown`.
    """
    ground, reason = _ground(GROUNDS, said.ground), emergency_words(said.reason)
    handle = ids.new_handle(said.person)
    await c.execute(
        SQL.put_emergency, said.person, handle, said.institution, said.practitioner, said.terminal, reason, now,
        now + lasts, ground,
    )  # fmt: skip
    return handle


async def widen_emergency(
    c: Connection, person: PersonId, handle: str, ground: str, reason: str, now: datetime
) -> None:
    """Open the whole record to an emergency that was opened before. Refusals as `open_emergency`; a second time changes
    nothing."""
    ground, reason = _ground(WIDENINGS, ground), emergency_words(reason)
    await c.execute(SQL.widen_emergency, person, handle, ground, reason, now)


async def emergency_visit(source: Database | Connection, handle: str) -> Visit | None:
    """The emergency access behind a handle, as the decision wants it, or None."""
    person = ids.home_of_handle(handle)
    row = await source.fetchrow(SQL.emergency, person, handle) if person else None
    if row is None:
        return None
    step = "break-glass" if row["widened"] else "emergency-set"
    return Visit(row["person_id"], row["institution_id"], step, row["expires"], "emergency-treatment")


async def emergencies(source: Database | Connection, handles: Sequence[str]) -> dict[str, Opened]:
    """What was opened under these handles, for whom it is shown to."""
    known = [(home, handle) for handle in handles if (home := ids.home_of_handle(handle))]
    rows = await source.fetch(SQL.emergencies, [home for home, _ in known], [handle for _, handle in known])
    return {row["handle"]: _opened(row) for row in rows}


async def opened_since(c: Connection, since: datetime) -> list[tuple[PersonId, str, datetime]]:
    """Person, handle and moment of every emergency access since then, for who checks them against their reviews."""
    return [tuple(row) for row in await c.fetch(SQL.opened_since, since)]


async def close_emergencies(
    c: Connection, kind: Literal["practitioner", "institution"], number: int, now: datetime
) -> list[tuple[PersonId, str]]:
    """Close for good what a member of staff opened, or everybody at an institution, and still stands; person and handle
    of each."""
    return [tuple(row) for row in await c.fetch(SQL.close_emergencies, number, now, kind)]


def _opened(row: Any) -> Opened:
    return Opened(*row.values())


def _ground(known: dict[str, tuple[str, str]], ground: str) -> str:
    if ground not in known:
        raise Refusal("break-glass-ground-unknown", field="ground", expected=", ".join(known))
    return ground


def emergency_words(reason: str) -> str:
    """Why, in words, as they are kept. Refusal `break-glass-reason-missing` for fewer than eight characters."""
    reason = words.kept(reason)
    if len(reason) < REASON_CHARACTERS:
        raise Refusal("break-glass-reason-missing", field="reason", expected=REASON_CHARACTERS)
    return reason
