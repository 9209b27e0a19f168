"""Verifying a scanned code: six numbered steps, one write, no read before it for a code from a phone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from yima.healthcode.bearers import check_bearer
from yima.healthcode.card import Source, Status, card_by_id, card_of
from yima.healthcode.codec import (
    PREFIX,
    Assurance,
    DynamicCode,
    StaticCode,
    check_static,
    check_time,
    open_dynamic,
    read,
)
from yima.healthcode.keyring import keyring
from yima.healthcode.national import NationalCards
from yima.healthcode.profiles import PROFILE_NAMES, profile_named
from yima.healthcode.redeem import Redeemer, Scan, Together
from yima.healthcode.tables import CHANNELS, PURPOSES, SCENES, STEPS
from yima.healthcode.visit import new_handle
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import KeyStore
from yima.runtime.metrics import verifications

VISIT_SECONDS: Final = 12 * 3600
_TERMINAL_CHARS: Final = 64
_OK, _REUSED = verifications.labels("ok"), verifications.labels("reused")  # finding them costs more than counting


class Verification(msgspec.Struct, frozen=True):
    """A code that was accepted: who it is, and the handle of the visit it opened."""

    person: PersonId
    """As on the card; the caller asks the person index whether that person was merged into another."""
    visit: str
    assurance: Assurance
    expires: datetime
    """When the visit ends."""
    card_status: Status
    reused: bool
    """The same terminal sent the same code again within five seconds and got the same visit."""
    also: Any = None
    """What `together` gave for it, in the same transaction."""


class RefusedScan(msgspec.Struct, frozen=True):
    """A scan that was refused, for the log and for the holder's notice. It never holds the scanned text."""

    refusal: Refusal
    person: PersonId | None
    """Known only where the code was authentic."""
    institution: int
    terminal: str
    step: str
    purpose: str
    practitioner: int | None
    at: datetime

    @property
    def code(self) -> str:
        """The stable code of the refusal; `code-already-used` is what a holder must hear about."""
        return self.refusal.code


TerminalCheck = Callable[[int, str], Awaitable[bool]]
"""(institution, terminal) -> whether the terminal is registered there; answer from a cache, this is on the hot path."""
RefusalHook = Callable[[RefusedScan], Awaitable[None]]


class _Asked(msgspec.Struct):
    """One call of `verify`, and the person once the code has proved authentic."""

    institution: int
    terminal: str
    step: str
    purpose: str
    practitioner: int | None
    now: datetime
    channel: str | None
    scene: str | None
    person: PersonId | None = None


class Verifier:
    """Verifies codes for one deployment. One per process: concurrent calls share one statement and one commit."""

    def __init__(  # noqa: PLR0913  what the rooms above lend it, each by its name
        self,
        database: Database,
        keys: KeyStore,
        *,
        terminal_known: TerminalCheck,
        profiles: Sequence[str] = PROFILE_NAMES,
        visit_seconds: int = VISIT_SECONDS,
        on_refused: RefusalHook | None = None,
        together: Together | None = None,
        national: NationalCards | None = None,
    ) -> None:
        self._database = database
        self._keys = keyring(keys)
        self._terminal_known = terminal_known
        self._profiles = frozenset(profile_named(name).name for name in profiles)
        self._visit = timedelta(seconds=visit_seconds)
        self._on_refused = on_refused
        self._national = national
        self._redeemer = Redeemer(database, together)

    async def verify(  # noqa: PLR0913  the words of a scan, each said by its name
        self,
        text: str,
        *,
        institution: int,
        terminal: str,
        step: str,
        purpose: str,
        practitioner: int | None = None,
        now: datetime,
        channel: str | None = None,
        scene: str | None = None,
        about: Any = None,
    ) -> Verification:
        """Accept a scanned text, or refuse it; accepted means the visit and the use of the code are committed, with all
        that `together` did for it; it is told `about`.

        Refusals, in the order of the steps: `code-unreadable`, `code-issuer-unknown`, `code-signature-invalid`,
        `clock-skew`, `code-expired`, `purpose-not-allowed`, `field-invalid`, `terminal-unknown`, `code-cancelled`,
        `code-suspended`, `code-not-active`, `code-already-used`. Each is counted, and
        told to `on_refused` before it is raised.
        """
        asked = _Asked(institution, terminal, step, purpose, practitioner, now, channel, scene)
        try:
            accepted = await self._verify(text, asked, about)
        except Refusal as refusal:
            verifications.labels(refusal.code).inc()
            if self._on_refused is not None:
                await self._on_refused(_report(refusal, asked))
            raise
        (_REUSED if accepted.reused else _OK).inc()
        return accepted

    async def _verify(self, text: str, asked: _Asked, about: Any) -> Verification:
        if self._national is not None and not text.startswith(PREFIX) and self._national.claims(text):
            scan = await self._of_the_nation(self._national, text, asked)
        else:
            # 1. Read: a text of ours, or nothing.
            code = read(text)
            # 2-4. Open it, check its MAC and its time, without the database.
            scan = await self._printed(code, asked) if isinstance(code, StaticCode) else self._shown(code, asked)
        # 5. Purpose and step stand on closed lists; the terminal is the institution's.
        await self._admit(asked)
        # 6. The one use of the code, the visit and the standing of the card, in one group commit.
        redeemed, also = await self._redeemer.redeem(scan, about)
        return Verification(
            redeemed.person,
            redeemed.visit,
            scan.assurance,
            redeemed.expires,
            redeemed.card_status,
            redeemed.reused,
            also,
        )

    def _shown(self, code: DynamicCode, asked: _Asked) -> Scan:
        unix = int(asked.now.timestamp())
        opened = open_dynamic(code, self._keys, self._profiles, unix)
        asked.person = opened.person
        check_time(code, opened, unix)
        return self._scan(
            opened.person, "dynamic", asked, generation=opened.generation, block=code.block, t=code.t,
            bearer=opened.bearer or None,
        )  # fmt: skip

    async def _printed(self, code: StaticCode, asked: _Asked) -> Scan:
        check_static(code, self._keys, self._profiles)
        try:
            card = await card_by_id(self._database, code.card_id)
        except Refusal:
            raise Refusal("code-cancelled") from None  # we signed it once, and the card is gone
        asked.person = card.person
        return self._scan(card.person, "static", asked, card_id=code.card_id)

    async def _of_the_nation(self, national: NationalCards, text: str, asked: _Asked) -> Scan:
        """A code of the national card: whole, ours and in time; used once by the same rule as any other."""
        opened = await national.open(self._database, text)
        asked.person = opened.card.person
        opened.check_time(asked.now)
        assurance: Assurance = "dynamic" if opened.in_person else "static"
        return self._scan(
            opened.card.person, assurance, asked, card_id=opened.card.card_id, block=opened.block, t=opened.t
        )

    async def _admit(self, asked: _Asked) -> None:
        if asked.purpose not in PURPOSES:
            raise Refusal(
                "purpose-not-allowed", field="purpose", purpose=asked.purpose[:40], expected=", ".join(PURPOSES)
            )
        if asked.step not in STEPS:
            raise Refusal("field-invalid", field="step", expected="a code of the step table, such as 010101")
        if asked.channel is not None and asked.channel not in CHANNELS:
            raise Refusal("field-invalid", field="channel", expected=f"one of {', '.join(CHANNELS)}")
        if asked.scene is not None and asked.scene not in SCENES:
            raise Refusal("field-invalid", field="scene", expected="a code of the scene table, such as 0101011")
        # Printable first: one NUL would spoil the statement that a whole batch of scans shares.
        is_text = asked.terminal.isprintable() and 0 < len(asked.terminal) <= _TERMINAL_CHARS
        if not (is_text and await self._terminal_known(asked.institution, asked.terminal)):
            raise Refusal("terminal-unknown", field="terminal")

    def _scan(  # noqa: PLR0913  the parts of a code, each by its name
        self, person: PersonId, assurance: Assurance, asked: _Asked, *,
        card_id: bytes | None = None, generation: int | None = None, block: bytes | None = None, t: int | None = None,
        bearer: int | None = None,
    ) -> Scan:  # fmt: skip
        return Scan(
            person=person,
            card_id=card_id,
            generation=generation,
            block=block,
            t=t,
            visit=new_handle(person),
            institution=asked.institution,
            terminal=asked.terminal,
            practitioner=asked.practitioner,
            step=asked.step,
            purpose=asked.purpose,
            channel=asked.channel,
            scene=asked.scene,
            assurance=assurance,
            started=asked.now,
            expires=asked.now + self._visit,
            bearer=bearer,
        )


def _report(refusal: Refusal, asked: _Asked) -> RefusedScan:
    return RefusedScan(
        refusal,
        asked.person,
        asked.institution,
        asked.terminal,
        asked.step,
        asked.purpose,
        asked.practitioner,
        asked.now,
    )


async def check(text: str, source: Source, keys: KeyStore, now: datetime) -> tuple[PersonId, Assurance]:
    """Steps 1 to 4 and whether the code is dead by now: whose it is, without redeeming it. How the person's card stands
    is for the caller to ask.

    Refusals: `code-unreadable`, `code-issuer-unknown`, `code-signature-invalid`, `clock-skew`, `code-expired`,
    `code-cancelled`.
    """
    code, unix = read(text), int(now.timestamp())
    if isinstance(code, StaticCode):
        check_static(code, keyring(keys), PROFILE_NAMES)
        card = await card_by_id(source, code.card_id)
        if card.ended is not None:
            raise Refusal("code-cancelled")
        return card.person, "static"
    opened = open_dynamic(code, keyring(keys), PROFILE_NAMES, unix)
    check_time(code, opened, unix)
    card = await card_of(source, opened.person)
    if card.status != "merged" and card.generation != opened.generation:
        raise Refusal("code-cancelled")
    await check_bearer(source, opened.person, opened.bearer)
    return opened.person, "dynamic"
