"""Web origins of residents' apps (RFC 6454): whose scripts may read this server's answers (Fetch standard, CORS)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from yima.directory.patient_apps import SQL
from yima.runtime.database import Database

_SECONDS: Final = 1.0


class Origins:
    """Which apps come from which origin; asked anew once a second at most, so that preflights cost nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._held: Mapping[str, frozenset[str]] = {}
        self._until = float("-inf")

    async def apps_of(self, origin: str) -> frozenset[str]:
        """client_ids of the active apps that registered this origin, compared character by character."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            self._until = now + _SECONDS
            found: dict[str, set[str]] = {}
            for row in await self._db.fetch(SQL.origins):
                found.setdefault(row["origin"], set()).add(row["client_id"])
            self._held = {origin: frozenset(apps) for origin, apps in found.items()}
        return self._held.get(origin, frozenset())
