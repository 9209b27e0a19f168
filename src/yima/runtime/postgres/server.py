"""The life of the server process.

1. It dies with us: the kernel sends it SIGINT (fast shutdown) when the thread that started it ends, even by kill -9.
2. It never serves a directory twice: a lock on DATA, and whatever still runs in PGDATA is stopped before a start.
3. It listens on a Unix socket in a private directory only. Passwords are needed there too.
4. After a crash the next start recovers by itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final
from urllib.parse import quote, urlsplit, urlunsplit

from yima.runtime.directory_lock import DirectoryLock
from yima.runtime.errors import Refusal
from yima.runtime.postgres import binaries, cluster
from yima.runtime.postgres.binaries import Installation
from yima.runtime.postgres.cluster import PORT, SUPERUSER, Home

_START_SECONDS: Final = 120.0  # crash recovery may have much log to replay
_STOP_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.005
_LOG_LIMIT: Final = 10 * 1024 * 1024

_SETTINGS: Final[dict[str, str]] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    # For each connection: a hundred Patients that are registered together hold some hundreds. Where all are used up,
    # whoever comes next is refused, whatever it asks for. 30 MB of memory.
    "max_locks_per_transaction": "1024",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "commit_delay": "0",
    # The first change of a page after a checkpoint writes the whole page to the log, and a registration touches some
    # twenty pages of the person index: with the defaults (1 GB, 5 min) a busy index would write little else.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_level": "replica",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %e ",
    # The log must not hold what people's rows hold: no statements, no "Key (..)=(..) already exists".
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


class Postgres:
    """A running server of ours. Use as a context manager, or call `stop`."""

    def __init__(
        self, process: subprocess.Popen[bytes], home: Home, word: str, locks: list[DirectoryLock], log: Path
    ) -> None:
        self._process = process
        self._word = word
        self._locks = locks
        self.home = home.path
        """Where the cluster lies; below /var/lib/yima when the data directory cannot be reached by its account."""
        self.socket_directory = home.run
        self.log = log

    def __repr__(self) -> str:
        return f"<Postgres pid={self.pid} home={self.home}>"

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process.poll() is None

    def url(self, database: str = "yima") -> str:
        """Connection string for asyncpg. It holds the password: never log it."""
        host = quote(str(self.socket_directory), safe="")
        return (
            f"postgresql://{SUPERUSER}:{quote(self._word, safe='')}@/{quote(database, safe='')}?host={host}&port={PORT}"
        )

    def stop(self) -> None:
        """Fast shutdown: end the sessions, write a checkpoint, wait for the end. Safe to call twice."""
        for number, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if not self.running:
                break
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        for lock in self._locks:
            lock.release()

    def __enter__(self) -> Postgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True, slots=True, repr=False)
class External:
    """A server that somebody else runs (`YIMA_DATABASE_URL`), with the face of `Postgres`."""

    _url: str

    def url(self, database: str | None = None) -> str:
        """The connection string as given; `database` replaces the name of the database in it."""
        if database is None:
            return self._url
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{quote(database, safe='')}"))

    def stop(self) -> None:
        """Nothing: it is not ours."""

    def __enter__(self) -> External:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return


def provide(
    data: Path, *, database_url: str | None = None, settings: Mapping[str, str] | None = None
) -> Postgres | External:
    """The server to use: the external one where a URL is given (nothing is launched), else the embedded one."""
    return External(database_url) if database_url else start(data, settings=settings)


def start(data: Path, *, log: Path | None = None, settings: Mapping[str, str] | None = None) -> Postgres:
    """Start the embedded server of the data directory, setting it up on first use; returns when it accepts connections.

    Call it from the main thread: the server ends with the thread that started it. `settings` are PostgreSQL's own and
    override ours. Refusals: `data-directory-in-use`, `postgres-unavailable` (with the end of the log).
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("start PostgreSQL from the main thread: it ends with the thread that started it")
    data = data.resolve()
    cluster.make_data_directory(data)
    with contextlib.ExitStack() as undo:
        locks = [_take(data, undo)]
        home = cluster.open_home(data)
        if home.path.parent != data:  # a copied DATA would share the home by its link
            locks.append(_take(home.path, undo))
        wanted = {**_SETTINGS, **(settings or {})}
        found = binaries.within_reach(binaries.locate(), home.account)
        word = cluster.password(data)
        if home.made:
            cluster.check_version(home, found)
            _clear(home)
        else:
            cluster.initialise(home, found, word, durable=wanted["fsync"] != "off")
        log = log or data / "postgres.log"
        server = Postgres(_launch(home, found, log, wanted), home, word, locks, log)
        undo.callback(server.stop)
        _await_ready(server, home)
        undo.pop_all()
        return server


def remove(data: Path) -> None:
    """Delete DATA's cluster with everything in it, its password and its log. Refused while its app runs."""
    data = data.resolve()
    if not data.is_dir():
        return
    with contextlib.ExitStack() as undo:
        _take(data, undo)
        link = data / "postgres"
        if link.exists():
            home = cluster.open_home(data)
            _clear(home)
            cluster.delete(home)
        if link.is_symlink():
            link.unlink()
        for name in ("postgres.password", "postgres.log", "postgres.log.1"):
            (data / name).unlink(missing_ok=True)


def _take(directory: Path, undo: contextlib.ExitStack) -> DirectoryLock:
    lock = DirectoryLock(directory)
    undo.callback(lock.release)
    return lock


def _launch(home: Home, found: Installation, log: Path, wanted: Mapping[str, str]) -> subprocess.Popen[bytes]:
    if found.lz4:
        wanted = {"wal_compression": "lz4", **wanted}
    command = [str(found.bin / "postgres"), "-D", str(home.data), "-c", f"unix_socket_directories={home.run}"]
    for name, value in wanted.items():
        command += ["-c", f"{name}={value}"]
    with _open_log(log) as output:
        return subprocess.Popen(  # noqa: S603  PostgreSQL's own program, arguments made here
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=home.path,
            start_new_session=True,  # Ctrl-C in the terminal is for the app, which then stops the server in order
            **home.account.process_options(when_we_die=signal.SIGINT),
        )


def _open_log(path: Path) -> IO[bytes]:
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_name(path.name + ".1"))
    # Opened by us and inherited, so that the server's account needs no right in the directory.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _await_ready(server: Postgres, home: Home) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if not server.running:
            break
        if _status(home.data, server.pid) == "ready":
            return
        time.sleep(_POLL_SECONDS)
    reason = "it did not get ready in time" if server.running else f"it ended at once ({_last_line(server.log)})"
    raise Refusal("postgres-unavailable", reason=reason, source=str(server.log))


def _status(data: Path, pid: int) -> str | None:
    """What the postmaster says of itself in line 8 of postmaster.pid; the same that `pg_ctl --wait` goes by."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    return lines[7].strip() if len(lines) > 7 and lines[0] == str(pid) else None


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    telling = [line for line in lines[-20:] if "FATAL" in line or "PANIC" in line] or lines[-1:]
    return telling[-1].strip() if telling else "its log is empty"


def _clear(home: Home) -> None:
    """Stop whatever still runs in PGDATA (we hold the lock, so its app is dead) and remove a pid file that lies.

    A postmaster whose app was killed is already in its fast shutdown; another SIGINT does no harm. Server processes
    that outlived a killed postmaster are ended: PostgreSQL would refuse to start beside them.
    """
    for number, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        residents = _residents(home)
        if not residents:
            break
        for pid in residents:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        _wait_until_empty(home, seconds)
    if residents := _residents(home):
        raise Refusal("data-directory-in-use", field=str(home.data), pid=residents[0])
    # No server runs here. The pid in these files may by now belong to somebody else, or to a zombie that nobody
    # collects (a container without an init), and would keep PostgreSQL from starting.
    for stale in (home.data / "postmaster.pid", *home.run.glob(".s.PGSQL.*")):
        stale.unlink(missing_ok=True)


def _wait_until_empty(home: Home, seconds: float) -> None:
    end = time.monotonic() + seconds
    while _residents(home) and time.monotonic() < end:
        time.sleep(_POLL_SECONDS * 4)


def _residents(home: Home) -> list[int]:
    """Server processes of the account that work in PGDATA (the postmaster changes into it), lowest pid first."""
    found, data = [], Path(os.path.realpath(home.data))
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            ours = entry.stat().st_uid == home.account.uid and (entry / "comm").read_text().strip() == "postgres"
            if ours and Path(entry / "cwd").readlink() == data:
                found.append(int(entry.name))
        except OSError:
            continue  # ended meanwhile, or not ours to look at
    return sorted(found)
