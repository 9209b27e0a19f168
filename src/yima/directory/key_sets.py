"""Public keys that their owners publish at an address of their own (SMART App Launch 2.2, client authentication; OpenID
Connect Discovery 1.0).

Only the address that was registered is asked: nothing in an assertion names one. It is asked when the keys held are
old, or when an assertion names a key that is not among them, and then within a budget (`runtime.outbound`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from yima.directory.register import is_public_key
from yima.runtime.errors import Refusal
from yima.runtime.outbound import Pacing, Reach, Remembered

FRESH: Final = timedelta(minutes=5)
"""How long keys count without asking again: so long at most works a key that was taken away."""
_STALE: Final = timedelta(hours=1)
"""How long they count when the address does not answer."""
_MOST_KEYS: Final = 20


class KeySets:
    """Key sets by address, remembered. One per worker. `development`: loopback addresses may be asked, also by http."""

    def __init__(self, *, development: bool) -> None:
        self._reach = Reach(loopback=development)
        self._sets = Remembered(_keys, Pacing(FRESH, _STALE))

    async def keys(self, url: str, kid: str, now: datetime, reach: Reach | None = None) -> list[dict[str, Any]]:
        """The public keys at a registered address, as JWKs. `kid`: the one looked for, "" if none was named. `reach`:
        where that address may lie, if elsewhere than usual.

        Refusal `client-invalid` when there are none that count any more.
        """
        found = await self._sets.get(
            url, reach or self._reach, now, lambda held: bool(kid) and all(key.get("kid") != kid for key in held)
        )
        if found is None:
            raise Refusal("client-invalid", reason="its keys cannot be had from the registered jwks_url")
        return found


def _keys(body: bytes) -> list[dict[str, Any]] | None:
    said = orjson.loads(body)
    keys = said["keys"] if isinstance(said, dict) else None
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        return None
    return [key for key in keys if is_public_key(key)] or None  # a set may hold keys for other uses, or of newer kinds
