"""COSE_Sign1 (RFC 9052 section 4.2, RFC 9053): a payload, a protected header, and one signature over both."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import cbor2
import msgspec

from yima.healthcode.offline import cbor
from yima.runtime.errors import Refusal

ALG: Final = 1
CRIT: Final = 2
KEY_ID: Final = 4

ALGORITHMS: Final = {
    "ES256": -7, "ES384": -35, "ES512": -36, "PS256": -37, "PS384": -38, "PS512": -39, "EdDSA": -8,
}  # fmt: skip
"""Registered algorithms by their JOSE name (IANA COSE Algorithms). SM2 has no number: see `sm2_algorithm`."""
SM2_ALGORITHM: Final = -65537
"""The number of SM2 unless the settings name another: private use is everything below -65536 (RFC 9054, IANA)."""

_CONTEXT: Final = b"\x84\x6aSignature1"  # array of four, then the text "Signature1" (RFC 9052 section 4.4)
_SIGN1_TAG: Final = b"\xd2"
_CWT_TAG: Final = b"\xd8\x3d"
_FOUR: Final = b"\x84"
_NOTHING: Final = b"\xa0"


class Sign1(msgspec.Struct, frozen=True, gc=False):
    """A signed message, parsed but not yet believed."""

    protected: bytes
    """The protected header as it was signed."""
    header: dict[Any, Any]
    """The same, decoded."""
    unprotected: dict[Any, Any]
    payload: bytes
    signature: bytes

    def algorithm(self, sm2_algorithm: int = SM2_ALGORITHM) -> str:
        """The algorithm's name, from the protected header only; empty when it names none that we know."""
        return algorithm_name(self.header.get(ALG), sm2_algorithm)

    def key_id(self, *, strict: bool) -> bytes:
        """The key id: protected, or also unprotected where not `strict` (the EU certificate allows it)."""
        found = self.header.get(KEY_ID)
        if found is None and not strict:
            found = self.unprotected.get(KEY_ID)
        return found if isinstance(found, bytes) else b""

    def signed(self, external: bytes = b"") -> bytes:
        """The bytes under the signature: Sig_structure of RFC 9052 section 4.4."""
        protected = b"" if self.protected == _NOTHING else self.protected  # an empty map is signed as an empty string
        return _CONTEXT + byte_string(protected) + byte_string(external) + byte_string(self.payload)


def algorithm_name(number: object, sm2_algorithm: int = SM2_ALGORITHM) -> str:
    """The name of a COSE algorithm number; empty for one that we do not know."""
    if type(number) is not int:
        return ""
    return "SM2" if number == sm2_algorithm else _NAMES.get(number, "")


_NAMES: Final = {number: name for name, number in ALGORITHMS.items()}


def algorithm_number(name: str, sm2_algorithm: int = SM2_ALGORITHM) -> int:
    """The COSE number of an algorithm by name."""
    return sm2_algorithm if name == "SM2" else ALGORITHMS[name]


def read(data: bytes) -> Sign1:
    """Take a COSE_Sign1 apart, tagged 18 (and 61 before it, RFC 8392) or not. Refusal `code-unreadable` for all else.

    A header label in both headers (but for the key id, which EU certificates may have twice; the protected one counts),
    a critical header that nobody here knows, and a detached payload are refused too.
    """
    at = len(_CWT_TAG) if data.startswith(_CWT_TAG) else 0
    at += data.startswith(_SIGN1_TAG, at)
    if not data.startswith(_FOUR, at):
        raise Refusal("code-unreadable")
    protected, at = _bytes(data, at + 1)
    unprotected: dict[Any, Any] = {}
    if data[at : at + 1] == _NOTHING:
        at += 1
    else:
        unprotected, size = cbor.first_item(data[at:])
        at += size
    payload, at = _bytes(data, at)
    signature, at = _bytes(data, at)
    header = _header(protected)
    if at != len(data) or type(unprotected) is not dict:
        raise Refusal("code-unreadable")
    if CRIT in header or (unprotected and (CRIT in unprotected or header.keys() & unprotected.keys() - {KEY_ID})):
        raise Refusal("code-unreadable")
    return Sign1(protected, header, unprotected, payload, signature)


def _bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """The byte string at that place, of definite length, and where it ends."""
    head = data[at : at + 1]
    size, at = (head[0] if head else 0), at + 1
    if size == 0x58:
        size, at = int.from_bytes(data[at : at + 1], "big"), at + 1
    elif size == 0x59:
        size, at = int.from_bytes(data[at : at + 2], "big"), at + 2
    elif 0x40 <= size < 0x58:
        size -= 0x40
    else:
        raise Refusal("code-unreadable")
    end = at + size
    if end > len(data):
        raise Refusal("code-unreadable")
    return data[at:end], end


@lru_cache(maxsize=1024)
def _header(protected: bytes) -> dict[Any, Any]:
    """The protected header, decoded; all credentials of one signer share its bytes. Never changed by anyone."""
    header = cbor.loads(protected) if protected else {}
    if not isinstance(header, dict):
        raise Refusal("code-unreadable")
    return header


def header_of(algorithm: int, key_id: bytes) -> bytes:
    """The protected header of our credentials: algorithm and key id, nothing else."""
    return cbor2.dumps({ALG: algorithm, KEY_ID: key_id})


def write(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """The tagged message."""
    parts = (byte_string(protected), b"\xa0", byte_string(payload), byte_string(signature))
    return _SIGN1_TAG + b"\x84" + b"".join(parts)


def byte_string(data: bytes) -> bytes:
    """`data` as a CBOR byte string with the shortest head (RFC 8949 section 3.1)."""
    size = len(data)
    if size < 24:
        return bytes((0x40 | size,)) + data
    if size < 256:
        return bytes((0x58, size)) + data
    if size < 65536:
        return b"\x59" + size.to_bytes(2, "big") + data
    return b"\x5a" + size.to_bytes(4, "big") + data
