"""Our credentials before other people's readers: PyPI `cwt`, npm `dcc-utils` and npm `kill-the-clipboard`."""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support import report
from support.credentials import EMERGENCY, HOLDER, health_bundle
from support.npm import installed, names_no_host, said_by
from yima.crypto import SigningKey, signing_key
from yima.healthcode import base45, offline
from yima.healthcode.trust.certificate import Subject, certify, key_id_of

HERE = Path(__file__).resolve().parent
NOW = datetime.now(UTC).replace(microsecond=0)
TIMES = (NOW - timedelta(minutes=1), NOW + timedelta(days=300))
PLACE = offline.StatusRef("http://127.0.0.1:8420/.well-known/status-lists/7", 123456)


@dataclass(frozen=True)
class Signer:
    """A signer with its certificate, as the trust list has it."""

    key: SigningKey
    certificate: bytes
    not_after: datetime
    algorithm: str = "ES256"

    @property
    def key_id(self) -> bytes:
        return key_id_of(self.certificate)


@pytest.fixture(scope="module")
def signer() -> Signer:
    key, issuer = signing_key("ES256", secrets.token_bytes(32)), signing_key("ES256", secrets.token_bytes(32))
    end = NOW + timedelta(days=400)
    subject = Subject("Yima signer 7 identity", key.public, NOW - timedelta(days=1), end, use="identity")
    return Signer(key, certify(subject, "Yima issuer CA ES256", issuer, 7), end)


@pytest.fixture(scope="module")
def texts(signer: Signer) -> list[str]:
    made = [(HOLDER, None), (HOLDER, EMERGENCY), (offline.Identity("名", None, "unknown"), None)]
    return [
        offline.credential_text(signer, who, said, issuer="http://127.0.0.1:8420", times=TIMES, status=PLACE)
        for who, said in made
    ]


def changed(text: str) -> str:
    """The same credential with one bit of its signature changed."""
    message = bytearray(zlib.decompress(base45.decode(text[4:])))
    message[-1] ^= 1
    return "HC1:" + base45.encode(zlib.compress(bytes(message)))


def ask_node(folder: Path, tmp_path: Path, cases: list[dict[str, Any]]) -> list[str]:
    """What `check.mjs` of that folder says of the cases."""
    said: list[str] = said_by(installed(folder, tmp_path, "check.mjs"), "check.mjs", cases)
    return said


@pytest.mark.parametrize("folder", ["node-shc", "node-dcc"])
def test_the_locks_name_no_host(folder: str) -> None:
    assert names_no_host(HERE / folder)


def test_cwt_from_pypi_accepts_ours(signer: Signer, texts: list[str]) -> None:
    key = cwt.COSEKey.from_jwk({**offline.jwk_of(signer.key.public.x, signer.key.public.y), "kid": "x"})
    key._kid = signer.key_id
    for text in texts:
        found = cwt.decode(zlib.decompress(base45.decode(text[4:])), key)
        assert found[1] == "http://127.0.0.1:8420"
        assert found[65535] == {"status_list": {"idx": PLACE.index, "uri": PLACE.uri}}
        with pytest.raises(cwt.VerifyError):
            cwt.decode(zlib.decompress(base45.decode(changed(text)[4:])), key)
    report("cwt (PyPI)", {"accepted": len(texts), "changed ones refused": len(texts)})


def test_dcc_utils_accepts_ours(signer: Signer, texts: list[str], tmp_path: Path) -> None:
    pem = x509.load_der_x509_certificate(signer.certificate).public_bytes(Encoding.PEM).decode()
    both = [*texts, *map(changed, texts)]
    said = ask_node(HERE / "node-dcc", tmp_path, [{"text": text, "certificate": pem} for text in both])
    assert said[:3] == ["accepted"] * 3, said
    assert all(one.startswith("refused") for one in said[3:]), said
    report("dcc-utils (npm)", {"accepted": 3, "changed ones refused": 3})


def test_kill_the_clipboard_accepts_ours(signer: Signer, tmp_path: Path) -> None:
    text = offline.card_text(signer, health_bundle(), issuer="https://127.0.0.1:8420", times=TIMES, status=PLACE)
    old = (NOW - timedelta(days=2), NOW - timedelta(days=1))
    expired = offline.card_text(signer, health_bundle(), issuer="https://127.0.0.1:8420", times=old, status=PLACE)
    broken = text[:-10] + ("3" if text[-10] != "3" else "4") + text[-9:]
    key = offline.jwk_of(signer.key.public.x, signer.key.public.y)
    said = ask_node(HERE / "node-shc", tmp_path, [{"text": one, "key": key} for one in (text, broken, expired)])
    assert said[0] == "accepted 2", said
    assert all(one.startswith("refused") for one in said[1:]), said
    report("kill-the-clipboard (npm)", {"accepted": 1, "broken and expired ones refused": 2})
