"""The log after a dump of it was restored into another cluster, which counts its transactions anew."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from yima import audit
from yima.audit import proof
from yima.runtime import ids, migrate, postgres
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore

NOW = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
COUNT = "do $$ begin for n in 1..{0} loop perform pg_current_xact_id(); commit; end loop; end $$"
"""So many transactions."""


async def write(db: Database, count: int, minute: int) -> list[str]:
    async with db.transaction() as c:
        return await audit.append(
            c,
            [
                audit.Event(person=ids.new_person_id(), recorded=NOW + minute * MINUTE, action="read", outcome="ok")
                for _ in range(count)
            ],
        )


async def counted(url: str, transactions: int) -> int:
    """The number of the next transaction, after so many more."""
    owner = await asyncpg.connect(url)
    await owner.execute(COUNT.format(transactions))
    number = await owner.fetchval("select pg_current_xact_id()::text::bigint")
    await owner.close()
    return int(number)


def dumped_and_restored(source: str, target: str) -> None:
    programs = postgres.locate().bin
    dump = subprocess.run([programs / "pg_dump", "-Fc", source], check=True, capture_output=True).stdout
    subprocess.run([programs / "pg_restore", "--exit-on-error", "--dbname", target], input=dump, check=True)


@pytest.fixture
def cluster() -> Iterator[postgres.Postgres]:
    """A cluster of its own."""
    data = Path(tempfile.mkdtemp(prefix="yima-test-"))
    data.chmod(0o711)
    with postgres.start(data, settings={"fsync": "off", "synchronous_commit": "off"}) as running:
        yield running
    postgres.remove(data)
    shutil.rmtree(data)


@pytest.fixture
async def elsewhere(cluster: postgres.Postgres) -> str:
    """An empty database of it, after little more than the schema's transactions."""
    await migrate.migrate(cluster.url("yima"))  # makes the roles too
    owner = await asyncpg.connect(cluster.url("yima"))
    await owner.execute("create database restored")
    await owner.close()
    return cluster.url("restored")


async def test_a_restored_log_is_sealed_on_whatever_its_transactions_were_called(
    db: Database, database_url: str, keys: FileKeyStore, elsewhere: str
) -> None:
    log = proof.Log(db, keys)
    await counted(database_url, 10_000)
    await write(db, 20, 0)
    await counted(database_url, 100)
    await write(db, 20, 1)
    await log.seal(NOW + MINUTE)
    late = await write(db, 5, 2)  # not sealed when the dump is made
    before = await counted(database_url, 0)
    await asyncio.to_thread(dumped_and_restored, database_url, elsewhere)

    assert await counted(elsewhere, 0) < before - 5_000, "another cluster, lower numbers"
    db = await Database.connect(elsewhere, size=2)
    try:
        log = proof.Log(db, keys)
        assert (await log.seal(NOW + 3 * MINUTE)).size == 45
        for minute in range(4, 9):  # until it is past all numbers of before
            await write(db, 10, minute)
            await counted(elsewhere, 5_000)
            head = await log.seal(NOW + minute * MINUTE)
            assert head.size == 45 + 10 * (minute - 3), "each line once, none left out"
        assert await counted(elsewhere, 0) > before
        await log.prove(late[0], NOW + 9 * MINUTE)
        found = await proof.check(db, log.verifier)
        assert not found.problems
        assert found.lines == 95
    finally:
        await db.close()
