"""The bench runs, counts what it did, and fails when something answers with an error. No timing is asserted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from bench.__main__ import measured
from bench.cases import CASES
from bench.client import pack, unpack
from bench.limits import Recorder, literal
from bench.measure import BenchError, Cost, Limit, Line, Target, in_series, request, run
from bench.stage import Plan, database

from bench import report
from yima.runtime.database import Database

_TINY = Plan(residents=2, seconds=0.3, scans=300, sustained=0.3, lines=500, sealed=1_500, synthea=False)
_NAMES = ["verify", "read", "create", "bundle"]


@pytest.mark.slow
def test_the_http_cases_run_beside_their_limits(tmp_path: Path) -> None:
    with database(None) as server:
        lines = asyncio.run(measured(_TINY, server, _NAMES))
    verifying = ["verify", "verify-sustained", "verify-paced", "verify-overload"]
    assert [line.name for line in lines] == [*verifying, "read", "read-visit", "create", "bundle"]
    assert all(line.rate > 0 for line in lines)
    assert all(line.ratio for line in lines if not line.name.startswith("verify-"))
    path = tmp_path / "made" / "result.json"
    report.keep(report.document(lines, _TINY, datetime.now(UTC), 1.0, (0.0, 0.0)), path)
    assert [line["name"] for line in orjson.loads(path.read_bytes())["lines"]] == [line.name for line in lines]


@pytest.mark.slow
def test_every_other_case_runs_too() -> None:
    """A case that no longer fits what it measures would be found out by whoever needs the figure. `primitives` asks
    OpenSSL about itself, 40 seconds in any plan."""
    names = [name for name in CASES if name not in (*_NAMES, "primitives")]
    with database(None) as server:
        lines = asyncio.run(measured(_TINY, server, names))
    assert len(lines) > len(names)
    assert all(line.rate > 0 for line in lines), [line.name for line in lines if not line.rate > 0]


async def _answer_with(status: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        # The answer comes in pieces, as answers do.
        for part in (b"HTTP/1.1 ", status, b" x\r\nContent-Len", b"gth: 3\r\n\r\nab", b"c"):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
    writer.close()


@pytest.mark.parametrize(("status", "fails"), [(b"200", False), (b"201", False), (b"404", True), (b"500", True)])
async def test_an_error_makes_the_run_fail(status: bytes, fails: bool) -> None:
    server = await asyncio.start_server(lambda r, w: _answer_with(status, r, w), "127.0.0.1", 0)
    target = Target(server.sockets[0].getsockname()[1], server=0, postgres=0)
    try:
        sending = run(target, [request("GET", "/")] * 6, connections=2, seconds=5, again=False)
        if fails:
            with pytest.raises(BenchError, match=f"6 failed .HTTP/1.1 {status.decode()}"):
                await sending
        else:
            assert (await sending).result.requests == 6
    finally:
        server.close()


async def test_the_open_loop_sends_what_is_due() -> None:
    server = await asyncio.start_server(lambda r, w: _answer_with(b"200", r, w), "127.0.0.1", 0)
    target = Target(server.sockets[0].getsockname()[1], server=0, postgres=0)
    try:
        paced = await run(target, [request("GET", "/")], connections=4, seconds=0.5, rate=100)
    finally:
        server.close()
    assert paced.result.requests == 50


def test_requests_go_through_a_file_unchanged() -> None:
    requests = [b"", b"a" * 70_000, request("POST", "/x", token="t", body=b"{}", yima_visit="v")]
    assert unpack(pack(requests)) == requests
    assert b"content-length: 2\r\n" in requests[2]
    assert b"yima-visit: v\r\n" in requests[2]


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "null"),
        (7, "7"),
        ("it's", "'it''s'"),
        ([1, -2], "array[1, -2]::bigint[]"),
        (["a"], "array['a']::text[]"),
        ([], "array[]::text[]"),
        (datetime(2026, 1, 2, tzinfo=UTC), "'2026-01-02T00:00:00+00:00'::timestamptz"),
    ],
)
def test_values_as_sql(value: object, sql: str) -> None:
    assert literal(value) == sql


async def test_recorded_statements_become_a_script(db: Database) -> None:
    recorder = Recorder(db)
    assert [tuple(row) for row in await recorder.fetch("select $1::integer,\n$2::text, $1", 5, "x")] == [(5, "x", 5)]
    assert (await recorder.fetchrow("select 1"))[0] == 1
    assert recorder.script() == "select 5::integer, 'x'::text, 5;\nselect 1;\n"


def test_ratios() -> None:
    assert in_series(100, 100) == 50
    line = Line("x", "", 25.0, Cost(30.0, 10.0), Limit("", 100.0, 20.0))
    assert (line.ratio, line.cpu_ratio) == (0.25, 0.5)
    assert (Line("x", "", 25.0, Cost(30.0)).ratio, Line("x", "", 25.0, Cost(30.0)).cpu_ratio) == (None, None)
