"""ES256: ECDSA on P-256 with SHA-256 (FIPS 186-4, RFC 7518 section 3.4), by `cryptography`.

The hash is made here and handed over (`Prehashed`), which is cheaper than letting the library make it.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from yima.crypto.curve import Point
from yima.crypto.der import signature_der, signature_raw

_ECDSA: Final = ec.ECDSA(Prehashed(SHA256()))


def signer(d: int) -> tuple[Point, Callable[[bytes], bytes]]:
    """The public point of a private key, and what signs messages with it (nonces from the operating system)."""
    key = ec.derive_private_key(d, ec.SECP256R1())
    numbers = key.public_key().public_numbers()

    def sign(message: bytes) -> bytes:
        return signature_raw(key.sign(sha256(message).digest(), _ECDSA))

    return (numbers.x, numbers.y), sign


def verifier(point: Point) -> Callable[[bytes, bytes], bool]:
    """What checks signatures r||s, both already known to lie in [1, n - 1], by this public key."""
    key = ec.EllipticCurvePublicNumbers(*point, ec.SECP256R1()).public_key()

    def verify(message: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature_der(signature), sha256(message).digest(), _ECDSA)
        except InvalidSignature:
            return False
        return True

    return verify
