"""One-time codes of authenticator apps: TOTP (RFC 6238) over HOTP (RFC 4226), in the form that every app knows.

SHA-1, thirty seconds, six digits. SHA-1 is what the apps take; HMAC does not need it to be free of collisions.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

SECRET_BYTES: Final = 20
"""As long as the output of the hash (RFC 4226, section 4, R6)."""
_SECONDS: Final = 30
_DIGITS: Final = 6
_DRIFT: Final = 1
"""Steps by which a phone's clock may be off (RFC 6238, section 5.2)."""


def code(secret: bytes, step: int) -> str:
    """The six digits of one time step (RFC 4226, section 5.3)."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**_DIGITS).zfill(_DIGITS)


def code_at(secret: bytes, now: datetime) -> str:
    """What an authenticator app shows now."""
    return code(secret, int(now.timestamp()) // _SECONDS)


def step_of(secret: bytes, said: str, now: datetime) -> int | None:
    """The time step of which `said` is the code, or None. Looks at every step in reach, whatever it finds."""
    middle = int(now.timestamp()) // _SECONDS
    found = None
    for step in range(middle - _DRIFT, middle + _DRIFT + 1):
        if hmac.compare_digest(code(secret, step).encode(), said.encode(errors="replace")):
            found = step
    return found


def secret_text(secret: bytes) -> str:
    """The secret as it is typed into an app that cannot scan: base32 in groups of four."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def app_uri(secret: bytes, issuer: str, name: str) -> str:
    """What the QR code says (the key URI format that authenticator apps agree on)."""
    label = quote(f"{issuer}:{name}", safe=":")
    return f"otpauth://totp/{label}?" + urlencode({"secret": secret_text(secret).replace(" ", ""), "issuer": issuer})
