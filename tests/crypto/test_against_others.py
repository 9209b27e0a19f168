"""Both ways against independent implementations: PyPI `gmalg` and `tongsuopy` (Tongsuo), npm `sm-crypto`."""

from __future__ import annotations

import hashlib
import hmac
import random
from pathlib import Path
from typing import Any

import gmalg
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from tongsuopy.crypto import hashes as tongsuo_hashes
from tongsuopy.crypto.asymciphers import ec as tongsuo_ec
from tongsuopy.crypto.ciphers import Cipher as TongsuoCipher
from tongsuopy.crypto.ciphers import algorithms as tongsuo_algorithms
from tongsuopy.crypto.ciphers import modes as tongsuo_modes
from tongsuopy.crypto.exceptions import InvalidSignature

from support import report
from support.npm import installed, names_no_host, said_by
from yima import crypto
from yima.crypto import curve, der, sm2

HERE = Path(__file__).resolve().parent / "node"
CASES = 12
SM = crypto.family("SM")
LIBRARIES = [pytest.param(library, id=library.name) for library in sm2.libraries()]


def _cases() -> list[tuple[int, bytes]]:
    """Private keys and messages, the same in every run."""
    chance = random.Random(32918)
    return [(chance.randrange(1, curve.SM2.n - 1), chance.randbytes(number * 17)) for number in range(CASES)]


def _point(point: curve.Point) -> bytes:
    return point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


@pytest.mark.parametrize("library", LIBRARIES)
def test_gmalg_and_ours_take_each_other_s_sm2(library: sm2.Library) -> None:
    for d, message in _cases():
        point, sign = sm2.signer(d, library)
        theirs = gmalg.SM2(d.to_bytes(32, "big"), sm2.SIGNER_ID, b"\x04" + _point(point))
        signature = sign(message)
        assert theirs.verify(message, signature[:32], signature[32:])
        assert not theirs.verify(message + b".", signature[:32], signature[32:])
        r, s = (part.rjust(32, b"\0") for part in theirs.sign(message))  # it leaves leading zeros out
        verify = sm2.verifier(point, library)
        assert verify(message, r + s)
        assert not verify(message + b".", r + s)


@pytest.mark.parametrize("library", LIBRARIES)
def test_tongsuo_and_ours_take_each_other_s_sm2(library: sm2.Library) -> None:
    algorithm = tongsuo_ec.ECDSA(tongsuo_hashes.SM3())
    for d, message in _cases():
        point, sign = sm2.signer(d, library)
        theirs = tongsuo_ec.derive_private_key(d, tongsuo_ec.SM2())
        numbers = theirs.public_key().public_numbers()
        assert (numbers.x, numbers.y) == point
        theirs.public_key().verify(der.signature_der(sign(message)), message, algorithm)
        with pytest.raises(InvalidSignature):
            theirs.public_key().verify(der.signature_der(sign(message)), message + b".", algorithm)
        verify, signature = sm2.verifier(point, library), der.signature_raw(theirs.sign(message, algorithm))
        assert verify(message, signature)
        assert not verify(message + b".", signature)


def test_openssl_by_cryptography_and_ours_take_each_other_s_es256() -> None:
    for d, message in _cases():
        key = crypto.signing_key("ES256", hashlib.sha256(d.to_bytes(32, "big")).digest())
        theirs = serialization.load_der_public_key(key.public.spki)
        assert isinstance(theirs, ec.EllipticCurvePublicKey)
        theirs.verify(crypto.signature_der(key.sign(message)), message, ec.ECDSA(hashes.SHA256()))
        private = ec.derive_private_key(d, ec.SECP256R1())
        numbers = private.public_key().public_numbers()
        ours = crypto.verify_key("ES256", numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))
        r, s = utils.decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
        assert ours.verify(message, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def test_hashes_macs_and_blocks_of_the_others() -> None:
    for _, message in _cases():
        key = hashlib.sha256(message).digest()
        theirs = gmalg.SM3()
        theirs.update(message)
        tongsuo = tongsuo_hashes.Hash(tongsuo_hashes.SM3())
        tongsuo.update(message)
        assert SM.hash(message) == theirs.value() == tongsuo.finalize()
        assert SM.mac(key, message) == hmac.new(key, message, _Sm3).digest()
        block = gmalg.SM4(key[:16])
        assert SM.cipher(key[:16]).encrypt(key[16:]) == block.encrypt(key[16:])
        assert SM.cipher(key[:16]).decrypt(key[16:]) == block.decrypt(key[16:])
        ecb = TongsuoCipher(tongsuo_algorithms.SM4(key[:16]), tongsuo_modes.ECB()).encryptor()
        assert crypto.sm4_ecb(key[:16], key * 3) == ecb.update(key * 3) + ecb.finalize()
        gcm = TongsuoCipher(tongsuo_algorithms.SM4(key[:16]), tongsuo_modes.GCM(key[:12])).encryptor()
        gcm.authenticate_additional_data(key)
        made = gcm.update(message) + gcm.finalize() + gcm.tag
        assert SM.seal(key[:16], key[:12], message, key) == made
        aes = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
        assert crypto.family("INTL").cipher(key).encrypt(bytes(16)) == aes.update(bytes(16))


class _Sm3:
    """gmalg's SM3 in the shape that the standard library's `hmac` wants."""

    digest_size, block_size, name = 32, 64, "sm3"

    def __init__(self, data: bytes = b"") -> None:
        self._data = data

    def update(self, data: bytes) -> None:
        self._data += data

    def copy(self) -> _Sm3:
        return _Sm3(self._data)

    def digest(self) -> bytes:
        inner = gmalg.SM3()
        inner.update(self._data)
        return bytes(inner.value())


def test_the_lock_names_no_host() -> None:
    assert names_no_host(HERE)


def test_sm_crypto_and_ours_agree(tmp_path: Path) -> None:
    where = installed(HERE, tmp_path, "compare.mjs")
    said: list[dict[str, Any]] = []
    for d, message in _cases():
        point, sign = sm2.signer(d)
        key = hashlib.sha256(message).hexdigest()
        said.append(
            {
                "message": message.hex(),
                "d": f"{d:064x}",
                "point": "04" + _point(point).hex(),
                "signature": sign(message).hex(),
                "key": key,
            }
        )
    answers = said_by(where, "compare.mjs", said)
    for (d, message), theirs in zip(_cases(), answers, strict=True):
        assert theirs["accepted"]
        assert theirs["refused"]
        key = hashlib.sha256(message).digest()
        point = curve.SM2.multiply(d)
        for library in sm2.libraries():
            assert sm2.verifier(point, library)(message, bytes.fromhex(theirs["signature"]))
        assert theirs["hash"] == SM.hash(message).hex()
        assert theirs["mac"] == SM.mac(key, message).hex()
        assert theirs["blocks"] == crypto.sm4_ecb(key[:16], key[:16]).hex()
    report("sm-crypto", {"cases": len(said)})
