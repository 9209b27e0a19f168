"""The log as outsiders may check it: sealed into the tree, its heads, and proofs over it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from yima.audit import tally
from yima.audit.proof import tree
from yima.audit.proof.hashes import SQL, Tree, edge_hashes
from yima.audit.proof.head import Head, HeadSigner, Verifier
from yima.audit.proof.leaf import Leaf, hash_of, leaf_of
from yima.audit.proof.paper import text_of
from yima.audit.proof.witnesses import Witnesses
from yima.runtime import ids
from yima.runtime.database import Connection, Database, in_slices
from yima.runtime.errors import Refusal
from yima.runtime.keys import KeyStore

_BATCH: Final = 256
"""Lines that are hashed in one turn of the loop: 3 ms."""
_BREATH: Final = 0.012
"""Seconds of rest after each batch of a gentle seal: it takes a fifth of a busy worker's time, and seals 15,000 lines a
second."""
_LEAF: Final = ("person_id", "event_id", "position", "hash", "recorded")
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
        self._tree = Tree(database)
        self.witnesses = Witnesses(database, self.verifier)

    @property
    def verifier(self) -> Verifier:
        """The public key by which the log's heads are known."""
        return self._signer.verifier

    async def seal(self, now: datetime, *, gently: bool = False) -> Head:
        """Put the lines of all finished transactions into the tree and sign its head; the latest head.

        One process seals at a time, others wait. Nothing new within ten minutes of the last head: no new head.
        `gently`: where requests are answered meanwhile, and nobody waits for the head.
        """
        return await self._database.retry(lambda c: self._seal(c, now, _BREATH if gently else 0.0))

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
        """The proof that a line is in the log, against the newest head over it that a witness signed, else the latest;
        seals first when the line is newer than that.

        Refusals `not-found`; `line-not-sealed` while a transaction older than the line is still under way.
        """
        placed = await self._placed(event_id)
        if placed is None:
            if await self._database.fetchrow(SQL.line, _home(event_id), event_id) is None:
                raise Refusal("not-found", field="line")
            await self.seal(now)
            placed = await self._placed(event_id)
        if placed is None:
            raise Refusal("line-not-sealed", retry_after=60)
        head, whole = _head(placed), placed["whole"]
        self._tree.believe(whole, placed["whole_root"])
        path = await self._tree.inclusion(placed["position"], head.size, whole)
        return Inclusion(placed["position"], placed["hash"], tuple(path), head)

    async def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the tree of `first` lines is the beginning of that of `second` (RFC 9162, 2.1.4).

        Refusals `field-invalid` (not 0 <= first <= second), `not-found` (more lines than are sealed).
        """
        if not 0 <= first <= second:
            raise Refusal("field-invalid", field="from", expected="a size not larger than `to`")
        head = await self.latest()
        if head is None or second > head.size:
            raise Refusal("not-found", field="to")
        self._tree.believe(head.size, head.root)
        return await self._tree.path(tree.consistency_ranges(first, second) if first else [], head.size)

    async def _placed(self, event_id: str) -> Any:
        """Where a line stands, and the head to prove it by; None for a line that is not in the tree."""
        return await self._database.fetchrow(SQL.placed, _home(event_id), event_id)

    async def _seal(self, c: Connection, now: datetime, rest: float) -> Head:
        await c.execute(SQL.lock)
        last = await c.fetchrow(SQL.latest)
        since, size = (last["horizon"], last["size"]) if last else (0, 0)
        horizon = (await c.fetchrow(SQL.horizon))[0]
        builder = tree.Builder(size, await edge_hashes(c, size))
        if horizon >= since:
            await _append(c, builder, rest, SQL.unsealed, since, horizon)
        else:  # another cluster counts transactions anew: a log that was dumped and restored
            await _append(c, builder, rest, SQL.left_out, horizon, since)
        if last and builder.size == size and last["sealed"] <= now < last["sealed"] + _STALE and horizon >= since:
            return _head(last)
        head = self._signer.sign(builder.size, builder.root(), max(now, last["sealed"]) if last else now)
        if last and (head.size, head.sealed) == (size, last["sealed"]):
            return _head(last)
        await c.execute(SQL.add_head, head.size, head.sealed, head.root, horizon, head.note)
        return head


async def _append(c: Connection, builder: tree.Builder, rest: float, sql: str, *span: int) -> None:
    """Put the lines of a statement into the tree, a tile's worth at a time."""
    tallied: Counter[tally.Kind] = Counter()
    async for rows in in_slices(c, sql, *span, size=_BATCH, rest=rest):
        begin, hashes = builder.size, [hash_of(row) for row in rows]
        leaves = [
            (row["person_id"], row["event_id"], begin + n, hashed, row["recorded"])
            for n, (row, hashed) in enumerate(zip(rows, hashes, strict=True))
        ]
        await c.copy_records_to_table("leaf", schema_name="audit", records=leaves, columns=_LEAF)
        tallied += tally.counted(rows)
        if tiles := builder.append(hashes):
            columns = [[t.level for t in tiles], [t.number for t in tiles], [t.root for t in tiles]]
            await c.execute(SQL.add_tiles, *columns, [t.hashes for t in tiles])
    await tally.add(c, tallied)


def _head(row: Any) -> Head:
    return Head(row["size"], row["root"], row["sealed"], row["note"] + row["lines"])


def _home(event_id: str) -> ids.PersonId:
    home = ids.home_of(event_id)
    if home is None:
        raise Refusal("not-found", field="line")
    return home
