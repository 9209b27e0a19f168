"""Reading over HTTP, authorised and audited: one resource, a search in one record, a whole record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bench.limits import Recorder
from bench.measure import Limit, Line, Run, in_series, request
from bench.stage import Stage
from yima import healthcode, records
from yima.access import Asking
from yima.directory import Caller
from yima.runtime import clock

CONNECTIONS: Final = 32
_RESOURCES: Final = 3_000
_SCRIPTS: Final = 40
_BENCH: Final = Asking(caller=Caller(kind="system", agent_id="bench"), now=clock.now())

_OBSERVATIONS: Final = """
select r.home, r.id, r.institution_id, length(o.content) as size
from records.resource as r join bench.content as o using (home, type, id)
where r.type = 'Observation' and r.class = '' and r.home <> 0 order by md5(r.id) limit $1"""
_SERIES: Final = """
select home, institution_id, replace(c->'subject'->>'reference', 'Patient/', '') as patient,
  c->'code'->'coding'->0->>'code' as code, count(*) as rows
from (select r.home, r.institution_id, o.content::jsonb as c
      from records.resource as r join bench.content as o using (home, type, id)
      where r.type = 'Observation' and r.class = '' and r.home <> 0) as o
where c->'code'->'coding'->0->>'system' = 'http://loinc.org'
group by 1, 2, 3, 4 order by rows desc, patient, code limit $1"""
_LARGEST: Final = """
select r.home, r.institution_id, min(l.patient_id) as patient, count(distinct r.id) as rows
from records.resource as r join mpi.link as l on l.home = r.home and l.institution_id = r.institution_id
where r.home <> 0 group by 1, 2 having count(distinct l.patient_id) = 1 order by rows desc limit 1"""
_POINT: Final = """\\set n random(1, {count})
select r.home, r.type, r.id, r.version, r.updated, r.institution_id, r.class, r.deleted, r.content
from bench.sample as s join records.resource as r on r.home = s.home and r.type = 'Observation' and r.id = s.id
where s.n = :n;
"""


async def read(stage: Stage) -> list[Line]:
    """By the institution's own system; and by another institution within a visit, where consent is asked."""
    async with stage.owner() as c:
        rows = await c.fetch(_OBSERVATIONS, _RESOURCES)
        await c.execute(
            "create schema if not exists bench; drop table if exists bench.sample;"
            "create table bench.sample (n integer primary key, home bigint not null, id text not null)"
        )
        named = [(n, row["home"], row["id"]) for n, row in enumerate(rows, 1)]
        await c.copy_records_to_table("sample", schema_name="bench", records=named)
        await c.execute("analyze bench.sample; analyze records.resource")
    own = await _by_owner(stage, rows)
    await stage.yima(own[:CONNECTIONS], connections=CONNECTIONS, again=False)
    run = await stage.yima(own, connections=CONNECTIONS)
    elsewhere = await _in_visits(stage, rows)
    visit = await stage.yima(elsewhere, connections=CONNECTIONS)
    point = await stage.pgbench([_POINT.format(count=len(rows))], clients=16)
    bare = await stage.bare(f"/bytes/{sum(row['size'] for row in rows) // len(rows)}", connections=CONNECTIONS)
    limit = _limit("pgbench prepared point read", point, bare)
    own_system = f"GET Observation, own system, {CONNECTIONS} connections"
    other = "the same by another institution in a visit (consent asked)"
    return [
        Line("read", own_system, run.rate, run.cost(), limit, "40 % of the limit"),
        Line("read-visit", other, visit.rate, visit.cost(), limit),
    ]


async def own_reads(stage: Stage) -> list[bytes]:
    """Reads of Observations, each by the system of the institution that wrote it."""
    async with stage.owner() as c:
        return await _by_owner(stage, await c.fetch(_OBSERVATIONS, _RESOURCES))


async def reads_in_visits(stage: Stage) -> list[bytes]:
    """The same reads by another institution, in visits."""
    async with stage.owner() as c:
        return await _in_visits(stage, await c.fetch(_OBSERVATIONS, _RESOURCES))


async def _by_owner(stage: Stage, rows: Sequence[Any]) -> list[bytes]:
    return [request("GET", _path(row), token=await stage.token(stage.code_of(row["institution_id"]))) for row in rows]


def _path(row: Any) -> str:
    return f"/fhir/Observation/{row['id']}"


async def _in_visits(stage: Stage, rows: Sequence[Any]) -> list[bytes]:
    """The same reads by one institution that scanned each person's code."""
    place = stage.institutions[-1]
    token = await stage.token(place["id"])
    caller = await stage.access.sign_in.caller(token, now=clock.now())
    visits: dict[int, str] = {}
    for home in {row["home"] for row in rows}:
        now = clock.now()
        scan = await stage.access.scan(
            caller, healthcode.dynamic_text(stage.keys, "INTL", home, now), terminal=place["terminal"], step="010102",
            purpose="treatment", now=now,
        )  # fmt: skip
        visits[home] = scan.visit
    return [request("GET", _path(row), token=token, yima_visit=visits[row["home"]]) for row in rows]


async def search(stage: Stage) -> list[Line]:
    """patient + code + date + sort, and all Observations of a patient (a page of 50)."""
    async with stage.owner() as c:
        series = await c.fetch(_SERIES, _SCRIPTS)
    by_code = [
        (
            row,
            [
                ("patient", row["patient"]),
                ("code", f"http://loinc.org|{row['code']}"),
                ("date", "ge2016-01-01"),
                ("_sort", "-date"),
            ],
        )
        for row in series
    ]
    by_patient = [(row, [("patient", row["patient"])]) for row in series]
    wide = await _search(stage, "search", "Observation?patient&code&date&_sort", by_code, "5x the best peer (3,300/s)")
    page = await _search(stage, "search-50", "Observation?patient, 50 rows", by_patient, "5x the best peer (3,300/s)")
    return [wide, page]


async def _search(stage: Stage, name: str, what: str, asked: list[tuple[Any, list[tuple[str, str]]]], aim: str) -> Line:
    requests, scripts = [], []
    for row, params in asked:
        query = "&".join(f"{field}={value.replace('|', '%7C')}" for field, value in params)
        token = await stage.token(stage.code_of(row["institution_id"]))
        requests.append(request("GET", f"/fhir/Observation?{query}", token=token))
        recorder, sight = Recorder(stage.access.database), _own(row)
        compiled = stage.access.query(_BENCH, "Observation", params, lenient=False)
        await records.search(
            recorder, stage.access.vault, [row["home"]], "Observation", compiled, sight, records.Wanted(count=50)
        )
        scripts.append(recorder.script())
    await stage.yima(requests[:8], connections=8, again=False)
    run = await stage.yima(requests, connections=CONNECTIONS)
    same = await stage.pgbench(scripts, clients=16)
    bare = await stage.bare(f"/bytes/{run.result.bytes // run.result.requests}", connections=CONNECTIONS)
    size = f"{run.result.bytes / run.result.requests / 1024:.1f} KB an answer"
    return Line(name, what, run.rate, run.cost(), _limit("pgbench same SQL", same, bare), aim, size)


def _own(row: Any) -> records.Sight:
    """What its author reads back."""
    return records.Sight(only_institution=row["institution_id"], patients=None)


async def everything(stage: Stage) -> list[Line]:
    """The largest record that one institution wrote: alone for its latency, with eight clients for the rate."""
    async with stage.owner() as c:
        row = await c.fetchrow(_LARGEST)
    token = await stage.token(stage.code_of(row["institution_id"]))
    asked = [request("GET", f"/fhir/Patient/{row['patient']}/$everything", token=token)]
    recorder = Recorder(stage.access.database)
    await records.contents(recorder, stage.access.vault, [row["home"]], _own(row))  # type: ignore[arg-type]  # as in _search
    await stage.yima(asked, connections=1, again=False)
    alone = await stage.yima(asked, connections=1)
    eight = await stage.yima(asked, connections=8)
    size = alone.result.bytes // alone.result.requests
    note = f"{row['rows']} resources, {size / 1024:.0f} KB"
    limits = []
    for clients in (1, 8):
        same = await stage.pgbench([recorder.script()], clients=clients)
        bare = await stage.bare(f"/bytes/{size}", connections=clients)
        limits.append(_limit("pgbench same bytes", same, bare))
    aim = "p50 < 20 ms for 2,000 resources"
    return [
        Line("everything", "$everything, 1 client", alone.rate, alone.cost(), limits[0], aim, note),
        Line("everything-8", "the same, 8 clients", eight.rate, eight.cost(), limits[1], "5x the best peer (460/s)"),
    ]


def _limit(what: str, same: Limit, bare: Run) -> Limit:
    """PostgreSQL's part and the bare server's, one after the other."""
    return Limit(f"{what}, then bare 200", in_series(same.rate, bare.rate), (same.cpu or 0.0) + bare.micros(bare.ours))
