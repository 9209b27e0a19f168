"""The one use of a code: scans of a few milliseconds share one statement and one commit.

Exactly one scan of a code wins, also across processes: the winner is who inserted the row of (person, P, t).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from yima.healthcode.card import SQL, Status
from yima.healthcode.codec import Assurance
from yima.runtime.database import Batcher, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

RETRY_WINDOW: Final = timedelta(seconds=5)
"""Within it the same terminal, sending the same code again, gets the same answer."""

_REFUSED: Final = {"suspended": "code-suspended", "applied": "code-not-active", "pre-issued": "code-not-active"}
"""What a card that does not stand is answered with. Any other status, or no such card: `code-cancelled`."""

Key = tuple[PersonId, bytes, int]


class Scan(msgspec.Struct, frozen=True):
    """An authentic code at a known terminal, about to be redeemed. Its fields are in the order of the SQL's columns."""

    person: PersonId
    card_id: bytes | None
    """Of a printed code: this very card must stand."""
    generation: int | None
    """Of a code from a phone: the person's card must have it still."""
    block: bytes | None
    """P of a code from a phone; None for a printed one, which may be used again and again."""
    t: int | None
    visit: str
    institution: int
    terminal: str
    practitioner: int | None
    step: str
    purpose: str
    channel: str | None
    scene: str | None
    assurance: Assurance
    started: datetime
    expires: datetime

    @property
    def key(self) -> Key | None:
        """What may be redeemed once."""
        return None if self.block is None or self.t is None else (self.person, self.block, self.t)


class Redeemed(msgspec.Struct, frozen=True):
    """The visit a scan opened, or, for a retry, the one it had opened before."""

    visit: str
    expires: datetime
    card_status: Status
    reused: bool


class _First(msgspec.Struct, frozen=True):
    """The scan that used a code up."""

    institution: int
    terminal: str
    visit: str
    at: datetime
    expires: datetime


class Redeemer:
    """Group commit of scans over one database pool."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batcher: Batcher[Scan, Redeemed] = Batcher(self._flush, limit=500, lanes=2)

    async def redeem(self, scan: Scan) -> Redeemed:
        """The scan's visit, committed.

        Refusals: `code-cancelled`, `code-suspended`, `code-not-active`, `code-already-used`.
        """
        return await self._batcher.submit(scan)

    async def _flush(self, scans: list[Scan]) -> list[Redeemed | Exception]:
        status: dict[str, str] = {}
        won: set[str] = set()
        for row in await self._database.fetch(SQL.redeem, *_columns(scans)):
            status[row["visit"]] = row["status"]
            if row["won"] and row["status"] == "active":
                won.add(row["visit"])
        lost = [s.key for s in scans if s.key and s.visit not in won and status[s.visit] == "active"]
        first = await self._first_uses(lost) if lost else {}
        return [_judge(scan, status[scan.visit], scan.visit in won, first.get(scan.key)) for scan in scans]

    async def _first_uses(self, keys: Iterable[Key]) -> dict[Key | None, _First]:
        # A statement of its own: the rows of another process that beat us are not in the snapshot of the first.
        persons, blocks, steps = zip(*sorted(set(keys)), strict=True)
        rows = await self._database.fetch(SQL.redeemed, list(persons), list(blocks), list(steps))
        return {
            (r["person_id"], r["p"], r["t"]): _First(r["institution"], r["terminal"], r["visit"], r["at"], r["expires"])
            for r in rows
        }


def _judge(scan: Scan, status: str, won: bool, first: _First | None) -> Redeemed | Exception:
    if status != "active":
        return Refusal(_REFUSED.get(status, "code-cancelled"))
    if won:
        return Redeemed(scan.visit, scan.expires, "active", reused=False)
    same_place = first is not None and (first.institution, first.terminal) == (scan.institution, scan.terminal)
    if first is not None and same_place and abs(scan.started - first.at) <= RETRY_WINDOW:
        return Redeemed(first.visit, first.expires, "active", reused=True)
    return Refusal("code-already-used")


def _columns(scans: Sequence[Scan]) -> list[list[object]]:
    return [list(column) for column in zip(*map(msgspec.structs.astuple, scans), strict=True)]
