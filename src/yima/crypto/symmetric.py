"""Hashes, MACs and ciphers of the two families, each by the fastest sound implementation at hand.

SHA-256 is FIPS 180-4 (`hashlib`), SM3 GB/T 32905 / ISO/IEC 10118-3 (`gmssl_pyx`: whether the interpreter's own
libcrypto has SM3 depends on the distribution), HMAC RFC 2104, AES FIPS 197, SM4 GB/T 32907 / ISO/IEC 18033-3, GCM
NIST SP 800-38D (`cryptography`). Figures: docs/healthcode/crypto.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256 as _sha256
from typing import Final

import gmssl_pyx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SM3
from cryptography.hazmat.primitives.hmac import HMAC

from yima.runtime.errors import Refusal

Function = Callable[[bytes], bytes]
"""A keyed function of bytes: one block through a cipher, or a message's 32-byte MAC."""

BLOCK_BYTES: Final = 16
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
_HASHED_BYTES: Final = 64  # the block that SHA-256 and SM3 work on
_INNER: Final = bytes(value ^ 0x36 for value in range(256))
_OUTER: Final = bytes(value ^ 0x5C for value in range(256))


@dataclass(frozen=True, slots=True)
class BlockCipher:
    """A block cipher under one key, its schedule made once; threads may share it."""

    encrypt: Function
    """One 16-byte block."""
    decrypt: Function
    """One 16-byte block."""


def sha256(data: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return _sha256(data).digest()


def sm3(data: bytes) -> bytes:
    """SM3, 32 bytes."""
    return gmssl_pyx.sm3_hash(data)  # type: ignore[no-any-return]  # it has no types; the self-test compares bytes


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 for a key used once, 32 bytes. Two plain hashes: a third faster than `hmac.digest`."""
    block = (key if len(key) <= _HASHED_BYTES else sha256(key)).ljust(_HASHED_BYTES, b"\0")
    return _sha256(block.translate(_OUTER) + _sha256(block.translate(_INNER) + message).digest()).digest()


def hmac_sm3(key: bytes, message: bytes) -> bytes:
    """HMAC-SM3 for a key used once, 32 bytes."""
    if not key:  # gmssl_pyx refuses an empty key; RFC 2104 pads it with zeros like any short one
        key = b"\0"
    return gmssl_pyx.sm3_hmac(key, message)  # type: ignore[no-any-return]  # as in sm3


def keyed_hmac_sha256(key: bytes) -> Function:
    """HMAC-SHA-256 for a key used again and again: its two first blocks are hashed once."""
    return _prepared(HMAC(key, SHA256()))


def keyed_hmac_sm3(key: bytes) -> Function:
    """HMAC-SM3 for a key used again and again: its two first blocks are hashed once."""
    return _prepared(HMAC(key, SM3()))


def _prepared(state: HMAC) -> Function:
    copy = state.copy

    def mac(message: bytes) -> bytes:
        digest = copy()
        digest.update(message)
        return digest.finalize()

    return mac


def aes(key: bytes) -> BlockCipher:
    """AES-128 or AES-256 over single blocks, by the length of the key."""
    return _blocks(algorithms.AES(_key(key, 16, 32)))


def sm4(key: bytes) -> BlockCipher:
    """SM4 over single blocks."""
    return _blocks(algorithms.SM4(_key(key, 16)))


def _blocks(algorithm: algorithms.AES | algorithms.SM4) -> BlockCipher:
    pair = Cipher(algorithm, modes.ECB())  # noqa: S305  single blocks: ECB is here the bare cipher, never a mode
    return BlockCipher(_single(pair.encryptor().update), _single(pair.decryptor().update))


def _single(update: Function) -> Function:
    # The check is not for politeness: a rest would stay in the context, and change what the next caller gets.
    def block(data: bytes) -> bytes:
        if len(data) != BLOCK_BYTES:
            raise ValueError("a block has 16 bytes")
        return update(data)

    return block


def aes_gcm_seal(key: bytes, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
    """AES-GCM: the ciphertext and its 16-byte tag."""
    return AESGCM(_key(key, 16, 32)).encrypt(_nonce(nonce), plain, aad)


def aes_gcm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    """The plaintext again; Refusal `seal-broken`."""
    try:
        return AESGCM(_key(key, 16, 32)).decrypt(_nonce(nonce), sealed, aad)
    except InvalidTag:
        raise Refusal("seal-broken") from None


def sm4_gcm_seal(key: bytes, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
    """SM4-GCM (RFC 8998): the ciphertext and its 16-byte tag."""
    work = Cipher(algorithms.SM4(_key(key, 16)), modes.GCM(_nonce(nonce))).encryptor()
    work.authenticate_additional_data(aad)
    return work.update(plain) + work.finalize() + work.tag


def sm4_gcm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    """The plaintext again; Refusal `seal-broken`."""
    if len(sealed) < TAG_BYTES:
        raise Refusal("seal-broken")
    mode = modes.GCM(_nonce(nonce), sealed[-TAG_BYTES:])
    work = Cipher(algorithms.SM4(_key(key, 16)), mode).decryptor()
    work.authenticate_additional_data(aad)
    try:
        return work.update(sealed[:-TAG_BYTES]) + work.finalize()
    except InvalidTag:
        raise Refusal("seal-broken") from None


def sm4_ecb(key: bytes, data: bytes) -> bytes:
    """SM4 in ECB, as the national card's interfaces and ids want it; nothing of ours is kept secret by it.

    `data` is a multiple of 16 bytes, padded by the caller; Refusal `field-invalid` otherwise.
    """
    work = Cipher(algorithms.SM4(_key(key, 16)), modes.ECB()).encryptor()  # noqa: S305  the standard's own mode
    return work.update(_whole(data)) + work.finalize()


def sm4_ecb_open(key: bytes, data: bytes) -> bytes:
    """The inverse of `sm4_ecb`, padding left in place; Refusal `field-invalid` unless a multiple of 16 bytes."""
    work = Cipher(algorithms.SM4(_key(key, 16)), modes.ECB()).decryptor()  # noqa: S305  the standard's own mode
    return work.update(_whole(data)) + work.finalize()


def _whole(data: bytes) -> bytes:
    if len(data) % BLOCK_BYTES:
        raise Refusal("field-invalid", field="SM4 data", expected="a multiple of 16 bytes")
    return data


def _key(key: bytes, *lengths: int) -> bytes:
    if len(key) not in lengths:
        raise ValueError(f"a key of {lengths} bytes is needed")
    return key


def _nonce(nonce: bytes) -> bytes:
    if len(nonce) != NONCE_BYTES:
        raise ValueError("a nonce has 12 bytes")
    return nonce
