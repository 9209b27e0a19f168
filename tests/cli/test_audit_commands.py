"""`yima audit verify` as it is typed, on the database itself: before anything is sealed, sealed, and changed by its
owner."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from typing_commands import typed

from yima import audit
from yima.audit import proof
from yima.runtime import ids
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore

NOW = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)


async def _write_and_seal(url: str, keys: FileKeyStore) -> None:
    database = await Database.connect(url, size=2)
    line = audit.Event(person=ids.new_person_id(), recorded=NOW, action="read", outcome="ok", agent_name="陈医生")
    async with database.transaction() as c:
        await audit.append(c, [line] * 30)
    await proof.Log(database, keys).seal(NOW)
    await database.close()


async def _as_owner(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


def test_the_whole_log_as_typed(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIMA_DATABASE_URL", database_url)
    keys = FileKeyStore(tmp_path / "keys.json")
    early = typed("audit", "verify", data=tmp_path)
    assert (early.returncode, early.stdout.splitlines()[0]) == (0, "0 lines, 0 tiles, 0 heads")
    assert "nothing is sealed yet" in early.stdout
    assert "good" not in early.stdout

    asyncio.run(_write_and_seal(database_url, keys))
    whole = typed("audit", "verify", data=tmp_path)
    assert (whole.returncode, whole.stdout.splitlines()[-1]) == (0, "good: all is as it was sealed")
    assert whole.stdout.startswith("30 lines, ")

    asyncio.run(_as_owner(database_url, "update audit.event set agent_name = '王医生' where agent_name = '陈医生'"))
    changed = typed("audit", "verify", data=tmp_path)
    assert changed.returncode == 1
    assert "log-changed" in changed.stderr
    assert "good" not in changed.stdout
