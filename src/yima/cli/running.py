"""Where a running server's database is, for other commands on the same data directory: `running.json`, mode 0600.

Commands that need the door open it here, on that database or on one of their own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import uvloop

from yima.audit.proof import Log
from yima.runtime import migrate, postgres
from yima.runtime.database import Database
from yima.runtime.fingerprint import check_fingerprint
from yima.runtime.keys import FileKeyStore, Vault
from yima.runtime.settings import Settings, load

if TYPE_CHECKING:
    from yima.access import Access

T = TypeVar("T")

_FILE = "running.json"


@contextmanager
def said_to_run(settings: Settings, database_url: str) -> Iterator[None]:
    """While the block runs, other commands find this process and its database."""
    path = settings.data / _FILE
    write_private(path, {"pid": os.getpid(), "database_url": database_url, "base_url": settings.public_url})
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def server_running(settings: Settings) -> tuple[str, str] | None:
    """(database, address) of a server that runs on this data directory, or None. A killed one's file does not count."""
    try:
        held = orjson.loads((settings.data / _FILE).read_bytes())
        os.kill(held["pid"], 0)
    except (OSError, ValueError, KeyError):
        return None
    return str(held["database_url"]), str(held["base_url"])


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Write JSON that only its owner can read, whole or not at all."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    temporary.replace(path)


def with_access(data: Path | None, work: Callable[[Access], Coroutine[Any, Any, T]]) -> T:
    """Run `work` with the door open: on a running server's database where there is one, else on our own."""
    return with_database(data, lambda access, _: work(access))


def with_database(data: Path | None, work: Callable[[Access, str], Coroutine[Any, Any, T]]) -> T:
    """`with_access`, with the database's address as well, for work that opens more doors in processes of its own."""
    from yima.access import Access  # noqa: PLC0415  a second of imports: the log and papers about it do without
    from yima.runtime import logs  # noqa: PLC0415  as above

    logs.configure("console", "error")

    async def run(chosen: Settings, url: str, base_url: str) -> T:
        access = await Access.open(url, chosen, base_url)
        try:
            return await work(access, url)
        finally:
            await access.close()

    return _connected(data, run)


def with_log(data: Path | None, work: Callable[[Log, Database], Coroutine[Any, Any, T]]) -> T:
    """Run `work` with the sealed log and its database, where no line is read out: without the door, and begun sooner.

    Refusal `key-store-invalid` for another deployment's keys, as the door has it: their heads would look forged.
    """

    async def run(chosen: Settings, url: str, _base_url: str) -> T:
        keys = FileKeyStore(chosen.data / "keys.json")
        database = await Database.connect(url, size=chosen.pool_size)
        try:
            await check_fingerprint(database, Vault(keys))
            return await work(Log(database, keys), database)
        finally:
            await database.close()

    return _connected(data, run)


def _connected(data: Path | None, run: Callable[[Settings, str, str], Coroutine[Any, Any, T]]) -> T:
    """Run with the settings, the database's address and the platform's: a running server's, else our own database."""
    chosen = load({"data": data, "development": True})
    server_there = server_running(chosen)
    if server_there:  # what is issued here names the address under which that server is reached
        return uvloop.run(run(chosen, *server_there))
    with postgres.provide(chosen.data, database_url=chosen.database_url) as server:
        asyncio.run(migrate.migrate(server.url()))
        return uvloop.run(run(chosen, server.url(), chosen.public_url))
