"""Apps that staff open from a visit (SMART App Launch 2.2, EHR launch): launch tokens, good once, for two minutes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from yima.directory.grants import digest_of
from yima.directory.patient_apps import SQL
from yima.runtime.database import Database

LAUNCH_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class LaunchableApp:
    """An app of an institution that its staff may open."""

    client_id: str
    name_zh: str
    name_en: str
    addresses: tuple[str, ...]
    """Where it is opened, then where it may be sent back to."""


async def launchable_apps(db: Database, institution: int) -> Sequence[LaunchableApp]:
    """The active ones of an institution, by name."""
    rows = await db.fetch(SQL.launchable, institution)
    return [
        LaunchableApp(row["client_id"], row["name_zh"], row["name_en"], (row["launch_url"], *row["redirect_uris"]))
        for row in rows
    ]


async def open_launch(db: Database, client_id: str, practitioner: int, visit: str, now: datetime) -> str:
    """A launch token for this app in the hands of this member of the staff, in this visit: shown once, not kept."""
    token = secrets.token_urlsafe(32)
    until = now + timedelta(seconds=LAUNCH_SECONDS)
    await db.execute(SQL.put_launch, digest_of(token), client_id, practitioner, visit, until)
    return token


async def take_launch(db: Database, token: str, client_id: str, practitioner: int, now: datetime) -> str:
    """The handle of the visit; "" for a token that is unknown, too old, used, or meant for another. It is gone then."""
    row = await db.fetchrow(SQL.take_launch, digest_of(token))
    mine = row is not None and row["client_id"] == client_id and row["practitioner_id"] == practitioner
    return str(row["visit"]) if mine and row["expires"] > now else ""
