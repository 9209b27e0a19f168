"""Codes sent to a phone: six digits, good for five minutes, five tries and one sign-in, in the browser that asked.

Whoever knows a number can have a code sent; nothing says whether somebody is known by it. So asking for a code always
makes one, with the same work and the same answer; who may come in by it is looked up, and the message sent, afterwards.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from yima.authentication.attempts import ADDRESS, Attempts, Rule, Try
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault

PHONE_SQL: Final = Queries(__package__, "phone.sql")
CODE_SECONDS: Final = 300
CODE_DIGITS: Final = 6
MOST_TRIES: Final = 5
_CHOICE: Final = timedelta(minutes=5)
_HOUR: Final = timedelta(hours=1)
_SENT: Final = Rule(3, longest=_HOUR)
"""Three codes to one number at once; each further one waits twice as long as the last, an hour at most."""
_ASKED: Final = Rule(60, forgotten=_HOUR)
"""Codes that one network may ask for."""
_KEPT: Final = timedelta(days=1)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{32}").fullmatch


@dataclass(frozen=True, slots=True)
class Passed:
    """A code was right: who may come in by the number, and the number's keyed hash."""

    challenge: str
    phone: bytes
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A code that was made: its challenge for the form, and the digits for the message; shown to nobody else."""

    challenge: str
    digits: str
    phone: bytes


class PhoneCodes:
    """Codes and confirmed numbers. `most`: codes an hour of the whole deployment."""

    def __init__(self, db: Database, vault: Vault, attempts: Attempts, most: int) -> None:
        self._db = db
        self._vault = vault
        self._attempts = attempts
        self._most = most

    async def ask(self, phone: str, browser: str, network: str, now: datetime) -> Asked:
        """Make a code for a number, normalised. Refusals `too-many-attempts` for the number or the network,
        `too-many-requests` when the deployment sent as many as it may; the same for numbers nobody has."""
        made = await self._db.fetchrow(PHONE_SQL.codes_since, now - _HOUR)
        if made and made["made"] >= self._most:
            raise Refusal("too-many-requests", retry_after=60)
        await self._attempts.enter([Try("code-network", network, _ASKED), Try("code-phone", phone, _SENT)], now)
        challenge, digits = secrets.token_urlsafe(24), f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        asked = Asked(challenge, digits, self.phone_key(phone))
        until = now + timedelta(seconds=CODE_SECONDS)
        code = self._code_key(challenge, digits)
        await self._db.execute(PHONE_SQL.put_code, challenge, _digest(browser), asked.phone, code, now, until)
        return asked

    async def address(self, challenge: str, subjects: Sequence[str]) -> None:
        """Note who may come in by a code."""
        await self._db.execute(PHONE_SQL.addressed, challenge, list(subjects))

    async def prove(self, challenge: str, browser: str, network: str, digits: str, now: datetime) -> Passed:
        """The code as it was typed. Refusals `code-wrong` for a wrong, used or old one, of another browser, after too
        many tries, or for a number nobody has: all the same; `too-many-attempts` for the network."""
        tries = [Try("address", network, ADDRESS)]
        await self._attempts.enter(tries, now)
        row = await self._row(PHONE_SQL.try_code, challenge, browser, now)
        held = bytes(row["code"]) if row else b""
        forms = self._vault.hashes.forms(self._code_key(challenge, digits))
        right = any([hmac.compare_digest(held, one) for one in forms])  # noqa: C419  a list: every code takes as long
        if not right or row is None or not row["subjects"]:
            raise Refusal("code-wrong", field="code")
        if not await self._db.fetchrow(PHONE_SQL.pass_code, challenge, now, now + _CHOICE):
            raise Refusal("code-wrong", field="code")
        await self._attempts.passed(tries, now)
        return Passed(challenge, bytes(row["phone"]), tuple(row["subjects"]))

    async def _row(self, statement: str, challenge: str, browser: str, now: datetime) -> Any:
        """One try on a challenge of this browser; None for any other, and when the tries are used up."""
        known = challenge if _CHALLENGE(challenge) else ""
        return await self._db.fetchrow(statement, known, _digest(browser), MOST_TRIES, now)

    async def choosing(self, challenge: str, browser: str, now: datetime) -> Passed:
        """One more try to say which of several persons it is, after the code was right. Refusal `code-wrong` when they
        are used up."""
        row = await self._row(PHONE_SQL.try_choice, challenge, browser, now)
        if row is None:
            raise Refusal("code-wrong", field="code")
        return Passed(challenge, bytes(row["phone"]), tuple(row["subjects"]))

    async def used(self, c: Connection, passed: Passed) -> None:
        """Somebody comes in by it: it is gone. Refusal `code-wrong` when it was gone already."""
        if not await c.fetchrow(PHONE_SQL.drop_code, passed.challenge):
            raise Refusal("code-wrong", field="code")

    # --- confirmed numbers -------------------------------------------------------------------------------------------

    async def confirm(self, c: Connection, subject: str, phone: str, staff: str, now: datetime) -> bool:
        """Staff saw the document: this is the person's number, and no other is. Whether another was until now."""
        key = self.phone_key(phone)
        others = await c.fetch(PHONE_SQL.drop_other_proofs, subject, list(self._vault.hashes.forms(key)))
        await c.execute(PHONE_SQL.put_proof, subject, key, staff, now)
        return bool(others)

    async def confirmed(self, source: Database | Connection, phone: bytes) -> Sequence[str]:
        """Whose number this was confirmed to be."""
        forms = list(self._vault.hashes.forms(phone))
        return [row["subject"] for row in await source.fetch(PHONE_SQL.proofed_subjects, forms)]

    async def part(self, c: Connection, subjects: Sequence[str], others: Sequence[str], phones: Iterable[str]) -> bool:
        """Take from these subjects the confirmed numbers that are confirmed as the others' too, and these phones of
        theirs; whether there were any."""
        held = [bytes(row["phone"]) for row in await c.fetch(PHONE_SQL.proofs_of, list(others))]
        forms = [form for one in (*held, *map(self.phone_key, phones)) for form in self._vault.hashes.forms(one)]
        return bool(await c.fetch(PHONE_SQL.drop_proofs, list(subjects), forms))

    def phone_key(self, phone: str) -> bytes:
        """The keyed hash by which a number is known in this room."""
        return self._vault.blind("authentication/phone", phone)

    def _code_key(self, challenge: str, digits: str) -> bytes:
        return self._vault.blind("authentication/phone-code", f"{challenge}\x1f{digits}")


async def forget_codes(c: Connection, now: datetime) -> None:
    """Drop codes of yesterday."""
    await c.execute(PHONE_SQL.forget_codes, now - _KEPT)


def _digest(browser: str) -> bytes:
    return hashlib.sha256(browser.encode(errors="replace")).digest()
