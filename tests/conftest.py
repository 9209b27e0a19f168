"""Fixtures: one embedded PostgreSQL for the session, a fresh clone of a migrated template per module."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import hypothesis
import pytest

from support import Platform, one_connection
from yima.runtime import logs, migrate, postgres
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore, Vault

# How long an input takes says something of the machine, which others share, and nothing of what is tested.
hypothesis.settings.register_profile(
    "shared-machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared-machine")
one_connection.install()

_names = (f"test_{n}" for n in itertools.count())


_LONG = ("portals", "journeys", "faults", "cli", "clients", "bench")
"""Folders whose files take longest: handed out first, so that no worker is left with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long before the others, each file's tests in their order."""
    items.sort(key=lambda item: item.path.parent.name not in _LONG)


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Postgres]:
    """A running PostgreSQL with the migrated database `template_yima`."""
    logs.configure(level="error")
    data = Path(tempfile.mkdtemp(prefix="yima-test-"))
    data.chmod(0o711)  # as root PostgreSQL runs under another account, which must get through to its own files
    with postgres.start(data, settings={"fsync": "off", "synchronous_commit": "off"}) as running:
        asyncio.run(migrate.migrate(running.url("template_yima")))
        yield running
    postgres.remove(data)
    shutil.rmtree(data)


@pytest.fixture(scope="module")
async def database_url(server: postgres.Postgres) -> AsyncIterator[str]:
    """The address of a database of this module's own."""
    name = next(_names)
    admin = await asyncpg.connect(server.url("postgres"))
    await admin.execute(f"create database {name} template template_yima")
    yield server.url(name)
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


@pytest.fixture(scope="module")
async def db(database_url: str) -> AsyncIterator[Database]:
    """A pool on this module's own database, in the application role."""
    database = await Database.connect(database_url, size=8)
    yield database
    await database.close()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> FileKeyStore:
    """A key store of this module's own."""
    return FileKeyStore(tmp_path_factory.mktemp("keys") / "keys.json")


@pytest.fixture(scope="module")
def vault(keys: FileKeyStore) -> Vault:
    """Blind index and envelope encryption over the module's keys."""
    return Vault(keys)


@pytest.fixture(scope="module")
async def platform(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """The whole application on this module's own database, spoken to over HTTP; see `support.Platform`."""
    running = await Platform.start(database_url, tmp_path_factory.mktemp("platform"), development=True)
    yield running
    await running.stop()
