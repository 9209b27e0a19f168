"""The two curves of 256 bits, and what is needed of them beside the libraries: checking points, deriving private keys.

P-256 is FIPS 186-4 D.1.2.3 (secp256r1 of SEC 2), SM2's is GB/T 32918.5 (sm2p256v1). Both are y² = x³ + ax + b over a
prime field, with a = p - 3 and a prime number n of points.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

Point = tuple[int, int]
_WIDE_BYTES: Final = 48  # 384 bits reduced modulo a 256-bit order: the bias is below 2^-128


@dataclass(frozen=True, slots=True)
class Curve:
    """A short Weierstrass curve with a = p - 3, its base point, and the DER that names it in keys."""

    name: str
    p: int
    b: int
    g: Point
    n: int
    largest: int
    """The largest private key: n - 1 for ECDSA, n - 2 for SM2 (GB/T 32918.2 section 5.2: 1 + d is inverted)."""
    oid: bytes
    """Its object identifier, as DER with tag and length."""
    tag: bytes
    """What keeps keys derived from one secret for two curves apart."""

    @property
    def a(self) -> int:
        """The coefficient of x."""
        return self.p - 3

    def holds(self, point: Point) -> bool:
        """Whether this is a point of the curve other than infinity: with cofactor 1, a valid public key."""
        x, y = point
        return 0 <= x < self.p and 0 <= y < self.p and (y * y - x * x * x - self.a * x - self.b) % self.p == 0

    def scalar(self, secret: bytes) -> int:
        """A private key in [1, `largest`] from a secret: SHAKE-256 to 384 bits, reduced; always the same for a secret.

        For P-256 it is the key that `runtime.keys.signing_key` makes of the same secret.
        """
        wide = hashlib.shake_256(self.tag + secret).digest(_WIDE_BYTES)
        return int.from_bytes(wide, "big") % self.largest + 1

    def multiply(self, k: int) -> Point:
        """k times the base point, 0 < k < n, with Python's integers: about 2 ms, and not in constant time.

        Only for the public half of our own keys where no library gives it: once per key and process, at no moment that
        another party chooses.
        """
        found: Point | None = None
        for bit in bin(k)[2:]:
            found = self._add(found, found)
            if bit == "1":
                found = self._add(found, self.g)
        if found is None:
            raise ValueError("k is a multiple of the order")
        return found

    def _add(self, one: Point | None, two: Point | None) -> Point | None:
        if one is None or two is None:
            return one or two
        (x1, y1), (x2, y2) = one, two
        if x1 == x2 and (y1 + y2) % self.p == 0:
            return None
        rise, run = (3 * x1 * x1 + self.a, 2 * y1) if one == two else (y2 - y1, x2 - x1)
        slope = rise * pow(run, -1, self.p) % self.p
        x3 = (slope * slope - x1 - x2) % self.p
        return x3, (slope * (x1 - x3) - y1) % self.p


P256: Final = Curve(
    name="P-256",
    p=0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    g=(
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    largest=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550,
    oid=bytes.fromhex("06082a8648ce3d030107"),
    tag=b"p-256",
)

SM2: Final = Curve(
    name="SM2",
    p=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF,
    b=0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
    g=(
        0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
        0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
    ),
    n=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123,
    largest=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54121,
    oid=bytes.fromhex("06082a811ccf5501822d"),
    tag=b"sm2",
)
