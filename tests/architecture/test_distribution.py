"""deploy/citus/distribute.sql against the rules of Citus and of the house, asked of a migrated database.

There is no Citus here: what would make `create_distributed_table` fail is looked for in the catalogue.
"""

from __future__ import annotations

import re
from pathlib import Path

from yima.runtime.database import Database

FILE = Path(__file__).parents[2] / "deploy" / "citus" / "distribute.sql"
SPREAD = re.compile(r"create_distributed_table\('([\w.]+)', '(\w+)', colocate_with => '([\w.]+)'\)")
LOCAL = re.compile(r"citus_add_local_table_to_metadata\('([\w.]+)'\)")
TEXT = FILE.read_text(encoding="utf-8")


async def test_every_table_of_the_records_has_its_place(db: Database) -> None:
    rows = await db.fetch("select schemaname || '.' || tablename as name from pg_tables where schemaname = 'records'")
    placed = [name for name, _, _ in SPREAD.findall(TEXT)] + LOCAL.findall(TEXT)
    assert sorted(placed) == sorted(row["name"] for row in rows)


async def test_unique_keys_hold_the_column_by_which_a_table_is_spread(db: Database) -> None:
    for name, column, _ in SPREAD.findall(TEXT):
        rows = await db.fetch(
            "select array(select a.attname::text from unnest(i.indkey) k join pg_attribute a "
            "on a.attrelid = i.indrelid and a.attnum = k) as columns from pg_index i "
            "where i.indrelid = $1::text::regclass and i.indisunique",
            name,
        )
        assert rows, f"{name} has no key"
        assert all(column in row["columns"] for row in rows), name


async def test_what_lies_together_is_spread_by_columns_of_one_type(db: Database) -> None:
    found = SPREAD.findall(TEXT)
    first = found[0][0]
    assert found[0][2] == "none"
    assert {beside for _, _, beside in found[1:]} == {first}
    types = {
        (await db.fetchrow(
            "select format_type(atttypid, null) as type from pg_attribute where "
                    "attrelid = $1::text::regclass and attname = $2",
            name, column,
        ))["type"]
        for name, column, _ in found
    }  # fmt: skip
    assert types == {"bigint"}


async def test_nothing_that_is_spread_has_foreign_keys_identities_or_triggers(db: Database) -> None:
    for name, _, _ in SPREAD.findall(TEXT):
        rows = await db.fetch(
            "select 1 from pg_constraint where contype = 'f' "
            "and (conrelid = $1::text::regclass or confrelid = $1::text::regclass) "
            "union all select 1 from pg_attribute where attrelid = $1::text::regclass and attidentity <> '' "
            "union all select 1 from pg_trigger where tgrelid = $1::text::regclass and not tgisinternal",
            name,
        )
        assert not rows, name
