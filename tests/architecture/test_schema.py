"""The database rules of docs/architecture.md, asked of a migrated database."""

from __future__ import annotations

import re

import asyncpg
import pytest
from house import SOURCE

from yima.runtime import migrate
from yima.runtime.database import Database

SHARD_KEYS = {"person_id", "home"}
BY_LOOK_UP = {
    "audit.leaf": "its key begins with the person; a second index says that a place in the tree is one line's",
    "directory.grant_secret": "found by the hash of a code or token, before the person is known",
    "healthcode.card_lookup": "from what is printed to the person, who is not known before",
    "mpi.identifier": "found by the blind index of a number, before the person is known",
    "records.chosen": "from an id that a client chose to its home, which the id does not carry",
    "mpi.candidate_key": "found by the hash of a candidate key, before the person is known",
    "mpi.link": "its key begins with the person; that a Patient is one person's only is said by a second, unique index",
    "mpi.population_entry": "found by the source's own name for a row, before the person is known",
    "oversight.seen": "whom a reader saw in an hour: counted by reader, forgotten after a day",
    "mpi.review": "a steward's queue, numbered across persons",
}
"""Tables with a person in them whose keys may begin otherwise, and why."""
OURS = "n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
_KEYS = f"""
select n.nspname || '.' || c.relname as name,
  array(select a.attname::text from unnest(i.indkey) with ordinality k(number, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number order by k.place) as key
from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
where i.indisunique and {OURS}
"""
_COLUMNS = f"""
select n.nspname || '.' || c.relname as name, array_agg(a.attname::text) as columns
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and {OURS} group by 1
"""


async def test_keys_of_a_persons_tables_begin_with_the_shard_key(db: Database) -> None:
    columns = {row["name"]: set(row["columns"]) for row in await db.fetch(_COLUMNS)}
    personal = {name for name, held in columns.items() if held & SHARD_KEYS}
    assert {"records.resource", "records.history", "audit.event", "healthcode.visit", "consent.standing"} <= personal
    wrong = [
        (row["name"], row["key"])
        for row in await db.fetch(_KEYS)
        if row["name"] in personal and row["name"] not in BY_LOOK_UP and row["key"][0] not in SHARD_KEYS
    ]
    assert not wrong
    assert BY_LOOK_UP.keys() <= columns.keys()


async def test_no_foreign_key_leaves_its_room_and_none_is_in_a_persons_table(db: Database) -> None:
    rows = await db.fetch(
        "select conrelid::regclass::text as source, confrelid::regclass::text as target "
        "from pg_constraint where contype = 'f'"
    )
    columns = {row["name"]: set(row["columns"]) for row in await db.fetch(_COLUMNS)}
    for row in rows:
        assert row["source"].split(".")[0] == row["target"].split(".")[0]
        assert not columns[row["source"]] & SHARD_KEYS


async def test_there_are_no_triggers_and_no_extensions(db: Database) -> None:
    assert not await db.fetch("select tgname from pg_trigger where not tgisinternal")
    assert [row["extname"] for row in await db.fetch("select extname from pg_extension")] == ["plpgsql"]


async def test_every_room_has_its_own_schema(db: Database) -> None:
    schemas = {row["nspname"] for row in await db.fetch(f"select nspname from pg_namespace n where {OURS}")}
    assert {name for name in schemas if not name.startswith("pg_")} - {"public"} == set(migrate.ROOMS)
    assert set(migrate.ROOMS) == {path.parent.name for path in SOURCE.glob("*/migrations")}
    assert not await db.fetch(
        "select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public'"
    )


@pytest.mark.parametrize(
    "statement", ["update audit.event set outcome = 'ok'", "delete from audit.event", "truncate audit.event"]
)
async def test_the_application_cannot_change_the_log(db: Database, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)


@pytest.mark.parametrize("statement", ["update records.history set content = ''", "delete from records.history"])
async def test_the_application_cannot_change_an_earlier_version(db: Database, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)


def test_sql_takes_its_times_as_arguments() -> None:
    clocks = "now\\(\\)|current_timestamp|current_date|localtimestamp|clock_timestamp|statement_timestamp"
    reads_clock = re.compile(rf"\b({clocks})", re.IGNORECASE)
    found = []
    for path in SOURCE.rglob("*.sql"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if reads_clock.search(line.partition("--")[0]):
                found.append(f"{path.relative_to(SOURCE)}:{number}")
    assert not found
