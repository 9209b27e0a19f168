"""Base45 (RFC 9285): bytes as the 45 characters of the QR code's alphanumeric mode.

Table driven: two bytes are one lookup when encoding; when decoding, one `translate` turns the text into digits and one
`struct.pack` both assembles the bytes and refuses triplets above 65535.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from yima.runtime.errors import Refusal

ALPHABET: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

_STRANGER: Final = 255
_DIGITS: Final = bytes(ALPHABET.index(c) if c in ALPHABET else _STRANGER for c in range(256))
_TRIPLET: Final = [
    bytes((ALPHABET[n % 45], ALPHABET[n // 45 % 45], ALPHABET[n // 2025])).decode() for n in range(1 << 16)
]


def encode(data: bytes) -> str:
    """`data` in base45: three characters for two bytes, two for an odd last one."""
    pairs, odd = divmod(len(data), 2)
    text = "".join([_TRIPLET[n] for n in _words(pairs).unpack_from(data)])
    return text + _TRIPLET[data[-1]][:2] if odd else text


def decode(text: str) -> bytes:
    """The bytes `text` stands for; Refusal `code-unreadable` when it is not base45 (RFC 9285 section 4.2)."""
    try:
        digits = text.encode("ascii").translate(_DIGITS)
        if _STRANGER in digits:
            raise Refusal("code-unreadable")
        whole = len(digits) - len(digits) % 3
        triplets = zip(digits[0:whole:3], digits[1:whole:3], digits[2:whole:3])  # noqa: B905  equal by construction, and `strict` costs a tenth
        data = _words(whole // 3).pack(*[a + 45 * b + 2025 * c for a, b, c in triplets])
        return data if whole == len(digits) else data + _last_byte(digits[whole:])
    except (UnicodeEncodeError, struct.error):
        raise Refusal("code-unreadable") from None


@lru_cache(maxsize=64)
def _words(count: int) -> struct.Struct:
    return struct.Struct(f">{count}H")


def _last_byte(digits: bytes) -> bytes:
    if len(digits) != 2:
        raise Refusal("code-unreadable")
    return struct.pack(">B", digits[0] + 45 * digits[1])
