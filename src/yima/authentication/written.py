"""Codes that are written down: of an invitation, and for the day on which the authenticator app is lost.

120 bits of chance in six groups of four, in letters and digits that cannot be taken for one another; so a plain hash is
enough to keep them (OWASP ASVS 5.0, 6.5.2: lookup secrets of at least 112 bits).
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

_SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O and U."""
_HEARD: Final = str.maketrans({"I": "1", "L": "1", "O": "0", " ": None, "-": None})
_LENGTH: Final = 24
_GROUP: Final = 4


def new_code() -> str:
    """A fresh code, as it is shown: `7Q4M-..-K2ZD`."""
    text = "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))
    return "-".join(text[i : i + _GROUP] for i in range(0, _LENGTH, _GROUP))


def looks_written(said: str) -> bool:
    """Whether a text can be such a code, however it was typed; six digits of an app never can."""
    return len(_normal(said)) == _LENGTH


def digest(said: str) -> bytes:
    """What is kept of a code; the same for each way of typing it."""
    return hashlib.sha256(_normal(said).encode(errors="replace")).digest()


def _normal(said: str) -> str:
    return said[:100].upper().translate(_HEARD)
