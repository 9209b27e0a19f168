"""What residents granted to apps: codes good once, short access tokens, refresh tokens that turn over at each use.

OAuth 2.1 and RFC 9700: a code or refresh token that comes a second time was stolen, by whoever came first or second, so
the whole grant ends. Every secret has 256 bits and is kept as its hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import orjson

from yima.directory.caller import Assurance
from yima.directory.patient_apps import SQL
from yima.directory.scopes import within
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

CODE_SECONDS: Final = 60
_OFFLINE: Final = timedelta(days=90)
"""Since the last refresh; an app that is not used for so long is forgotten."""
_ONLINE: Final = timedelta(hours=12)
"""As long as a browser session of the resident, since the grant."""
_USED_STEP: Final = timedelta(minutes=1)
_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}").fullmatch
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9\-_]{43}").fullmatch
EndedBy = Literal["resident", "app", "reuse", "order"]


@dataclass(frozen=True, slots=True)
class Grant:
    """One "yes" of a resident to one app."""

    grant_id: str
    person: PersonId
    client_id: str
    name_zh: str
    name_en: str
    place_zh: str
    place_en: str
    scopes: tuple[str, ...]
    sensitive: bool
    given: datetime
    expires: datetime
    used: datetime | None
    ended: datetime | None
    ended_by: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a code or token of a grant means; `bound` is what a code was bound to."""

    kind: str
    person: PersonId
    grant_id: str
    client_id: str
    name_zh: str
    name_en: str
    institution: int
    """That answers for the app."""
    scopes: tuple[str, ...]
    granted: tuple[str, ...]
    sensitive: bool
    expires: datetime
    given: datetime
    bound: Mapping[str, str]
    practitioner: int = 0
    """Who opened the app in a visit; 0 for what a resident granted."""
    visit: str = ""
    ends: datetime | None = None
    """When that visit ends, and the grant with it."""
    assurance: Assurance = "substantial"


@dataclass(frozen=True, slots=True)
class Opened:
    """The visit in which a member of the staff opened an app, instead of a resident's yes."""

    practitioner: int
    visit: str
    ends: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """What is granted: scopes, whether sensitive classes too, to what the code is bound, and who opened the app."""

    scopes: Sequence[str]
    sensitive: bool
    bound: Mapping[str, str]
    opened: Opened | None = None
    assurance: Assurance = "substantial"
    """How surely it was the resident."""


@dataclass(frozen=True, slots=True)
class Issued:
    """Tokens just issued, shown once; `refresh` is empty for a grant without offline or online access."""

    access: str
    refresh: str
    seconds: int
    scopes: tuple[str, ...]
    held: Held


class ReusedError(Exception):
    """A code or refresh token came a second time: its grant has been ended."""

    def __init__(self, held: Held) -> None:
        super().__init__("reused")
        self.held = held


class Grants:
    """Grants and their secrets. One per worker; nothing is remembered between calls."""

    def __init__(self, db: Database, *, token_seconds: int) -> None:
        self._db = db
        self._seconds = token_seconds

    async def give(
        self, c: Connection, person: PersonId, client_id: str, terms: Terms, now: datetime
    ) -> tuple[str, str]:
        """Note the grant in the caller's transaction; its id and the code for it."""
        grant_id, code = secrets.token_hex(16), secrets.token_urlsafe(32)
        until, opened = now + timedelta(seconds=CODE_SECONDS), terms.opened
        by = (opened.practitioner, opened.visit, opened.ends) if opened else (None, "", None)
        row = (person, grant_id, client_id, list(terms.scopes), terms.sensitive, now, until, *by, terms.assurance)
        await c.execute(SQL.put_grant, *row)
        await c.execute(
            SQL.put_secret, digest_of(code), "code", person, grant_id, client_id, list(terms.scopes),
            orjson.dumps(dict(terms.bound)).decode(), until,
        )  # fmt: skip
        return grant_id, code

    async def redeem(self, code: str, client_id: str, *, redirect_uri: str, verifier: str, now: datetime) -> Issued:
        """Tokens for a code. Refusal `grant-invalid`; `ReusedError` for one that was redeemed before."""
        held = await self._once(code, "code", client_id, now)
        if not hmac.compare_digest(held.bound["redirect_uri"].encode(), redirect_uri.encode()):
            raise Refusal("grant-invalid", field="redirect_uri", reason="it is not that of the authorisation request")
        if not proves(verifier, held.bound["challenge"]):
            raise Refusal("grant-invalid", field="code_verifier", reason="it does not fit the code_challenge (S256)")
        return await self._issue(held, held.granted, now)

    async def refresh(self, token: str, client_id: str, *, scope: str, now: datetime) -> Issued:
        """New tokens for a refresh token, which is spent with it. Refusals `grant-invalid`, `scope-unsupported`;
        `ReusedError` for one that was spent before."""
        held = await self.held(token, now)
        scopes = within(scope, held.granted) if held and held.kind == "refresh" else ()  # a wrong wish spends nothing
        held = await self._once(token, "refresh", client_id, now)
        return await self._issue(held, scopes, now)

    async def _once(self, secret: str, kind: str, client_id: str, now: datetime) -> Held:
        row = await self._db.fetchrow(SQL.secret, digest_of(secret))
        if row is None or row["kind"] != kind or row["client_id"] != client_id or row["ended"]:
            raise Refusal("grant-invalid", field=kind, reason="it is unknown, ended, or another app's")
        held = _held(row)
        if row["spent"] or not await self._db.fetchrow(SQL.spend, digest_of(secret), now):
            await self._db.fetchrow(SQL.end_grant, held.person, held.grant_id, now, "reuse")
            raise ReusedError(held)
        if row["expires"] <= now:
            raise Refusal("grant-invalid", field=kind, reason="it has expired")
        if not row["active"]:
            raise Refusal("institution-suspended")
        return held

    async def _issue(self, held: Held, scopes: Sequence[str], now: datetime) -> Issued:
        access = secrets.token_urlsafe(32)
        refresh = ""
        until = now + timedelta(seconds=self._seconds)
        until = min(until, held.ends) if held.ends else until
        seconds = int((until - now).total_seconds())
        row = (held.person, held.grant_id, held.client_id)
        async with self._db.transaction() as c:
            await c.execute(SQL.put_secret, digest_of(access), "access", *row, list(scopes), "{}", until)
            if ends := _refreshable(held, now):
                refresh, until = secrets.token_urlsafe(32), max(until, ends)
                await c.execute(SQL.put_secret, digest_of(refresh), "refresh", *row, list(held.granted), "{}", ends)
            await c.execute(SQL.extend_grant, held.person, held.grant_id, until)
        return Issued(access, refresh, seconds, tuple(scopes), held)

    async def held(self, secret: str, now: datetime) -> Held | None:
        """What a live access or refresh token means; None for anything else."""
        row = await self._db.fetchrow(SQL.secret, digest_of(secret))
        dead = row is None or row["ended"] or row["spent"] or row["expires"] <= now or not row["active"]
        return None if dead or row["kind"] == "code" else _held(row)

    async def bearer(self, secret: str, now: datetime) -> Held | None:
        """What a live access token means; that it was used is noted, once a minute. Refusal `institution-suspended`."""
        row = await self._db.fetchrow(SQL.secret, digest_of(secret))
        if row is None or row["kind"] != "access" or row["ended"] or row["expires"] <= now:
            return None
        if not row["active"]:
            raise Refusal("institution-suspended")
        if row["used"] is None or now - row["used"] >= _USED_STEP:
            await self._db.execute(SQL.mark_used, row["person_id"], row["grant_id"], now)
        return _held(row)

    async def revoke(self, secret: str, client_id: str, now: datetime) -> Held | None:
        """Forget an access token; end the grant of a refresh token (RFC 7009). What was ended, or None."""
        held = await self.held(secret, now)
        if held is None or held.client_id != client_id:
            return None
        if held.kind == "access":
            await self._db.execute(SQL.drop_secret, digest_of(secret))
            return None
        ended = await self._db.fetchrow(SQL.end_grant, held.person, held.grant_id, now, "app")
        return held if ended else None

    async def end(self, c: Connection, person: PersonId, grant_id: str, by: EndedBy, now: datetime) -> bool:
        """End a grant in the caller's transaction; whether there was one to end."""
        return await c.fetchrow(SQL.end_grant, person, grant_id, now, by) is not None

    async def end_all(self, c: Connection, persons: Sequence[PersonId], by: EndedBy, now: datetime) -> int:
        """End every grant that these persons gave, in the caller's transaction; how many."""
        return len(await c.fetch(SQL.end_grants, list(persons), now, by))

    async def of_persons(self, persons: Sequence[PersonId], since: datetime) -> list[Grant]:
        """Grants of a person (under all numbers it ever had) that had not run out by `since`, newest first."""
        return [_grant(row) for row in await self._db.fetch(SQL.grants_of, list(persons), since)]

    async def forget_expired(self, now: datetime) -> None:
        """Drop secrets that have expired."""
        await self._db.execute(SQL.forget_secrets, now)


def digest_of(secret: str) -> bytes:
    """What is kept of a code or token: SHA-256 (of 256 bits of chance, which cannot be guessed back)."""
    return hashlib.sha256(secret.encode()).digest()


def is_challenge(text: str) -> bool:
    """Whether this can be an S256 code challenge (RFC 7636, section 4.2)."""
    return _CHALLENGE(text) is not None


def proves(verifier: str, challenge: str) -> bool:
    """Whether the verifier is that of the S256 challenge (RFC 7636, section 4.6)."""
    if not _VERIFIER(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return hmac.compare_digest(made, challenge)


def _refreshable(held: Held, now: datetime) -> datetime | None:
    if "offline_access" in held.granted:
        return now + _OFFLINE
    ends = held.ends or held.given + _ONLINE
    return ends if "online_access" in held.granted and ends > now else None


def _held(row: Any) -> Held:
    return Held(
        row["kind"], row["person_id"], row["grant_id"], row["client_id"], row["name_zh"], row["name_en"],
        row["institution_id"], tuple(row["scopes"]), tuple(row["granted"]), row["sensitive"], row["expires"],
        row["given"], orjson.loads(row["bound"]), row["practitioner_id"] or 0, row["visit"], row["ends"],
        row["assurance"],
    )  # fmt: skip


def _grant(row: Any) -> Grant:
    return Grant(
        row["grant_id"], row["person_id"], row["client_id"], row["name_zh"], row["name_en"], row["place_zh"],
        row["place_en"], tuple(row["scopes"]), row["sensitive"], row["given"], row["expires"], row["used"],
        row["ended"], row["ended_by"],
    )  # fmt: skip
