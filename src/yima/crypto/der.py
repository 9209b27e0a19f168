"""The little DER (ITU-T X.690) of elliptic-curve keys and signatures: fixed shapes, written and read byte by byte."""

from __future__ import annotations

from typing import Final

from yima.crypto.curve import Curve

_EC_PUBLIC_KEY: Final = bytes.fromhex("06072a8648ce3d0201")
_HALF: Final = 32


def signature_der(signature: bytes) -> bytes:
    """r||s (64 bytes, both at least 1) as the Ecdsa-Sig-Value of RFC 3279 section 2.2.3."""
    body = _integer(signature[:_HALF]) + _integer(signature[_HALF:])
    return b"\x30%c%b" % (len(body), body)


def signature_raw(der: bytes) -> bytes:
    """The 64 bytes r||s of an Ecdsa-Sig-Value that a library of ours has just written."""
    long = der[3]
    return der[4 : 4 + long][-_HALF:].rjust(_HALF, b"\0") + der[6 + long :][-_HALF:].rjust(_HALF, b"\0")


def _integer(value: bytes) -> bytes:
    short = value.lstrip(b"\0")
    if short[0] & 0x80:
        short = b"\0" + short
    return b"\x02%c%b" % (len(short), short)


def spki(curve: Curve, point: bytes) -> bytes:
    """SubjectPublicKeyInfo (RFC 5480 section 2) of an uncompressed point x||y of 64 bytes: 91 bytes."""
    algorithm = _wrapped(0x30, _EC_PUBLIC_KEY + curve.oid)
    return _wrapped(0x30, algorithm + _wrapped(0x03, b"\0\x04" + point))


def private_key(curve: Curve, d: bytes) -> bytes:
    """ECPrivateKey (RFC 5915) of 32 bytes, without its public half."""
    return _wrapped(0x30, b"\x02\x01\x01" + _wrapped(0x04, d) + _wrapped(0xA0, curve.oid))


def _wrapped(tag: int, body: bytes) -> bytes:
    return b"%c%c%b" % (tag, len(body), body)  # every body here is shorter than 128 bytes
