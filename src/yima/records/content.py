"""Content at rest: packed, sealed under the data key of its home, and bound to its row.

A dump without the key file shows of a record which home it lies in, types, times, who wrote it and keyed hashes of
what it is searched by: nothing that names a person or says what was found. Content that was stored before begins with
a brace and is given back as it is, until `seal_rows` has been there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from yima.records.packing import packed, unpacked
from yima.records.shares import Shares
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import BOUND, Vault

SQL: Final = Queries(__package__, "content.sql")
MOST_OPENED: Final = 256 << 20
"""Bytes of content in one answer: some hundred thousand resources of the usual length."""
_HELD: Final = 20_000
"""Wraps of homes that a worker remembers for writing, some 4 MB."""


def sealed(vault: Vault, wrap: bytes, row: tuple[PersonId, str, str, int], content: bytes) -> bytes:
    """Content as it is stored; `row` is home, type, id and the version that says it. About 7 microseconds."""
    return vault.seal(wrap, packed(content), _bound(row))


def opened(vault: Vault, wrap: bytes | None, row: tuple[PersonId, str, str, int], held: bytes) -> bytes:
    """The content again. Refusal `erased` where the home's data key is gone. About 4 microseconds."""
    if held[:1] != BOUND:
        return held
    if wrap is None:
        raise Refusal("erased")
    return unpacked(vault.open(wrap, held, _bound(row)))


def content_of(vault: Vault, row: Any) -> bytes:
    """The content of a row with home, type, id, version, deleted, content and wrap.

    A deletion is a version that says nothing: the content beside it is that of the version before.
    """
    said = row["version"] - row["deleted"]
    return opened(vault, row["wrap"], (row["home"], row["type"], row["id"], said), row["content"])


class Allowance:
    """How much content one answer may take into memory. What is stored is packed, a thousandth of its length at best:
    without a bound somebody's few large resources would end the process of everybody who asks for them."""

    def __init__(self) -> None:
        self._left = MOST_OPENED

    def take(self, content: bytes) -> bytes:
        """The content. Refusal `too-costly` when it is more than there is left."""
        self._left -= len(content)
        if self._left < 0:
            raise Refusal("too-costly", limit=f"{MOST_OPENED >> 20} MiB of resources")
        return content


def _bound(row: tuple[PersonId, str, str, int]) -> bytes:
    return b"records|%d|%b|%b|%d" % (row[0], row[1].encode(), row[2].encode(), row[3])


class Wraps:
    """The data keys of homes for writing, as this worker last saw them. What is remembered may be out of date: `held`
    says so, in the transaction that uses it."""

    def __init__(self) -> None:
        self.shares = Shares()
        """Of the homes that were asked for as `counted`."""
        self._known: dict[PersonId, bytes] = {}
        self._master = 0

    async def of(
        self, c: Connection | Database, vault: Vault, homes: Iterable[PersonId], *, counted: bool = False
    ) -> dict[PersonId, bytes]:
        """The wraps of these homes; a home without one gets it. `counted`: and who stored how much there."""
        asked = set(homes)
        if self._master != vault.newest:  # the older one may be gone soon
            self._known.clear()
            self._master = vault.newest
        found = {home: self._known[home] for home in asked & self._known.keys() if not counted or home in self.shares}
        if missing := asked - found.keys():
            if len(self._known) + len(missing) > _HELD:
                self._known.clear()
                self.shares.clear()
            found |= await wraps_in(c, vault, missing, self.shares if counted else None)
            self._known |= found
        return found

    async def held(self, c: Connection, wraps: Mapping[PersonId, bytes], *, wait: bool = True) -> set[PersonId]:
        """Hold these keys against an erasure until the transaction ends; the homes whose key is held. Forgotten are
        those that no longer have it or, without `wait`, for which an erasure would have to be waited for. The shelf's
        is never erased."""
        meant = {home: wrap for home, wrap in wraps.items() if home}
        sql = SQL.hold_wraps if wait else SQL.hold_free_wraps
        rows = await c.fetch(sql, list(meant), list(meant.values())) if meant else []
        held = {row["home"] for row in rows} | (wraps.keys() - meant.keys())
        self.forget(wraps.keys() - held)
        return held

    def forget(self, homes: Iterable[PersonId]) -> None:
        """Ask the database next time."""
        for home in homes:
            self._known.pop(home, None)


async def wraps_in(
    c: Connection | Database, vault: Vault, homes: set[PersonId], shares: Shares | None = None
) -> dict[PersonId, bytes]:
    """As the database holds them now; a home without one gets it. What is stored there goes into `shares`."""
    rows = await c.fetch(SQL.wraps if shares is None else SQL.wraps_and_shares, list(homes))
    found = {row["home"]: row["wrap"] for row in rows}
    if shares is not None:
        shares.learn(homes, rows)
    if new := sorted(homes - found.keys()):
        await c.execute(SQL.add_wraps, new, [vault.new_wrap() for _ in new])
        found |= {row["home"]: row["wrap"] for row in await c.fetch(SQL.wraps, new)}  # perhaps another worker's
    return found


def wraps_of(vault: Vault) -> Wraps:
    """What the worker with this vault remembers."""
    if vault not in _wraps:
        _wraps[vault] = Wraps()
    return _wraps[vault]


_wraps: Final[WeakKeyDictionary[Vault, Wraps]] = WeakKeyDictionary()
