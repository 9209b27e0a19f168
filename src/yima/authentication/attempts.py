"""Tries that failed, and how long the next must wait: against guessing, without locking people out for good.

A try is counted before it is judged, so that a hundred at once are a hundred; who proves right takes the count back.
What was tried on is a bucket: an account as it was typed, whether there is one or not; a browser that signed in to it
before, which has a count of its own, so that a stranger's tries do not keep people from their usual machine (OWASP
"device cookies"); an address, where many people may sit behind one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from yima.authentication.statements import SQL
from yima.authentication.turning import TURN_SQL
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault

_FORGET: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """`free` failures in a row cost nothing; each after it doubles the wait, from a second to `longest`."""

    free: int
    longest: timedelta = timedelta(minutes=15)
    forgotten: timedelta = _FORGET
    """When the last failure lies so long back, counting begins anew."""


ACCOUNT: Final = Rule(5)
ADDRESS: Final = Rule(60, forgotten=timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class Try:
    """One thing that is tried on, under a rule. `what` says what kind it is; of `value` only a keyed hash is kept."""

    what: str
    value: str
    rule: Rule


class Attempts:
    """Counts of failures, shared by all workers."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    async def enter(self, tries: Sequence[Try], now: datetime) -> None:
        """Count a try on each of these. Refusal `too-many-attempts`, with the seconds to wait, when one is closed.

        `passed` takes it back; nothing else does.
        """
        await self._turned(tries)
        for number, one in enumerate(tries):
            row = await self._db.fetchrow(
                SQL.enter_attempt, self._bucket(one), now, one.rule.free, int(one.rule.longest.total_seconds()),
                now - one.rule.forgotten,
            )  # fmt: skip
            if row is None:
                await self._take_back(tries[:number], now)
                held = await self._db.fetchrow(SQL.attempt, self._bucket(one))
                wait = math.ceil((held["until"] - now).total_seconds()) if held else 1
                raise Refusal("too-many-attempts", retry_after=max(wait, 1))

    async def passed(self, tries: Sequence[Try], now: datetime) -> None:
        """These tries were no failures: the counts of accounts begin anew, an address loses what `enter` added."""
        await self._turned(tries)
        await self._take_back([one for one in tries if one.rule is ADDRESS], now)
        async with self._db.transaction() as c:
            await c.execute(SQL.drop_attempts, [self._bucket(one) for one in tries if one.rule is not ADDRESS])

    async def _take_back(self, tries: Sequence[Try], now: datetime) -> None:
        if tries:
            await self._db.execute(SQL.take_attempts_back, [self._bucket(one) for one in tries], now)

    async def _turned(self, tries: Sequence[Try]) -> None:
        """Counts under another key are counts: while hashes change theirs, these are brought under the one in use."""
        if self._vault.hashes.several:
            forms = [self._vault.hashes.forms(self._bucket(one)) for one in tries]
            others = [(other, now) for now, *rest in forms for other in rest]
            await self._db.execute(TURN_SQL.turn_attempts, [old for old, _ in others], [new for _, new in others])

    def _bucket(self, one: Try) -> bytes:
        return self._vault.blind(f"authentication/{one.what}", one.value)
