"""The two cryptographic profiles behind one face: `INTL` (AES-128, HMAC-SHA-256) and `SM` (SM4, HMAC-SM3).

SM4 is GB/T 32907 (ISO/IEC 18033-3 Amd 1), SM3 is GB/T 32905 (ISO/IEC 10118-3), AES is FIPS 197, HMAC is RFC 2104.
Single blocks only: ECB here is the bare block cipher over one 16-byte block, never a mode over a message.
"""

from __future__ import annotations

import hmac as standard_hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256, SM3
from cryptography.hazmat.primitives.hmac import HMAC

from yima.runtime.errors import Refusal

ProfileName = Literal["INTL", "SM"]
PROFILE_NAMES: Final[tuple[ProfileName, ...]] = get_args(ProfileName)
BLOCK_BYTES: Final = 16

Function = Callable[[bytes], bytes]
"""A keyed function of bytes: one block through a cipher, or a message's 32-byte MAC."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One family of primitives. Keys for `blocks` have 16 bytes; MACs have 32 bytes, codes carry a cut of them."""

    name: ProfileName
    mac: Callable[[bytes, bytes], bytes]
    """(key, message) -> 32 bytes, for a key used once."""
    keyed_mac: Callable[[bytes], Function]
    """key -> message -> 32 bytes, for a key used again and again: the key schedule is done once."""
    blocks: Callable[[bytes], tuple[Function, Function]]
    """16-byte key -> (encrypt, decrypt) of one 16-byte block."""


def _sha256(key: bytes, message: bytes) -> bytes:
    return standard_hmac.digest(key, message, "sha256")


def _sm3(key: bytes, message: bytes) -> bytes:
    # Not hashlib: whether the interpreter's own libcrypto has SM3 depends on the distribution.
    digest = HMAC(key, SM3())
    digest.update(message)
    return digest.finalize()


def _keyed(algorithm: SHA256 | SM3) -> Callable[[bytes], Function]:
    def prepare(key: bytes) -> Function:
        prepared = HMAC(key, algorithm)

        def mac(message: bytes) -> bytes:
            digest = prepared.copy()
            digest.update(message)
            return digest.finalize()

        return mac

    return prepare


def _blocks(cipher: Callable[[bytes], algorithms.AES | algorithms.SM4]) -> Callable[[bytes], tuple[Function, Function]]:
    def prepare(key: bytes) -> tuple[Function, Function]:
        pair = Cipher(cipher(key), modes.ECB())  # noqa: S305  a single block per call, see the module's text
        return pair.encryptor().update, pair.decryptor().update

    return prepare


_PROFILES: Final[dict[str, Profile]] = {
    "INTL": Profile("INTL", _sha256, _keyed(SHA256()), _blocks(algorithms.AES)),
    "SM": Profile("SM", _sm3, _keyed(SM3()), _blocks(algorithms.SM4)),
}


def profile_named(name: str) -> Profile:
    """The profile of that name; Refusal `setting-invalid` for any other."""
    try:
        return _PROFILES[name]
    except KeyError:
        raise Refusal("setting-invalid", field="code profile", expected=" or ".join(PROFILE_NAMES)) from None
