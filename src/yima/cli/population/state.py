"""What a load of the population register remembers: which chunks of which file are stored. No content of any row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from yima.cli.running import write_private
from yima.runtime.directory_lock import DirectoryLock

CHUNK: Final = 200
"""Lines noted, and handed over, together."""
_HEAD: Final = 1 << 20


def file_key(path: Path, options: Mapping[str, Any]) -> str:
    """What a file is known by when the load is resumed: its size, its first MiB, and how it is read."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    said = f"{path.stat().st_size}|{json.dumps(dict(options), sort_keys=True)}|{CHUNK}|".encode()
    return hashlib.sha256(said + head).hexdigest()


class _Noted(msgspec.Struct):
    below: int
    also: list[int]


class State:
    """The file `population.json` in the data directory, mode 0600; one load at a time writes it, until `close`."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        """`resume` False: what is noted of a file is forgotten when that file is loaded again. Refusal
        `load-running`."""
        self._lock = DirectoryLock(path.parent, f"{path.stem}.lock", "load-running")
        self._path = path
        self._resume = resume
        self._done = _held(path)

    def close(self) -> None:
        """Let the next load begin."""
        self._lock.release()

    def begin(self, key: str) -> None:
        """A file is loaded now."""
        if not self._resume:
            self._done.pop(key, None)

    def is_done(self, key: str, chunk: int) -> bool:
        """Whether a chunk (0, 1 ..) is stored."""
        below, also = self._done.get(key, (0, set()))
        return chunk < below or chunk in also

    def done(self, key: str, chunk: int) -> None:
        """Note that a chunk is stored: the file is whole at every moment."""
        below, also = self._done.get(key, (0, set()))
        also.add(chunk)
        while below in also:
            also.remove(below)
            below += 1
        self._done[key] = (below, also)
        write_private(self._path, {k: {"below": b, "also": sorted(a)} for k, (b, a) in self._done.items()})


def _held(path: Path) -> dict[str, tuple[int, set[int]]]:
    """What is noted of each file; nothing where the file is missing or is none of ours: what was stored is then
    unchanged when it comes again."""
    try:
        held = msgspec.json.decode(path.read_bytes(), type=dict[str, _Noted])
    except (OSError, msgspec.DecodeError):
        return {}
    return {key: (noted.below, set(noted.also)) for key, noted in held.items()}
