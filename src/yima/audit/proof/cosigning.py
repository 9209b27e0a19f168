"""Cosignatures: a witness signs a head that it has seen grow out of all heads before (C2SP tlog-cosignature). Pure.

A cosigned head in text has one line more under it for each witness:

    — witness/0a1b2c3d jWbPPwAAAABkGFDLEZMH...

The signature is Ed25519 over `cosignature/v1`, the time, and the head's body.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yima.audit.proof.head import COSIGNER, KEY_ID_BYTES, Head, Verifier, is_signed, signatures

_TIME_BYTES: Final = 8
_SIGNED: Final = KEY_ID_BYTES + _TIME_BYTES
_LATEST: Final = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
_NAME: Final = re.compile(r"[A-Za-z0-9._/-]{1,80}")


@dataclass(frozen=True, slots=True)
class Cosignature:
    """One witness's word on one head."""

    witness: str
    at: datetime
    """By the witness's own clock."""
    line: str
    """As it stands under the head."""


class Cosigner:
    """A witness's key. `seed`: 32 random bytes, which whoever runs the platform must never see."""

    def __init__(self, seed: bytes, name: str = "") -> None:
        """`name`: as it will stand under heads, `witness/` and the beginning of the key's hash when empty."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes_raw()
        self.verifier = Verifier(name or f"witness/{sha256(public).hexdigest()[:8]}", public, COSIGNER)

    def cosign(self, head: Head, now: datetime) -> str:
        """The line to be put under a head. Only for one that was proven to grow out of those before."""
        stamp = int(now.timestamp())
        signed = self._key.sign(_message(head.note, stamp))
        packed = self.verifier.key_id + stamp.to_bytes(_TIME_BYTES, "big") + signed
        return f"— {self.verifier.name} {base64.b64encode(packed).decode()}\n"


def is_witness_name(name: str) -> bool:
    """Whether a witness may be called so: letters, digits and `._/-`, eighty at most."""
    return _NAME.fullmatch(name) is not None


def cosignature(note: str, witness: Verifier) -> Cosignature | None:
    """The witness's signature under a head, if it is there and good."""
    for name, raw, line in signatures(note):
        stamp = int.from_bytes(raw[KEY_ID_BYTES:_SIGNED], "big")
        if (
            (name, raw[:KEY_ID_BYTES]) == (witness.name, witness.key_id)
            and stamp <= _LATEST
            and is_signed(_message(note, stamp), raw[_SIGNED:], witness.public)
        ):
            return Cosignature(name, datetime.fromtimestamp(stamp, UTC), line)
    return None


def _message(note: str, stamp: int) -> bytes:
    body = note.partition("\n\n")[0]
    return f"cosignature/v1\ntime {stamp}\n{body}\n".encode()
