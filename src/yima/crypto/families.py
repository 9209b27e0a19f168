"""The two families: which hash, MAC, cipher and signature go together under one name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from yima.crypto import symmetric
from yima.crypto.keys import Algorithm
from yima.crypto.symmetric import BlockCipher, Function
from yima.runtime.errors import Refusal

FamilyName = Literal["INTL", "SM"]
FAMILY_NAMES: Final[tuple[FamilyName, ...]] = get_args(FamilyName)


@dataclass(frozen=True, slots=True)
class Family:
    """One family of algorithms."""

    name: FamilyName
    hash: Callable[[bytes], bytes]
    """data -> 32 bytes."""
    mac: Callable[[bytes, bytes], bytes]
    """(key, message) -> 32 bytes, for a key used once."""
    keyed_mac: Callable[[bytes], Function]
    """key -> message -> 32 bytes, for a key used again and again: the key's part is done once."""
    cipher: Callable[[bytes], BlockCipher]
    """key -> encrypt and decrypt of one 16-byte block. Keys have 16 bytes; INTL takes 32 too (AES-256)."""
    seal: Callable[[bytes, bytes, bytes, bytes], bytes]
    """(key, nonce of 12 bytes, plaintext, additional data) -> ciphertext and tag, GCM. Keys as for `cipher`.

    The caller sees to it that a key never meets a nonce twice."""
    open: Callable[[bytes, bytes, bytes, bytes], bytes]
    """(key, nonce, sealed, additional data) -> plaintext; Refusal `seal-broken`."""
    signing: Algorithm
    """The signature algorithm of the family, for `signing_key` and `verify_key`."""


_FAMILIES: Final[dict[str, Family]] = {
    "INTL": Family(
        "INTL",
        hash=symmetric.sha256,
        mac=symmetric.hmac_sha256,
        keyed_mac=symmetric.keyed_hmac_sha256,
        cipher=symmetric.aes,
        seal=symmetric.aes_gcm_seal,
        open=symmetric.aes_gcm_open,
        signing="ES256",
    ),
    "SM": Family(
        "SM",
        hash=symmetric.sm3,
        mac=symmetric.hmac_sm3,
        keyed_mac=symmetric.keyed_hmac_sm3,
        cipher=symmetric.sm4,
        seal=symmetric.sm4_gcm_seal,
        open=symmetric.sm4_gcm_open,
        signing="SM2",
    ),
}


def family(name: str) -> Family:
    """The family of that name; Refusal `setting-invalid` for any other."""
    try:
        return _FAMILIES[name]
    except KeyError:
        raise Refusal("setting-invalid", field="crypto family", expected=" or ".join(FAMILY_NAMES)) from None
