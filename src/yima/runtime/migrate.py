"""Schema migrations: numbered `.sql` files per room, checksummed, one transaction a file, under an advisory lock.

Each room keeps `migrations/NNNN_words.sql`; its PostgreSQL schema has the room's name. Files run as the owner of the
database; the application works as `yima_app`, to which each file grants what the room needs.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from yima.runtime.errors import Refusal

ROOMS = (
    "runtime", "terminology", "packages", "audit", "oversight", "authentication", "directory", "mpi",
    "healthcode", "consent", "records", "exchange",
)  # fmt: skip
"""Rooms with tables, in the order of their dependence."""

_LOCK = 0x59494D41  # "YIMA": only one process migrates at a time
_SET_OPTION_SINCE = 16
_LEDGER = """
create schema if not exists runtime;
create table if not exists runtime.migration (
  room text not null, number integer not null, name text not null, checksum bytea not null,
  applied timestamptz not null, primary key (room, number));
grant usage on schema runtime to yima_app;
grant select on runtime.migration to yima_app;
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of one room."""

    room: str
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the text; a file that was applied may not change any more."""
        return hashlib.sha256(self.sql.encode()).digest()


def migrations() -> Iterator[Migration]:
    """Every migration in the wheel, in the order in which they apply."""
    for room in ROOMS:
        folder = files(f"yima.{room}").joinpath("migrations")
        if not folder.is_dir():
            continue
        for entry in sorted(folder.iterdir(), key=lambda item: item.name):
            if entry.name.endswith(".sql"):
                yield _read(room, entry.name, entry.read_text(encoding="utf-8"))


def _read(room: str, name: str, text: str) -> Migration:
    match = re.fullmatch(r"([0-9]{4})_([a-z0-9_]+)\.sql", name)
    if match is None:  # left out silently, it would be missing from every database
        raise Refusal("migration-failed", field=f"{room}/{name}", reason="its name is not NNNN_words.sql")
    return Migration(room, int(match[1]), match[2], text)


async def migrate(url: str) -> list[str]:
    """Bring the database at `url` up to date, creating it where it is missing; the names of the steps taken.

    Refusal `migration-failed` names the file that did not apply; everything before it stays applied.
    """
    await _ensure_database(url)
    connection = await _connect(url)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute("set lock_timeout = '5s'")
        await _ensure_role(connection)
        await connection.execute(_LEDGER)
        done = {
            (r["room"], r["number"]): bytes(r["checksum"]) for r in await connection.fetch("table runtime.migration")
        }
        return [await _apply(connection, step) for step in migrations() if _is_due(step, done)]
    finally:
        await connection.close()


def _is_due(step: Migration, done: dict[tuple[str, int], bytes]) -> bool:
    known = done.get((step.room, step.number))
    if known is not None and known != step.checksum:
        raise Refusal(
            "migration-failed", field=f"{step.room}/{step.number:04d}", reason="the file changed after it was applied"
        )
    return known is None


async def _apply(connection: asyncpg.Connection, step: Migration) -> str:
    label = f"{step.room}/{step.number:04d}_{step.name}"
    try:
        async with connection.transaction():
            await connection.execute(
                f"create schema if not exists {step.room}; grant usage on schema {step.room} to yima_app"
            )
            await connection.execute(f"set local search_path = {step.room}, pg_catalog")
            await connection.execute(step.sql)
            await connection.execute(
                "insert into runtime.migration values ($1, $2, $3, $4, $5)",
                step.room,
                step.number,
                step.name,
                step.checksum,
                datetime.now(UTC),
            )
    except asyncpg.PostgresError as error:
        raise Refusal("migration-failed", field=label, reason=str(error)) from error
    return label


async def _ensure_role(connection: asyncpg.Connection) -> None:
    # Roles belong to the server, the advisory lock to one database: another database may be making the role right now.
    if not await connection.fetchval("select 1 from pg_roles where rolname = 'yima_app'"):
        with contextlib.suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            await connection.execute("create role yima_app nologin")
    # Since 16 being a member and being allowed to SET ROLE are two things; before, the privilege `set` is not known.
    needed = "set" if connection.get_server_version().major >= _SET_OPTION_SINCE else "member"
    if not await connection.fetchval("select pg_has_role(current_user, 'yima_app', $1)", needed):
        await connection.execute("grant yima_app to current_user")


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(url, server_settings={"application_name": "yima-migrate"})
    except (OSError, asyncpg.PostgresError) as error:
        raise Refusal("postgres-unavailable", reason=type(error).__name__, source="the log") from error


async def _ensure_database(url: str) -> None:
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidCatalogNameError:
        parts = urlsplit(url)
        admin = await _connect(urlunsplit(parts._replace(path="/postgres")))
        try:
            name = parts.path.lstrip("/").replace('"', "")
            await admin.execute(f'create database "{name}"')
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            pass  # another process made it at the same moment
        finally:
            await admin.close()
    except (OSError, asyncpg.PostgresError) as error:
        raise Refusal("postgres-unavailable", reason=type(error).__name__, source="the log") from error
    else:
        await connection.close()
