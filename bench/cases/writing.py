"""Writing over HTTP: one resource, and transaction bundles; validated, resolved, indexed, logged, durable."""

from __future__ import annotations

import asyncio
import gzip
import io
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson

from bench.measure import BenchError, Cost, Limit, Line, request
from bench.stage import Stage, visits
from yima.cli import bulk
from yima.runtime import clock

CLIENTS: Final = 8
_SYNTHEA_CLIENTS: Final = 4
_KINDS: Final = 200
_EACH: Final = 100
_SYNTHEA: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "synthea-r4"
_TEMPLATES: Final = """
select r.institution_id, o.content, length(r.content) as stored
from records.resource as r join bench.content as o using (home, type, id)
where r.type = 'Observation' and r.class = '' and r.home <> 0 order by md5(r.id) limit $1"""
_TABLE: Final = """
create schema if not exists bench; drop table if exists bench.resource;
create table bench.resource (like records.resource including all)"""
_ONE_ROW: Final = """\\set home random(1, 9000000000000000000)
insert into bench.resource
  (home, type, id, version, updated, institution_id, submission, class, low, high, tokens, content)
values (:home, 'Observation', :home::text, 1, '2026-01-01', 1, 'submission', '', '2026-01-01', '2026-01-01',
  array[{tokens}]::bigint[], convert_to(repeat('x', {size}), 'UTF8'));
"""


async def create(stage: Stage) -> list[Line]:
    """POST /fhir/Observation by eight clients."""
    async with stage.owner() as c:
        rows = await c.fetch(_TEMPLATES, _KINDS)
        await c.execute(_TABLE)
    requests = []
    for row in rows:
        resource = orjson.loads(row["content"])
        del resource["id"], resource["meta"]
        token = await stage.token(stage.code_of(row["institution_id"]))
        requests.append(request("POST", "/fhir/Observation", token=token, body=orjson.dumps(resource)))
    size = sum(row["stored"] for row in rows) // len(rows)
    await stage.yima(requests[:CLIENTS], connections=CLIENTS, again=False)
    run = await stage.yima(requests, connections=CLIENTS)
    one = await stage.pgbench([_ONE_ROW.format(tokens=", ".join(map(str, range(12))), size=size)], clients=CLIENTS)
    limit = Limit(f"pgbench one-row durable transaction, {CLIENTS} clients", one.rate, one.cpu)
    note = f"{sum(len(row['content']) for row in rows) // len(rows)} characters a resource, {size} bytes sealed"
    return [Line("create", f"POST Observation, {CLIENTS} clients", run.rate, run.cost(), limit, "2,000/s", note)]


async def bundles(stage: Stage) -> list[Line]:
    """Visits of residents who are not loaded yet, each once; and Synthea's 24 patients, whole."""
    half = stage.plan.residents
    sent = [(v.institution, orjson.dumps(v.bundle), len(v.bundle["entry"])) for v in visits(stage.made, half, half * 2)]
    lines = [await _bundles(stage, "bundle", "synthetic city", sent, CLIENTS)]
    files = sorted(_SYNTHEA.glob("*.json.gz")) if stage.plan.synthea else []
    if files:
        place = stage.institutions[0]["id"]
        bodies = [gzip.decompress(path.read_bytes()) for path in files]
        whole = [(place, body, len(orjson.loads(body)["entry"])) for body in bodies]
        lines.append(await _bundles(stage, "bundle-synthea", "Synthea", whole, _SYNTHEA_CLIENTS))
    return lines


async def load(stage: Stage) -> list[Line]:
    """`yima load` of another server's export, in this process: patients with a hundred observations each."""
    place = stage.institutions[0]["id"]
    async with stage.owner() as c:
        rows = await c.fetch(_TEMPLATES, _KINDS)
    kinds = [orjson.loads(row["content"]) for row in rows]
    began = clock.now() - timedelta(milliseconds=1)
    with tempfile.TemporaryDirectory(prefix="yima-bench-load-") as name:
        folder = Path(name)
        count = _export(folder, kinds, stage.plan.residents)
        spent = time.process_time()
        report = await bulk.load(stage.access, stage.url, [folder], institution=place, resume=False, processes=1)
        spent = time.process_time() - spent
    if report.refused or report.resources != count:
        raise BenchError(f"{report.resources} of {count} resources were loaded")
    stored, copied = await _copy(stage, began)
    limit, note = Limit("COPY of the same rows, 2 connections", copied), f"{stored} rows, one process"
    what, aim = "yima load of NDJSON, a hundred resources a patient", "10,000/s; 50 % of COPY"
    return [Line("load", what, count / report.seconds, Cost(spent / count * 1e6), limit, aim, note, "resources")]


def _export(folder: Path, kinds: Sequence[dict[str, Any]], patients: int) -> int:
    """Write Patient.ndjson and Observation.ndjson; how many resources."""
    with (folder / "Patient.ndjson").open("wb") as people, (folder / "Observation.ndjson").open("wb") as found:
        for person in range(patients):
            number = {"system": "urn:bench:load", "value": f"L{person}"}
            born = f"{1930 + person % 90}-{person % 12 + 1:02}-{person % 28 + 1:02}"
            named = {"name": [{"text": f"测试{_letters(person)}"}], "gender": "female", "birthDate": born}
            patient = {"resourceType": "Patient", "id": f"p{person}", "identifier": [number], **named}
            people.write(orjson.dumps(patient) + b"\n")
            for position in range(_EACH):
                kind = {k: v for k, v in kinds[position % len(kinds)].items() if k not in ("meta", "encounter")}
                its = {"id": f"p{person}-{position}", "subject": {"reference": f"Patient/p{person}"}}
                found.write(orjson.dumps(kind | its) + b"\n")
    return patients * (1 + _EACH)


def _letters(number: int) -> str:
    """Two characters that only this person has: people of one name on one day are compared with one another."""
    return chr(0x4E00 + number // 64 % 256) + chr(0x5E00 + number % 64 * 7)


async def _bundles(stage: Stage, name: str, kind: str, sent: list[tuple[str, bytes, int]], clients: int) -> Line:
    count, began = sum(entries for _, _, entries in sent), clock.now() - timedelta(milliseconds=1)
    requests = [request("POST", "/fhir", token=await stage.token(place), body=body) for place, body, _ in sent]
    run = await stage.yima(requests, connections=clients, seconds=300, again=False)
    if run.result.requests != len(requests):
        raise BenchError(f"{run.result.requests} of {len(requests)} bundles were answered")
    stored, copied = await _copy(stage, began)
    if not stored:
        raise BenchError("the bundles were answered and nothing was stored")
    what = f"transactions of {count / len(sent):.0f} resources ({kind}), {clients} clients"
    limit, note = Limit("COPY of the same rows, 2 connections", copied), f"{count} entries, {stored} rows"
    return Line(name, what, count / run.result.seconds, run.cost(count), limit, "5,000/s on 2 cores", note, "resources")


async def _copy(stage: Stage, since: Any) -> tuple[int, float]:
    """Copy the rows written since then into an empty table with the same indexes, in two transactions; rows, rows/s."""
    connections = [await asyncpg.connect(stage.url) for _ in range(2)]
    try:
        await connections[0].execute(_TABLE)
        halves = [await _half(c, since, number) for number, c in enumerate(connections)]
        began = time.perf_counter()
        await _both(connections, halves)
        seconds = time.perf_counter() - began
        count = await connections[0].fetchval("select count(*) from bench.resource")
    finally:
        for connection in connections:
            await connection.close()
    return count, count / seconds


async def _half(c: Any, since: Any, number: int) -> bytes:
    parts: list[bytes] = []

    async def keep(part: bytes) -> None:
        parts.append(part)

    query = "select * from records.resource where updated >= $1 and hashtext(id) & 1 = $2"
    await c.copy_from_query(query, since, number, output=keep, format="binary")
    return b"".join(parts)


async def _both(connections: Sequence[Any], halves: Sequence[bytes]) -> None:
    await asyncio.gather(*(
        c.copy_to_table("resource", schema_name="bench", source=io.BytesIO(half), format="binary")
        for c, half in zip(connections, halves, strict=True)
    ))  # fmt: skip
