"""Is the log whole? Every line, tile and head checked against what was signed.

What it finds: a line changed, removed, or added behind the tree's back; a tile or a head that does not follow from the
lines; a head that is not signed by the log's key. Whoever owns both database and key can still write another history:
heads that witnesses keep outside show that (`is_consistent`), and so do their cosignatures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from yima.audit.proof import tree
from yima.audit.proof.cosigning import cosignature
from yima.audit.proof.hashes import SQL
from yima.audit.proof.head import Head, Verifier, read_head
from yima.audit.proof.parts import READ_ONLY, TOLD, Kind, Part, Problem, Spread, parts_of
from yima.audit.proof.tree import HASH_BYTES, TILE_WIDTH
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal

_BEHIND: Final = timedelta(minutes=15)
"""So old may the newest head be that a witness signed."""


@dataclass(slots=True)
class Findings:
    """What a check saw; whole when there is no problem. At most a hundred problems are told, all are counted."""

    lines: int = 0
    tiles: int = 0
    heads: int = 0
    singly: int = 0
    """Lines that were looked up by their keys: they do not stand among their neighbours. Slower, no fault."""
    found: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether everything is as it was sealed."""
        return not self.found

    def tell(self, kind: Kind, where: str) -> None:
        """Note a problem."""
        self.add(1, [Problem(kind, where)])

    def add(self, found: int, problems: Sequence[Problem]) -> None:
        """Note so many problems, of which these are named."""
        self.found += found
        self.problems += problems[: TOLD - len(self.problems)]


async def check(
    database: Database,
    verifier: Verifier,
    kept: Iterable[Head] = (),
    spread: Spread | None = None,
    witnesses: Sequence[Verifier] = (),
    now: datetime | None = None,
) -> Findings:
    """Check the whole log against its own heads and against those that somebody `kept` outside. Of the `witnesses`,
    whose keys the caller knows, each must have signed a head not much older than the newest, and than `now`: the time
    of a head is what the log says, so a tail that is written anew can be given a time just after the last signature.

    One snapshot; memory for some ten thousand lines, or 32 bytes of each line when it is `spread` over processes.
    """
    findings = Findings()
    async with database.transaction() as c:
        await c.execute(READ_ONLY)
        heads = list(await c.fetch(SQL.every_head))
        size = heads[-1]["size"] if heads else 0
        tiles = {(row["level"], row["number"]): row for row in await c.fetch(SQL.tile_roots)}
        watch = _Watch(findings, tiles, _due(findings, heads, kept, verifier))
        lost = 0
        async for part in parts_of(c, size, spread):
            watch.part(part)
            lost += part.lost
            findings.singly += part.singly
        watch.end()
        await _added(c, findings, heads[-1]["horizon"] if heads else 0, findings.lines - lost)
        due = max((at for at in (now, heads[-1]["sealed"] if heads else None) if at), default=None)
        for witness in witnesses:
            await _cosigned(c, findings, heads, witness, due)
    return findings


async def _added(c: Connection, findings: Findings, horizon: int, known: int) -> None:
    """Lines that stand in no tree although it is past them. Counted first: to name them all lines are joined."""
    if (await c.fetchrow(SQL.count_sealed, horizon))[0] != known:
        for row in await c.fetch(SQL.added, horizon, TOLD):
            findings.tell("line-added", row["event_id"])


async def _cosigned(
    c: Connection, findings: Findings, heads: Sequence[Mapping[str, Any]], witness: Verifier, due: datetime | None
) -> None:
    """Each signature that is said to be a witness's must be; and none may be missing at the end of the log. Whoever
    rewrites the log as its owner can leave signatures out, and cannot make them."""
    notes = {(row["size"], row["sealed"]): row["note"] for row in heads}
    newest = None
    for row in await c.fetch(SQL.cosignatures_of, witness.name):
        named = row["size"], row["sealed"]
        if (found := cosignature(notes.get(named, "") + row["line"], witness)) is None:
            findings.tell("cosignature-changed", f"head of {row['size']} lines, {witness.name}")
        else:
            newest = min(row["sealed"], found.at)
    if newest is None or due is None or due - newest > _BEHIND:
        said = f"no head since {newest:%Y-%m-%d %H:%M} UTC" if newest else "no head"
        findings.tell("not-cosigned", f"{said}, {witness.name}")


def _due(
    findings: Findings, rows: Iterable[Mapping[str, Any]], kept: Iterable[Head], verifier: Verifier
) -> dict[int, list[bytes]]:
    """By size, the roots that were signed. What is not signed is a problem of its own."""
    due: dict[int, list[bytes]] = {}
    for row in rows:
        findings.heads += 1
        try:
            head = read_head(row["note"], verifier)
        except Refusal:
            findings.tell("head-changed", f"head of {row['size']} lines")
            continue
        if (head.size, head.root) != (row["size"], row["root"]):
            findings.tell("head-changed", f"head of {row['size']} lines")
        due.setdefault(head.size, []).append(head.root)
    for head in kept:
        due.setdefault(head.size, []).append(head.root)
    return due


class _Watch:
    """Puts the parts together: the tree grows, and each tile and head is compared as it is reached."""

    def __init__(
        self, findings: Findings, tiles: dict[tuple[int, int], Mapping[str, Any]], due: dict[int, list[bytes]]
    ) -> None:
        self._findings = findings
        self._tiles = tiles
        self._due = due
        self._sizes = sorted(due, reverse=True)
        """The sizes of heads that are still to be reached, the next one last."""
        self._builder = tree.Builder()
        self._heads(0, b"")

    def part(self, part: Part) -> None:
        """The next lines."""
        self._findings.add(part.found, part.problems)
        self._findings.lines += len(part.hashes) // HASH_BYTES
        at = 0
        for root, same in part.tiles:
            self._heads(TILE_WIDTH - 1, part.hashes[at : at + TILE_WIDTH * HASH_BYTES])
            self._tile(0, self._builder.size // TILE_WIDTH, root, same)
            for tile in self._builder.append_tile(root):
                self._tile(tile.level, tile.number, tile.root, sha256(tile.hashes).digest())
            self._heads(0, b"")
            at += TILE_WIDTH * HASH_BYTES
        self._heads((len(part.hashes) - at) // HASH_BYTES, part.hashes[at:])

    def end(self) -> None:
        """What was signed or kept and was never reached."""
        for size in self._sizes:
            self._findings.tell("head-changed", f"head of {size} lines")
        for level, number in self._tiles:
            self._findings.tell("tile-changed", f"tile {level}/{number}")

    def _heads(self, more: int, hashes: bytes) -> None:
        """Compare the heads over the tree as it stands and over up to so many leaves more."""
        while self._sizes and self._sizes[-1] <= self._builder.size + more:
            size = self._sizes.pop()
            behind = range(0, (size - self._builder.size) * HASH_BYTES, HASH_BYTES)
            root = self._builder.root([hashes[at : at + HASH_BYTES] for at in behind])
            for signed in self._due[size]:
                if signed != root:
                    self._findings.tell("head-changed", f"head of {size} lines")

    def _tile(self, level: int, number: int, root: bytes, same: bytes) -> None:
        self._findings.tiles += 1
        held = self._tiles.pop((level, number), None)
        if held is None or held["root"] != root or held["same"] != same:
            self._findings.tell("tile-changed", f"tile {level}/{number}")


def differences(findings: Findings) -> Iterator[str]:
    """The problems in words, one a line."""
    for problem in findings.problems:
        yield f"{problem.kind}: {problem.where}"
    if findings.found > len(findings.problems):
        yield f"and {findings.found - len(findings.problems)} more"
