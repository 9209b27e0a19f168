"""SM2 signatures (GB/T 32918.2 / GM/T 0003.2) with SM3 and the default signer id (GM/T 0009 section 10).

What is signed is e = SM3(Z || message), Z = SM3(length of id in bits | id | a | b | base point | public point). Z and e
are made here, so both libraries do the same and only the curve's arithmetic is theirs. Which library runs is decided
once per process, at the first use: the system's libcrypto when it passes its test, else gmssl_pyx.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, Protocol

from yima.crypto import vectors
from yima.crypto.curve import SM2, Point
from yima.crypto.gmssl import Gmssl
from yima.crypto.libcrypto import load
from yima.crypto.symmetric import sm3

SIGNER_ID: Final = b"1234567812345678"


class Library(Protocol):
    """SM2 over digests e of 32 bytes, signatures r||s of 64 bytes."""

    @property
    def name(self) -> str:
        """The library and its version."""
        ...

    def signer(self, d: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
        """The public key x||y of a private key, and what signs digests with it."""
        ...

    def verifier(self, point: bytes) -> Callable[[bytes, bytes], bool]:
        """What checks (digest, signature) by the public key x||y; r and s are known to lie in [1, n - 1]."""
        ...


def signer(d: int, using: Library | None = None) -> tuple[Point, Callable[[bytes], bytes]]:
    """The public point of a private key, and what signs messages with it."""
    public, sign_digest = (using or library()).signer(d.to_bytes(32, "big"))
    point = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
    prefix = identity(point)

    def sign(message: bytes) -> bytes:
        return sign_digest(sm3(prefix + message))

    return point, sign


def verifier(point: Point, using: Library | None = None) -> Callable[[bytes, bytes], bool]:
    """What checks signatures r||s, both already known to lie in [1, n - 1], by this public key."""
    verify_digest = (using or library()).verifier(_encoded(point))
    prefix = identity(point)

    def verify(message: bytes, signature: bytes) -> bool:
        return verify_digest(sm3(prefix + message), signature)

    return verify


def identity(point: Point) -> bytes:
    """Z, the 32 bytes that bind a signature to signer id, curve and public key (GB/T 32918.2 section 5.5)."""
    length = (len(SIGNER_ID) * 8).to_bytes(2, "big")
    curve = SM2.a.to_bytes(32, "big") + SM2.b.to_bytes(32, "big") + _encoded(SM2.g)
    return sm3(length + SIGNER_ID + curve + _encoded(point))


def libraries() -> tuple[Library, ...]:
    """The libraries that this machine has, in the order of preference; none of them tested yet."""
    system = load()
    return (system, Gmssl()) if system else (Gmssl(),)


@cache
def library() -> Library:
    """The library in use: the first that passes its test. RuntimeError when none does."""
    for candidate in libraries():
        if not faults(candidate):
            return candidate
    raise RuntimeError("no library signs by SM2 as GB/T 32918 says")


def faults(candidate: Library) -> str:
    """What a library gets wrong, in words; empty when it does as GB/T 32918.5 annex A and four negatives say."""
    known = vectors.SM2
    try:
        point, sign = signer(known.private, candidate)
        verify = verifier(known.public, candidate)
        fresh = sign(known.message)
    except Exception as error:  # whatever a foreign library throws, it is not one to sign with
        return f"{candidate.name}: {error}"
    changed = known.signature[:-1] + bytes([known.signature[-1] ^ 1])
    said = {
        "public key": point == known.public,
        "published signature": verify(known.message, known.signature),
        "own signature": verify(known.message, fresh) and fresh != sign(known.message),
        "changed message": not verify(known.message + b"?", known.signature),
        "changed signature": not verify(known.message, changed),
        "swapped halves": not verify(known.message, known.signature[32:] + known.signature[:32]),
        "wrong key": not verifier(SM2.g, candidate)(known.message, known.signature),
    }
    wrong = [what for what, right in said.items() if not right]
    return f"{candidate.name}: {', '.join(wrong)}" if wrong else ""


def _encoded(point: Point) -> bytes:
    return point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")
