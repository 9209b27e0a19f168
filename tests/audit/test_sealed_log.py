"""The sealed log: what is written is in the tree, provable to outsiders; whatever is done to it afterwards is seen.

The tampering is done as the owner of the database, who may change every table; only the signing key is out of reach.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError

import asyncpg
import msgspec
import pytest
from typer.testing import CliRunner

from yima import audit
from yima.audit import proof
from yima.cli import witness
from yima.cli.commands import app
from yima.runtime import ids
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore

NOW = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LINES = 600


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do everything."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def log(db: Database, keys: FileKeyStore) -> proof.Log:
    """A log of six hundred lines, sealed in three goes."""
    log = proof.Log(db, keys)
    for go in range(3):
        await write(db, LINES // 3, NOW + go * MINUTE)
        await log.seal(NOW + go * MINUTE)
    return log


async def write(db: Database, count: int, at: datetime) -> list[str]:
    async with db.transaction() as c:
        return await audit.append(
            c,
            [
                audit.Event(
                    person=ids.new_person_id(), recorded=at, action="read", outcome="ok", agent_name="陈医生",
                    detail={"types": {"Observation": n}, "reason": '"引号"\\'},
                )
                for n in range(count)
            ],
        )  # fmt: skip


async def test_heads_grow_are_signed_and_signed_again_only_when_there_is_something_to_say(
    db: Database, log: proof.Log
) -> None:
    heads = await log.heads()
    assert [head.size for head in heads] == [LINES, LINES * 2 // 3, LINES // 3]
    for head in heads:
        assert proof.read_head(head.note, log.verifier) == head
    last = heads[0]
    assert await log.seal(last.sealed + MINUTE) == last
    again = await log.seal(last.sealed + 11 * MINUTE)
    assert (again.size, again.root) == (last.size, last.root)
    assert again.sealed > last.sealed
    for first in heads:
        for second in heads:
            if first.size <= second.size:
                path = [proof.text_of(one) for one in await log.consistency(first.size, second.size)]
                proof.check_growth(first, second, path)


async def test_every_line_is_proven_to_whoever_has_only_the_key(db: Database, log: proof.Log) -> None:
    rows = await db.fetch("select event_id from audit.event order by event_id")
    for row in rows[:: LINES // 20]:
        found = await log.prove(row["event_id"], NOW)
        paper = proof.LineProof(**found.to_json(), line=await log.line(row["event_id"]))
        kept = proof.read_line_proof(msgspec.json.encode(paper))
        assert proof.check_line(kept, log.verifier).size >= LINES
        forged = msgspec.structs.replace(kept, line=msgspec.structs.replace(kept.line, agent_name="王医生"))
        with pytest.raises(Refusal, match="proof-invalid"):
            proof.check_line(forged, log.verifier)
    pair = [base64.b64decode(one) for one in (kept.leaf_hash, kept.path[0])]
    cut = b"".join(pair[::-1] if kept.position % 2 else pair)
    leaf, beside = (cut[24:], cut[:24]) if kept.position % 2 else (cut[:40], cut[40:])
    path = [proof.text_of(beside), *kept.path[1:]]
    elsewhere = msgspec.structs.replace(kept, line=None, leaf_hash=proof.text_of(leaf), path=path)
    with pytest.raises(Refusal, match="proof-invalid"):  # it leads to the root, and is no line's hash
        proof.check_line(elsewhere, log.verifier)


ENDLESS = b'{"path": [], "x": ' + b"[" * 100_000


@pytest.mark.parametrize("text", [ENDLESS, b"[", b"", b"\xff", b'{"position": 1e400}', b'{"position": "1"}'], ids=len)
def test_files_that_are_no_proofs(text: bytes, keys: FileKeyStore) -> None:
    with pytest.raises(Refusal, match="proof-invalid"):
        proof.read_line_proof(text)
    with pytest.raises(Refusal, match=r"proof-invalid|head-invalid"):
        proof.read_head(proof.read_head_paper(text).head, proof.HeadSigner(keys).verifier)


async def test_a_line_that_is_asked_for_before_its_minute_is_sealed_then(db: Database, log: proof.Log) -> None:
    [line] = await write(db, 1, NOW + 30 * MINUTE)
    found = await log.prove(line, NOW + 30 * MINUTE)
    assert found.position == found.head.size - 1
    with pytest.raises(Refusal, match="not-found"):
        await log.prove(ids.new_resource_id(1), NOW)
    with pytest.raises(Refusal, match="not-found"):
        await log.prove("../../etc/passwd", NOW)


async def test_lines_of_a_transaction_under_way_are_sealed_when_it_ends(
    db: Database, log: proof.Log, owner: asyncpg.Connection
) -> None:
    """Neither lost nor in the tree before they are committed, whatever is written meanwhile."""
    at = NOW + 40 * MINUTE
    transaction = owner.transaction()
    await transaction.start()
    [late] = await audit.append(owner, [audit.Event(person=7, recorded=at, action="read", outcome="ok")])
    [early] = await write(db, 1, at)
    with pytest.raises(Refusal, match="line-not-sealed"):
        await log.prove(early, at)
    await transaction.commit()
    assert (await log.prove(early, at)).head == (await log.prove(late, at)).head


# --- tampering -------------------------------------------------------------------------------------------------------

LINE = "(select event_id from audit.leaf where position = 300)"
SLIPPED = '{"event_id": "0000000005-0123456789abc", "person_id": 5, "tx": 1}'
TAMPERING = {
    "a name is changed": ("line-changed", f"update audit.event set agent_name = '王医生' where event_id = {LINE}"),
    "a time is moved": (
        "line-changed",
        f"update audit.event set recorded = recorded + interval '1 microsecond' where event_id = {LINE}",
    ),
    "a denial becomes allowed": ("line-changed", f"update audit.event set outcome = 'denied' where event_id = {LINE}"),
    "details are emptied": ("line-changed", f"update audit.event set detail = '{{}}' where event_id = {LINE}"),
    "a line is given to another": ("line-missing", f"update audit.event set person_id = 5 where event_id = {LINE}"),
    "a line is removed": ("line-missing", f"delete from audit.event where event_id = {LINE}"),
    "a line is removed from the tree too": ("position-missing", "delete from audit.leaf where position = 300"),
    "the tail is cut off": ("position-missing", "delete from audit.leaf where position >= 590"),
    "a line is slipped in": (
        "line-added",
        f"insert into audit.event select (jsonb_populate_record(e, '{SLIPPED}')).* from audit.event e limit 1",
    ),
    "two lines change places": (
        "head-changed",
        "update audit.leaf set position = 1000021 - position where position in (10, 11);"
        "update audit.leaf set position = position - 1000000 where position > 1000000",
    ),
    "a line and its hash are rewritten": (
        "head-changed",
        f"update audit.event set agent_name = '王医生' where event_id = {LINE};"
        "update audit.leaf set hash = sha256('x') where position = 300",
    ),
    "a tile is rewritten": (
        "tile-changed",
        "update audit.tile set hashes = overlay(hashes placing sha256('x') from 33) where level = 0 and number = 0",
    ),
    "a tile's root is rewritten": (
        "tile-changed",
        "update audit.tile set root = sha256('x') where level = 0 and number = 1",
    ),
    "a tile is removed": ("tile-changed", "delete from audit.tile where level = 0 and number = 1"),
    "a head is rewritten": ("head-changed", "update audit.head set root = sha256('x') where size = 400"),
    "a head's note is rewritten": (
        "head-changed",
        "update audit.head set note = replace(note, '400', '401') where size = 400",
    ),
}
"""What is done, as the first kind of difference that shows it and the statements."""


@pytest.mark.parametrize("what", TAMPERING)
async def test_whatever_is_changed_is_found(
    db: Database, log: proof.Log, owner: asyncpg.Connection, database_url: str, what: str
) -> None:
    kind, statement = TAMPERING[what]
    assert (await proof.check(db, log.verifier)).whole
    kept = [await owner.fetch(f"select * from audit.{table}") for table in TABLES]
    await owner.execute(statement)
    findings = await proof.check(db, log.verifier)
    assert kind in {problem.kind for problem in findings.problems}, list(proof.differences(findings))
    await put_back(owner, kept)
    assert (await proof.check(db, log.verifier)).whole


async def test_lines_that_stand_anywhere_and_hold_anything_are_checked(
    db: Database, log: proof.Log, owner: asyncpg.Connection
) -> None:
    """Neighbours are read together, others by their keys: in both ways all is found whole, and a change is seen."""
    at = NOW + 45 * MINUTE
    await owner.execute("vacuum full audit.event")  # as an application leaves it, who removes nothing
    known = (await proof.check(db, log.verifier)).singly
    held = ["", '"\\', "\n\t\r\b\f", "阿依古丽·买买提江\u2028", "\x7f", "\\N", "%b"]
    times = [at + timedelta(microseconds=n) for n in (0, 1, 100, 120_000, 999_999)]
    events = [
        audit.Event(person=9, recorded=time, action="read", outcome="ok", agent_name=name, detail={"reason": name})
        for name in held
        for time in times
    ]
    odd = [
        audit.Event(person=9, recorded=at, action="read", outcome="ok", agent_name=name)
        for name in ("\v", "\x01", "\x1f")
    ]
    async with db.transaction() as c:
        await audit.append(c, events)
    await log.seal(at)
    findings = await proof.check(db, log.verifier)
    assert (findings.whole, findings.singly) == (True, known)
    async with db.transaction() as c:
        lines = await audit.append(c, odd)
    await log.seal(at + MINUTE)
    findings = await proof.check(db, log.verifier)
    assert (findings.whole, findings.singly) == (True, known + len(odd))
    await owner.execute("update audit.event set agent_name = 'x' where event_id = $1", lines[0])
    assert [found.where for found in (await proof.check(db, log.verifier)).problems] == [lines[0]]
    await owner.execute("update audit.event set agent_name = E'\\v' where event_id = $1", lines[0])
    assert (await proof.check(db, log.verifier)).whole


TABLES = ("event", "leaf", "tile", "head")


async def put_back(owner: asyncpg.Connection, kept: list[list[asyncpg.Record]]) -> None:
    for table, rows in zip(TABLES, kept, strict=True):
        await owner.execute(f"delete from audit.{table}")
        await owner.copy_records_to_table(table, schema_name="audit", records=rows, columns=list(rows[0].keys()))


async def answers(log: proof.Log, since: int = 0) -> witness.Fetch:
    """What the platform would answer a witness who knows the log up to `since`."""
    head = await log.latest()
    assert head
    said = {"/audit/key": log.verifier.text().encode(), "/audit/checkpoint": head.note.encode()}
    if since <= head.size:
        path = [proof.text_of(one) for one in await log.consistency(since, head.size)]
        said[f"/audit/consistency?from={since}&to={head.size}"] = msgspec.json.encode({"path": path})
    return said.__getitem__


async def test_a_tail_rewritten_whole_is_seen_by_its_witness(
    db: Database, log: proof.Log, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Lines, tree and heads are cut off and written anew: the platform itself signs the new history. The log verifies
    by itself, and the witness refuses it, as does a check against the heads that the witness kept."""
    state = tmp_path / "witness.json"
    head = await log.seal(NOW + 50 * MINUTE)
    assert f"{head.size} lines" in witness.look(await answers(log), state, None, head.sealed)
    kept = [await owner.fetch(f"select * from audit.{table}") for table in TABLES]
    for statement in (
        "delete from audit.head where size > 400",
        "delete from audit.leaf where position >= 400",
        "delete from audit.event e where not exists (select from audit.leaf l where l.event_id = e.event_id)",
        "delete from audit.tile where number >= 1",
    ):
        await owner.execute(statement)
    await write(db, LINES, NOW + 51 * MINUTE)
    rewritten = await log.seal(NOW + 51 * MINUTE)
    assert rewritten.size > head.size
    assert (await proof.check(db, log.verifier)).whole
    assert not (await proof.check(db, log.verifier, witness.kept_heads(state, log.verifier))).whole
    with pytest.raises(Refusal, match="log-forked"):
        witness.look(await answers(log, head.size), state, None, rewritten.sealed)
    assert "log-forked" in state.read_text()
    await put_back(owner, kept)


async def test_a_witness_sees_growth_silence_shrinking_and_another_key(
    log: proof.Log, tmp_path: Path, db: Database
) -> None:
    state = tmp_path / "witness.json"
    first = await log.seal(NOW + 60 * MINUTE)
    early = await answers(log)
    witness.look(early, state, log.verifier.text(), first.sealed)
    await write(db, 3, NOW + 61 * MINUTE)
    second = await log.seal(NOW + 61 * MINUTE)
    assert "grown" in witness.look(await answers(log, first.size), state, None, second.sealed)
    assert [head.size for head in witness.kept_heads(state, log.verifier)] == [first.size, second.size]
    with pytest.raises(Refusal, match="log-silent"):
        witness.look(await answers(log, second.size), state, None, second.sealed + 20 * MINUTE)
    with pytest.raises(Refusal, match="log-forked"):
        witness.look(early, state, None, second.sealed)
    other = proof.Log(db, FileKeyStore(tmp_path / "other.json"))
    with pytest.raises(Refusal, match="head-invalid"):
        witness.look(await answers(log), state, other.verifier.text(), second.sealed)
    with pytest.raises(Refusal, match="head-invalid"):
        witness.look(await answers(log), tmp_path / "new.json", other.verifier.text(), second.sealed)


async def test_a_busy_platform_is_asked_again_and_not_for_ever(log: proof.Log, tmp_path: Path, db: Database) -> None:
    state = tmp_path / "witness.json"
    first = await log.seal(NOW + 62 * MINUTE)
    witness.look(await answers(log), state, None, first.sealed)
    await write(db, 3, NOW + 63 * MINUTE)
    second = await log.seal(NOW + 63 * MINUTE)
    known = await answers(log, first.size)

    def refusing(status: int) -> witness.Fetch:
        def fetch(path: str) -> bytes:
            if "consistency" in path:
                raise HTTPError(path, status, "", Message(), None)
            return known(path)

        return fetch

    with pytest.raises(ConnectionError):
        witness.look(refusing(503), state, None, second.sealed)
    assert [head.size for head in witness.kept_heads(state, log.verifier)] == [first.size], "nothing unproven is signed"
    for status, now in ((404, second.sealed), (503, first.sealed + 16 * MINUTE)):
        with pytest.raises(Refusal, match="log-forked"):
            witness.look(refusing(status), state, None, now)
    assert "grown" in witness.look(known, state, None, second.sealed)


async def test_a_platform_that_answers_no_more_or_too_much(log: proof.Log, tmp_path: Path, db: Database) -> None:
    """What it leaves out, or sends besides, neither hides a fork for long nor fills the witness's disk."""
    state, first = tmp_path / "witness.json", await log.seal(NOW + 64 * MINUTE)
    start = await answers(log)
    junk = "— somebody/else AAAA\n" * 10_000
    witness.look(lambda path: start(path) + junk.encode(), state, log.verifier.text(), first.sealed)
    assert state.stat().st_size < 2000
    await write(db, 3, NOW + 65 * MINUTE)
    second = await log.seal(NOW + 65 * MINUTE)
    known = await answers(log, first.size)

    def breaking(where: str, error: Exception) -> witness.Fetch:
        def fetch(path: str) -> bytes:
            if where in path:
                raise error
            return known(path)

        return fetch

    away = URLError("refused")
    for where, error in (("checkpoint", away), ("checkpoint", TimeoutError()), ("consistency", away)):
        with pytest.raises((URLError, TimeoutError)):
            witness.look(breaking(where, error), state, None, second.sealed)
        with pytest.raises(Refusal, match="log-silent"):
            witness.look(breaking(where, error), state, None, first.sealed + 16 * MINUTE)
    assert state.read_text().count("log-silent") == 3, "each is written down"

    def endless(path: str) -> bytes:
        return ENDLESS if "consistency" in path else known(path)

    with pytest.raises(Refusal, match="log-forked"):
        witness.look(endless, state, None, second.sealed)
    assert "grown" in witness.look(known, state, None, second.sealed)


def test_a_byte_now_and_then_holds_no_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause is shorter than a connection's timeout; the whole is not."""
    monkeypatch.setattr(witness, "_LONGEST", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"H")
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        fetch = witness._fetcher(f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(TimeoutError):
            fetch("/audit/checkpoint")


def test_a_witness_is_not_sent_elsewhere(log: proof.Log, tmp_path: Path) -> None:
    """Who answers for the platform may be anybody; a witness stands in a regulator's own network."""
    asked: list[str] = []

    class Sending(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the parent's name
            """Nothing: the test says what was asked."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Sending) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        arguments = ["witness", "--base", base, "--state", str(tmp_path / "state"), "--once"]
        ended = CliRunner().invoke(app, [*arguments, "--key", log.verifier.text()])
        server.shutdown()
    assert isinstance(ended.exception, Refusal)
    assert (ended.exception.code, "HTTP 307" in str(ended.exception)) == ("platform-unreachable", True)
    assert asked == ["/audit/checkpoint"]


ODD_STATES = (ENDLESS, b"{}", b"[]", b'{"key": "x", "secret": "!!"}', b'{"key": "x", "secret": "AA=="}', b"\xff")


@pytest.mark.parametrize("text", ODD_STATES, ids=len)
def test_a_state_file_that_is_none(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "witness.json").write_bytes(text)
    with pytest.raises(Refusal, match="input-unreadable"):
        witness.own_key(tmp_path / "witness.json")


@pytest.mark.parametrize(
    "arguments", [("--line", "."), ("--kept", "."), ("--from", "9" * 30, "--to", "9" * 30)], ids=str
)
def test_files_that_are_none(arguments: tuple[str, ...], log: proof.Log) -> None:
    done = CliRunner().invoke(app, ["audit", "verify", *arguments, "--key", log.verifier.text()])
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit | Refusal), done.exception


# --- the interfaces --------------------------------------------------------------------------------------------------


async def test_a_regulator_verifies_files_alone(log: proof.Log, db: Database, tmp_path: Path) -> None:
    """`yima audit verify` with files and a key: no database, no network; status 0 only when it holds."""
    first = await log.seal(NOW + 70 * MINUTE)
    [line] = await write(db, 1, NOW + 71 * MINUTE)
    second = await log.seal(NOW + 71 * MINUTE)
    found = await log.prove(line, NOW + 71 * MINUTE)
    paper = proof.LineProof(**found.to_json(), line=await log.line(line))
    (tmp_path / "line.json").write_bytes(msgspec.json.encode(paper))
    (tmp_path / "first").write_text(first.note)
    path = [proof.text_of(one) for one in await log.consistency(first.size, second.size)]
    (tmp_path / "second").write_bytes(msgspec.json.encode(proof.HeadPaper(second.note, "", first.size, path)))
    (tmp_path / "forged.json").write_bytes(msgspec.json.encode(paper).replace("陈医生".encode(), "王医生".encode()))
    (tmp_path / "wrong").write_bytes(msgspec.json.encode(proof.HeadPaper(second.note, "", first.size, path[1:])))
    (tmp_path / "noise").write_bytes(b"\x00\xff{")
    key = ["--key", log.verifier.text()]
    line_of, growth = ["--line", str(tmp_path / "line.json")], ["--from", str(tmp_path / "first"), "--to"]
    for arguments, status, said in (
        ([*line_of, *key], 0, "good: the line is number"),
        ([*growth, str(tmp_path / "second"), *key], 0, "good: the log of"),
        (["--line", str(tmp_path / "forged.json"), *key], 1, ""),
        (["--line", str(tmp_path / "noise"), *key], 1, ""),
        ([*growth, str(tmp_path / "wrong"), *key], 1, ""),
        ([*growth, str(tmp_path / "noise"), *key], 1, ""),
        ([*growth, str(tmp_path / "nowhere"), *key], 1, ""),
        ([*line_of, "--key", proof.Verifier("other", b"0" * 32).text()], 1, ""),
        ([*line_of, "--key", "yima.audit/1+00000000+AQID"], 1, ""),
        ([*line_of, "--data", str(tmp_path / "empty")], 1, ""),
        ([*growth[:2], *key], 1, ""),
    ):
        ran = CliRunner().invoke(app, ["audit", "verify", *arguments])
        assert (ran.exit_code, said in ran.output) == (status, True), (arguments, ran.output, ran.exception)
        assert status == 0 or isinstance(ran.exception, Refusal)
