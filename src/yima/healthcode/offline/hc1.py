"""The text of a CBOR credential: `HC1:`, base45 (RFC 9285) of zlib (RFC 1950) of COSE_Sign1.

The form is that of the EU Digital COVID Certificate (HCERT specification 1.0.5, section 4), so its readers read ours.
"""

from __future__ import annotations

import zlib
from typing import Final

from yima.healthcode import base45
from yima.runtime.errors import Refusal

PREFIX: Final = "HC1:"
MAX_TEXT: Final = 4296
"""Characters of the largest QR code in alphanumeric mode (ISO/IEC 18004, version 40-L)."""
INFLATED_BYTES: Final = 64 * 1024


def encode(message: bytes) -> str:
    """The text of a signed message."""
    return PREFIX + base45.encode(zlib.compress(message, 9))


def decode(text: str) -> bytes:
    """The signed message behind a text. Refusal `code-unreadable`: not this form, over 64 KB, or bytes after it."""
    if not text.startswith(PREFIX) or len(text) > MAX_TEXT:
        raise Refusal("code-unreadable")
    return inflate(base45.decode(text[len(PREFIX) :]))


def inflate(data: bytes, window: int = zlib.MAX_WBITS) -> bytes:
    """Decompress to at most 64 KB; a negative `window` means raw DEFLATE. Refusal `code-unreadable`."""
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(data, INFLATED_BYTES)
    except zlib.error:
        raise Refusal("code-unreadable") from None
    if not stream.eof or stream.unused_data:
        raise Refusal("code-unreadable")
    return plain
