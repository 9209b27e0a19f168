"""@medplum/core, Medplum's own client from npm, against a real server in place of Medplum's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support import Institution, Platform, observation, patient, report, serving
from support.npm import installed, said_by
from yima.runtime.keys import FileKeyStore

HERE = Path(__file__).resolve().parent / "node-medplum"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(HERE, tmp_path_factory.mktemp("node"), "client.mjs")


@pytest.fixture(scope="module")
async def sandbox(
    client: Path, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Institution]:
    """A sandbox at `yima serve` in a process of its own."""
    data = tmp_path_factory.mktemp("serving")
    FileKeyStore(data / "keys.json").secret("warm")
    with serving(data, YIMA_DATABASE_URL=database_url) as running:
        platform = await Platform.attach(running.base, database_url, data)
        yield await platform.institution("medplum", matching="off")
        await platform.stop()


def test_the_lock_names_no_host() -> None:
    text = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert "://" not in text


async def test_it_writes_reads_searches_patches_and_asks_operations(sandbox: Institution, client: Path) -> None:
    question = {
        "base": sandbox.platform.base,
        "token": await sandbox.token(),
        "patient": patient(number="medplum"),
        "observation": observation("Patient/x"),
    }
    report("medplum", await asyncio.to_thread(said_by, client, "client.mjs", question))
