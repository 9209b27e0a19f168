"""SM3 and SM4 as the national card uses them: the digest of a text, and blocks in ECB mode (GB/T 32905, GB/T 32907).

ECB shows equal blocks as equal. It is what the national interface prescribes, and is used here for nothing else.
"""

from __future__ import annotations

from typing import Final

from yima import crypto

BLOCK: Final = 16
_SM: Final = crypto.family("SM")


def sm3(data: bytes) -> bytes:
    """The SM3 digest, 32 bytes."""
    return _SM.hash(data)


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """HMAC-SM3, 32 bytes."""
    return _SM.mac(key, data)


def encrypt(key: bytes, data: bytes) -> bytes:
    """SM4-ECB under a key of 16 bytes; `data` is whole blocks of 16 bytes."""
    return crypto.sm4_ecb(key, data)


def decrypt(key: bytes, data: bytes) -> bytes:
    """The reverse of `encrypt`."""
    return crypto.sm4_ecb_open(key, data)


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
