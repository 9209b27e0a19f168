"""Whose account PostgreSQL runs under. PostgreSQL refuses to run as root, so root steps down to another account."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yima.runtime.errors import Refusal

_CANDIDATES: Final = ("postgres", "nobody")
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group that own the cluster and run the server."""

    uid: int
    gid: int

    @property
    def stepped_down(self) -> bool:
        """Whether it differs from our own account, so that ownership and reach must be seen to."""
        return self.uid != os.geteuid()

    def process_options(self, *, when_we_die: signal.Signals = signal.SIGTERM) -> dict[str, Any]:
        """Arguments of `subprocess` that run a child under this account, with no other group and none of our secrets.

        The kernel sends it `when_we_die` when the thread that starts it ends.
        """
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        options: dict[str, Any] = {
            "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", **kept},
            # Two system calls between fork and exec; after the change of account, which would undo the first.
            "preexec_fn": _die_with(os.getpid(), when_we_die),
        }
        if self.stepped_down:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def give(self, path: Path) -> None:
        """Hand a file or directory that we made to this account."""
        if self.stepped_down:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def reaches(self, *paths: Path) -> bool:
        """Whether it can enter or execute every path; asked of the kernel, so access lists count too."""
        if not self.stepped_down:
            return all(os.access(path, os.X_OK) for path in paths)
        script = 'for path do test -x "$path" || exit 1; done'
        command = ["/bin/sh", "-c", script, "sh", *map(str, paths)]
        return subprocess.run(command, check=False, cwd="/", **self.process_options()).returncode == 0  # noqa: S603  a fixed program; the paths are its arguments, not script text


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    def arrange() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
            if os.getppid() != parent:  # it died before the kernel knew that we care
                os._exit(1)

    return arrange


def choose(owner: int | None) -> Account:
    """The account for a cluster: ourselves, or for root the owner of the existing cluster, `postgres`, or `nobody`."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if owner:
        try:
            return Account(owner, pwd.getpwuid(owner).pw_gid)
        except KeyError:
            return Account(owner, owner)
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise Refusal(
        "postgres-unavailable",
        reason="PostgreSQL cannot run as root and there is no account postgres or nobody",
        source="/etc/passwd",
    )
