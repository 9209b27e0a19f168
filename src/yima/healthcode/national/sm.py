"""SM3 and SM4 as the national card uses them: the digest of a text, and blocks in ECB mode (GB/T 32905, GB/T 32907).

ECB shows equal blocks as equal. It is what the national interface prescribes, and is used here for nothing else.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hmac import HMAC

BLOCK: Final = 16


def sm3(data: bytes) -> bytes:
    """The SM3 digest, 32 bytes."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """HMAC-SM3, 32 bytes."""
    mac = HMAC(key, hashes.SM3())
    mac.update(data)
    return mac.finalize()


def encrypt(key: bytes, data: bytes) -> bytes:
    """SM4-ECB under a key of 16 bytes; `data` is whole blocks of 16 bytes."""
    cipher = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305  prescribed by the interface
    return cipher.update(data) + cipher.finalize()


def decrypt(key: bytes, data: bytes) -> bytes:
    """The reverse of `encrypt`."""
    cipher = Cipher(algorithms.SM4(key), modes.ECB()).decryptor()  # noqa: S305  prescribed by the interface
    return cipher.update(data) + cipher.finalize()


def pad(data: bytes) -> bytes:
    """PKCS #7 padding (RFC 5652, section 6.3): `n` bytes of the value `n`, at least one."""
    count = BLOCK - len(data) % BLOCK
    return data + bytes([count]) * count


def unpad(data: bytes) -> bytes:
    """The data without its padding; ValueError where there is none, which a wrong key looks like."""
    count = data[-1] if data else 0
    if not 1 <= count <= BLOCK or data[-count:] != bytes([count]) * count:
        raise ValueError("no padding")
    return data[:-count]
