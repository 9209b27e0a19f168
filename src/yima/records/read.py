"""Reading resources: bytes come back as they were stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec

from yima.records.content import Allowance, content_of, opened
from yima.records.write import SQL
from yima.runtime import ids
from yima.runtime.database import Batcher, Connection, Database
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault


class Stored(msgspec.Struct, frozen=True, gc=False):
    """One version of a resource. `content` is its JSON, UTF-8, with id and meta set."""

    home: PersonId
    type: str
    id: str
    version: int
    updated: datetime
    institution: int
    cls: str
    deleted: bool
    content: bytes
    patient: str
    """The Patient it is about; empty on the shelf."""


Content = tuple[str, str, bytes]
"""Type, id and JSON of a resource."""


class Authored(Protocol):
    """What has a name, an author and a class: a row, or what is kept of it."""

    @property
    def type(self) -> str:
        """Its resource type."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def institution(self) -> int:
        """Who wrote it."""

    @property
    def cls(self) -> str:
        """Its sensitive class."""

    @property
    def patient(self) -> str:
        """The Patient it is about."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Which rows of a person's homes may be returned: not others' rows that are closed, and possibly none but one
    author's."""

    patients: frozenset[str] | None = field(kw_only=True)
    """The person's Patients, where others' rows lie in these homes too; None: all rows there are the person's. Without
    a default, so that no way of reading can forget it."""
    closed: frozenset[str] = frozenset()
    only_institution: int | None = None
    author: int = 0
    """What this institution wrote itself is not closed to it; 0 = no institution."""
    withheld: frozenset[str] = frozenset()
    """Single resources that are closed, as `Type/id`."""
    types: frozenset[str] | None = None
    """The types that may be returned; None for all. Who asks for types by name asks for none but these (`reaches`)."""

    def reaches(self, resource_type: str) -> bool:
        """Whether resources of this type may be returned at all."""
        return self.types is None or resource_type in self.types

    @property
    def named(self) -> list[str] | None:
        """`patients` as SQL takes them."""
        return None if self.patients is None else list(self.patients)

    def covers(self, row: Authored) -> bool:
        """Whether this row is within sight."""
        if not self.owns(row) or not self.reaches(row.type):
            return False
        if self.only_institution not in (None, row.institution):
            return False
        if row.institution == self.author:
            return True
        return row.cls not in self.closed and not self.holds_back(row)

    def owns(self, row: Authored) -> bool:
        """Whether it is the person's, and not of somebody else whose rows lie in the same home."""
        return self.patients is None or row.patient in self.patients

    def holds_back(self, row: Authored) -> bool:
        """Whether it is one of the single resources that are closed, of another author."""
        return bool(self.withheld) and row.institution != self.author and f"{row.type}/{row.id}" in self.withheld


class Reader:
    """Point reads, coalesced: all that requests of one event-loop tick ask for is one query."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db, self._vault = db, vault
        self._batcher: Batcher[tuple[PersonId, str, str], Stored | None] = Batcher(self._fetch, limit=200, lanes=4)

    async def read(self, resource_type: str, resource_id: str, home: PersonId | None = None) -> Stored | None:
        """The current version, possibly a deleted one, or None. `home`: where it lies, if its id does not say so."""
        home = ids.home_of(resource_id) if home is None else home
        return None if home is None else await self._batcher.submit((home, resource_type, resource_id))

    async def _fetch(self, keys: list[tuple[PersonId, str, str]]) -> list[Stored | Exception | None]:
        rows = await self._db.fetch(SQL.read, *map(list, zip(*set(keys), strict=True)))
        found = {(row["home"], row["type"], row["id"]): stored(self._vault, row) for row in rows}
        return [found.get(key) for key in keys]


async def everything(
    db: Database,
    vault: Vault,
    homes: Sequence[PersonId],
    sight: Sight,
    *,
    types: Sequence[str] | None = None,
    since: datetime | None = None,
    limit: int = 100_000,
) -> list[Stored]:
    """All current resources of the homes within sight, Patients first, then by clinical date."""
    return stored_all(vault, await db.fetch(SQL.everything, *_asked(homes, sight, types, since, limit)))


async def contents(
    db: Database,
    vault: Vault,
    homes: Sequence[PersonId],
    sight: Sight,
    *,
    types: Sequence[str] | None = None,
    since: datetime | None = None,
    limit: int = 100_000,
) -> list[Content]:
    """What `everything` gives, no more of each than it takes to hand it out: half the cost of a large record."""
    rows = await db.fetch(SQL.contents, *_asked(homes, sight, types, since, limit))
    take = Allowance().take
    return [
        (kind, name, take(opened(vault, wrap, (home, kind, name, version), held)))
        for home, kind, name, version, held, wrap in rows
    ]


def _asked(
    homes: Sequence[PersonId], sight: Sight, types: Sequence[str] | None, since: datetime | None, limit: int
) -> tuple[Any, ...]:
    closed, withheld = list(sight.closed), list(sight.withheld)
    return list(homes), sight.only_institution, closed, types, since, limit, sight.author, withheld, sight.named


async def version(
    db: Database, vault: Vault, resource_type: str, resource_id: str, number: int, home: PersonId | None = None
) -> Stored | None:
    """A superseded version, or None (the current one is not in history). `home` as in `Reader.read`."""
    home = ids.home_of(resource_id) if home is None else home
    row = None if home is None else await db.fetchrow(SQL.version, home, resource_type, resource_id, number)
    return stored(vault, row) if row else None


async def history(
    db: Database | Connection, vault: Vault, resource_type: str, resource_id: str, limit: int,
    home: PersonId | None = None,
) -> list[Stored]:  # fmt: skip
    """All versions, newest first. `home` as in `Reader.read`."""
    home = ids.home_of(resource_id) if home is None else home
    if home is None:
        return []
    return stored_all(vault, await db.fetch(SQL.history, home, resource_type, resource_id, limit))


async def existing(c: Connection, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these (type, id) exist and are not deleted."""
    named = [(home, t, i) for t, i in keys if (home := ids.home_of(i)) is not None]
    if not named:
        return set()
    rows = await c.fetch(SQL.exists, *map(list, zip(*named, strict=True)))
    return {(row["type"], row["id"]) for row in rows}


async def classes_of(c: Connection, resource_type: str, wanted: Collection[str]) -> dict[tuple[int, str], str]:
    """The sensitive classes of those of these resources that are stored, by the institution that stored each and its
    id. Ids that the platform made."""
    homes = [(home, i) for i in wanted if (home := ids.home_of(i)) is not None]
    rows = await c.fetch(SQL.classes_of, [home for home, _ in homes], resource_type, [i for _, i in homes])
    return {(row["institution_id"], row["id"]): row["class"] for row in rows}


async def total(db: Database) -> int:
    """How many current resources there are."""
    return int((await db.fetchrow(SQL.count))[0])


def stored(vault: Vault, row: Any) -> Stored:
    """A row of `records.resource` or `records.history` as a value: its columns by their names, with `wrap`."""
    return _stored(row, content_of(vault, row))


def stored_all(vault: Vault, rows: Iterable[Any]) -> list[Stored]:
    """Such rows of one answer. Refusal `too-costly` for more content than one may hold."""
    take = Allowance().take
    return [_stored(row, take(content_of(vault, row))) for row in rows]


def _stored(row: Any, content: bytes) -> Stored:
    return Stored(
        row["home"], row["type"], row["id"], row["version"], row["updated"], row["institution_id"], row["class"],
        row["deleted"], content, row["patient"],
    )  # fmt: skip
