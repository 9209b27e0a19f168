"""The test of every start: published answers, and wrong input that must be refused. Some 10 ms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from yima.crypto import es256, sm2, vectors
from yima.crypto.curve import P256, SM2
from yima.crypto.families import Family, family
from yima.crypto.keys import Algorithm, verify_key
from yima.crypto.vectors import Sealed, Signed
from yima.runtime.errors import Refusal

_Check = tuple[str, bool]


def self_test() -> None:
    """Compare every primitive with published answers; Refusal `crypto-self-test-failed` with what differs.

    A library that was built wrong, replaced or damaged is found here, before anything is signed, sealed or believed.
    """
    wrong = []
    for what, checks in _PARTS.items():
        try:
            wrong += [f"{what}: {name}" for name, right in checks() if not right]
        except Exception as error:  # a primitive that throws is as wrong as one that differs
            wrong.append(f"{what}: {type(error).__name__}")
    if wrong:
        raise Refusal("crypto-self-test-failed", reason="; ".join(wrong))


def backend() -> str:
    """The library that signs and verifies SM2 in this process, with its version."""
    return sm2.library().name


def _intl() -> Iterator[_Check]:
    it = family("INTL")
    wide = it.cipher(bytes(range(32)))
    yield from _hashes(it, vectors.SHA256_ABC, vectors.HMAC_SHA256)
    yield from _blocks(it, bytes(range(16)), vectors.AES_PLAIN, vectors.AES_128_BLOCK)
    yield "AES-256", wide.encrypt(vectors.AES_PLAIN) == vectors.AES_256_BLOCK
    yield from _seals(it, vectors.AES_GCM)


def _sm() -> Iterator[_Check]:
    it = family("SM")
    yield from _hashes(it, vectors.SM3_ABC, vectors.HMAC_SM3)
    yield from _blocks(it, vectors.SM4_KEY, vectors.SM4_KEY, vectors.SM4_BLOCK)
    yield from _seals(it, vectors.SM4_GCM)


def _hashes(it: Family, abc: bytes, mac: bytes) -> Iterator[_Check]:
    yield "hash", it.hash(b"abc") == abc
    yield "MAC", it.mac(vectors.HMAC_KEY, vectors.HMAC_MESSAGE) == mac
    yield "keyed MAC", it.keyed_mac(vectors.HMAC_KEY)(vectors.HMAC_MESSAGE) == mac


def _blocks(it: Family, key: bytes, plain: bytes, block: bytes) -> Iterator[_Check]:
    cipher = it.cipher(key)
    yield "encrypt", cipher.encrypt(plain) == block
    yield "decrypt", cipher.decrypt(block) == plain


def _seals(it: Family, known: Sealed) -> Iterator[_Check]:
    yield "seal", it.seal(known.key, known.nonce, known.plain, known.aad) == known.sealed
    yield "open", it.open(known.key, known.nonce, known.sealed, known.aad) == known.plain
    broken = known.sealed[:-1] + bytes([known.sealed[-1] ^ 1])
    yield "changed tag", _refuses(lambda: it.open(known.key, known.nonce, broken, known.aad))
    yield "changed additional data", _refuses(lambda: it.open(known.key, known.nonce, known.sealed, b""))


def _refuses(act: Callable[[], bytes]) -> bool:
    try:
        act()
    except Refusal:
        return True
    return False


def _es256() -> Iterator[_Check]:
    point, sign = es256.signer(vectors.ES256.private)
    yield "public key", point == vectors.ES256.public
    yield from _signatures("ES256", vectors.ES256, sign, P256.n, P256.g)


def _sm2() -> Iterator[_Check]:
    point, sign = sm2.signer(vectors.SM2.private)
    yield "public key", point == vectors.SM2.public
    yield from _signatures("SM2", vectors.SM2, sign, SM2.n, SM2.g)


def _signatures(
    algorithm: Algorithm, known: Signed, sign: Callable[[bytes], bytes], order: int, other: tuple[int, int]
) -> Iterator[_Check]:
    key = verify_key(algorithm, *(part.to_bytes(32, "big") for part in known.public))
    stranger = verify_key(algorithm, *(part.to_bytes(32, "big") for part in other))
    r, s = known.signature[:32], known.signature[32:]
    zero, top = bytes(32), order.to_bytes(32, "big")
    yield "published signature", key.verify(known.message, known.signature)
    yield "own signature", key.verify(known.message, sign(known.message))
    yield "changed message", not key.verify(known.message + b"?", known.signature)
    yield "changed signature", not key.verify(known.message, r + s[:-1] + bytes([s[-1] ^ 1]))
    yield "wrong key", not stranger.verify(known.message, known.signature)
    for name, forged in {"r = 0": zero + s, "s = 0": r + zero, "r = n": top + s, "s = n": r + top}.items():
        yield name, not key.verify(known.message, forged)


_PARTS: Final[dict[str, Callable[[], Iterator[_Check]]]] = {"INTL": _intl, "SM": _sm, "ES256": _es256, "SM2": _sm2}
