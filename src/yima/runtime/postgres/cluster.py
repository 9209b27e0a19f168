"""Where the cluster lies, and how it is made.

    DATA/lock               held while the server runs
    DATA/postgres.password  of the superuser `yima`, 0600
    DATA/postgres.log
    DATA/postgres/          the home: a directory, or a symbolic link to one below /var/lib/yima
        data/               PGDATA, 0700, the account's
        run/                the socket, 0700, the account's; a symbolic link to a short path when this one is too long

When root starts Yima, the server runs under another account. Where that account cannot get into DATA (a parent is
0700), the home lies in /var/lib/yima. The permissions of existing directories are never opened.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from yima.runtime.errors import Refusal
from yima.runtime.postgres.account import Account, choose
from yima.runtime.postgres.binaries import Installation, state_directory

SUPERUSER: Final = "yima"
PORT: Final = 5432
"""Only names the socket's file; no TCP port is opened."""
_SOCKET_PATH_LIMIT: Final = 100  # sun_path holds 108 bytes with its closing zero; some leave less (unix(7))


@dataclass(frozen=True, slots=True)
class Home:
    """The directory of one cluster and the account it belongs to."""

    path: Path
    account: Account

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.path / "data"

    @property
    def made(self) -> bool:
        """Whether initdb has finished here."""
        return self.data.is_dir()

    @property
    def run(self) -> Path:
        """The directory of the socket, short enough for a socket address."""
        return Path(os.path.realpath(self.path / "run"))


def make_data_directory(data: Path) -> None:
    """Create DATA where it is missing: private, and as root passable, so that the server's account gets through."""
    try:
        data.mkdir(parents=True)
    except OSError as error:
        if data.is_dir():
            return
        expected = "a directory, or the name of one that can be made"
        raise Refusal("setting-invalid", field="data", expected=expected, source="--data or YIMA_DATA") from error
    data.chmod(0o711 if os.geteuid() == 0 else 0o700)


def open_home(data: Path) -> Home:
    """The home of DATA's cluster, made where it is missing; DATA must be locked."""
    link = data / "postgres"
    path = Path(os.path.realpath(link))
    if (path / "data").is_dir():
        owner = (path / "data").stat().st_uid
        account = choose(owner)
        if account.uid != owner:
            raise Refusal(
                "postgres-unavailable", reason=f"the cluster in {path} belongs to uid {owner}", source="its ownership"
            )
    else:
        account = choose(None)
        path = _new_home(data, account)
    home = Home(path, account)
    _prepare_run(home)
    if not account.reaches(home.path):
        raise Refusal(
            "postgres-unavailable",
            reason=f"the account with uid {account.uid} cannot enter {path}",
            source="its permissions",
        )
    return home


def _new_home(data: Path, account: Account) -> Path:
    link = data / "postgres"
    if account.reaches(data):
        if link.is_symlink():
            link.unlink()  # its target has gone
        link.mkdir(exist_ok=True)
        link.chmod(0o711 if account.stepped_down else 0o700)
        return link
    # A fresh name each time: a cluster left by an earlier DATA at this path must not be mistaken for ours.
    home = Path(tempfile.mkdtemp(prefix="cluster-", dir=state_directory()))
    home.chmod(0o711)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)  # a home without a cluster, from a start that failed
    link.unlink(missing_ok=True)
    link.symlink_to(home)
    return home


def _prepare_run(home: Home) -> None:
    run = home.path / "run"
    if _is_private(home.run, home.account):
        return
    if run.is_symlink():
        run.unlink()  # the short directory has gone, or is not ours any more
    if len(os.fsencode(run / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_LIMIT:
        run.mkdir(mode=0o700, exist_ok=True)
        run.chmod(0o700)
        home.account.give(run)
        return
    # mkdtemp makes it unguessable and 0700; not TMPDIR, which may be long
    short = Path(tempfile.mkdtemp(prefix="yima-", dir="/tmp"))
    home.account.give(short)
    run.symlink_to(short)


def _is_private(directory: Path, account: Account) -> bool:
    try:
        status = directory.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and stat.S_IMODE(status.st_mode) == 0o700


def password(data: Path) -> str:
    """The superuser's password, made on first use and written durably before any cluster knows it."""
    path = data / "postgres.password"
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        word = secrets.token_urlsafe(32)
        _write_private(path, word)
        return word


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def initialise(home: Home, found: Installation, word: str, *, durable: bool) -> None:
    """Run initdb. A cluster appears under its name only when complete, so an interrupted start can be repeated."""
    for left_over in home.path.glob("draft-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    draft, word_file = Path(tempfile.mkdtemp(prefix="draft-", dir=home.path)), home.path / "initdb.password"
    home.account.give(draft)
    word_file.unlink(missing_ok=True)
    _write_private(word_file, word)
    home.account.give(word_file)
    command = [str(found.bin / "initdb"), *_initdb_options(found), f"--pgdata={draft}", f"--pwfile={word_file}"]
    if not durable:
        command.append("--no-sync")
    try:
        done = subprocess.run(  # noqa: S603  PostgreSQL's own program, arguments made here
            command, check=False, capture_output=True, text=True, cwd=home.path, **home.account.process_options()
        )
    finally:
        word_file.unlink(missing_ok=True)
    if done.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise Refusal(
            "postgres-unavailable", reason=f"initdb failed: {_cause(done.stderr)}", source=str(found.bin / "initdb")
        )
    draft.rename(home.data)


def _cause(said: str) -> str:
    """The line that names the cause: the first complaint. The last ones are of clearing up after it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    complaints = [line for line in lines if re.search(r"\b(error|FATAL|PANIC):", line)]
    return (complaints or lines[-1:] or ["no message"])[0]


def _initdb_options(found: Installation) -> list[str]:
    # Sorting by code point, the same on every machine and after every system update; UTF-8 case rules where offered.
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return [
        *(builtin if found.major >= 17 else ["--locale=C.UTF-8"]),
        "--encoding=UTF8",
        "--data-checksums",
        f"--username={SUPERUSER}",
        "--auth-local=scram-sha-256",
        "--auth-host=scram-sha-256",
        "--no-instructions",
    ]


def check_version(home: Home, found: Installation) -> None:
    """Refusal `postgres-unavailable` when the cluster was made by another major version."""
    made = (home.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if made != str(found.major):
        reason = f"the cluster in {home.data} was made by PostgreSQL {made}, the programs found are {found.major}"
        raise Refusal("postgres-unavailable", reason=reason, source="the PostgreSQL manual on pg_upgrade")


def delete(home: Home) -> None:
    """Delete the cluster with its socket directory; nothing may run in it."""
    shutil.rmtree(home.run, ignore_errors=True)
    shutil.rmtree(home.path, ignore_errors=False)
