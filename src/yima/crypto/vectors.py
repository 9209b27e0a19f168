"""Published known answers that every start compares with (`self_test`); more of them are in tests/crypto."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Signed:
    """A published signature with everything it was made of."""

    private: int
    public: tuple[int, int]
    message: bytes
    signature: bytes


SM2: Final = Signed(  # GB/T 32918.5-2017 annex A.2, signer id 1234567812345678
    private=0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8,
    public=(
        0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020,
        0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13,
    ),
    message=b"message digest",
    signature=bytes.fromhex(
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
    ),
)

ES256: Final = Signed(  # RFC 6979 section A.2.5, SHA-256, message "sample"
    private=0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721,
    public=(
        0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
        0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
    ),
    message=b"sample",
    signature=bytes.fromhex(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    ),
)

# GB/T 32905-2016 annex A.1 and FIPS 180-4 (NIST's example), both of "abc"
SM3_ABC: Final = bytes.fromhex("66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0")
SHA256_ABC: Final = bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

# GB/T 32907-2016 annex A.1: the key encrypted under itself
SM4_KEY: Final = bytes.fromhex("0123456789abcdeffedcba9876543210")
SM4_BLOCK: Final = bytes.fromhex("681edf34d206965e86b3e94f536e4246")

# FIPS 197 annex C.1 and C.3
AES_PLAIN: Final = bytes.fromhex("00112233445566778899aabbccddeeff")
AES_128_BLOCK: Final = bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a")
AES_256_BLOCK: Final = bytes.fromhex("8ea2b7ca516745bfeafc49904b496089")

# RFC 4231 test case 2, and GM/T 0042-2015 annex D.3 for SM3
HMAC_KEY: Final = b"Jefe"
HMAC_MESSAGE: Final = b"what do ya want for nothing?"
HMAC_SHA256: Final = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
HMAC_SM3: Final = bytes.fromhex("2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A published authenticated encryption."""

    key: bytes
    nonce: bytes
    aad: bytes
    plain: bytes
    sealed: bytes
    """Ciphertext and tag."""


SM4_GCM: Final = Sealed(  # RFC 8998 appendix A.1
    key=SM4_KEY,
    nonce=bytes.fromhex("00001234567800000000abcd"),
    aad=bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    plain=bytes.fromhex(
        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
        "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
    ),
    sealed=bytes.fromhex(
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    ),
)

AES_GCM: Final = Sealed(  # McGrew and Viega, "The Galois/Counter Mode of Operation", test case 4
    key=bytes.fromhex("feffe9928665731c6d6a8f9467308308"),
    nonce=bytes.fromhex("cafebabefacedbaddecaf888"),
    aad=bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    plain=bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    ),
    sealed=bytes.fromhex(
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
        "5bc94fbc3221a5db94fae95ae7121a47"
    ),
)
