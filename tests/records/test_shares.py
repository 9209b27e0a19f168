"""An institution has a ceiling in one person's record, whichever of the workers it comes to."""

from __future__ import annotations

import secrets
from contextlib import suppress
from functools import partial

from store import KEY, VAULT, Shelf, observation

from yima.records import Ceiling, Origin, transact
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault


async def _store(shelf: Shelf, vault: Vault, most: Ceiling, number: int, *, note: str = "", author: int = 7) -> bool:
    """Whether so many new resources were stored."""
    writes = [shelf.new(observation(note=[{"text": note}] if note else [{"text": str(n)}])) for n in range(number)]
    origin = Origin(institution=author, source="urn:test", submission="s", now=shelf.now)
    with suppress(Refusal):
        async with shelf.db.transaction() as c:
            return len(await transact(c, vault, writes, origin, index_key=KEY, ceiling=most)) == number
    return False


async def test_two_workers_together_go_a_sixteenth_beyond_it_at_most(db: Database) -> None:
    store = partial(_store, Shelf(db), most=Ceiling(320, 1 << 30))
    workers, stored = [VAULT, Vault(VAULT.store)], 0
    while await store(vault=workers[stored % 2], number=7 + stored % 2):
        stored += 7 + stored % 2
    assert 320 - 8 < stored <= 320 + 320 // 16 + 8
    assert not await store(vault=workers[1], number=8)
    assert await store(vault=workers[1], number=8, author=8)
    assert await _store(Shelf(db), VAULT, Ceiling(320, 1 << 30), 320)
    assert not await _store(Shelf(db), VAULT, Ceiling(320, 1 << 30), 321)


async def test_versions_count_and_so_do_their_bytes(db: Database) -> None:
    shelf, most = Shelf(db), Ceiling(100, 64 * 1024)
    stored = [await _store(shelf, VAULT, most, 1, note=secrets.token_hex(10_000)) for _ in range(8)]
    # What is there counts as it is stored, some 10 KB, and what comes as it comes, some 20.
    assert stored == [True] * 5 + [False] * 3
    assert await _store(shelf, VAULT, Ceiling(6, 1 << 20), 1)
    assert not await _store(shelf, VAULT, Ceiling(6, 1 << 20), 1)
