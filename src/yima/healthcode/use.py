"""Card-use events (用卡记录): what a code was used for, as verified here and as reported by the institution's system.

A verification is one use: the visit's row. Every later step is another, reported by the institution with a key of its
own. Where the two do not meet, somebody must look: a code that was verified and never reported as used, or reported and
never verified. No function here answers who was at a place: what is asked by institution comes back without persons.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

import orjson

from yima.healthcode.card import SQL as CARDS
from yima.healthcode.card import Source, card_by_id
from yima.healthcode.codec import STEP_SECONDS, StaticCode, check_static, open_dynamic, read
from yima.healthcode.keyring import keyring
from yima.healthcode.profiles import PROFILE_NAMES
from yima.healthcode.tables import CHANNELS, COST_TYPES, SCENES, STEPS, VISIT_TYPES, department_of, scene_fits, step_of
from yima.runtime.civil import CIVIL
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, person_from_text
from yima.runtime.keys import KeyStore

SQL: Final = Queries(__package__, "use.sql")
REPORT_HOURS: Final = 24
"""How long after the verification a report is awaited before it counts as missing."""
SKEW: Final = timedelta(seconds=30)
"""By how much the clock of an institution's system may differ."""
_CODE_AGE: Final = timedelta(minutes=5)
_TEXT: Final = 64
"""A day of the statistics is a day in China."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One step as an institution's system reports it. Exactly one of `visit` and `code` names who it was."""

    institution: int
    key: str
    """The institution's own key of this report, 1 to 64 printable ASCII characters."""
    step: str
    """A step or scene of `STEPS`."""
    channel: str
    at: datetime
    """When the step was done."""
    visit: str = ""
    code: str = ""
    """The code that was scanned, as its text; it may have expired since."""
    scene: str = ""
    department: str = ""
    visit_type: str = ""
    cost_types: tuple[str, ...] = ()
    serial: str = ""
    """The HIS's own number of the event."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a report."""

    person: PersonId
    visit: str
    """The visit it belongs to; empty for a code that was never verified at this institution."""
    repeated: bool
    """The same report was here before; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a resident's code, for that resident."""

    kind: Literal["verified", "reported", "unverified"]
    """`unverified`: reported of a code that was never verified there."""
    institution: int
    step: str
    scene: str
    channel: str
    terminal: str
    department: str
    at: datetime
    visit: str


@dataclass(frozen=True, slots=True)
class NeverReported:
    """A verification whose step was not reported. Only the end of the handle: its beginning names the person."""

    ending: str
    """The last eight characters of the handle the institution was given."""
    step: str
    channel: str
    terminal: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NeverVerified:
    """A report of a code that was never verified at that institution, under the institution's own key."""

    key: str
    serial: str
    step: str
    channel: str
    department: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Missing:
    """What does not meet, oldest first, at one institution."""

    never_reported: tuple[NeverReported, ...]
    never_verified: tuple[NeverVerified, ...]


async def report(c: Connection, keys: KeyStore, said: Report, now: datetime) -> Reported:
    """Keep a reported step, in the caller's transaction. Reports may arrive late and in any order; `at` counts.

    Refusals: `field-invalid` (not in a closed list), `use-in-future`, `visit-unknown`, `visit-elsewhere`,
    `use-before-verification`, `visit-expired` (done after the visit had ended), `idempotency-mismatch` (the key stands
    for something else), and those of a code: `code-unreadable`, `code-signature-invalid`, `code-issuer-unknown`,
    `code-expired` (older than the keys).
    """
    # 1 What is said stands on closed lists, and has happened already.
    _check(said, now)
    # 2 Whose visit it was: by its handle, or by the code that opened it.
    person, visit = await (_by_handle(c, said) if said.visit else _by_code(c, keys, said, now))
    # 3 Once: the same key with the same words is the same report.
    if not await c.fetchrow(SQL.put_key, said.institution, said.key, _digest(said), now):
        return await _again(c, said, person)
    step, scene = step_of(said.step), said.scene or (said.step if said.step in SCENES else "")
    await c.execute(
        SQL.put_use, person, said.institution, said.key, visit, step, scene, said.channel, said.department,
        said.visit_type, list(said.cost_types), said.serial, said.at, now,
    )  # fmt: skip
    return Reported(person, visit, repeated=False)


async def uses_of(source: Source, person: PersonId, since: datetime, *, limit: int = 200) -> list[Use]:
    """Where the person's code was used since then, newest first. For that person only."""
    return [Use(**dict(row)) for row in await source.fetch(SQL.uses_of, person, since, limit)]


async def missing(
    source: Source, institution: int, now: datetime, *, hours: int = REPORT_HOURS, days: int = 2, limit: int = 500
) -> Missing:
    """Steps verified more than `hours` ago and never reported, and reports without a verification, of the last days."""
    since, due = now - timedelta(hours=hours, days=days), now - timedelta(hours=hours)
    unreported = await source.fetch(SQL.never_reported, institution, since, due, limit)
    unverified = await source.fetch(SQL.never_verified, institution, since, now + SKEW, limit)
    return Missing(
        tuple(NeverReported(**dict(row)) for row in unreported), tuple(NeverVerified(**dict(row)) for row in unverified)
    )


async def count_day(c: Connection, day: date, now: datetime, *, hours: int = REPORT_HOURS) -> None:
    """Count one day (China's) of every institution, anew: what the statistics are read from."""
    begins = datetime(day.year, day.month, day.day, tzinfo=CIVIL)
    await c.execute(SQL.forget_day, day)
    await c.execute(SQL.count_day, day, begins, begins + timedelta(days=1), now - timedelta(hours=hours))


async def forget_redemptions(source: Source, before: datetime, *, limit: int = 10_000) -> int:
    """Drop redemptions older than that, at most `limit` of them; how many went. Their codes have long expired."""
    return int((await source.fetchrow(SQL.forget_redemptions, before, limit))[0])


def _check(said: Report, now: datetime) -> None:
    """Refusals `field-invalid`, `use-in-future`."""
    steps = said.step in STEPS and (not said.scene or scene_fits(said.step, said.scene))
    rows = (
        ("key", len(said.key) > 0 and said.key.isascii() and _is_short(said.key), "1 to 64 printable ASCII characters"),
        ("visit", bool(said.visit) is not bool(said.code), "either the visit or the code that was scanned"),
        ("step", said.step in STEPS, "a code of the step table, such as 010101"),
        ("scene", steps, "a scene that refines the step, such as 0101012 of 010101"),
        ("channel", said.channel in CHANNELS, ", ".join(CHANNELS)),
        ("department", not said.department or department_of(said.department), "a code that begins with a national one"),
        ("visit_type", not said.visit_type or said.visit_type in VISIT_TYPES, ", ".join(VISIT_TYPES)),
        ("cost_types", set(said.cost_types) <= set(COST_TYPES), ", ".join(COST_TYPES)),
        ("serial", _is_short(said.serial), "at most 64 printable characters"),
        ("department", _is_short(said.department), "at most 64 printable characters"),
    )
    for field, good, expected in rows:
        if not good:
            raise Refusal("field-invalid", field=field, expected=expected)
    if said.at > now + SKEW:
        raise Refusal("use-in-future", field="at", server_time=now.isoformat(timespec="seconds"))


def _is_short(text: str) -> bool:
    return len(text) <= _TEXT and text.isprintable()


async def _by_handle(c: Connection, said: Report) -> tuple[PersonId, str]:
    person = person_from_text(said.visit[:10]) if said.visit.isascii() and "\x00" not in said.visit else None
    row = await c.fetchrow(CARDS.visit, person, said.visit) if person else None
    if row is None:
        raise Refusal("visit-unknown", field="visit")
    _check_visit(row, said)
    return row["person_id"], row["visit"]


async def _by_code(c: Connection, keys: KeyStore, said: Report, now: datetime) -> tuple[PersonId, str]:
    """The visit that the code opened at this institution; none ("") when it was never verified there."""
    code, unix = read(said.code), int(now.timestamp())
    if isinstance(code, StaticCode):
        check_static(code, keyring(keys), PROFILE_NAMES)
        person = (await card_by_id(c, code.card_id)).person
        row = await c.fetchrow(SQL.printed_visit, person, said.institution, said.at + SKEW)
        return person, row["visit"] if row else ""
    person = open_dynamic(code, keyring(keys), PROFILE_NAMES, unix).person
    rows = await c.fetch(CARDS.redeemed, [person], [code.block], [code.t])
    if rows:
        visit = await c.fetchrow(CARDS.visit, person, rows[0]["visit"])
        _check_visit(visit, said)
        return person, visit["visit"]
    shown = datetime.fromtimestamp(code.t * STEP_SECONDS, said.at.tzinfo)
    if abs(said.at - shown) > _CODE_AGE:
        raise Refusal("field-invalid", field="at", expected="a time within five minutes of when the code was shown")
    return person, ""


def _check_visit(row: Any, said: Report) -> None:
    if row["institution"] != said.institution:
        raise Refusal("visit-elsewhere", field="visit")
    if said.at < row["started"] - SKEW:
        raise Refusal("use-before-verification", field="at")
    if said.at >= row["expires"]:
        raise Refusal("visit-expired", field="at")


async def _again(c: Connection, said: Report, person: PersonId) -> Reported:
    kept = await c.fetchrow(SQL.key, said.institution, said.key)
    first = await c.fetchrow(SQL.use, person, said.institution, said.key)
    if first is None or kept["digest"] != _digest(said):
        raise Refusal("idempotency-mismatch", field="key")
    return Reported(person, first["visit"], repeated=True)


def _digest(said: Report) -> bytes:
    """Of everything that was said: what tells a resend from another report under the same key."""
    plain = [
        said.visit, said.code.strip().upper(), said.step, said.scene, said.channel, said.department, said.visit_type,
        said.cost_types, said.serial, said.at,
    ]  # fmt: skip
    return hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_UTC_Z)).digest()
