"""Scan-to-authorise: a kiosk shows a question, the resident's phone scans it and says yes or no.

The kiosk never sees a code of the resident: it learns who it is from the visit that the resident's yes opens. One
decision, within two minutes; which institution, terminal and purpose asked is read from here, never from the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from yima.healthcode.card import Source, Status, card_of
from yima.healthcode.signs import KIOSK_PREFIX, new_sign_id, read_sign, sign_text
from yima.healthcode.tables import PURPOSES, STEPS, scene_fits
from yima.healthcode.verify import VISIT_SECONDS
from yima.healthcode.visit import Visit, new_handle, put_visit
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import KeyStore

SQL: Final = Queries(__package__, "kiosk.sql")
LIVES: Final = timedelta(minutes=2)
KIOSK_CHANNEL: Final = "0200"


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A kiosk's question. `visit` is empty until somebody said yes."""

    session: str
    institution: int
    terminal: str
    step: str
    scene: str
    purpose: str
    state: Literal["waiting", "approved", "refused"]
    visit: str
    created: datetime
    expires: datetime

    def standing(self, now: datetime) -> Literal["waiting", "approved", "refused", "expired"]:
        """The state, with `expired` for a question that nobody answered in time."""
        return "expired" if self.state == "waiting" and now >= self.expires else self.state


async def ask(
    c: Connection, *, institution: int, terminal: str, step: str, purpose: str, now: datetime, scene: str = ""
) -> Authorisation:
    """A new question of a terminal. Refusals `purpose-not-allowed`, `field-invalid`."""
    if purpose not in PURPOSES:
        raise Refusal("purpose-not-allowed", field="purpose", purpose=purpose[:40], expected=", ".join(PURPOSES))
    if step not in STEPS:
        raise Refusal("field-invalid", field="step", expected="a code of the step table, such as 010101")
    if scene and not scene_fits(step, scene):
        raise Refusal("field-invalid", field="scene", expected="a scene that refines the step")
    made = Authorisation(
        new_sign_id(), institution, terminal, step, scene, purpose, "waiting", "", now, now + LIVES
    )  # fmt: skip
    await c.execute(SQL.ask, made.session, institution, terminal, step, scene, purpose, now, made.expires)
    return made


def authorisation_text(keys: KeyStore, profile: str, session: str) -> str:
    """The text of the QR code that the kiosk shows."""
    return sign_text(keys, profile, KIOSK_PREFIX, session)


async def authorisation(source: Source, session: str) -> Authorisation:
    """A question by its id. Refusal `not-found`."""
    row = await source.fetchrow(SQL.session, session) if session.isascii() and "\x00" not in session else None
    if row is None:
        raise Refusal("not-found", field="id")
    return _authorisation(row)


async def scanned_authorisation(source: Source, keys: KeyStore, text: str, now: datetime) -> Authorisation:
    """The question that a phone scanned, still unanswered.

    Refusals: `code-unreadable`, `code-signature-invalid`, `code-expired`, `code-already-used`.
    """
    prefix, session = read_sign(keys, text)
    row = await source.fetchrow(SQL.session, session) if prefix == KIOSK_PREFIX else None
    if row is None:
        raise Refusal("code-expired" if prefix == KIOSK_PREFIX else "code-unreadable")  # ours once, and forgotten since
    found = _authorisation(row)
    _check_open(found, now)
    return found


async def approve(
    c: Connection, asked: Authorisation, person: PersonId, now: datetime, *, visit_seconds: int = VISIT_SECONDS
) -> Visit:
    """The resident says yes: a visit with assurance `dynamic` at the kiosk's institution, in the caller's transaction.

    Refusals: `card-not-found` and those of a card that does not stand (see `check_standing`), `code-expired`,
    `code-already-used` when the question was answered before.
    """
    check_standing((await card_of(c, person)).status)
    visit = Visit(
        person, new_handle(person), asked.institution, asked.terminal, None, asked.step, asked.purpose, "dynamic", now,
        now + timedelta(seconds=visit_seconds), KIOSK_CHANNEL, asked.scene or None,
    )  # fmt: skip
    await _decide(c, asked, "approved", visit.visit, now)
    await put_visit(c, visit)
    return visit


async def refuse(c: Connection, asked: Authorisation, now: datetime) -> None:
    """The resident says no. Refusals `code-expired`, `code-already-used`."""
    await _decide(c, asked, "refused", "", now)


async def forget_authorisations(c: Connection, before: datetime) -> None:
    """Drop questions that ended before that."""
    await c.execute(SQL.forget, before)


def check_standing(status: Status) -> None:
    """Refusal unless such a card's codes may be used: `code-suspended`, `code-not-active`, `code-cancelled`."""
    if status == "active":
        return
    said = {"suspended": "code-suspended", "applied": "code-not-active", "pre-issued": "code-not-active"}
    raise Refusal(said.get(status, "code-cancelled"))


async def _decide(c: Connection, asked: Authorisation, state: str, visit: str, now: datetime) -> None:
    if await c.fetchrow(SQL.decide, asked.session, state, visit, now):
        return
    _check_open(await authorisation(c, asked.session), now)
    raise Refusal("code-already-used")


def _check_open(asked: Authorisation, now: datetime) -> None:
    if asked.state != "waiting":
        raise Refusal("code-already-used")
    if now >= asked.expires:
        raise Refusal("code-expired")


def _authorisation(row: Any) -> Authorisation:
    return Authorisation(**dict(row))
