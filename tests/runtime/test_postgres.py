"""The embedded PostgreSQL, with real processes: how it is set up, what it shows, and that it comes and goes with us."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from yima.runtime import postgres
from yima.runtime.errors import Refusal
from yima.runtime.postgres import binaries
from yima.runtime.postgres.account import Account, choose
from yima.runtime.postgres.binaries import Installation, within_reach
from yima.runtime.postgres.cluster import Home, initialise

ROOT = os.geteuid() == 0
QUICK = {"fsync": "off", "shared_buffers": "16MB"}
SOURCE = Path(postgres.__file__).parents[3]


@pytest.fixture(name="place")
def _place() -> Iterator[Path]:
    """A directory that other accounts may pass through (pytest's own is private)."""
    folder = Path(tempfile.mkdtemp(prefix="yima-test-"))
    folder.chmod(0o711)
    yield folder
    for data in (folder / "data", folder / "private" / "data"):
        postgres.remove(data)
    shutil.rmtree(folder)


@pytest.fixture(name="server", scope="module")
def _server() -> Iterator[postgres.Postgres]:
    """One server, set up as it is by default, for the tests that only look."""
    folder = Path(tempfile.mkdtemp(prefix="yima-test-"))
    folder.chmod(0o711)
    with postgres.start(folder / "data") as server:
        yield server
    postgres.remove(folder / "data")
    shutil.rmtree(folder)


def ask(url: str, sql: str) -> Any:
    """The first value of one statement, over a connection of its own."""

    async def run() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return in_new_loop(run)


def in_new_loop(work: Callable[[], Awaitable[Any]]) -> Any:
    with asyncio.Runner() as runner:
        return runner.run(work())  # type: ignore[arg-type]  # every caller gives a coroutine function


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_gone(pid: int, seconds: float) -> float:
    """Seconds until the process has ended."""
    began = time.monotonic()
    while alive(pid) and time.monotonic() - began < seconds:
        time.sleep(0.01)
    assert not alive(pid), f"{pid} still runs after {seconds} s"
    return time.monotonic() - began


def app(data: Path) -> tuple[subprocess.Popen[str], int, str]:
    """An application of its own that has started the server: the process, the postmaster's pid, the URL."""
    program = f"""
        import sys, time
        from pathlib import Path
        from yima.runtime import postgres
        server = postgres.start(Path(sys.argv[1]), settings={QUICK!r})
        print(server.pid, server.url("postgres"), flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(data)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(SOURCE)})
    assert child.stdout
    pid, url = child.stdout.readline().split()
    return child, int(pid), url


def test_first_and_second_start_keep_the_data_and_the_password(place: Path) -> None:
    with postgres.start(place / "data", settings=QUICK) as first:
        url = first.url("postgres")
        ask(url, "create table kept as select 42 as value")
    with postgres.start(place / "data", settings=QUICK) as second:
        assert second.url("postgres") == url
        assert ask(url, "select value from kept") == 42
    assert not alive(second.pid)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("select current_user", "yima"),
        ("show data_checksums", "on"),
        ("show server_encoding", "UTF8"),
        ("select datlocprovider::text || datlocale from pg_database where datname = 'template1'", "bC.UTF-8"),
        ("select string_agg(distinct auth_method, ',') from pg_hba_file_rules", "scram-sha-256"),
        ("show listen_addresses", ""),
        ("show synchronous_commit", "on"),
        ("show fsync", "on"),
        ("show jit", "off"),
        ("show timezone", "UTC"),
        ("select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = 'yima'", True),
        ("select lower('ÄÉŁ') || upper('ß')", "äéłß"),
    ],
)
def test_set_up(server: postgres.Postgres, question: str, answer: object) -> None:
    if server_major(server) < 17 and "datlocale" in question:
        pytest.skip("the builtin locale came with PostgreSQL 17")
    assert ask(server.url("postgres"), question) == answer


def server_major(server: postgres.Postgres) -> int:
    return int((server.home / "data" / "PG_VERSION").read_text())


def test_a_wrong_password_is_refused_on_the_socket_too(server: postgres.Postgres) -> None:
    url = server.url("postgres")
    word = url.split(":")[2].split("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(url.replace(word, "guessed"), "select 1")


def test_no_tcp_port_is_open(server: postgres.Postgres) -> None:
    sockets = {str(entry.readlink()) for entry in Path(f"/proc/{server.pid}/fd").iterdir()}
    tcp = [line.split()[9] for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    assert not sockets & {f"socket:[{inode}]" for inode in tcp}


def test_secrets_are_private(server: postgres.Postgres) -> None:
    data = server.log.parent
    assert stat.S_IMODE((data / "postgres.password").stat().st_mode) == 0o600
    assert stat.S_IMODE((server.home / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket_directory.stat().st_mode) == 0o700
    word = (data / "postgres.password").read_text().strip()
    assert word in server.url()
    assert word not in repr(server)
    process = Path("/proc", str(server.pid))
    assert word.encode() not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    assert set((process / "environ").read_bytes().decode().split("\0")) <= {"PATH=/usr/bin:/bin", "LC_ALL=C", ""} | {
        f"LD_LIBRARY_PATH={os.environ.get('LD_LIBRARY_PATH')}"
    }
    assert word not in server.log.read_text()


def test_it_never_runs_as_root(server: postgres.Postgres) -> None:
    assert Path("/proc", str(server.pid)).stat().st_uid != 0


def test_the_log_holds_no_values(server: postgres.Postgres) -> None:
    url = server.url("postgres")
    ask(url, "create table seen (phone text primary key)")
    ask(url, "insert into seen values ('synthetic-0001')")
    with pytest.raises(asyncpg.UniqueViolationError):
        ask(url, "insert into seen values ('synthetic-0001')")
    assert "duplicate key" in server.log.read_text()
    assert "synthetic-0001" not in server.log.read_text()


def test_recovers_after_kill_9_of_the_server(place: Path) -> None:
    data = place / "data"
    with postgres.start(data) as server:
        ask(server.url("postgres"), "create table kept as select 42 as value")
        os.kill(server.pid, signal.SIGKILL)
        wait_gone(server.pid, 60)
        assert not server.running
    with postgres.start(data) as server:
        assert ask(server.url("postgres"), "select value from kept") == 42


@pytest.mark.parametrize("pause", [True, False], ids=["after it ended", "at once"])
def test_dies_with_the_app_and_starts_again(place: Path, pause: bool) -> None:
    child, pid, url = app(place / "data")
    ask(url, "create table kept as select 42 as value")
    child.kill()
    child.wait()
    if pause:
        wait_gone(pid, 60)
    with postgres.start(place / "data", settings=QUICK) as server:
        assert not alive(pid)
        assert ask(server.url("postgres"), "select value from kept") == 42


def test_recovers_after_kill_9_of_the_whole_tree(place: Path) -> None:
    child, pid, url = app(place / "data")
    ask(url, "create table kept as select 42 as value")
    tree = (pid, child.pid, *processes_in(pid))
    for victim in tree:
        with contextlib.suppress(ProcessLookupError):  # a server process that saw the postmaster die
            os.kill(victim, signal.SIGKILL)
    child.wait()
    with postgres.start(place / "data", settings=QUICK) as server:
        assert ask(server.url("postgres"), "select value from kept") == 42


def processes_in(postmaster: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()]


def test_a_server_whose_app_lost_it_is_stopped_first(place: Path) -> None:
    # The death signal can get lost (an app that double-forks); then only the lock tells that nobody owns the server.
    lost = postgres.start(place / "data", settings=QUICK)
    for lock in lost._locks:
        lock.release()
    with postgres.start(place / "data", settings=QUICK) as server:
        assert not lost.running
        assert server.pid != lost.pid


def test_a_pid_file_that_names_somebody_else_is_no_hindrance(place: Path) -> None:
    with postgres.start(place / "data", settings=QUICK) as server:
        home = server.home
    owner = Account((home / "data").stat().st_uid, (home / "data").stat().st_gid)
    other = subprocess.Popen(["/bin/sleep", "60"], **owner.process_options())
    file = home / "data" / "postmaster.pid"
    file.write_text(f"{other.pid}\n{home / 'data'}\n1\n5432\n{home / 'run'}\n\n  0  0\nready   \n")
    try:
        with postgres.start(place / "data", settings=QUICK) as server:
            assert ask(server.url("postgres"), "select 1") == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_directory_in_use_is_refused(place: Path) -> None:
    child, _, _ = app(place / "data")
    try:
        with pytest.raises(Refusal) as caught:
            postgres.start(place / "data", settings=QUICK)
        assert caught.value.code == "data-directory-in-use"
        assert str(place / "data") in caught.value.text("en")
        assert str(child.pid) in caught.value.text("en")
        with pytest.raises(Refusal):
            postgres.remove(place / "data")
    finally:
        child.kill()
        child.wait()


def test_a_forked_worker_does_not_hold_the_directory(place: Path) -> None:
    server = postgres.start(place / "data", settings=QUICK)
    worker = os.fork()
    if worker == 0:
        time.sleep(60)
        os._exit(0)
    try:
        server.stop()
        postgres.start(place / "data", settings=QUICK).stop()
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


def test_a_very_long_path(place: Path) -> None:
    data = place.joinpath(*["a-directory-name-of-forty-characters-1234"] * 5, "data")
    with postgres.start(data, settings=QUICK) as server:
        assert len(os.fsencode(server.socket_directory / ".s.PGSQL.5432")) <= 100
        assert stat.S_IMODE(server.socket_directory.stat().st_mode) == 0o700
        assert ask(server.url("postgres"), "select 1") == 1
    with postgres.start(data, settings=QUICK) as again:
        assert again.socket_directory == server.socket_directory
    postgres.remove(data)
    assert not server.socket_directory.exists()


@pytest.mark.skipif(not ROOT, reason="only root has a private place that the server's account cannot reach")
def test_below_a_private_directory_of_root(place: Path) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    with postgres.start(private / "data", settings=QUICK) as server:
        assert server.home.parent == Path("/var/lib/yima")
        assert ask(server.url("postgres"), "select 1") == 1
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    with postgres.start(private / "data", settings=QUICK) as again:
        assert again.home == server.home
    postgres.remove(private / "data")
    assert not server.home.exists()


@pytest.mark.skipif(not ROOT, reason="only root has a private place that the server's account cannot reach")
def test_programs_below_a_private_directory_are_copied(place: Path) -> None:
    found = postgres.locate()
    if found.source != "wheel":
        pytest.skip("the wheel is not installed")
    package = found.bin.parents[1]
    hidden = place / "private"
    hidden.mkdir(mode=0o700)
    shutil.copytree(found.bin.parent, hidden / package.name / found.bin.parent.name, symlinks=True)
    shutil.copytree(package.with_name(package.name + ".libs"), hidden / (package.name + ".libs"))
    account = choose(None)
    copy = within_reach(
        Installation(hidden / package.name / found.bin.parent.name / "bin", found.major, "wheel", found.lz4), account
    )
    try:
        assert copy.bin.is_relative_to("/var/lib/yima")
        assert (copy.bin / "postgres").stat().st_uid == 0
        for program in ("postgres", "initdb", "psql"):
            command = [str(copy.bin / program), "--version"]
            options = account.process_options()
            assert subprocess.run(command, check=True, capture_output=True, cwd="/", **options).stdout
        assert stat.S_IMODE(hidden.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(copy.bin.parents[2])


@pytest.mark.skipif(not ROOT, reason="the whole suite already runs under an ordinary account")
def test_under_an_ordinary_account(place: Path) -> None:
    entry = pwd.getpwnam("nobody")
    ordinary = Account(entry.pw_uid, entry.pw_gid)
    if not ordinary.reaches(postgres.locate().bin):
        pytest.skip("this clone lies where other accounts cannot get")
    own = place / "own"
    own.mkdir()
    ordinary.give(own)
    seen = as_account(ordinary, lambda: start_and_look(own / "data"))
    assert seen == {"uid": ordinary.uid, "answer": 1, "mode": 0o700, "password": [ordinary.uid, 0o600]}


def start_and_look(data: Path) -> dict[str, Any]:
    with postgres.start(data, settings=QUICK) as server:
        word = (data / "postgres.password").stat()
        return {
            "uid": Path("/proc", str(server.pid)).stat().st_uid,
            "answer": ask(server.url("postgres"), "select 1"),
            "mode": stat.S_IMODE(data.stat().st_mode),
            "password": [word.st_uid, stat.S_IMODE(word.st_mode)],
        }


def as_account(account: Account, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` answers in a forked child under that account (which may not be able to start this Python anew)."""
    answers, answer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
            os.write(answer, json.dumps(work()).encode())
        except BaseException as error:
            os.write(answer, json.dumps({"error": repr(error)}).encode())
        os._exit(0)
    os.close(answer)
    with os.fdopen(answers, "rb") as file:
        text = file.read()
    os.waitpid(child, 0)
    held: dict[str, Any] = json.loads(text)
    return held


def test_a_failed_start_tells_why_and_leaves_the_directory_free(place: Path) -> None:
    with pytest.raises(Refusal) as caught:
        postgres.start(place / "data", settings={**QUICK, "shared_buffers": "nonsense"})
    assert caught.value.code == "postgres-unavailable"
    assert "shared_buffers" in caught.value.text("en")
    assert "postgres.log" in caught.value.mend("en")
    postgres.start(place / "data", settings=QUICK).stop()


def test_a_failed_initdb_tells_its_first_complaint(place: Path) -> None:
    said = "creating directory ... ok\\nFATAL:  could not write: no space\\ninitdb: error: failed to remove contents"
    (place / "initdb").write_text(f"#!/bin/sh\nprintf '{said}' >&2\nexit 1\n")
    (place / "initdb").chmod(0o755)
    home = Home(place, choose(None))
    with pytest.raises(Refusal, match="could not write: no space"):
        initialise(home, Installation(place, 18, "wheel", False), "secret", durable=False)
    assert not home.made
    assert not list(place.glob("draft-*"))


def test_a_place_that_is_no_directory_is_refused(place: Path) -> None:
    (place / "file").touch()
    for data in (place / "file", place / "file" / "below"):
        with pytest.raises(Refusal) as caught:
            postgres.start(data, settings=QUICK)
        assert (caught.value.code, caught.value.field) == ("setting-invalid", "data")


def test_the_systems_postgresql_where_there_is_no_wheel(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_WHEEL", "no_such_wheel")  # every other way would uninstall it
    try:
        found = postgres.locate()
    except Refusal:
        pytest.skip("no system PostgreSQL 15 or newer")
    assert found.source == "system"
    with postgres.start(place / "data", settings=QUICK) as server:
        assert ask(server.url("postgres"), "show server_version_num").startswith(str(found.major))
        assert ask(server.url("postgres"), "select lower('ÄÉ')") == "äé"


def test_no_postgresql_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(binaries, "_WHEEL", "no_such_wheel")
    monkeypatch.setattr(binaries, "_SYSTEM", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refusal) as caught:
        postgres.locate()
    assert caught.value.code == "postgres-unavailable"


def test_a_cluster_of_another_version_is_refused(place: Path) -> None:
    postgres.start(place / "data", settings=QUICK).stop()
    (place / "data" / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(Refusal, match="PostgreSQL 9"):
        postgres.start(place / "data", settings=QUICK)


def test_a_large_log_is_put_aside(place: Path) -> None:
    data = place / "data"
    postgres.start(data, settings=QUICK).stop()
    os.truncate(data / "postgres.log", 11 * 1024 * 1024)
    postgres.start(data, settings=QUICK).stop()
    assert (data / "postgres.log.1").stat().st_size == 11 * 1024 * 1024
    assert (data / "postgres.log").stat().st_size < 100_000


def test_only_the_main_thread_may_start_it(place: Path) -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            postgres.start(place / "data")
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(raised) == 1
    assert not (place / "data").exists()


def test_an_external_server_is_only_named(place: Path) -> None:
    with postgres.provide(
        place / "data", database_url="postgresql://u:secret@db.example/yima?sslmode=require"
    ) as server:
        assert server.url() == "postgresql://u:secret@db.example/yima?sslmode=require"
        assert server.url("postgres") == "postgresql://u:secret@db.example/postgres?sslmode=require"
        assert "secret" not in repr(server)
    assert not (place / "data").exists()
