"""Witnesses sign the heads that they saw grow, the platform shows what they signed, and a log that is rewritten by
whoever owns its database and its key has no such signature."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.error import URLError

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
TABLES = ("event", "leaf", "tile", "head", "cosignature")
REGULATOR = proof.Cosigner(b"r" * 32, "regulator.example/w1")
UNIVERSITY = proof.Cosigner(b"u" * 32)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do everything."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def log(db: Database, keys: FileKeyStore) -> proof.Log:
    """A log of 300 lines in three heads; both witnesses signed each but the last, which only the regulator signed."""
    log = proof.Log(db, keys)
    await log.witnesses.add(REGULATOR.verifier.text(), NOW)
    await log.witnesses.add(UNIVERSITY.verifier.text(), NOW)
    for go in range(3):
        head = await grown(log, db, 100, NOW + go * MINUTE)
        signed = REGULATOR.cosign(head, head.sealed) + (UNIVERSITY.cosign(head, head.sealed) if go < 2 else "")
        assert len(await log.witnesses.take(head.note + signed, head.sealed)) == (2 if go < 2 else 1)
    return log


async def grown(log: proof.Log, db: Database, count: int, at: datetime) -> proof.Head:
    async with db.transaction() as c:
        await audit.append(
            c, [audit.Event(person=ids.new_person_id(), recorded=at, action="read", outcome="ok") for _ in range(count)]
        )
    return await log.seal(at)


async def test_what_was_signed_stands_under_the_heads_and_in_the_proofs(db: Database, log: proof.Log) -> None:
    newest, *earlier = await log.heads()
    for head in earlier:
        for cosigner in (REGULATOR, UNIVERSITY):
            found = proof.cosignature(head.note, cosigner.verifier)
            assert found
            assert found.at == head.sealed
            assert proof.read_head(head.note, log.verifier) == head
    assert proof.cosignature(newest.note, REGULATOR.verifier)
    assert not proof.cosignature(newest.note, UNIVERSITY.verifier)
    [regulator, university] = await log.witnesses.known()
    assert (regulator.name, regulator.size) == ("regulator.example/w1", newest.size)
    assert (university.name, university.size) == (UNIVERSITY.verifier.name, earlier[0].size)
    for position in (0, 150, 299):
        line = (await db.fetchrow("select event_id from audit.leaf where position = $1", position))[0]
        found = await log.prove(line, NOW)
        head = proof.check_line(proof.LineProof(**found.to_json()), log.verifier)
        assert proof.cosignature(head.note, REGULATOR.verifier)


async def test_a_line_is_proven_by_a_head_that_a_witness_signed_where_there_is_one(
    db: Database, log: proof.Log
) -> None:
    signed = await log.latest()
    assert signed
    unsigned = await grown(log, db, 300, signed.sealed + MINUTE)
    line, late = [
        (await db.fetchrow("select event_id from audit.leaf where position = $1", position))[0]
        for position in (signed.size - 1, signed.size)
    ]
    found = await log.prove(line, NOW)
    assert found.head.size == signed.size
    assert proof.check_line(proof.LineProof(**found.to_json()), log.verifier) == found.head
    assert (await log.prove(late, NOW)).head == unsigned
    await log.witnesses.take(unsigned.note + REGULATOR.cosign(unsigned, unsigned.sealed), unsigned.sealed)


def bare(head: proof.Head) -> str:
    """A head as the log alone signed it."""
    return f"{head.body}\n\n{head.note.partition(chr(10) * 2)[2].splitlines(keepends=True)[0]}"


def _flipped(line: str) -> str:
    name, _, text = line.rpartition(" ")
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return f"{name} {base64.b64encode(raw).decode()}\n"


STRANGER = proof.Cosigner(b"s" * 32, REGULATOR.verifier.name)
NOT_TAKEN = {
    "nothing under it": lambda _: "",
    "a stranger who calls itself the regulator": lambda head: STRANGER.cosign(head, head.sealed),
    "a bit is flipped": lambda head: _flipped(REGULATOR.cosign(head, head.sealed)),
    "of a time to come": lambda head: REGULATOR.cosign(head, head.sealed + 30 * MINUTE),
    "of a year that is none": lambda head: REGULATOR.cosign(head, datetime(9999, 6, 1, tzinfo=UTC)),
    "over another head": lambda head: REGULATOR.cosign(other(head), NOW),
    "not base64": lambda _: f"— {REGULATOR.verifier.name} AAAAA\n",
    "too short": lambda _: f"— {REGULATOR.verifier.name} AAAA\n",
    "the log's own key, as if it were a witness": lambda head: head.note.partition("\n\n")[2].splitlines(keepends=True)[
        0
    ],
}
"""What is put under a good head."""


def other(head: proof.Head) -> proof.Head:
    return proof.Head(head.size, head.root, head.sealed, head.note.replace(f"\n{head.size}\n", f"\n{head.size + 1}\n"))


@pytest.mark.parametrize("what", NOT_TAKEN)
async def test_only_good_signatures_of_known_witnesses_are_kept(db: Database, log: proof.Log, what: str) -> None:
    head = (await log.heads())[-1]
    before = await db.fetch("select * from audit.cosignature")
    note = bare(head)
    with pytest.raises(Refusal, match="witness-unknown"):
        await log.witnesses.take(note + NOT_TAKEN[what](head), head.sealed)
    assert await db.fetch("select * from audit.cosignature") == before


async def test_only_heads_of_the_log_are_signed_and_a_witness_that_ended_is_not_heard(
    db: Database, log: proof.Log, keys: FileKeyStore
) -> None:
    made = proof.HeadSigner(keys).sign(10_000, bytes(32), NOW)  # by the log's key, and never part of the log
    with pytest.raises(Refusal, match="head-invalid"):
        await log.witnesses.take(made.note + REGULATOR.cosign(made, NOW), NOW)
    with pytest.raises(Refusal, match="head-invalid"):
        await log.witnesses.take("noise", NOW)
    with pytest.raises(Refusal, match="witness-known"):
        await log.witnesses.add(STRANGER.verifier.text(), NOW)
    with pytest.raises(Refusal, match="field-invalid"):
        await log.witnesses.add(log.verifier.text(), NOW)
    third = proof.Cosigner(b"t" * 32)
    await log.witnesses.add(third.verifier.text(), NOW)
    await log.witnesses.end(third.verifier.name, NOW)
    head = (await log.heads())[0]
    with pytest.raises(Refusal, match="witness-unknown"):
        await log.witnesses.take(bare(head) + third.cosign(head, head.sealed), head.sealed)
    with pytest.raises(Refusal, match="not-found"):
        await log.witnesses.end(third.verifier.name, NOW)


# --- tampering with what is signed ------------------------------------------------------------------------------------

REWRITTEN = """
delete from audit.head where size > 100;
delete from audit.leaf where position >= 100;
delete from audit.event e where not exists (select from audit.leaf l where l.event_id = e.event_id);
delete from audit.tile;
"""
"""The owner cuts off the tail; the platform then signs another history in its place."""
TAILS = {
    "the signatures are removed with it": ("not-cosigned", "delete from audit.cosignature where size > 100"),
    "the signatures are left": ("cosignature-changed", "select 1"),
    "the signatures are put under the new heads": (
        "cosignature-changed",
        "update audit.cosignature set size = h.size, sealed = h.sealed from audit.head h"
        " where cosignature.size = 200 and h.size = 400",
    ),
}


@pytest.mark.parametrize("what", TAILS)
async def test_a_tail_rewritten_whole_and_signed_by_the_platform_is_seen_without_the_witness_being_there(
    db: Database, log: proof.Log, owner: asyncpg.Connection, keys: FileKeyStore, what: str
) -> None:
    """With the witness's public key alone: neither its memory nor its answer is needed."""
    kind, statement = TAILS[what]
    witnesses = [REGULATOR.verifier]
    assert (await proof.check(db, log.verifier, witnesses=witnesses)).whole
    kept = [await owner.fetch(f"select * from audit.{table}") for table in TABLES]
    last = (await log.heads())[0]
    await owner.execute(REWRITTEN)
    attacker = proof.Log(db, keys)
    await grown(attacker, db, 300, last.sealed + 20 * MINUTE)
    await owner.execute(statement)
    assert (await proof.check(db, log.verifier)).whole, "by itself it verifies: the platform's own key signed it"
    findings = await proof.check(db, log.verifier, witnesses=witnesses)
    assert kind in {problem.kind for problem in findings.problems}, list(proof.differences(findings))
    for table, rows in zip(TABLES, kept, strict=True):
        await owner.execute(f"delete from audit.{table}")
        await owner.copy_records_to_table(table, schema_name="audit", records=rows, columns=list(rows[0].keys()))
    assert (await proof.check(db, log.verifier, witnesses=witnesses)).whole


async def test_a_tail_written_anew_with_a_time_just_after_the_last_signature_is_seen_by_the_clock(
    db: Database, log: proof.Log, owner: asyncpg.Connection, keys: FileKeyStore
) -> None:
    """The time of a head is what the platform says it is: ten days can be signed as ten minutes."""
    witnesses, kept = [REGULATOR.verifier], [await owner.fetch(f"select * from audit.{table}") for table in TABLES]
    last = (await log.heads())[0]
    assert (await proof.check(db, log.verifier, witnesses=witnesses, now=last.sealed + 10 * MINUTE)).whole
    await owner.execute(REWRITTEN)
    await owner.execute("delete from audit.cosignature where size > 100")
    await grown(proof.Log(db, keys), db, 300, NOW + 10 * MINUTE)
    findings = await proof.check(db, log.verifier, witnesses=witnesses, now=NOW + timedelta(days=10))
    assert [problem.kind for problem in findings.problems] == ["not-cosigned"]
    for table, rows in zip(TABLES, kept, strict=True):
        await owner.execute(f"delete from audit.{table}")
        await owner.copy_records_to_table(table, schema_name="audit", records=rows, columns=list(rows[0].keys()))


async def test_a_check_spread_over_processes_finds_the_same(
    db: Database, log: proof.Log, owner: asyncpg.Connection, database_url: str
) -> None:
    spread = proof.Spread(database_url, 2)
    whole = await proof.check(db, log.verifier, spread=spread, witnesses=[REGULATOR.verifier])
    assert (whole.whole, whole.lines, whole.tiles) == (True, 600, 2)
    behind = await proof.check(db, log.verifier, spread=spread, witnesses=[proof.Cosigner(b"x" * 32).verifier])
    assert [problem.kind for problem in behind.problems] == ["not-cosigned"]


# --- the program and the commands -------------------------------------------------------------------------------------


async def test_a_witness_signs_what_it_saw_and_hands_it_back(db: Database, log: proof.Log, tmp_path: Path) -> None:
    state = tmp_path / "witness.json"
    state.write_bytes(msgspec.json.encode(witness.begun(log.verifier.text(), "court/1", b"c" * 32)))
    key = witness.own_key(state)
    await log.witnesses.add(key, NOW)
    head = await log.latest()
    assert head
    handed: list[str] = []

    def away(path: str, body: bytes) -> bytes:
        raise URLError("no route")

    def there(path: str, body: bytes) -> bytes:
        assert path == "/audit/cosignatures"
        handed.append(body.decode())
        return b"{}"

    answers = {"/audit/checkpoint": head.note.encode()}
    assert "not taken (URLError)" in witness.look(answers.__getitem__, state, None, head.sealed, away)
    assert "was taken" in witness.look(answers.__getitem__, state, None, head.sealed, there)
    assert "taken" not in witness.look(answers.__getitem__, state, None, head.sealed, there), "once is enough"
    [note] = handed
    assert (await log.witnesses.take(note, head.sealed))[0] == "court/1"
    assert state.stat().st_mode & 0o077 == 0, "whoever has the file signs as the witness"
    assert proof.cosignature(witness.kept_heads(state, log.verifier)[0].note, proof.read_verifier(key, b"\x04"))
    latest = await log.latest()
    assert latest
    assert proof.cosignature(latest.note, proof.read_verifier(key, proof.COSIGNER))


async def test_a_silent_log_is_signed_again_and_a_head_of_a_time_to_come_is_not(
    keys: FileKeyStore, tmp_path: Path
) -> None:
    signer, state, handed = proof.HeadSigner(keys), tmp_path / "witness.json", list[str]()
    root, key = sha256(b"").digest(), signer.verifier.text()

    def look(sealed: datetime, now: datetime) -> str:
        head = signer.sign(0, root, sealed)

        def hand(_: str, body: bytes) -> bytes:
            handed.append(body.decode())
            return b"{}"

        return witness.look({"/audit/checkpoint": head.note.encode()}.__getitem__, state, key, now, hand)

    assert "was taken" in look(NOW, NOW)
    assert "taken" not in look(NOW, NOW + MINUTE)
    assert "was taken" in look(NOW + 10 * MINUTE, NOW + 10 * MINUTE), "nothing was written, and the log is alive"
    assert [f"sealed {NOW:%Y-%m-%dT%H:%M:%SZ}" in note for note in handed] == [True, False]
    with pytest.raises(Refusal, match="head-invalid"):  # else it could be silent until then
        look(NOW + timedelta(days=3650), NOW + 11 * MINUTE)
    assert len(witness.kept_heads(state, signer.verifier)) == len(handed) == 2
    assert "was taken" in look(NOW + 13 * MINUTE, NOW + 11 * MINUTE), "clocks differ a little"


async def test_a_regulator_demands_the_witness_in_files_alone(db: Database, log: proof.Log, tmp_path: Path) -> None:
    line = (await db.fetchrow("select event_id from audit.leaf where position = 7"))[0]
    found = await log.prove(line, NOW)
    (tmp_path / "line.json").write_bytes(msgspec.json.encode(proof.LineProof(**found.to_json())))
    arguments = ["audit", "verify", "--line", str(tmp_path / "line.json"), "--key", log.verifier.text(), "--witness"]
    good = CliRunner().invoke(app, [*arguments, REGULATOR.verifier.text()])
    assert (good.exit_code, "signed by regulator.example/w1" in good.output) == (0, True), good.output
    for wrong in (STRANGER.verifier.text(), log.verifier.text()):
        bad = CliRunner().invoke(app, [*arguments, wrong])
        assert bad.exit_code == 1
        assert isinstance(bad.exception, Refusal)
