"""One generation of a keyed hash's layer, and the way from one to the next. Pure; `runtime.blinding` says what for.

The layer of long hashes is AES-128. That of short ones is a balanced Feistel network of ten rounds over 62 bits whose
round functions are AES-128, a key each (FF1 of NIST SP 800-38G has ten rounds, too); all hashes of one call pass a
round together.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_LONG: Final = 17
_SHORT: Final = 8
_HALF: Final = (1 << 31) - 1
_LOW: Final = (1 << 62) - 1
_ROUNDS: Final = 10
TAGS: Final = 4
"""Generations that short hashes can tell apart."""


class Layer:
    """One generation."""

    def __init__(self, number: int, key: bytes) -> None:
        self.number = number
        self.tokens = hmac.digest(key, b"records/tokens", "sha256")
        """Keys the search tokens of records. They are hashed anew from the content, which takes no layer."""
        long, *rounds = (_cipher(key, name) for name in (b"long", *(b"short/%d" % n for n in range(_ROUNDS))))
        self._encrypt, self._decrypt = long.encryptor().update, long.decryptor().update
        self._rounds = [one.encryptor().update for one in rounds]
        self._tag = number % TAGS << 62

    def long(self, inner: bytes) -> bytes:
        """16 bytes under this layer: the number and a block."""
        return self.number.to_bytes() + self._encrypt(inner)

    def inner(self, long: bytes) -> bytes:
        """What `long` was made of."""
        return self._decrypt(long[1:])

    def has(self, long: bytes) -> bool:
        """Whether a stored hash is of this generation."""
        return len(long) == _LONG and long[0] == self.number

    def shorts(self, inner: Sequence[int]) -> list[int]:
        """64-bit hashes, signed, under this layer; of each the two top bits are left out."""
        blocks, ones, size = _batch(len(inner))
        mask = ones * _HALF
        left, right = _halves(blocks, inner, mask)
        for mix in self._rounds:
            left, right = right, left ^ (int.from_bytes(mix(right.to_bytes(size))) & mask)
        return list(blocks.unpack((ones * self._tag | left << 31 | right).to_bytes(size)))

    def inner_shorts(self, shorts: Sequence[int]) -> list[int]:
        """The 62 bits that these were made of."""
        blocks, ones, size = _batch(len(shorts))
        mask = ones * _HALF
        left, right = _halves(blocks, shorts, mask)
        for mix in reversed(self._rounds):
            left, right = right ^ (int.from_bytes(mix(left.to_bytes(size))) & mask), left
        return list(blocks.unpack((left << 31 | right).to_bytes(size)))

    def has_short(self, short: int) -> bool:
        """Whether a stored short hash is of this generation, or of one that has the same two bits."""
        return short & (3 << 62) == self._tag

    @property
    def range(self) -> tuple[bytes, bytes]:
        """Long hashes of this generation are at least the first and less than the second."""
        return self.number.to_bytes(), (self.number.to_bytes() + b"\xff" * _LONG)

    @property
    def short_range(self) -> tuple[int, int]:
        """The lowest and the highest short hash of this generation, signed."""
        low = _signed(self._tag)
        return low, low + _LOW

    @property
    def tag(self) -> int:
        """The two top bits of short hashes, 0 to 3."""
        return self.number % TAGS


@dataclass(frozen=True, slots=True)
class Turn:
    """From an old generation to the one that is written."""

    old: Layer
    new: Layer

    def long(self, stored: bytes) -> bytes:
        """The hash in its new form; what is not of the old generation stays."""
        return self.new.long(self.old.inner(stored)) if self.old.has(stored) else stored

    def shorts(self, stored: Sequence[int]) -> list[int]:
        """The hashes in their new form, in the order given; what is not of the old generation stays."""
        of_old = [one for one in stored if self.old.has_short(one)]
        turned = dict(zip(of_old, self.new.shorts(self.old.inner_shorts(of_old)), strict=True))
        return [turned.get(one, one) for one in stored]

    def short_bytes(self, stored: bytes) -> bytes:
        """The same of a short hash that is stored as 8 bytes."""
        return short_bytes(self.shorts([short_of(stored)])[0])


def short_bytes(short: int) -> bytes:
    """A short hash as 8 bytes."""
    return short.to_bytes(_SHORT, signed=True)


def short_of(stored: bytes) -> int:
    """The short hash in 8 bytes."""
    return int.from_bytes(stored, signed=True)


def _cipher(key: bytes, name: bytes) -> Cipher[modes.ECB]:
    secret = hmac.digest(key, name, "sha256")[:16]
    return Cipher(algorithms.AES(secret), modes.ECB())  # noqa: S305  single blocks of hashes: equal ones stay equal


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


@lru_cache(256)
def _batch(count: int) -> tuple[struct.Struct, int, int]:
    """For so many hashes, one in each block of 16 bytes of one large number: how they are packed, a one in each block,
    and the length."""
    return struct.Struct(">" + "8xq" * count), sum(1 << 128 * place for place in range(count)), 16 * count


def _halves(blocks: struct.Struct, values: Sequence[int], mask: int) -> tuple[int, int]:
    packed = int.from_bytes(blocks.pack(*values))
    return packed >> 31 & mask, packed & mask
