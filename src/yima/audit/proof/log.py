"""The log as outsiders may check it: sealed into the tree, its heads, and proofs over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from yima.audit.proof import tree
from yima.audit.proof.hashes import SQL, edge_hashes, full_tiles, nodes
from yima.audit.proof.head import Head, HeadSigner, Verifier
from yima.audit.proof.leaf import Leaf, hash_of, leaf_of
from yima.audit.proof.paper import text_of
from yima.runtime import ids
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import KeyStore

_BATCH: Final = 5000
_STALE: Final = timedelta(minutes=10)
"""A head is signed anew after this time even when nothing was written, so that a witness sees the log alive."""


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A proof that a line is in the log, against a signed head (RFC 9162, 2.1.3)."""

    position: int
    leaf_hash: bytes
    path: tuple[bytes, ...]
    head: Head

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, the fields of `LineProof`."""
        path = [text_of(one) for one in self.path]
        return {
            "position": self.position, "leaf_hash": text_of(self.leaf_hash), "path": path, "head": self.head.note,
        }  # fmt: skip


class Log:
    """The sealed log of a deployment."""

    def __init__(self, database: Database, store: KeyStore) -> None:
        self._database = database
        self._signer = HeadSigner(store)

    @property
    def verifier(self) -> Verifier:
        """The public key by which the log's heads are known."""
        return self._signer.verifier

    async def seal(self, now: datetime) -> Head:
        """Put the lines of all finished transactions into the tree and sign its head; the latest head.

        One process seals at a time, others wait. Nothing new within ten minutes of the last head: no new head.
        """
        return await self._database.retry(lambda c: self._seal(c, now))

    async def latest(self) -> Head | None:
        """The latest head; None before the log was sealed for the first time."""
        row = await self._database.fetchrow(SQL.latest)
        return _head(row) if row else None

    async def heads(self, before: Head | None = None, limit: int = 100) -> list[Head]:
        """Heads, newest first, before one of them."""
        size, sealed = (before.size, before.sealed) if before else (2**62, datetime.max.replace(tzinfo=UTC))
        rows = await self._database.fetch(SQL.heads, size, sealed, limit)
        return [_head(row) for row in rows]

    async def head_of(self, size: int) -> Head:
        """The first head that was signed over so many lines. Refusal `not-found`."""
        row = await self._database.fetchrow(SQL.head_of, size)
        if row is None:
            raise Refusal("not-found", field="size")
        return _head(row)

    async def line(self, event_id: str) -> Leaf:
        """A line as it is hashed, about a person: the caller answers for who may see it. Refusal `not-found`."""
        row = await self._database.fetchrow(SQL.line, _home(event_id), event_id)
        if row is None:
            raise Refusal("not-found", field="line")
        return leaf_of(row)

    async def prove(self, event_id: str, now: datetime) -> Inclusion:
        """The proof that a line is in the log, against the latest head; seals first when the line is newer than that.

        Refusals `not-found`; `line-not-sealed` while a transaction older than the line is still under way.
        """
        place = await self._position(event_id)
        head = await self.latest()
        if place is None or head is None:
            if await self._database.fetchrow(SQL.line, _home(event_id), event_id) is None:
                raise Refusal("not-found", field="line")
            head = await self.seal(now)
            place = await self._position(event_id)
        if place is None:
            raise Refusal("line-not-sealed", retry_after=60)
        path = await inclusion_path(self._database, place["position"], head.size)
        return Inclusion(place["position"], place["hash"], tuple(path), head)

    async def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the tree of `first` lines is the beginning of that of `second` (RFC 9162, 2.1.4).

        Refusals `field-invalid` (not 0 <= first <= second), `not-found` (more lines than are sealed).
        """
        if not 0 <= first <= second:
            raise Refusal("field-invalid", field="from", expected="a size not larger than `to`")
        head = await self.latest()
        if head is None or second > head.size:
            raise Refusal("not-found", field="to")
        return await _path(self._database, head.size, tree.consistency_ranges(first, second) if first else [])

    async def _position(self, event_id: str) -> Any:
        return await self._database.fetchrow(SQL.position, _home(event_id), event_id)

    async def _seal(self, c: Connection, now: datetime) -> Head:
        await c.execute(SQL.lock)
        last = await c.fetchrow(SQL.latest)
        since, size = (last["horizon"], last["size"]) if last else (0, 0)
        horizon = (await c.fetchrow(SQL.horizon))[0]
        builder = await _builder(c, size)
        if horizon >= since:
            await _append(c, builder, c.cursor(SQL.unsealed, since, horizon, prefetch=_BATCH))
        else:  # another cluster counts transactions anew: a log that was dumped and restored
            await _append(c, builder, c.cursor(SQL.left_out, horizon, prefetch=_BATCH))
        if last and builder.size == size and last["sealed"] <= now < last["sealed"] + _STALE and horizon >= since:
            return _head(last)
        head = self._signer.sign(builder.size, builder.root(), max(now, last["sealed"]) if last else now)
        if last and (head.size, head.sealed) == (size, last["sealed"]):
            return _head(last)
        await c.execute(SQL.add_head, head.size, head.sealed, head.root, horizon, head.note)
        return head


async def inclusion_path(database: Database, position: int, size: int) -> list[bytes]:
    """The hashes that prove a position of a tree of `size` leaves (RFC 9162, 2.1.3)."""
    return await _path(database, size, tree.inclusion_ranges(position, size))


async def _path(database: Database, size: int, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    wanted = {node for begin, end in ranges for node in tree.cover(begin, end)}
    return tree.prove(ranges, await nodes(database, size, wanted))


async def _builder(c: Connection, size: int) -> tree.Builder:
    """The tree as it was sealed last, ready to grow."""
    spans: dict[int, tuple[int, int]] = {}
    level = 0
    while level == 0 or size >> tree.TILE_LEVELS * level:
        spans[level] = full_tiles(size, level) * tree.TILE_WIDTH, size >> tree.TILE_LEVELS * level
        level += 1
    held = await edge_hashes(c, spans)
    return tree.Builder(size, [[held[level, n] for n in range(*span)] for level, span in spans.items()])


async def _append(c: Connection, builder: tree.Builder, rows: AsyncIterator[Any]) -> None:
    leaves: list[tuple[Any, ...]] = []
    tiles: list[tree.Tile] = []
    async for row in rows:
        hashed = hash_of(row)
        leaves.append((row["person_id"], row["event_id"], builder.size, hashed))
        tiles += builder.append(hashed)
        if len(leaves) == _BATCH:
            await _write(c, leaves, tiles)
            leaves, tiles = [], []
    await _write(c, leaves, tiles)


async def _write(c: Connection, leaves: list[tuple[Any, ...]], tiles: list[tree.Tile]) -> None:
    if leaves:
        columns = ("person_id", "event_id", "position", "hash")
        await c.copy_records_to_table("leaf", schema_name="audit", records=leaves, columns=columns)
    if tiles:
        columns_of = [[t.level for t in tiles], [t.number for t in tiles], [t.root for t in tiles]]
        await c.execute(SQL.add_tiles, *columns_of, [t.hashes for t in tiles])


def _head(row: Any) -> Head:
    return Head(row["size"], row["root"], row["sealed"], row["note"])


def _home(event_id: str) -> ids.PersonId:
    home = ids.home_of(event_id)
    if home is None:
        raise Refusal("not-found", field="line")
    return home
