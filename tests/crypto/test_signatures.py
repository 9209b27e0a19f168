"""ES256 and SM2 at the face, and SM2 by each of the two libraries."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusing import refuses

from yima import crypto
from yima.crypto import curve, sm2, vectors
from yima.runtime.keys import signing_key as runtime_signing_key

ORDERS = {"ES256": curve.P256.n, "SM2": curve.SM2.n}
LIBRARIES = [pytest.param(library, id=library.name) for library in sm2.libraries()]


@pytest.fixture(scope="module", params=crypto.ALGORITHMS)
def key(request: pytest.FixtureRequest) -> crypto.SigningKey:
    return crypto.signing_key(request.param, b"an agreed secret of 32 bytes ...")


def test_a_secret_is_always_the_same_key(key: crypto.SigningKey) -> None:
    again = crypto.signing_key(key.algorithm, b"an agreed secret of 32 bytes ...")
    other = crypto.signing_key(key.algorithm, b"another agreed secret, 32 bytes.")
    assert again.public == key.public != other.public
    assert again.public.verify(b"m", key.sign(b"m"))
    assert not other.public.verify(b"m", key.sign(b"m"))


def test_the_keys_are_fixed_for_good() -> None:
    """Signatures already given out must verify after an upgrade: these points may never change."""
    x = {name: crypto.signing_key(name, bytes(32)).public.x.hex() for name in crypto.ALGORITHMS}
    assert x == {"ES256": ES256_OF_ZEROS, "SM2": SM2_OF_ZEROS}


ES256_OF_ZEROS = "13c2051b3a40f03356fa014da9458003f374b5dfb60f888c4d54c8f3bc7b1e06"
SM2_OF_ZEROS = "ebf8f9a2648a9ba9bb3f7628adf9fe01033a1f1b923a75c64b9582b64b52e648"


def test_es256_keys_are_those_of_runtime() -> None:
    class Store:
        def secret(self, name: str) -> bytes:
            assert name == "any"
            return b"s" * 32

    numbers = runtime_signing_key(Store(), "any").public_key().public_numbers()
    ours = crypto.signing_key("ES256", b"s" * 32).public
    assert (ours.x, ours.y) == (numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))


def test_what_was_signed_and_nothing_else(key: crypto.SigningKey) -> None:
    message = b"the message"
    signature = key.sign(message)
    r, s, n = signature[:32], signature[32:], ORDERS[key.algorithm]
    zero, order = bytes(32), n.to_bytes(32, "big")
    negative = (n - int.from_bytes(s, "big")).to_bytes(32, "big")
    assert len(signature) == 64
    assert key.public.verify(message, signature)
    assert key.sign(message) != signature
    wrong = {
        "message": (b"The message", signature),
        "message cut": (b"the messag", signature),
        "r": (message, bytes([r[0] ^ 1]) + r[1:] + s),
        "s": (message, r + s[:-1] + bytes([s[-1] ^ 1])),
        "r = 0": (message, zero + s),
        "s = 0": (message, r + zero),
        "both 0": (message, zero + zero),
        "r = n": (message, order + s),
        "s = n": (message, r + order),
        "r = 2^256-1": (message, b"\xff" * 32 + s),
        "s = 2^256-1": (message, r + b"\xff" * 32),
        "r, s = 1": (message, (b"\0" * 31 + b"\1") * 2),
        "r, s = n-1": (message, (n - 1).to_bytes(32, "big") * 2),
        "halves exchanged": (message, s + r),
        "short": (message, signature[:-1]),
        "long": (message, signature + b"\0"),
        "empty": (message, b""),
        "DER": (message, crypto.signature_der(signature)),
    }
    assert [name for name, (said, by) in wrong.items() if key.public.verify(said, by)] == []
    # ECDSA is malleable, as its standard has it: nothing may take a signature's bytes for an identity. SM2 is not.
    assert key.public.verify(message, r + negative) == (key.algorithm == "ES256")


@settings(max_examples=200, deadline=None)
@given(signature=st.binary(max_size=80) | st.binary(min_size=64, max_size=64))
@pytest.mark.parametrize("algorithm", crypto.ALGORITHMS)
def test_no_bytes_are_an_error(algorithm: str, signature: bytes) -> None:
    assert not _key(algorithm).public.verify(b"m", signature)


def _key(algorithm: str) -> crypto.SigningKey:
    return crypto.signing_key(algorithm, b"k" * 32)


def test_signatures_with_leading_zeros_keep_64_bytes(key: crypto.SigningKey) -> None:
    """One signature in 128 has a half that begins with a zero byte; its DER is shorter."""
    found = 0
    for number in range(5000):
        message = str(number).encode()
        signature = key.sign(message)
        if 0 in (signature[0], signature[32]):
            found += 1
            assert len(signature) == 64
            assert key.public.verify(message, signature)
            if found == 3:
                return
    raise AssertionError("no such signature among 5,000")


@pytest.mark.parametrize("algorithm", crypto.ALGORITHMS)
def test_only_points_of_the_curve_are_keys(algorithm: str) -> None:
    public = _key(algorithm).public
    p = {"ES256": curve.P256, "SM2": curve.SM2}[algorithm].p
    assert crypto.verify_key(algorithm, public.x, public.y) == public
    for x, y in [
        (public.x, public.x),
        (bytes(32), bytes(32)),
        (public.x, bytes(32)),
        (b"\xff" * 32, public.y),
        ((int.from_bytes(public.x, "big") + p).to_bytes(33, "big")[-32:], public.y),
        (public.x[1:], public.y),
        (public.x, public.y + b"\0"),
        (b"", b""),
    ]:
        with refuses("field-invalid"):
            crypto.verify_key(algorithm, x, y)


@pytest.mark.parametrize("name", ["", "es256", "EdDSA", "SM3"])
def test_other_algorithms(name: str) -> None:
    with refuses("setting-invalid"):
        crypto.signing_key(name, bytes(32))
    with refuses("setting-invalid"):
        crypto.verify_key(name, bytes(32), bytes(32))


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33)])
def test_a_secret_has_32_bytes(secret: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        crypto.signing_key("SM2", secret)


def test_a_key_does_not_show_its_secret(key: crypto.SigningKey) -> None:
    d = {"ES256": curve.P256, "SM2": curve.SM2}[key.algorithm].scalar(b"an agreed secret of 32 bytes ...")
    shown = repr(key) + str(key) + repr(key.sign)
    assert str(d) not in shown
    assert repr(d.to_bytes(32, "big"))[2:-1] not in shown
    assert "_sign" not in repr(key)


def test_one_key_in_many_threads(key: crypto.SigningKey) -> None:
    def work(number: int) -> bool:
        message = str(number).encode()
        return key.public.verify(message, key.sign(message)) and not key.public.verify(b"x", key.sign(message))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(160)))


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_library_does_as_the_standard_says(library: sm2.Library) -> None:
    """GB/T 32918.5-2017 annex A.2, the negatives of the start's test, and the digest of the annex."""
    assert sm2.faults(library) == ""
    z = sm2.identity(vectors.SM2.public)
    assert z.hex() == "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3"
    e = crypto.family("SM").hash(z + vectors.SM2.message)
    assert e.hex() == "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"


def test_the_libraries_take_each_other_s_signatures_and_make_the_same_keys() -> None:
    every = sm2.libraries()
    for number in range(20):
        d = curve.SM2.scalar(bytes([number]) * 32)
        message = bytes(number)
        signers = [sm2.signer(d, library) for library in every]
        points = {point for point, _ in signers}
        assert len(points) == 1
        point = points.pop()
        assert curve.SM2.holds(point)
        assert point == curve.SM2.multiply(d)
        for library in every:
            verify = sm2.verifier(point, library)
            assert all(verify(message, sign(message)) for _, sign in signers)
            assert not any(verify(message + b".", sign(message)) for _, sign in signers)


@pytest.mark.parametrize("d", [1, 2, curve.SM2.largest], ids=["1", "2", "n-2"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_ends_of_the_range_of_private_keys(library: sm2.Library, d: int) -> None:
    point, sign = sm2.signer(d, library)
    assert sm2.verifier(point, library)(b"m", sign(b"m"))


class Crooked:
    """A library that gets one thing wrong."""

    name = "crooked"

    def __init__(self, sound: sm2.Library, accepts: bool, twist: Callable[[bytes], bytes] = bytes) -> None:
        self._sound, self._accepts, self._twist = sound, accepts, twist

    def signer(self, d: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
        point, sign = self._sound.signer(d)
        return point, lambda digest: self._twist(sign(digest))

    def verifier(self, point: bytes) -> Callable[[bytes, bytes], bool]:
        verify = self._sound.verifier(point)
        return lambda digest, signature: self._accepts or verify(digest, signature)


def test_a_crooked_library_is_found() -> None:
    sound = sm2.libraries()[0]
    assert sm2.faults(Crooked(sound, False)) == ""
    said = sm2.faults(Crooked(sound, True))
    assert all(what in said for what in ("changed message", "changed signature", "swapped halves", "wrong key"))
    assert "own signature" in sm2.faults(Crooked(sound, False, lambda s: s[::-1]))
    fixed = sm2.signer(vectors.SM2.private, sound)[1](vectors.SM2.message)
    assert "own signature" in sm2.faults(Crooked(sound, False, lambda _: fixed)), (
        "a nonce used twice gives the key away"
    )
    assert "boom" in sm2.faults(Crooked(sound, False, _boom))


def _boom(signature: bytes) -> bytes:
    raise OSError("boom")


def test_keys_are_given_back() -> None:
    """4,000 keys of libcrypto would be some 20 MB."""
    library, point = sm2.libraries()[0], sm2._encoded(vectors.SM2.public)

    def make(count: int) -> int:
        for _ in range(count):
            library.verifier(point)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform == "linux" else 1024)

    assert -make(500) + make(4000) < 4000  # KB


def test_without_sm2_in_libcrypto_the_other_library_runs(tmp_path: Path) -> None:
    """A system whose OpenSSL has no SM2, as some distributions build it: here by a configuration without algorithms."""
    config = tmp_path / "openssl.cnf"
    config.write_text("openssl_conf=a\n[a]\nproviders=b\n[b]\nnull=c\n[c]\nactivate=1\n")
    program = (
        "from yima import crypto; crypto.self_test(); key = crypto.signing_key('SM2', b's' * 32)\n"
        "print(crypto.backend(), key.public.verify(b'm', key.sign(b'm')), key.public.x.hex())"
    )
    said = {}
    for name, env in {"as it is": {}, "without": {"OPENSSL_CONF": str(config)}}.items():
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | env,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        said[name] = done.stdout.split()
    assert said["without"][0] == "gmssl_pyx:"
    assert said["without"][2:] == said["as it is"][-2:]
    if len(sm2.libraries()) > 1:
        assert said["as it is"][0] == "libcrypto:"
