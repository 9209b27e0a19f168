"""Files of an export at rest: pieces of NDJSON, each sealed under the data key of its export, in their order.

A piece is four bytes of length and what `Vault.seal` makes: a random nonce, AES-256-GCM, and as associated data the
export, the file, how many bytes of plaintext stand before it, and whether it is the last one, which is empty. So a
piece that is changed, left out, put elsewhere or of another file does not open, and a file that was cut has no end. The
data key is wrapped in the row of the export and goes with it: what is left on a disk then opens with nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import IO, Final, NamedTuple

from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault

PIECE: Final = 64 * 1024
"""Bytes of plaintext in a piece, at most: what is held in memory for each file that is being fetched."""
_LENGTH: Final = Struct(">I")
_MORE: Final = 1 + 12 + 16
"""Bytes of a sealed piece besides its plaintext: the mark, the nonce, the tag."""


class Size(NamedTuple):
    """What is written of a file for good."""

    resources: int = 0
    sealed: int = 0
    """Bytes in the file, without its end."""
    plain: int = 0
    """Bytes of NDJSON."""


class SealedFile(NamedTuple):
    """One file of an export, and what opens it."""

    vault: Vault
    wrap: bytes
    """The export's data key, as its row has it."""
    path: Path
    """Its last two parts, export and name, are part of what each piece is bound to."""

    def append(self, size: Size, lines: Sequence[bytes]) -> Size:
        """Write lines behind what is there for good, durably; what stands behind that, a killed worker's, goes."""
        with self._opened_to_write(size) as file:
            plain = size.plain
            for piece in _pieces(lines):
                self._put(file, piece, plain, last=False)
                plain += len(piece)
            sealed = _kept(file)
        return Size(size.resources + len(lines), sealed, plain)

    def end(self, size: Size) -> None:
        """Write the last piece."""
        with self._opened_to_write(size) as file:
            self._put(file, b"", size.plain, last=True)
            _kept(file)

    def read(self, size: Size, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` to before `stop` of the plaintext, in pieces.

        Refusal `export-damaged`, before the first of them when the file has not its end, else at the first piece that
        is not what was written; nothing of that piece is given out.
        """
        with self._opened() as file:
            file.seek(size.sealed)
            if self._piece(file, size.plain, last=True) != b"" or file.read(1):
                raise Refusal("export-damaged")
            file.seek(0)
            at = 0
            while at < stop:
                length = _length(file)
                if at + length <= start:  # before what is asked for: passed over unread
                    file.seek(length + _MORE, os.SEEK_CUR)
                else:
                    file.seek(-_LENGTH.size, os.SEEK_CUR)
                    yield self._piece(file, at, last=False)[max(start - at, 0) : stop - at]
                at += length

    def _put(self, file: IO[bytes], piece: bytes, at: int, *, last: bool) -> None:
        sealed = self.vault.seal(self.wrap, piece, self._bound(at, last=last))
        file.write(_LENGTH.pack(len(sealed)) + sealed)

    def _piece(self, file: IO[bytes], at: int, *, last: bool) -> bytes:
        sealed = file.read(_length(file) + _MORE)
        try:
            return self.vault.open(self.wrap, sealed, self._bound(at, last=last))
        except Refusal as error:
            raise Refusal("export-damaged") from error

    def _bound(self, at: int, *, last: bool) -> bytes:
        export, name = self.path.parts[-2:]
        return f"exchange.export|{export}|{name}|{at}|{last:d}".encode()

    def _opened(self) -> IO[bytes]:
        try:
            return self.path.open("rb")
        except FileNotFoundError as error:
            raise Refusal("export-damaged") from error

    def _opened_to_write(self, size: Size) -> IO[bytes]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        file.truncate(size.sealed)
        file.seek(size.sealed)
        return file


def _length(file: IO[bytes]) -> int:
    """Of the plaintext of the piece that comes."""
    head = file.read(_LENGTH.size)
    length = _LENGTH.unpack(head)[0] - _MORE if len(head) == _LENGTH.size else -1
    if not 0 <= length <= PIECE:
        raise Refusal("export-damaged")
    return int(length)


def _kept(file: IO[bytes]) -> int:
    """Make durable what was written; where it ends."""
    file.flush()
    os.fsync(file.fileno())
    return file.tell()


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for line in lines:
        held += line
        held += b"\n"
        while len(held) >= PIECE:
            yield bytes(held[:PIECE])
            del held[:PIECE]
    if held:
        yield bytes(held)
