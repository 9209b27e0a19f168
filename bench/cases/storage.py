"""What a stored resource takes: bytes on disk beside its JSON, and the CPU time of its searching keys."""

from __future__ import annotations

import time
from typing import Final

import orjson

from bench.measure import Cost, Limit, Line
from bench.stage import Stage, visits
from yima import fhir

_SIZES: Final = """
select (select count(*) from records.resource) as resources,
  (select avg(octet_length(content)) from bench.content) * (select count(*) from records.resource) as json,
  (select pg_relation_size('records.resource')) as rows,
  (select pg_indexes_size('records.resource')) as indexes,
  (select sum(pg_total_relation_size(c.oid)) from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname in ('records', 'audit', 'exchange') and c.relkind in ('r', 'p')) as all_of_them"""


async def disk(stage: Stage) -> list[Line]:
    """The tables and indexes of record, log and receipts, for each resource of the city."""
    async with stage.owner() as c:
        await c.execute("vacuum records.resource")
        row = await c.fetchrow(_SIZES)
    count = row["resources"]
    each = float(row["all_of_them"]) / count
    note = f"row {row['rows'] / count:,.0f}, indexes {row['indexes'] / count:,.0f}; rest: log, receipts, versions"
    limit = Limit("its JSON", float(row["json"]) / count)
    what = "disk of a resource, with its indexes, log lines and receipts"
    return [Line("disk", what, each, Cost(0.0), limit, "at most 300 %", note, "bytes")]


async def extract(stage: Stage) -> list[Line]:
    """Searching keys of resources that are parsed already, on one core."""
    half = stage.plan.residents
    bodies = [orjson.dumps(e["resource"]) for v in visits(stage.made, half, half * 2) for e in v.bundle["entry"]]
    trees = [fhir.parse(body) for body in bodies]
    began = time.process_time()
    for tree in trees:
        fhir.index(tree, key=b"k" * 32)
    spent = time.process_time() - began
    began = time.process_time()
    for body in bodies:
        orjson.loads(body)
    least = time.process_time() - began
    what, limit = "searching keys of a parsed resource, one core", Limit("orjson.loads of it", len(bodies) / least)
    note = f"{sum(map(len, bodies)) // len(bodies)} bytes each"
    cost = Cost(spent / len(bodies) * 1e6)
    return [Line("extract", what, len(trees) / spent, cost, limit, "20,000 per CPU second", note, "resources")]
