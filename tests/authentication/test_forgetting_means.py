"""What is forgotten by itself, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from yima import authentication
from yima.runtime.database import Database
from yima.runtime.keys import Vault
from yima.runtime.settings import Settings

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
COUNTED = (
    "select (select count(*) from authentication.session) + (select count(*) from authentication.attempt) * 10 "
    "+ (select count(*) from authentication.invitation) * 100 + (select count(*) from authentication.happening) * 1000"
)


async def test_what_has_ended_is_forgotten(db: Database, vault: Vault) -> None:
    means = authentication.Means(db, vault, Settings(password_memory_kib=1024), "https://yima.example")

    async def left() -> int:
        async with db.transaction() as c:
            await authentication.forget_old(c, NOW)
        return int((await db.fetchrow(COUNTED))[0])

    for age in (timedelta(), timedelta(hours=25), timedelta(days=40), timedelta(days=100)):
        async with db.transaction() as c:
            await means.browsers.open(c, "operator", f"{age}", method="passkey", device="", now=NOW - age)
            await means.enrolment.invite(c, "operator", f"{age}", "", inviter="system/x", now=NOW - age)
        tries = [authentication.Try("account", f"{age}", authentication.ACCOUNT)]
        await means.attempts.enter(tries, NOW - age)
    # Two sessions (a month), one count and one invitation (a day), three happenings (ninety days).
    assert await left() == 3112
    assert await left() == 3112
    means.passwords.close()
