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
        return _CONTEXT + byte_string(self.protected) + byte_string(external) + byte_string(self.payload)


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
    """Take a COSE_Sign1 apart, tagged 18 or not. Refusal `code-unreadable` for anything else.

    A header label in both headers, a critical header that nobody here knows, and a detached payload are refused too.
    """
    value = cbor.loads(data)
    if data[:1] not in (_SIGN1_TAG, b"\x84") or not isinstance(value, list) or len(value) != 4:
        raise Refusal("code-unreadable")
    protected, unprotected, payload, signature = value
    parts = (protected, payload, signature)
    if not all(isinstance(part, bytes) for part in parts) or not isinstance(unprotected, dict):
        raise Refusal("code-unreadable")
    header = _header(protected)
    if CRIT in header or CRIT in unprotected or not header.keys().isdisjoint(unprotected):
        raise Refusal("code-unreadable")
    return Sign1(protected, header, unprotected, payload, signature)


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
