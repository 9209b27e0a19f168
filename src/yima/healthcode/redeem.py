"""The one use of a code: scans of a few milliseconds share one statement and one commit.

Exactly one scan of a code wins, also across processes: the winner is who inserted the row of (person, P, t).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from yima.healthcode.card import SQL, Status
from yima.healthcode.codec import Assurance
from yima.healthcode.life import LIFE
from yima.healthcode.visit import new_handle
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
    person: PersonId
    """Whose visit it is: of a person who was merged into another, that other."""


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
        judged = [_judge(scan, status[scan.visit], scan.visit in won, first.get(scan.key)) for scan in scans]
        elsewhere = {n: scan for n, scan in enumerate(scans) if status[scan.visit] == "merged"}
        if elsewhere:
            for n, result in zip(elsewhere, await self._as_survivors(list(elsewhere.values())), strict=True):
                judged[n] = result
        return judged

    async def _as_survivors(self, scans: list[Scan]) -> list[Redeemed | Exception]:
        """Codes of persons who were merged into others: the same scans again, as those others', whose cards decide."""
        rows = await self._database.fetch(LIFE.survivors, [scan.person for scan in scans])
        found = {row["person_id"]: row for row in rows if row["card_id"]}
        moved = [
            replace(
                scan, person=found[scan.person]["survivor"], card_id=found[scan.person]["card_id"], generation=None,
                visit=new_handle(found[scan.person]["survivor"]),
            )
            for scan in scans
            if scan.person in found
        ]  # fmt: skip
        results = iter(await self._flush(moved) if moved else [])
        return [next(results) if scan.person in found else Refusal("code-cancelled") for scan in scans]

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
        return Redeemed(scan.visit, scan.expires, "active", reused=False, person=scan.person)
    same_place = first is not None and (first.institution, first.terminal) == (scan.institution, scan.terminal)
    if first is not None and same_place and abs(scan.started - first.at) <= RETRY_WINDOW:
        return Redeemed(first.visit, first.expires, "active", reused=True, person=scan.person)
    return Refusal("code-already-used")


def _columns(scans: Sequence[Scan]) -> list[list[object]]:
    return [list(column) for column in zip(*map(msgspec.structs.astuple, scans), strict=True)]
