"""Content at rest: deflated, sealed under the data key of its home, and bound to its row.

A dump without the key file shows of a record which home it lies in, types, times, who wrote it and keyed hashes of
what it is searched by: nothing that names a person or says what was found. Content that was stored before begins with
a brace and is given back as it is, until `seal_rows` has been there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any, Final
from weakref import WeakKeyDictionary

from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import BOUND, Vault

SQL: Final = Queries(__package__, "content.sql")
_WORDS: Final = files("yima.records").joinpath("content_words_1.txt").read_bytes()
"""What resources mostly say, for deflating short ones: a quarter of the size instead of a half. Never changed; other
words would be a second file and another mark."""
_DEFLATED: Final = b"\x01"
"""Before deflated content, inside the seal."""
_BITS, _MEMORY, _LEVEL = -13, 6, 1
_HELD: Final = 20_000
"""Wraps of homes that a worker remembers for writing, some 4 MB."""


def sealed(vault: Vault, wrap: bytes, row: tuple[PersonId, str, str, int], content: bytes) -> bytes:
    """Content as it is stored; `row` is home, type, id and the version that says it. About 35 microseconds."""
    work = zlib.compressobj(_LEVEL, zlib.DEFLATED, _BITS, _MEMORY, zdict=_WORDS)
    return vault.seal(wrap, _DEFLATED + work.compress(content) + work.flush(), _bound(row))


def opened(vault: Vault, wrap: bytes | None, row: tuple[PersonId, str, str, int], held: bytes) -> bytes:
    """The content again. Refusal `erased` where the home's data key is gone. About 10 microseconds."""
    if held[:1] != BOUND:
        return held
    if wrap is None:
        raise Refusal("erased")
    plain = vault.open(wrap, held, _bound(row))
    return zlib.decompressobj(_BITS, zdict=_WORDS).decompress(memoryview(plain)[1:])


def content_of(vault: Vault, row: Any) -> bytes:
    """The content of a row with home, type, id, version, deleted, content and wrap.

    A deletion is a version that says nothing: the content beside it is that of the version before.
    """
    said = row["version"] - row["deleted"]
    return opened(vault, row["wrap"], (row["home"], row["type"], row["id"], said), row["content"])


def _bound(row: tuple[PersonId, str, str, int]) -> bytes:
    return b"records|%d|%b|%b|%d" % (row[0], row[1].encode(), row[2].encode(), row[3])


class Wraps:
    """The data keys of homes for writing, as this worker last saw them. What is remembered may be out of date: `held`
    says so, in the transaction that uses it."""

    def __init__(self) -> None:
        self._known: dict[PersonId, bytes] = {}
        self._master = 0

    async def of(self, c: Connection | Database, vault: Vault, homes: Iterable[PersonId]) -> dict[PersonId, bytes]:
        """The wraps of these homes; a home without one gets it."""
        asked = set(homes)
        if self._master != vault.newest:  # the older one may be gone soon
            self._known.clear()
            self._master = vault.newest
        found = {home: self._known[home] for home in asked & self._known.keys()}
        if missing := asked - found.keys():
            found |= await _wraps_in(c, vault, missing)
            if len(self._known) + len(missing) > _HELD:
                self._known.clear()
            self._known |= found
        return found

    async def held(self, c: Connection, wraps: dict[PersonId, bytes]) -> bool:
        """Hold these keys against an erasure until the transaction ends; False, and forgotten, when one is no longer
        the home's. The shelf's is never erased."""
        meant = {home: wrap for home, wrap in wraps.items() if home}
        if not meant:
            return True
        rows = await c.fetch(SQL.hold_wraps, list(meant), list(meant.values()))
        if len(rows) < len(meant):
            self.forget(meant)
            return False
        return True

    def forget(self, homes: Iterable[PersonId]) -> None:
        """Ask the database next time."""
        for home in homes:
            self._known.pop(home, None)


async def _wraps_in(c: Connection | Database, vault: Vault, homes: set[PersonId]) -> dict[PersonId, bytes]:
    found = {row["home"]: row["wrap"] for row in await c.fetch(SQL.wraps, list(homes))}
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
