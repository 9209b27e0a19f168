"""The reverse pattern: a counter's printed code, which residents scan to share a profile and take a number.

The poster says which counter, nothing else. What is shared is chosen on the phone; only which fields were chosen is
kept here, their values are read when the institution asks. A share opens a visit with assurance `static`: it
identifies, and opens no record. Numbers run by counter and day from 1, without gaps, whoever asks at the same moment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from yima.healthcode.card import Source, card_of
from yima.healthcode.kiosk import check_standing
from yima.healthcode.signs import COUNTER_PREFIX, new_sign_id, read_sign, sign_text
from yima.healthcode.tables import department_of
from yima.healthcode.verify import VISIT_SECONDS
from yima.healthcode.visit import Visit, new_handle, put_visit
from yima.runtime.civil import civil_day
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, person_from_text
from yima.runtime.keys import KeyStore

SQL: Final = Queries(__package__, "counter.sql")
State = Literal["waiting", "received", "called", "done", "absent"]
MOVES: Final[dict[str, tuple[str, ...]]] = {
    "received": ("waiting", "received"),
    "called": ("waiting", "received", "called"),
    "done": ("waiting", "received", "called", "done"),
    "absent": ("waiting", "received", "called", "absent"),
}
"""State -> the states from which an institution may bring a share there; repeating one changes nothing."""
_CHANNEL: Final = "0402"
_STEP, _SCENE = "010101", "0101012"
_PREFIX: Final = re.compile(r"[A-Z][A-Z0-9]{0,3}")
_WORDS: Final = 60


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter with a code of its own."""

    counter_id: str
    institution: int
    department: str
    prefix: str
    """One to four capitals and digits before the number on a ticket; unique at its institution."""
    name_zh: str
    name_en: str
    location: str
    status: Literal["open", "closed"] = "open"


@dataclass(frozen=True, slots=True)
class Share:
    """What a resident shared with a counter, and their place in its queue."""

    person: PersonId
    share_id: str
    counter_id: str
    institution: int
    day: date
    number: int
    visit: str
    phone: bool
    document: bool
    state: State
    created: datetime
    prefix: str

    @property
    def ticket(self) -> str:
        """The number as it is called out: `N007`."""
        return f"{self.prefix}{self.number:03d}"


async def register_counter(c: Connection, counter: Counter, now: datetime) -> Counter:
    """Put a counter on the register; the same prefix again changes its words and keeps its printed code.

    Refusal `field-invalid`: prefix, department or a name is not of its form.
    """
    names = (counter.name_zh, counter.name_en, counter.location)
    rows = (
        ("prefix", _PREFIX.fullmatch(counter.prefix), "one to four capitals and digits, a capital first"),
        ("department", department_of(counter.department), "a code that begins with one of the national table"),
        ("name", all(len(n) <= _WORDS and n.isprintable() for n in names) and names[0] and names[1], "60 characters"),
    )
    for field, good, expected in rows:
        if not good:
            raise Refusal("field-invalid", field=field, expected=expected)
    row = (new_sign_id(), counter.institution, counter.department, counter.prefix, *names, now)
    return Counter(**dict(await c.fetchrow(SQL.put_counter, *row)))


async def counters(source: Source, institution: int) -> list[Counter]:
    """The counters of an institution, by prefix."""
    return [Counter(**dict(row)) for row in await source.fetch(SQL.counters, institution)]


async def set_counter_status(source: Source, counter_id: str, status: Literal["open", "closed"]) -> None:
    """Open or close a counter; a closed one gives no numbers. Refusal `not-found`."""
    if not await source.fetchrow(SQL.set_status, counter_id, status):
        raise Refusal("not-found", field="counter")


def counter_text(keys: KeyStore, profile: str, counter_id: str) -> str:
    """The text of a counter's printed code."""
    return sign_text(keys, profile, COUNTER_PREFIX, counter_id)


async def scanned_counter(source: Source, keys: KeyStore, text: str) -> Counter:
    """The counter whose code a phone scanned.

    Refusals: `code-unreadable`, `code-signature-invalid`, `counter-closed`.
    """
    prefix, counter_id = read_sign(keys, text)
    if prefix != COUNTER_PREFIX:
        raise Refusal("code-unreadable")
    return await open_counter(source, counter_id)


async def open_counter(source: Source, counter_id: str) -> Counter:
    """A counter that gives numbers now. Refusal `counter-closed`."""
    row = await source.fetchrow(SQL.counter, counter_id)
    if row is None or row["status"] != "open":
        raise Refusal("counter-closed")
    return Counter(**dict(row))


async def share(
    c: Connection,
    counter: Counter,
    person: PersonId,
    now: datetime,
    *,
    phone: bool,
    document: bool,
    visit_seconds: int = VISIT_SECONDS,
) -> tuple[Share, bool]:
    """Share a profile with a counter and take a number, in the caller's transaction; whether the number is a new one.

    Who still waits at this counter today keeps that number. Refusals `card-not-found`, `code-suspended`,
    `code-not-active`, `code-cancelled`.
    """
    check_standing((await card_of(c, person)).status)
    day = civil_day(now)
    await c.execute(SQL.begin_queue, counter.counter_id, day)
    await c.fetchrow(SQL.hold_queue, counter.counter_id, day)
    if held := await c.fetchrow(SQL.own_waiting, person, counter.counter_id, day):
        return Share(**dict(held)), False
    number = (await c.fetchrow(SQL.count_queue, counter.counter_id, day))["last"]
    visit = Visit(
        person, new_handle(person), counter.institution, f"counter/{counter.prefix}", None, _STEP, "treatment",
        "static", now, now + timedelta(seconds=visit_seconds), _CHANNEL, _SCENE,
    )  # fmt: skip
    await put_visit(c, visit)
    made = Share(
        person, new_handle(person), counter.counter_id, counter.institution, day, number, visit.visit, phone, document,
        "waiting", now, counter.prefix,
    )  # fmt: skip
    await c.execute(
        SQL.put_share, person, made.share_id, counter.counter_id, counter.institution, day, number, visit.visit, phone,
        document, now,
    )  # fmt: skip
    return made, True


async def share_of(source: Source, person: PersonId, share_id: str) -> Share:
    """One share of that person. Refusal `not-found`."""
    row = await source.fetchrow(SQL.share, person, share_id) if "\x00" not in share_id else None
    if row is None:
        raise Refusal("not-found")
    return Share(**dict(row))


async def shares_of(source: Source, person: PersonId, day: date) -> list[Share]:
    """The numbers a person took that day, newest first."""
    return [Share(**dict(row)) for row in await source.fetch(SQL.shares_of, person, day)]


async def ahead(source: Source, share: Share) -> int:
    """How many with a smaller number still wait at that counter."""
    return int((await source.fetchrow(SQL.ahead, share.counter_id, share.day, share.number))[0])


async def waiting_shares(
    source: Source, institution: int, since: datetime, *, department: str = "", limit: int = 100
) -> list[Share]:
    """Shares that nobody acknowledged yet, oldest first; of one department's counters where one is named.

    They stay on the list until they are acknowledged, so that an answer that got lost on its way loses nobody's number.
    """
    return [Share(**dict(row)) for row in await source.fetch(SQL.waiting, institution, since, department, limit)]


async def deliver(c: Connection, shares: Sequence[Share], now: datetime) -> frozenset[str]:
    """Mark shares as read by their institution; the ids of those that were read for the first time."""
    rows = await c.fetch(SQL.deliver, [s.person for s in shares], [s.share_id for s in shares], now)
    return frozenset(row["share_id"] for row in rows)


async def mark(c: Connection, institution: int, share_id: str, state: str, now: datetime) -> Share:
    """Bring a share of one's own institution to a state.

    Refusals: `field-invalid` for an unknown state or one that cannot follow, `not-found` for what is not there or is
    another institution's.
    """
    person = person_from_text(share_id[:10]) if share_id.isascii() else None
    if state not in MOVES:
        raise Refusal("field-invalid", field="state", expected=", ".join(MOVES))
    found = await share_of(c, person, share_id) if person else None
    if found is None or found.institution != institution:
        raise Refusal("not-found", field="id")
    if not await c.fetchrow(SQL.mark, found.person, share_id, state, now, list(MOVES[state])):
        raise Refusal("field-invalid", field="state", expected=_after(found.state))
    return await share_of(c, found.person, share_id)


def _after(state: str) -> str:
    return f"a state that can follow {state}: " + ", ".join(to for to, before in MOVES.items() if state in before)


async def forget_shares(c: Connection, before: datetime) -> None:
    """Drop shares that were made before that; the visits they opened stay."""
    await c.execute(SQL.forget, before)
