"""Going through the lines of the sealed log: read, hashed and compared part by part, in as many processes as wanted.

Reading and hashing a line takes nearly all of the time of a check and needs nothing of the lines before it. A part
begins where a tile begins, so whoever puts the parts together again only joins the roots of tiles.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal

from yima.audit.proof.hashes import SQL
from yima.audit.proof.leaf import hash_of
from yima.audit.proof.tree import HASH_BYTES, TILE_WIDTH, fold
from yima.runtime.database import Connection, Database

READ_ONLY: Final = "set transaction isolation level repeatable read, read only"
_BY_KEY: Final = "; ".join(f"set local enable_{way} = off" for way in ("hashjoin", "mergejoin", "bitmapscan", "sort"))
"""A part is read in the order of its positions, each line by its key: whatever the statistics say, reading the whole
table for each part would make the check of a large log endless."""
TOLD: Final = 100
"""So many problems are named; all are counted."""
_TILES: Final = 64
_LINES: Final = _TILES * TILE_WIDTH
_CHUNK: Final = 8 * _LINES
"""Lines that a process is given at a time."""
_TILE: Final = TILE_WIDTH * HASH_BYTES

Kind = Literal[
    "line-changed", "line-missing", "line-added", "position-missing", "tile-changed", "head-changed",
    "cosignature-changed", "not-cosigned",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was sealed."""

    kind: Kind
    where: str
    """An event id, `position n`, `tile level/number`, `head of n lines`."""


@dataclass(slots=True)
class Part:
    """What was found of some lines, one after the other."""

    begin: int
    hashes: bytes = b""
    """Of each line as it was sealed; zeros for a position that is missing."""
    tiles: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Of each full tile that begins here its root, and the hash of its hashes."""
    lost: int = 0
    """Leaves whose line is not there."""
    found: int = 0
    problems: list[Problem] = field(default_factory=list)
    """At most a hundred, of all that were `found`."""

    def tell(self, kind: Kind, where: str) -> None:
        """Note a problem."""
        self.found += 1
        if len(self.problems) < TOLD:
            self.problems.append(Problem(kind, where))


@dataclass(frozen=True, slots=True)
class Spread:
    """Over how many processes a check is spread, and the address of the database for them."""

    url: str
    processes: int


async def parts_of(c: Connection, size: int, spread: Spread | None) -> AsyncIterator[Part]:
    """Every part of a log of `size` lines in order, as the caller's transaction (`READ_ONLY`) sees it."""
    if spread is None or spread.processes < 2:
        await c.execute(_BY_KEY)
        for begin in range(0, size, _LINES):
            yield await _look(c, begin, min(size, begin + _LINES))
        return
    snapshot = await c.fetchval("select pg_export_snapshot()")
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(spread.processes, multiprocessing.get_context("spawn")) as pool:
        chunks = [
            loop.run_in_executor(pool, _in_process, spread.url, snapshot, begin, min(size, begin + _CHUNK))
            for begin in range(0, size, _CHUNK)
        ]
        for chunk in chunks:
            for part in await chunk:
                yield part


def _in_process(url: str, snapshot: str, begin: int, end: int) -> list[Part]:
    return asyncio.run(_chunk(url, snapshot, begin, end))


async def _chunk(url: str, snapshot: str, begin: int, end: int) -> list[Part]:
    database = await Database.connect(url, size=1)
    try:
        async with database.transaction() as c:
            await c.execute(READ_ONLY)
            await c.execute(f"set transaction snapshot '{snapshot}'")  # of our own making: pg_export_snapshot gave it
            await c.execute(_BY_KEY)
            return [await _look(c, at, min(end, at + _LINES)) for at in range(begin, end, _LINES)]
    finally:
        await database.close()


async def _look(c: Connection, begin: int, end: int) -> Part:
    part = Part(begin)
    rows: Sequence[Any] = await c.fetch(SQL.whole, begin, end)
    sealed = [row["hash"] for row in rows]
    hashed = [hash_of(row) for row in rows]
    if hashed != sealed:
        await _differ(c, part, [row for row, own in zip(rows, hashed, strict=True) if row["hash"] != own])
    if len(rows) < end - begin:
        held = {row["position"]: row["hash"] for row in rows}
        for position in range(begin, end):
            if position not in held:
                part.tell("position-missing", f"position {position}")
        sealed = [held.get(position, bytes(HASH_BYTES)) for position in range(begin, end)]
    part.hashes = b"".join(sealed)
    for at in range(0, len(part.hashes) - _TILE + 1, _TILE):
        tile = part.hashes[at : at + _TILE]
        part.tiles.append((fold(tile), sha256(tile).digest()))
    return part


async def _differ(c: Connection, part: Part, rows: Sequence[Any]) -> None:
    """Tell what is wrong with lines whose hash is not the sealed one: changed, gone, or at another time than then."""
    for row in rows:
        named = row["sealed_person"], row["sealed_id"]
        there = row["event_id"] is not None or (part.found < TOLD and await c.fetchrow(SQL.moved, *named) is not None)
        part.lost += not there
        part.tell("line-changed" if there else "line-missing", row["sealed_id"])
