"""The lines of the files to load, read without trusting them: a bomb of gzip or one endless line costs no memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from yima.runtime.errors import Refusal

_SUFFIXES: Final = (".json", ".json.gz", ".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")
_WASTE: Final = 64
"""Times the largest body: so much may be skipped (endless lines, empty ones) before a file is given up."""
_LEAST: Final = 64
"""Bytes that an empty line counts for: reading it costs more than its one byte."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, or the whole of a .json file. `refusal` says why it could not be read; `body` is then
    empty."""

    file: str
    number: int
    body: bytes
    refusal: Refusal | None = None

    @property
    def place(self) -> str:
        """Where it stands, `Patient.ndjson:17`: unique among the files of a load."""
        return f"{self.file}:{self.number}"


def files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and those of such names in directories named, sorted by name. Refusal `field-invalid`."""
    found: list[Path] = []
    for path in paths:
        inside = (
            sorted(p for p in path.rglob("*") if p.is_file() and p.name.endswith(_SUFFIXES)) if path.is_dir() else []
        )
        if not inside and (path.is_dir() or not path.name.endswith(_SUFFIXES)):
            raise Refusal("field-invalid", field="PATH", expected=f"files whose names end in {', '.join(_SUFFIXES)}")
        found += inside or [path]
    return list(dict.fromkeys(found))


def lines(path: Path, limit: int, ends: bytes | None = None) -> Iterator[Line]:
    """The lines of a file that hold something, `limit` bytes each at most. A damaged file ends with a refusal.

    `ends`: what is taken off both ends of a line; None is blanks of every kind (a table's tabs are not).
    """
    number, opened = 0, gzip.open if path.suffix == ".gz" else Path.open
    try:
        with cast("IO[bytes]", opened(path, "rb")) as source:
            if ".json" in path.suffixes:
                yield _whole(path, source, limit)
                return
            for number, body in _split(source, limit, ends):
                yield Line(str(path), number, body or b"", _too_large(limit) if body is None else None)
    except (OSError, EOFError, zlib.error):
        mend = Refusal("json-malformed", reason="the file is damaged or cut short from here on")
        yield Line(str(path), number + 1, b"", mend)


def _whole(path: Path, source: IO[bytes], limit: int) -> Line:
    body = source.read(limit + 1)
    return Line(str(path), 1, b"" if len(body) > limit else body, _too_large(limit) if len(body) > limit else None)


def _split(source: IO[bytes], limit: int, ends: bytes | None) -> Iterator[tuple[int, bytes | None]]:
    """Line numbers with their lines; None for one that is too long. Ends where too much was wasted."""
    number, wasted, inside = 1, 0, False  # inside: in the rest of a line that was too long
    while part := source.readline(limit + 1):
        ended = part.endswith(b"\n")
        body = part.strip(ends)
        if inside or not body or (len(part) > limit and not ended):
            if not inside and body:
                yield number, None
            wasted += max(len(part), _LEAST)
            inside = not ended
            if wasted > limit * _WASTE:
                if not body:
                    yield number, None
                return
        else:
            wasted = 0
            yield number, body
        number += ended


def _too_large(limit: int) -> Refusal:
    return Refusal("body-too-large", limit=f"{limit} bytes")
