"""Browsers that were sent to a provider: each comes back once, in time, and only the same one.

The state is chance of which a hash is kept; with it lie, sealed, the code verifier (RFC 7636), the nonce, what it is
for, and what was being done, so that nothing of it is in the browser's address or cookies.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

import orjson

from yima.authentication.external.providers import EXTERNAL_SQL
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault

Purpose = Literal["sign-in", "invited", "bind", "again"]
_LONGEST: Final = timedelta(minutes=10)
_STATE_CHARS: Final = 100
_SEALED: Final = "authentication/trip"


@dataclass(frozen=True, slots=True)
class Trip:
    """One browser on its way. `carried`: what was being done, in words of who sent it."""

    purpose: Purpose
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    made: datetime
    carried: Mapping[str, str] = field(repr=False)


class Trips:
    """Sends browsers away and knows them when they come back."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    async def begin(
        self, provider_id: str, browser: str, purpose: Purpose, carried: Mapping[str, str], now: datetime
    ) -> tuple[str, Trip]:
        """A new one, with its state. `browser`: by what it is known again, `page_mark` or `session_mark`."""
        state = secrets.token_urlsafe(32)
        trip = Trip(purpose, secrets.token_urlsafe(48), secrets.token_urlsafe(24), now, dict(carried))
        kept = orjson.dumps([trip.purpose, trip.verifier, trip.nonce, trip.carried])
        digest = _digest(state)
        sealed = self._vault.seal_house(_SEALED, kept, digest)
        await self._db.execute(
            EXTERNAL_SQL.put_trip, digest, provider_id, _digest(browser), sealed, now, now + _LONGEST
        )
        return state, trip

    async def back(self, provider_id: str, state: str, browsers: Sequence[str], now: datetime) -> Trip | None:
        """The one with this state, which is over by that; None for one of another browser or provider, one that is
        over, too old, or never was."""
        digest = _digest(state[:_STATE_CHARS])
        row = await self._db.fetchrow(
            EXTERNAL_SQL.take_trip, digest, provider_id, [_digest(one) for one in browsers], now
        )
        if row is None:
            return None
        try:
            purpose, verifier, nonce, carried = orjson.loads(
                self._vault.open_house(_SEALED, bytes(row["carried"]), digest)
            )
        except Refusal:  # the master key was forgotten meanwhile
            return None
        return Trip(purpose, verifier, nonce, row["made"], carried)


def page_mark(token: str) -> str:
    """A browser by the token of its sign-in page, which it brings itself."""
    return f"page/{token}"


def session_mark(session_id: str) -> str:
    """A browser by the session that is open in it; never to be had by a token of a page that says the same."""
    return f"session/{session_id}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
