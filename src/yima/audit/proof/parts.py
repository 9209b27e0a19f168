"""Going through the lines of the sealed log: read, hashed and compared part by part, in as many processes as wanted.

Reading and hashing a line takes nearly all of the time of a check and needs nothing of the lines before it. A part
begins where a tile begins, so whoever puts the parts together again only joins the roots of tiles.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal

from yima.audit.proof import lines
from yima.audit.proof.hashes import SQL
from yima.audit.proof.leaf import hash_of
from yima.audit.proof.tree import HASH_BYTES, TILE_WIDTH, fold
from yima.runtime.database import Connection, Database

READ_ONLY: Final = "set transaction isolation level repeatable read, read only"
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
    singly: int = 0
    """Lines that had to be looked up by their keys."""
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
        await c.execute(lines.SESSION)
        for begin in range(0, size, _LINES):
            yield await _look(c, begin, min(size, begin + _LINES))
        return
    snapshot = await c.fetchval("select pg_export_snapshot()")
    loop = asyncio.get_running_loop()
    # Rows and hashes hold no cycles: looking for some among them is a tenth of the work.
    forked = multiprocessing.get_context("forkserver")  # what is imported, is imported once for all of them
    forked.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(spread.processes, forked, initializer=gc.disable) as pool:
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
            await c.execute(lines.SESSION)
            return [await _look(c, at, min(end, at + _LINES)) for at in range(begin, end, _LINES)]
    finally:
        await database.close()


async def _look(c: Connection, begin: int, end: int) -> Part:
    part = Part(begin)
    sealed = await _sealed(c, part, begin, end)
    own = await lines.hashes_at(c, begin, end)
    if b"".join(own) != sealed:
        own_at = zip(range(0, len(sealed), HASH_BYTES), own, strict=True)
        unsure = [begin + at // HASH_BYTES for at, own in own_at if sealed[at : at + HASH_BYTES] != own]
        part.singly = len(unsure)
        rows = await c.fetch(SQL.whole, unsure)
        await _differ(c, part, [row for row in rows if hash_of(row) != row["hash"]])
    part.hashes = sealed
    for at in range(0, len(sealed) - _TILE + 1, _TILE):
        tile = sealed[at : at + _TILE]
        part.tiles.append((fold(tile), sha256(tile).digest()))
    return part


async def _sealed(c: Connection, part: Part, begin: int, end: int) -> bytes:
    """The hashes that were sealed, zeros for a position that is missing."""
    count, hashes = await c.fetchrow(SQL.sealed_hashes, begin, end)
    if (count, len(hashes)) == (end - begin, (end - begin) * HASH_BYTES):
        return bytes(hashes)
    held = {row["position"]: row["hash"] for row in await c.fetch(SQL.positions, begin, end)}
    for position in range(begin, end):
        if position not in held:
            part.tell("position-missing", f"position {position}")
    return b"".join([held.get(position, bytes(HASH_BYTES)) for position in range(begin, end)])


async def _differ(c: Connection, part: Part, rows: Sequence[Any]) -> None:
    """Tell what is wrong with lines whose hash is not the sealed one: changed, gone, or at another time than then."""
    for row in rows:
        named = row["sealed_person"], row["sealed_id"]
        there = row["event_id"] is not None or (part.found < TOLD and await c.fetchrow(SQL.moved, *named) is not None)
        part.lost += not there
        part.tell("line-changed" if there else "line-missing", row["sealed_id"])
