"""Growth: the same figures among ten thousand and among a million residents. Not a case of the default run.

`./dev bench --growth 10000 --growth 1000000`. The residents are copies of those of the synthetic city, made inside
PostgreSQL: each resource is stored again under a new person, whose text stands in its id and in every reference within
the record, with the clinical dates and the keys of codes and dates as they are. They pass by the exchange, the
validation and the log, as nothing that is measured afterwards does. A copy lies together on the disk, as a record that
was loaded in one go does; one that grew over years lies on more pages.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import orjson

from bench.measure import Line, Run, request
from bench.stage import SEED, Plan, Stage, stage
from yima.runtime.ids import person_text
from yima.runtime.postgres import Postgres

EACH: Final = 8
"""Resources of a resident at most: a Patient, and Observations before all else."""
_FIRST: Final = 1 << 40
_STEP: Final = 101
"""Persons are numbered in steps, so that indexes fill from left to right as fast as they can."""
_AT_ONCE: Final = 10_000
_WRITERS: Final = 2
_SAMPLE: Final = 3_000
_CONNECTIONS: Final = 8

_PREPARE: Final = """
create schema if not exists bench; drop table if exists bench.kept; drop table if exists bench.grown;
create table bench.kept as
with ranked as (
  select r.*, p.patient_id, row_number() over (partition by r.home, r.institution_id
    order by r.type = 'Patient' desc, r.type = 'Observation' desc, r.low desc nulls last, r.id) as place
  from records.resource as r join (
    select home, institution_id, min(patient_id) as patient_id from mpi.link group by 1, 2 having count(*) = 1
  ) as p using (home, institution_id)
  where r.class = '' and not r.deleted
), whole as (
  select home, institution_id, row_number() over (order by home, institution_id) as template
  from ranked where place = {each}
    and (home, institution_id) in (select home, institution_id from ranked where place = 2 and type = 'Observation')
)
select w.template, n.name as home_text, r.patient_id, r.type, substr(r.id, 11) as tail, r.updated, r.institution_id,
  r.submission, r.low, r.high, r.tokens, o.content, o.content::jsonb->'code'->'coding'->0->>'code' as code
from ranked as r join bench.content as o using (home, type, id) join whole as w using (home, institution_id),
  lateral (select substr(r.id, 1, 10) as name) as n
where r.place <= {each};
create index on bench.kept (template); analyze bench.kept;
create table bench.grown
  (i integer primary key, person_id bigint not null, name text not null, template integer not null)"""
_LINK: Final = """
insert into mpi.link (person_id, patient_id, home, institution_id, rule, created)
select g.person_id, g.name || k.tail, g.person_id, k.institution_id, 'growth', k.updated
from bench.grown as g join bench.kept as k on k.template = g.template and k.type = 'Patient'
where g.i >= $1 and g.i < $2 order by g.i"""
# Readable content, as of before it was sealed: sealing could not be done by PostgreSQL alone. A read is the cheaper by
# what opening takes, some ten microseconds.
_COPY: Final = """
insert into records.resource
  (home, type, id, patient, version, updated, institution_id, submission, class, low, high, tokens, content)
select g.person_id, k.type, g.name || k.tail, replace(k.patient_id, k.home_text, g.name), 1, k.updated,
  k.institution_id, k.submission, '', k.low, k.high, k.tokens,
  convert_to(replace(k.content, k.home_text, g.name), 'UTF8')
from bench.grown as g join bench.kept as k on k.template = g.template
where g.i >= $1 and g.i < $2 order by g.i, k.type"""
_SAMPLED: Final = """
select g.name || k.tail as id, k.code, k.institution_id, replace(k.patient_id, k.home_text, g.name) as patient,
  replace(k.content, k.home_text, g.name) as content
from bench.grown as g join bench.kept as k on k.template = g.template and k.type = 'Observation'
where g.i = any($1::int[])"""
_SIZES: Final = """
select pg_database_size(current_database()) as whole, pg_total_relation_size('records.resource') as resources,
  pg_indexes_size('records.resource') as indexes, (select count(*) from records.resource) as rows,
  (select sum(length(content)) from bench.kept) / (select count(*) from bench.kept) as json"""


async def growth(plan: Plan, server: Postgres, sizes: Sequence[int]) -> list[Line]:
    """The lines of each size, the smallest first, in one database that grows."""
    lines: list[Line] = []
    async with stage(plan, server) as prepared:
        async with prepared.owner() as c:
            await c.execute(_PREPARE.format(each=EACH))
            templates = await c.fetchval("select max(template) from bench.kept")
        held = 0
        for size in sorted(sizes):
            seconds = await _grow(prepared, held, size, templates)
            held = size
            lines += await _measured(prepared, size, seconds)
    return lines


async def _grow(prepared: Stage, held: int, size: int, templates: int) -> float:
    """Seconds that it took to make the residents from `held` up to `size`."""
    began = time.perf_counter()
    async with prepared.owner() as c:
        numbered = ((i, _FIRST + i * _STEP) for i in range(held, size))
        rows = ((i, person, person_text(person), i % templates + 1) for i, person in numbered)
        await c.copy_records_to_table("grown", schema_name="bench", records=rows)
        await c.execute("analyze bench.grown")
    parts = iter(range(held, size, _AT_ONCE))

    async def write() -> None:
        async with prepared.owner() as c:
            await c.execute("set synchronous_commit = off")
            for first in parts:
                await _part(c, first, min(first + _AT_ONCE, size))
                print(f"\r{min(first + _AT_ONCE, size):,} residents", end="", file=sys.stderr, flush=True)

    await asyncio.gather(*(write() for _ in range(_WRITERS)))
    async with prepared.owner() as c:
        await c.execute("vacuum analyze records.resource")
        await c.execute("vacuum analyze mpi.link")
        await c.execute("checkpoint")
    return time.perf_counter() - began


async def _part(c: asyncpg.Connection, first: int, end: int) -> None:
    async with c.transaction():
        await c.execute(_LINK, first, end)
        await c.execute(_COPY, first, end)


async def _measured(prepared: Stage, size: int, seconds: float) -> list[Line]:
    chosen = random.Random(SEED).sample(range(size), min(size, _SAMPLE))
    async with prepared.owner() as c:
        rows = await c.fetch(_SAMPLED, chosen)
        sizes = await c.fetchrow(_SIZES)
    rows = random.Random(SEED).sample(rows, min(len(rows), _SAMPLE))
    tokens = {
        number: await prepared.token(prepared.code_of(number)) for number in {row["institution_id"] for row in rows}
    }
    said = f"{sizes['rows']:,} resources of {sizes['json']} bytes, grown in {seconds:.0f} s"
    each = sizes["resources"] / sizes["rows"]
    index = sizes["indexes"] / sizes["rows"]
    disk = f"{sizes['whole'] / 1e9:.1f} GB; {each:.0f} bytes a resource, {index:.0f} of it indexes"
    lines = []
    for name, make in _ASKED.items():
        asked = [make(row, tokens[row["institution_id"]]) for row in rows]
        await prepared.yima(asked[: _CONNECTIONS * 8], connections=_CONNECTIONS, again=False)
        run: Run = await prepared.yima(asked, connections=_CONNECTIONS)
        note = {"read": said, "search": disk}.get(name, "")
        what = f"{size:,} residents, {_CONNECTIONS} clients"
        lines.append(Line(f"growth-{name}-{size}", what, run.rate, run.cost(), note=note))
    return lines


def _read(row: Any, token: str) -> bytes:
    return request("GET", f"/fhir/Observation/{row['id']}", token=token)


def _search(row: Any, token: str) -> bytes:
    said = f"patient={row['patient']}&code={row['code']}&date=ge2016-01-01&_sort=-date"
    return request("GET", f"/fhir/Observation?{said}", token=token)


def _everything(row: Any, token: str) -> bytes:
    return request("GET", f"/fhir/Patient/{row['patient']}/$everything", token=token)


def _create(row: Any, token: str) -> bytes:
    resource = orjson.loads(row["content"])
    del resource["id"], resource["meta"]
    return request("POST", "/fhir/Observation", token=token, body=orjson.dumps(resource))


_ASKED: Final = {"read": _read, "search": _search, "everything": _everything, "create": _create}
