"""Is the log whole? Every line, tile and head checked against what was signed.

What it finds: a line changed, removed, or added behind the tree's back; a tile or a head that does not follow from the
lines; a head that is not signed by the log's key. Whoever owns both database and key can still write another history:
heads that witnesses keep outside show that (`is_consistent`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal

from yima.audit.proof import tree
from yima.audit.proof.hashes import SQL
from yima.audit.proof.head import Head, Verifier, read_head
from yima.audit.proof.leaf import hash_of
from yima.runtime.database import Database
from yima.runtime.errors import Refusal

_AT_ONCE: Final = 20_000
_TOLD: Final = 100

Kind = Literal["line-changed", "line-missing", "line-added", "position-missing", "tile-changed", "head-changed"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was sealed."""

    kind: Kind
    where: str
    """An event id, `position n`, `tile level/number`, `head of n lines`."""


@dataclass(slots=True)
class Findings:
    """What a check saw; whole when there is no problem. At most a hundred problems are told, all are counted."""

    lines: int = 0
    tiles: int = 0
    heads: int = 0
    found: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether everything is as it was sealed."""
        return not self.found

    def tell(self, kind: Kind, where: str) -> None:
        """Note a problem."""
        self.found += 1
        if len(self.problems) < _TOLD:
            self.problems.append(Problem(kind, where))


async def check(database: Database, verifier: Verifier, kept: Iterable[Head] = ()) -> Findings:
    """Check the whole log against its own heads and against those that somebody `kept` outside.

    One snapshot; memory for some ten thousand lines. Heads are checked as the tree grows past them.
    """
    findings = Findings()
    async with database.transaction() as c:
        await c.execute("set transaction isolation level repeatable read, read only")
        heads = list(await c.fetch(SQL.every_head))
        tiles = {(row["level"], row["number"]): row for row in await c.fetch(SQL.tile_roots)}
        watch = _Watch(findings, tiles)
        due = _due(findings, heads, kept, verifier)
        builder = tree.Builder()
        watch.heads_at(due, builder)
        size = heads[-1]["size"] if heads else 0
        for begin in range(0, size, _AT_ONCE):
            rows = await c.fetch(SQL.whole, begin, min(size, begin + _AT_ONCE))
            watch.lines(rows, builder, due)
        for left in sorted(due):
            findings.tell("head-changed", f"head of {left} lines")
        for row in await c.fetch(SQL.added, heads[-1]["horizon"] if heads else 0, _TOLD):
            findings.tell("line-added", row["event_id"])
        if watch.expected < size:
            findings.tell("position-missing", f"positions {watch.expected} to {size}")
    return findings


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


@dataclass(slots=True)
class _Watch:
    findings: Findings
    tiles: dict[tuple[int, int], Mapping[str, Any]]
    expected: int = 0
    """The position of the next line."""

    def lines(self, rows: Iterable[Mapping[str, Any]], builder: tree.Builder, due: dict[int, list[bytes]]) -> None:
        """Hash some lines in their order, and look at what they complete."""
        filled: list[tree.Tile] = []
        for row in rows:
            if row["position"] != self.expected:
                self.findings.tell("position-missing", f"position {self.expected}")
            self.expected = row["position"] + 1
            filled += builder.append(self._hash(row))
            self.findings.lines += 1
            if builder.size in due:
                self.heads_at(due, builder)
        for tile in filled:
            self._tile(tile)

    def heads_at(self, due: dict[int, list[bytes]], builder: tree.Builder) -> None:
        """Compare the heads signed at this size with the root that the lines give."""
        for root in due.pop(builder.size, ()):
            if root != builder.root():
                self.findings.tell("head-changed", f"head of {builder.size} lines")

    def _hash(self, row: Mapping[str, Any]) -> bytes:
        sealed: bytes = row["hash"]
        if row["person_id"] is None:
            self.findings.tell("line-missing", row["event_id"])
            return sealed  # as it was, so that one loss is told once
        hashed = hash_of(row)
        if hashed != sealed:
            self.findings.tell("line-changed", row["event_id"])
        return sealed

    def _tile(self, tile: tree.Tile) -> None:
        self.findings.tiles += 1
        held = self.tiles.pop((tile.level, tile.number), None)
        if held is None or held["root"] != tile.root or held["same"] != sha256(tile.hashes).digest():
            self.findings.tell("tile-changed", f"tile {tile.level}/{tile.number}")


def differences(findings: Findings) -> Iterator[str]:
    """The problems in words, one a line."""
    for problem in findings.problems:
        yield f"{problem.kind}: {problem.where}"
    if findings.found > len(findings.problems):
        yield f"and {findings.found - len(findings.problems)} more"
