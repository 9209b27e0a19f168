"""Published answers, beyond those that every start compares with."""

from __future__ import annotations

import pytest

from yima import crypto

SM = crypto.family("SM")
INTL = crypto.family("INTL")


@pytest.mark.parametrize(
    ("message", "digest"),
    [  # GB/T 32905-2016 annex A.1 and A.2
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3(message: bytes, digest: str) -> None:
    assert SM.hash(message).hex() == digest


_COUNTED = bytes(range(1, 38))


@pytest.mark.parametrize(
    ("key", "message", "mac"),
    [  # GM/T 0042-2015 annex D.3
        (
            _COUNTED[:32],
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2,
            "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
        ),
        (_COUNTED, b"\xcd" * 50, "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae"),
        (b"\x0b" * 32, b"Hi There", "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882",
        ),
    ],
)
def test_hmac_sm3(key: bytes, message: bytes, mac: str) -> None:
    assert SM.mac(key, message).hex() == SM.keyed_mac(key)(message).hex() == mac


@pytest.mark.parametrize(
    ("key", "message", "mac"),
    [  # RFC 4231 sections 4.2, 4.4 and 4.7 (a key longer than the block)
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ],
)
def test_hmac_sha256(key: bytes, message: bytes, mac: str) -> None:
    assert INTL.mac(key, message).hex() == INTL.keyed_mac(key)(message).hex() == mac


def test_sm4_a_million_times() -> None:
    """GB/T 32907-2016 annex A.2."""
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    block, encrypt = key, SM.cipher(key).encrypt
    for _ in range(1_000_000):
        block = encrypt(block)
    assert block.hex() == "595298c7c6fd271f0402f804c33d3f66"


@pytest.mark.parametrize(
    ("message", "r", "s"),
    [  # RFC 6979 section A.2.5, SHA-256
        (
            b"sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            b"test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ],
)
def test_es256(message: bytes, r: str, s: str) -> None:
    key = crypto.verify_key(
        "ES256",
        bytes.fromhex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"),
        bytes.fromhex("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
    )
    assert key.verify(message, bytes.fromhex(r + s))
    assert not key.verify(message + b".", bytes.fromhex(r + s))


def test_es256_of_nist() -> None:
    """NIST CAVP, FIPS 186-4 ECDSA SigGen, [P-256,SHA-256], the first case."""
    key = crypto.verify_key(
        "ES256",
        bytes.fromhex("1ccbe91c075fc7f4f033bfa248db8fccd3565de94bbfb12f3c59ff46c271bf83"),
        bytes.fromhex("ce4014c68811f9a21a1fdb2c0e6113e06db7ca93b7404e78dc7ccd5ca89a4ca9"),
    )
    message = bytes.fromhex(
        "5905238877c77421f73e43ee3da6f2d9e2ccad5fc942dcec0cbd25482935faaf416983fe165b1a045ee2bcd2e6dca3bd"
        "f46c4310a7461f9a37960ca672d3feb5473e253605fb1ddfd28065b53cb5858a8ad28175bf9bd386a5e471ea7a65c17c"
        "c934a9d791e91491eb3754d03799790fe2d308d16146d5c9b0d0debd97d79ce8"
    )
    signature = bytes.fromhex(
        "f3ac8061b514795b8843e3d6629527ed2afd6b1f6a555a7acabb5e6f79c8c2ac"
        "8bf77819ca05a6b2786c76262bf7371cef97b218e96f175a3ccdda2acc058903"
    )
    assert key.verify(message, signature)


def test_national_card_ids() -> None:
    """The two SM4-ECB steps of the national card's vector (docs: the shared design, section 6.1)."""
    root, factor = bytes.fromhex("0123456789abcdeffedcba9876543210"), bytes.fromhex("92cdce45a16799fd")
    user_key = crypto.sm4_ecb(root, factor + bytes(b ^ 0xFF for b in factor))
    assert user_key.hex().upper() == "86C63180C2806ED1F47B859DE501215B"
    text = b"0111010020171225006X".ljust(32, b"\0")
    card_id = crypto.sm4_ecb(user_key, text)
    assert card_id.hex().upper() == "98FF9F2C05145CB9305E9D8A57E072BB51180CA49E5BE5E9D41BCE3A9A571928"
    assert crypto.sm4_ecb_open(user_key, card_id) == text
