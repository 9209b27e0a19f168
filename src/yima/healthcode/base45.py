"""Base45 (RFC 9285): bytes as the 45 characters of the QR code's alphanumeric mode.

Table driven: two bytes are one lookup when encoding; when decoding, one `translate` turns the text into digits and one
`struct.pack` both assembles the bytes and refuses triplets above 65535.
"""

from __future__ import annotations

import struct
from typing import Final

from yima.runtime.errors import Refusal

ALPHABET: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

_DIGITS: Final = bytes(ALPHABET.index(c) if c in ALPHABET else 0 for c in range(256))
_TRIPLET: Final = [
    bytes((ALPHABET[n % 45], ALPHABET[n // 45 % 45], ALPHABET[n // 2025])).decode() for n in range(1 << 16)
]


def encode(data: bytes) -> str:
    """`data` in base45: three characters for two bytes, two for an odd last one."""
    pairs, odd = divmod(len(data), 2)
    text = "".join([_TRIPLET[n] for n in struct.unpack_from(f">{pairs}H", data)])
    return text + _TRIPLET[data[-1]][:2] if odd else text


def decode(text: str) -> bytes:
    """The bytes `text` stands for; Refusal `code-unreadable` when it is not base45 (RFC 9285 section 4.2)."""
    try:
        characters = text.encode("ascii")
        if characters.translate(None, ALPHABET):
            raise Refusal("code-unreadable")
        digits = characters.translate(_DIGITS)
        whole = len(digits) - len(digits) % 3
        triplets = zip(digits[0:whole:3], digits[1:whole:3], digits[2:whole:3], strict=True)
        data = struct.pack(f">{whole // 3}H", *[a + 45 * b + 2025 * c for a, b, c in triplets])
        return data if whole == len(digits) else data + _last_byte(digits[whole:])
    except (UnicodeEncodeError, struct.error):
        raise Refusal("code-unreadable") from None


def _last_byte(digits: bytes) -> bytes:
    if len(digits) != 2:
        raise Refusal("code-unreadable")
    return struct.pack(">B", digits[0] + 45 * digits[1])
