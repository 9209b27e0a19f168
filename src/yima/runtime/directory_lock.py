"""One process at a time in a data directory, or at one kind of work in it: an advisory lock held for life.

The kernel gives the lock back when its holder dies, however it dies. The descriptor never reaches other programs
(close-on-exec) and forked workers close their copy, so only the process that took the lock holds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from pathlib import Path

from yima.runtime.errors import Refusal

_held: weakref.WeakSet[DirectoryLock] = weakref.WeakSet()


class DirectoryLock:
    """The lock on `directory/lock`, or on another file there for one kind of work. Refusal `data-directory-in-use`, or
    `refused`, names the directory and the holder's pid."""

    def __init__(self, directory: Path, name: str = "lock", refused: str = "data-directory-in-use") -> None:
        self.directory = directory
        path = directory / name
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except PermissionError as error:
            raise Refusal(
                "setting-invalid",
                field="data",
                expected="a directory that this account may write to",
                source="--data or YIMA_DATA",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise Refusal(refused, field=str(directory), pid=holder) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor: int | None = descriptor
        _held.add(self)

    def release(self) -> None:
        """Give the directory free. The file stays: removing it would let two processes lock two files of one name."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            self._forget()

    def _forget(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def _forget_all() -> None:
    for lock in list(_held):
        lock._forget()


os.register_at_fork(after_in_child=_forget_all)
