"""Sessions of browsers: rows that can be listed and ended, behind a cookie of which only a hash is kept.

The cookie is `<id>.<secret>`. The id stays for the life of a session, and form tokens are made from it; the secret is
new each time somebody proves who they are, so that a cookie planted or copied before is worth nothing after.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from yima.authentication.statements import SQL
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal

Method = Literal["passkey", "password", "recovery", "phone", "proofed-phone", "oidc"]
"""By what somebody proved who they are: `password` with a code of an authenticator app, `recovery` with one of the
codes kept for the day on which that is lost, `phone` a code sent to a phone that some
registration names, `proofed-phone` to one that staff confirmed, `oidc` the word of an OpenID provider."""
LEVELS: Final[dict[Method, int]] = {"passkey": 2, "password": 2, "recovery": 2, "phone": 1, "proofed-phone": 1}
"""How many factors each proves (NIST SP 800-63B, AAL); of `oidc` each answer says its own (`Vouched`)."""
_SEEN: Final = timedelta(minutes=1)
_DEVICE_CHARS: Final = 60
_COOKIE_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Vouched:
    """That a provider proved who somebody is, instead of a method of our own."""

    provider: str
    session: bytes | None
    """The provider's name for its own session, as a keyed hash: by it a back-channel logout finds ours."""
    level: int
    proved: datetime
    """When they proved it there."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which somebody signed in."""

    session_id: str
    kind: str
    subject: str
    method: Method
    level: int
    device: str
    opened: datetime
    seen: datetime
    """At most a minute old for a session in use."""
    proved: datetime
    """When who it is was last proved."""
    provider: str
    """By which provider it was opened, "" for none."""


class BrowserSessions:
    """Opens, finds and ends sessions. `idle` and `longest`: how long one lasts unused, and at all."""

    def __init__(self, db: Database, *, idle: timedelta, longest: timedelta) -> None:
        self._db = db
        self.idle = idle
        self.longest = longest

    async def open(
        self, c: Connection, kind: str, subject: str, *, method: Method | Vouched, device: str, now: datetime
    ) -> str:
        """A new session, as the value of its cookie: shown once and not kept. Never continues one that was there.
        Refusal `not-found` for a provider that was suspended meanwhile."""
        await _check_stands(c, method)
        session_id, secret = secrets.token_hex(16), secrets.token_urlsafe(32)
        await c.execute(
            SQL.put_session, session_id, _digest(secret), kind, subject, *_proof(method, now), device[:_DEVICE_CHARS],
            now, *_by(method),
        )  # fmt: skip
        return f"{session_id}.{secret}"

    async def find(self, kind: str, cookie: str, now: datetime) -> Session:
        """Whose session it is. Refusal `sign-in-needed` when it is forged, ended, too old or of another kind."""
        session_id, _, secret = cookie.partition(".")
        if not secret or len(cookie) > _COOKIE_CHARS or "\x00" in cookie:
            raise Refusal("sign-in-needed")
        row = await self._db.fetchrow(SQL.session, session_id)
        if row is None or row["kind"] != kind or not hmac.compare_digest(row["digest"], _digest(secret)):
            raise Refusal("sign-in-needed")
        if now - row["seen"] > self.idle or now - row["opened"] > self.longest:
            await self.end(session_id)
            raise Refusal("sign-in-needed")
        if now - row["seen"] > _SEEN:
            await self._db.execute(SQL.saw_session, session_id, now)
        return _session(row)

    async def prove_again(self, c: Connection, session: Session, *, method: Method | Vouched, now: datetime) -> str:
        """Who holds this session has proved it anew: the cookie from now on. Refusals `sign-in-needed` if it ended,
        `not-found` as above."""
        await _check_stands(c, method)
        secret = secrets.token_urlsafe(32)
        said, level, proved = _proof(method, now)
        if not await c.fetchval(
            SQL.renew_session, session.session_id, _digest(secret), said, level, proved, now, *_by(method)
        ):
            raise Refusal("sign-in-needed")
        return f"{session.session_id}.{secret}"

    async def of(self, kind: str, subject: str, now: datetime) -> Sequence[Session]:
        """The sessions that somebody has, the latest used first."""
        rows = await self._db.fetch(SQL.sessions_of, kind, subject, now - self.idle, now - self.longest)
        return [_session(row) for row in rows]

    async def end(self, session_id: str) -> None:
        """End one; it counts on every worker from the next request on."""
        await self._db.execute(SQL.end_session, session_id)


async def end_sessions(c: Connection, kind: str, subject: str, *, but: str = "") -> int:
    """End every session of somebody, but for the one with this id; how many."""
    return len(await c.fetch(SQL.end_sessions, kind, subject, but))


async def check_session(c: Connection, session_id: str) -> None:
    """Refusal `sign-in-needed` for a session that has ended."""
    if not await c.fetchval(SQL.session_stands, session_id):
        raise Refusal("sign-in-needed")


def _proof(method: Method | Vouched, now: datetime) -> tuple[Method, int, datetime]:
    """What is kept of a proof: by what, how many factors, when."""
    if isinstance(method, Vouched):
        return "oidc", method.level, method.proved
    return method, LEVELS[method], now


async def _check_stands(c: Connection, method: Method | Vouched) -> None:
    if isinstance(method, Vouched) and not await c.fetchval(SQL.hold_provider, method.provider):
        raise Refusal("not-found", field="provider")


def _by(method: Method | Vouched) -> tuple[str | None, bytes | None]:
    """The provider, and its name for its own session."""
    return (method.provider, method.session) if isinstance(method, Vouched) else (None, None)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def _session(row: Any) -> Session:
    return Session(
        row["session_id"], row["kind"], row["subject"], row["method"], row["level"], row["device"], row["opened"],
        row["seen"], row["proved"], row["provider"] or "",
    )  # fmt: skip
