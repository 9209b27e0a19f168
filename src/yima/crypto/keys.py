"""Signing and verifying keys of both algorithms behind one shape: messages in, raw r||s of 64 bytes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from yima.crypto import der, es256, sm2
from yima.crypto.curve import P256, SM2, Curve, Point
from yima.runtime.errors import Refusal

Algorithm = Literal["ES256", "SM2"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = get_args(Algorithm)
SIGNATURE_BYTES: Final = 64
_SECRET_BYTES: Final = 32
_CURVES: Final[dict[str, Curve]] = {"ES256": P256, "SM2": SM2}
_ORDERS: Final = {name: curve.n.to_bytes(32, "big") for name, curve in _CURVES.items()}
_ZERO: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public key; equal when algorithm and point are. Threads may share it."""

    algorithm: Algorithm
    x: bytes
    """32 bytes, big-endian."""
    y: bytes
    """32 bytes, big-endian."""
    _verify: Callable[[bytes, bytes], bool] = field(repr=False, compare=False)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` (r||s, 64 bytes) is this key's over `message`. Anything else is False, never an error."""
        order = _ORDERS[self.algorithm]
        # Bytes of equal length compare as the numbers they stand for: r and s in [1, n - 1].
        if len(signature) != SIGNATURE_BYTES or not (_ZERO < signature[:32] < order and _ZERO < signature[32:] < order):
            return False
        return self._verify(message, signature)

    @property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo in DER (RFC 5480), 91 bytes: what certificates and other programs take."""
        return der.spki(_CURVES[self.algorithm], self.x + self.y)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; what it is made of cannot be read from it. Threads may share it."""

    algorithm: Algorithm
    public: VerifyKey
    _sign: Callable[[bytes], bytes] = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """r||s, 64 bytes, over SHA-256 of the message (ES256) or SM3 of Z and the message (SM2). Not deterministic."""
        return self._sign(message)


def signing_key(algorithm: str, secret: bytes) -> SigningKey:
    """The signing key that a 32-byte secret stands for: always the same one.

    For ES256 it is the key that `runtime.keys.signing_key` makes of the same secret. Refusal `setting-invalid` for an
    algorithm that is neither ES256 nor SM2.
    """
    name, curve = _named(algorithm)
    if len(secret) != _SECRET_BYTES:
        raise ValueError("a secret has 32 bytes")
    d = curve.scalar(secret)
    point, sign = sm2.signer(d) if name == "SM2" else es256.signer(d)
    return SigningKey(name, _public(name, point), sign)


def verify_key(algorithm: str, x: bytes, y: bytes) -> VerifyKey:
    """The public key with these coordinates (32 bytes each, big-endian).

    Refusals: `field-invalid` when they are no point of the curve, `setting-invalid` for another algorithm.
    """
    name, curve = _named(algorithm)
    point = int.from_bytes(x, "big"), int.from_bytes(y, "big")
    if len(x) != 32 or len(y) != 32 or not curve.holds(point):
        raise Refusal("field-invalid", field="public key", expected=f"a point of the curve {curve.name}")
    return _public(name, point)


def _public(name: Algorithm, point: Point) -> VerifyKey:
    verify = sm2.verifier(point) if name == "SM2" else es256.verifier(point)
    return VerifyKey(name, point[0].to_bytes(32, "big"), point[1].to_bytes(32, "big"), verify)


def _named(algorithm: str) -> tuple[Algorithm, Curve]:
    for name in ALGORITHMS:
        if name == algorithm:
            return name, _CURVES[name]
    raise Refusal("setting-invalid", field="signature algorithm", expected=" or ".join(ALGORITHMS))
