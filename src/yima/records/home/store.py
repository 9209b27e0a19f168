"""Keeping homes in the database: brought up to date by whoever reads next, so that a write pays nothing.

Whether something was written since is told by two numbers: every write raises the sum of the versions of a home's rows
by one for each row it touches, and no row ever goes but by erasure (which takes the kept home with it). There is no
mark that a writer could forget.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from yima.records.content import Allowance, content_of, wraps_of
from yima.records.home.fold import Home, folded, packed, unpacked
from yima.records.overview import RULES, Overview, assembled
from yima.records.read import Sight, Stored, stored_all
from yima.runtime.database import Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import BOUND, Vault

SQL = Queries(__package__)
_REMEMBERED: Final = 40_000
"""Resources in the overviews that a worker remembers, some 40 MB."""

_Stamp = tuple[PersonId, int, int, datetime]
"""A home, its rows, the sum of their versions, and when the last was written."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A record within sight. `counts` says how many resources of each type it was made of, `held` which sensitive
    classes others than the reader wrote, `held_back` whether single resources beside these are not within sight."""

    overview: Overview
    counts: dict[str, int]
    held: frozenset[str]
    held_back: bool = False


class Overviews:
    """Opens records. What was put together for one sight on one day is remembered until something is written."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db, self._vault = db, vault
        self._made: OrderedDict[tuple[object, ...], Opened] = OrderedDict()
        self._resources = 0

    async def open(
        self, homes: Sequence[PersonId], sight: Sight, today: date, types: frozenset[str] | None = None
    ) -> Opened:
        """The record of these homes at this moment, as far as it is within sight; of all types, or of these."""
        rows = await self._db.fetch(SQL.written, list(homes))
        stamps = tuple((row["home"], row["held"], row["versions"], row["last"]) for row in rows)
        key = (stamps, sight, today, types)
        opened = self._made.get(key)
        if opened is None:
            opened = put_together(
                [await up_to_date(self._db, self._vault, stamp) for stamp in stamps], sight, today, types
            )
            self._remember(key, opened)
        else:
            self._made.move_to_end(key)
        return opened

    def _remember(self, key: tuple[object, ...], opened: Opened) -> None:
        self._made[key] = opened
        self._resources += sum(opened.counts.values())
        while self._resources > _REMEMBERED:
            _, oldest = self._made.popitem(last=False)
            self._resources -= sum(oldest.counts.values())


def put_together(homes: Sequence[Home], sight: Sight, today: date, types: frozenset[str] | None = None) -> Opened:
    """What these homes say within sight: pure."""
    seen = [(home, home.seen(sight, types)) for home in homes]
    parts = [(home.concepts, [one.digest for one in entries if one.digest]) for home, entries in seen]
    counts = Counter(one.type for _, entries in seen for one in entries)
    held = frozenset(cls for home in homes for cls in home.classes(sight))
    return Opened(assembled(parts, today), dict(counts), held, any(home.holds_back(sight) for home in homes))


async def up_to_date(db: Database, vault: Vault, stamp: _Stamp) -> Home:
    """What the resources of a home say, deleted and sensitive ones included."""
    number, held, versions, _ = stamp
    row = await db.fetchrow(SQL.kept, number)
    kept = None
    # More rows than the stamp counted: written meanwhile, or erased. Made anew, so that nothing erased is left over.
    if row is not None and row["rules"] == RULES and row["held"] <= held:
        kept = _opened(vault, row["wrap"], number, row["content"])
        if kept and (row["held"], row["versions"]) == (held, versions):
            return kept
    home = await _renewed(db, vault, number, kept)
    wrap = (await wraps_of(vault).of(db, vault, [number]))[number]
    sealed = vault.seal(wrap, packed(home), b"records.home|%d" % number)
    await db.execute(SQL.keep, number, RULES, len(home.entries), home.versions, sealed)
    return home


def _opened(vault: Vault, wrap: bytes | None, number: PersonId, held: bytes) -> Home | None:
    """A kept home; None of one that another key sealed (its home was erased meanwhile), or that was kept readable."""
    if wrap is None or held[:1] != BOUND:
        return None
    try:
        return unpacked(vault.open(wrap, held, b"records.home|%d" % number))
    except Refusal:
        return None


async def _renewed(db: Database, vault: Vault, number: PersonId, kept: Home | None) -> Home:
    known = [(one.type, one.id, one.version) for one in kept.entries] if kept else []
    columns = [list(column) for column in zip(*known, strict=True)] or [[], [], []]
    rows = await db.fetch(SQL.changed, number, *columns)
    take = Allowance().take
    return folded(kept, [(row, take(content_of(vault, row))) for row in rows])


async def these(
    db: Database, vault: Vault, homes: Sequence[PersonId], references: Sequence[str], sight: Sight
) -> list[Stored]:
    """The resources named `Type/id` in these homes, as far as they are within sight, in the order of the names."""
    named = [reference.split("/", 1) for reference in references]
    rows = await db.fetch(SQL.these, list(homes), [kind for kind, _ in named], [identity for _, identity in named])
    place = {reference: number for number, reference in enumerate(references)}
    found = [row for row in stored_all(vault, rows) if sight.covers(row)]
    return sorted(found, key=lambda row: place[f"{row.type}/{row.id}"])
