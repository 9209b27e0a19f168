"""JSON Web Signatures in compact form (RFC 7515), ES256 and, under the private name `SM2`, SM2 with SM3.

Only what the lists of this package need: one signature, the header protected whole, the claims a JSON object.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import orjson

from yima.crypto import SigningKey, VerifyKey

MAX_TEXT: Final = 16 * 1024 * 1024
"""Characters of the longest token that is read: a trust list of some thousand signers has 2 million."""
_FORM: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")


@dataclass(frozen=True, slots=True)
class Jws:
    """A token taken apart; nothing of it is believed before `verified_by`."""

    header: Mapping[str, Any]
    payload: bytes
    signed: bytes
    signature: bytes

    def verified_by(self, key: VerifyKey) -> bool:
        """Whether that key signed it, with the algorithm that the header names."""
        return self.header.get("alg") == key.algorithm and key.verify(self.signed, self.signature)


def sign(key: SigningKey, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """The token; `alg` is the key's."""
    signed = f"{encode(orjson.dumps({'alg': key.algorithm, **header}))}.{encode(orjson.dumps(dict(claims)))}"
    return f"{signed}.{encode(key.sign(signed.encode()))}"


def read(text: str | bytes) -> Jws:
    """Take a token apart. ValueError when it is not one, or has a critical header (none is known here)."""
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) > MAX_TEXT or _FORM.fullmatch(raw) is None:
        raise ValueError("not a signed token")
    head, payload, signature = raw.split(b".")
    header = msgspec.json.decode(decode(head), type=dict[str, Any])
    if "crit" in header:
        raise ValueError("a critical header that is not known here")
    return Jws(header, decode(payload), head + b"." + payload, decode(signature))


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str | bytes) -> bytes:
    """The bytes again. ValueError for another alphabet, padding, or bits behind the last byte that are not zero."""
    raw = text.encode() if isinstance(text, str) else text
    data = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    if encode(data).encode() != raw:
        raise ValueError("not base64url in its one form")
    return data
