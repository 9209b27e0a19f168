"""The symmetric parts of both families at the face, and the test of every start."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import refuses

from yima import crypto
from yima.crypto import vectors

NAMES = crypto.FAMILY_NAMES
BYTES = st.binary(max_size=300)


def test_what_a_family_is() -> None:
    assert [(crypto.family(name).name, crypto.family(name).signing) for name in NAMES] == [
        ("INTL", "ES256"),
        ("SM", "SM2"),
    ]
    for name in ("", "sm", "FIPS"):
        with refuses("setting-invalid"):
            crypto.family(name)


@given(key=BYTES, message=BYTES)
def test_macs_used_once_and_again_agree(key: bytes, message: bytes) -> None:
    for name in NAMES:
        it = crypto.family(name)
        keyed = it.keyed_mac(key)
        assert it.mac(key, message) == keyed(message) == keyed(message)
        assert len(keyed(message)) == 32
    assert crypto.family("INTL").mac(key, message) == hmac.digest(key, message, hashlib.sha256)


@pytest.mark.parametrize("name", NAMES)
def test_a_block_cipher_takes_blocks_only(name: str) -> None:
    cipher = crypto.family(name).cipher(b"k" * 16)
    block = cipher.encrypt(b"p" * 16)
    for wrong in (b"", b"p" * 15, b"p" * 17, b"p" * 32):
        with pytest.raises(ValueError, match="16 bytes"):
            cipher.encrypt(wrong)
        with pytest.raises(ValueError, match="16 bytes"):
            cipher.decrypt(wrong)
    assert cipher.encrypt(b"p" * 16) == block != b"p" * 16, "a refused call must leave nothing behind"
    assert cipher.decrypt(block) == b"p" * 16


@pytest.mark.parametrize("name", NAMES)
def test_one_cipher_and_one_mac_in_many_threads(name: str) -> None:
    it = crypto.family(name)
    cipher, mac = it.cipher(b"k" * 16), it.keyed_mac(b"k" * 32)

    def work(number: int) -> bool:
        block = number.to_bytes(16, "big")
        return cipher.decrypt(cipher.encrypt(block)) == block and mac(block) == it.mac(b"k" * 32, block)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(4000)))


@given(plain=BYTES, aad=BYTES, nonce=st.binary(min_size=12, max_size=12), place=st.integers(0, 10**6))
def test_what_is_sealed_opens_unless_anything_changed(plain: bytes, aad: bytes, nonce: bytes, place: int) -> None:
    for name in NAMES:
        it, key = crypto.family(name), b"k" * 16
        sealed = it.seal(key, nonce, plain, aad)
        assert len(sealed) == len(plain) + 16
        assert it.open(key, nonce, sealed, aad) == plain
        at = place % len(sealed)
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        other = bytes([nonce[0] ^ 1]) + nonce[1:]
        for wrong in [
            (key, nonce, changed, aad),
            (key, nonce, sealed, aad + b"."),
            (key, other, sealed, aad),
            (b"K" * 16, nonce, sealed, aad),
            (key, nonce, sealed[:-1], aad),
            (key, nonce, sealed[:15], aad),
            (key, nonce, b"", aad),
        ]:
            with refuses("seal-broken"):
                it.open(*wrong)


def test_keys_and_nonces_of_wrong_length() -> None:
    wrong = {"INTL": (b"", bytes(15), bytes(24), bytes(33)), "SM": (b"", bytes(15), bytes(24), bytes(32))}
    for name, keys in wrong.items():
        it = crypto.family(name)
        for key in keys:
            with pytest.raises(ValueError, match="key"):
                it.cipher(key)
            with pytest.raises(ValueError, match="key"):
                it.seal(key, bytes(12), b"", b"")
        for nonce in (b"", bytes(11), bytes(16)):
            with pytest.raises(ValueError, match="12 bytes"):
                it.seal(bytes(16), nonce, b"", b"")
            with pytest.raises(ValueError, match="12 bytes"):
                it.open(bytes(16), nonce, bytes(16), b"")


@given(st.binary(max_size=16).map(lambda data: data * 16))
def test_sm4_ecb_there_and_back(data: bytes) -> None:
    made = crypto.sm4_ecb(b"k" * 16, data)
    assert crypto.sm4_ecb_open(b"k" * 16, made) == data
    one = crypto.family("SM").cipher(b"k" * 16).encrypt
    assert made == b"".join(one(data[at : at + 16]) for at in range(0, len(data), 16))


@pytest.mark.parametrize("length", [1, 15, 17, 100])
def test_sm4_ecb_takes_whole_blocks(length: int) -> None:
    for act in (crypto.sm4_ecb, crypto.sm4_ecb_open):
        with refuses("field-invalid"):
            act(b"k" * 16, bytes(length))


def test_the_start_is_sound_here() -> None:
    crypto.self_test()
    assert crypto.backend().startswith(("libcrypto: ", "gmssl_pyx: "))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("SM3_ABC", "SM: hash"),
        ("SHA256_ABC", "INTL: hash"),
        ("HMAC_SM3", "SM: MAC; SM: keyed MAC"),
        ("SM4_BLOCK", "SM: encrypt; SM: decrypt"),
        ("AES_256_BLOCK", "INTL: AES-256"),
    ],
)
def test_an_answer_that_differs_stops_the_start(monkeypatch: pytest.MonkeyPatch, answer: str, reason: str) -> None:
    monkeypatch.setattr(vectors, answer, bytes(len(getattr(vectors, answer))))
    with refuses("crypto-self-test-failed") as caught:
        crypto.self_test()
    assert caught.value.params["reason"] == reason


def test_signatures_and_seals_that_differ_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {
        "SM2": ("message", "SM2: published signature"),
        "ES256": ("message", "ES256: published signature"),
        "SM4_GCM": ("aad", "SM: seal"),
    }
    for name, (field, _) in changes.items():
        known = getattr(vectors, name)
        values = {slot: getattr(known, slot) for slot in type(known).__slots__} | {field: b"other"}
        with monkeypatch.context() as patched, refuses("crypto-self-test-failed") as caught:
            patched.setattr(vectors, name, type(known)(**values))
            crypto.self_test()
        assert name[:2] in str(caught.value.params["reason"])
