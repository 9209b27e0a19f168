"""Keys and what they do at rest: named secrets, blind indexes, envelope encryption.

Identity numbers and phones are sealed with a data key per person; the data key is wrapped by the master key, so
throwing the wrap away erases the person. They are found again by a keyed blind index: a plain hash of an identity
number falls in hours. `yima.runtime.blinding` says how the keys of such hashes are changed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from yima.runtime.blinding import INNER, Hashes
from yima.runtime.errors import Refusal
from yima.runtime.key_store import FileKeyStore, KeyStore

__all__ = ["BOUND", "HOUSE", "FileKeyStore", "KeyStore", "Vault", "signing_key"]
_BLIND_BYTES = 16
_SECRET_BYTES = 32
_NONCE_BYTES = 12
_KEYS_HELD = 4_096
"""Data keys that a worker keeps unwrapped, in some 10 MB: a second opening costs 1.5 microseconds instead of 7. Without
the wrap, which only the database has, nobody reaches a key that is held here."""
_WRAP_BYTES = 40
_MASTER = "vault/master"
_MOST_MASTERS = 255
HOUSE: Final = b"\x02"
"""What begins sealed data of the house."""
BOUND: Final = b"\x01"
"""What sealed data begins with that opens in its own row only; JSON and MessagePack of structs never begin so."""


class Vault:
    """Blind index and envelope encryption over a key store."""

    def __init__(self, store: KeyStore) -> None:
        self.store = store
        self.hashes = Hashes(store)
        self._index = HMAC(store.secret(INNER), SHA256())
        if store.newest(_MASTER) == 1:  # later ones were made from the first, which may be destroyed since
            store.secret(f"{_MASTER}/1")
        self._house = lru_cache(16)(self._house_cipher)
        self._cipher = lru_cache(_KEYS_HELD)(self._unwrapped)

    def blind(self, purpose: str, value: str) -> bytes:
        """The keyed index of a value as it is stored: `Hashes.long` of `steady`. Whoever looks for it asks for
        `hashes.forms` of it."""
        return self.hashes.long(self.steady(purpose, value))

    def steady(self, purpose: str, value: str) -> bytes:
        """Keyed hash of a value (HMAC-SHA-256, 16 bytes) that no rotation changes: for what is never stored, or only
        where it is sealed. Equal values under two purposes differ."""
        hashed = self._index.copy()  # prepared: half of what `hmac.digest` takes, which asks for the algorithm anew
        hashed.update(f"{purpose}\x1f{value}".encode())
        return hashed.finalize()[:_BLIND_BYTES]

    def export_key(self, export: str) -> bytes:
        """The key of one export's pseudonyms and shifted days (32 bytes): no other export's, and in no database."""
        return hmac.digest(self.store.secret("vault/export/1"), export.encode(), "sha256")

    def new_wrap(self) -> bytes:
        """A fresh data key, wrapped by the newest master key: store it with the person. 40 bytes (RFC 3394) under the
        first master key, under later ones the number of the key before them."""
        return self._wrapped(secrets.token_bytes(_SECRET_BYTES))

    @property
    def newest(self) -> int:
        """The number of the master key that wraps what is new."""
        return self.store.newest(_MASTER)

    def rotate(self) -> int:
        """Make the next master key; its number. What is there goes over by `rewrapped`. Refusal `key-change-refused`
        after 255."""
        number = self.newest + 1
        if number > _MOST_MASTERS:
            raise Refusal("key-change-refused", reason="there are 255 master keys already")
        self.store.secret(f"{_MASTER}/{number}")
        return number

    def forget(self, number: int) -> None:
        """Destroy a master key that nothing is wrapped by any more; the newest cannot be."""
        if number >= self.newest:
            raise Refusal("key-change-refused", reason="the newest master key is in use")
        self.store.drop(f"{_MASTER}/{number}")

    def masters(self) -> list[int]:
        """The numbers of the master keys that are held."""
        return [n for n in range(1, self.newest + 1) if self.store.held(f"{_MASTER}/{n}") is not None]

    def rewrapped(self, wrap: bytes) -> bytes:
        """The same data key under the newest master key."""
        return self._wrapped(self._unwrap(wrap))

    def _wrapped(self, key: bytes) -> bytes:
        number = self.newest
        wrap = aes_key_wrap(self._master(number), key)
        return wrap if number == 1 else bytes([number]) + wrap

    def seal_house(self, name: str, plain: bytes, bound: bytes) -> bytes:
        """`plain` under a key of the house, for what is nobody's row: byte 2, number of the master key, nonce, text."""
        number, nonce = self.newest, secrets.token_bytes(_NONCE_BYTES)
        return HOUSE + bytes([number]) + nonce + self._house(name, number).encrypt(nonce, plain, bound)

    def open_house(self, name: str, held: bytes, bound: bytes) -> bytes:
        """The plaintext again; what does not begin with byte 2 was never sealed. Refusal `key-store-invalid`."""
        if held[:1] != HOUSE:
            return held
        try:
            return self._house(name, held[1]).decrypt(held[2 : 2 + _NONCE_BYTES], held[2 + _NONCE_BYTES :], bound)
        except (InvalidTag, ValueError, IndexError) as error:
            raise Refusal(
                "key-store-invalid", field="vault", reason="sealed data does not open with these keys"
            ) from error

    def _house_cipher(self, name: str, number: int) -> AESGCM:
        return AESGCM(hmac.digest(self._master(number), f"house\x1f{name}".encode(), "sha256"))

    def _master(self, number: int) -> bytes:
        key = self.store.held(f"{_MASTER}/{number}")
        if key is None:
            raise Refusal("key-store-invalid", field="vault", reason=f"master key {number} is not in the key file")
        return key

    def seal(self, wrap: bytes, plain: bytes, bound: bytes = b"") -> bytes:
        """`plain` under the data key in `wrap`: 12 bytes nonce, then AES-256-GCM ciphertext and tag; 28 bytes longer.

        `bound` names the row it is for: elsewhere it does not open, and the result has one byte (1) more before it.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        if not bound:
            return nonce + self._cipher(wrap).encrypt(nonce, plain, None)
        return BOUND + nonce + self._cipher(wrap).encrypt(nonce, plain, bound)

    def open(self, wrap: bytes, sealed: bytes, bound: bytes = b"") -> bytes:
        """The plaintext again; Refusal `key-store-invalid` when the keys are not those it was sealed with, or it was
        sealed for another row. What was sealed before rows were named opens anywhere under its data key."""
        cipher = self._cipher(wrap)
        if bound and sealed[:1] == BOUND:
            try:
                return cipher.decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], bound)
            except (InvalidTag, ValueError):
                pass  # of what was sealed before, one in 256 begins like this
        try:
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError) as error:  # ValueError: too short to be sealed data
            raise Refusal(
                "key-store-invalid", field="vault", reason="sealed data does not open with these keys"
            ) from error

    def _unwrapped(self, wrap: bytes) -> AESGCM:
        return AESGCM(self._unwrap(wrap))

    def _unwrap(self, wrap: bytes) -> bytes:
        try:
            if len(wrap) == _WRAP_BYTES:
                return aes_key_unwrap(self._master(1), wrap)
            return aes_key_unwrap(self._master(wrap[0]), wrap[1:])
        except (InvalidUnwrap, IndexError) as error:
            raise Refusal(
                "key-store-invalid", field="vault", reason="a data key does not unwrap with this master key"
            ) from error


def signing_key(store: KeyStore, name: str) -> ec.EllipticCurvePrivateKey:
    """A P-256 signing key derived from the named secret (the store keeps 32 bytes, whatever they are for)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    wide = hashlib.shake_256(b"p-256" + store.secret(name)).digest(
        48
    )  # 48 bytes: the bias of the reduction is negligible
    return ec.derive_private_key(int.from_bytes(wide, "big") % (order - 1) + 1, ec.SECP256R1())
