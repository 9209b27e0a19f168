"""The file of what was refused: one JSON object a line, with the place, the code, the reason and what was read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from yima.cli.bulk.lines import Line
from yima.runtime.errors import Refusal


@dataclass(frozen=True, slots=True)
class Mistake:
    """Why something was refused, in words that a worker process can hand over."""

    code: str
    field: str
    """The place inside the line, `Observation.subject` or `Bundle.entry[3].resource.code`."""
    reason: str
    mend: str


def mistakes(refusal: Refusal) -> tuple[Mistake, ...]:
    """A refusal with all that it names."""
    each = (refusal, *refusal.also)
    return tuple(Mistake(one.code, one.field or "", one.text("en"), one.mend("en")) for one in each)


class Rejects:
    """`load-rejects-<time>.ndjson`, mode 0600, made with the first reject: it holds what was sent, so people's data."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.codes: Counter[str] = Counter()
        """How often each code came up."""
        self._file: IO[bytes] | None = None

    def add(self, line: Line, mistakes: Sequence[Mistake]) -> None:
        """One refused line, a row for each of its mistakes."""
        for mistake in mistakes:
            self.codes[mistake.code] += 1
            self._write({"file": line.file, "line": line.number, **asdict(mistake), "content": _text(line.body)})

    def _write(self, row: dict[str, Any]) -> None:
        if self._file is None:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(descriptor, "ab")
        self._file.write(orjson.dumps(row) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()


def _text(body: bytes) -> str:
    return body.decode(errors="replace")
