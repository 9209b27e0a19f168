"""Every decoder that strangers' bytes reach, with a few good inputs to start from: for Hypothesis and for atheris."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from yima.crypto import signing_key
from yima.healthcode import base45, codec, offline
from yima.healthcode.national import qr
from yima.healthcode.offline import cbor, claims, cose, device, hc1, shc
from yima.healthcode.offline.parties import Policy
from yima.healthcode.offline.verify import read

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TIMES = (NOW, NOW + timedelta(days=5))
PLACE = offline.StatusRef("http://127.0.0.1/.well-known/status-lists/1", 5)
KEY = signing_key("ES256", bytes(range(32)))
SIGNER: Any = SimpleNamespace(key_id=b"12345678", key=KEY, algorithm="ES256", not_after=TIMES[1])
HOLDER = offline.Identity("张小梅", None, "female", "9876543210123456")
IDENTITY = offline.credential_text(SIGNER, HOLDER, None, issuer="x", times=TIMES, status=PLACE)
BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Patient"}}]}
CARD = offline.card_text(SIGNER, BUNDLE, issuer="https://x", times=TIMES, status=PLACE)
CERTIFICATE = offline.device_certificate(
    SIGNER, b"\x04" + KEY.public.x + KEY.public.y, name="张小梅", born=1990, sex="female", times=TIMES, status=PLACE
)
_SHOWN, _SIGNED = device.fresh_part(CERTIFICATE, NOW)
CODE = device.code_text(CERTIFICATE, _SHOWN, KEY.sign(_SIGNED))
MESSAGE = zlib.decompress(base45.decode(IDENTITY[4:]))


@dataclass(frozen=True)
class Decoder:
    """One decoder: what it is called with, and inputs it accepts. It may refuse (`Refusal`); it may do nothing else."""

    of_bytes: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def _text(of_text: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: of_text(data.decode("utf-8", "replace"))


def _payload(data: bytes) -> object:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return shc.payload_of(shc.Card("k", "ES256", b"", b"", packer.compress(data) + packer.flush()))


DECODERS = {
    "base45": Decoder(_text(base45.decode), (b"QED8WEX0", b"BB8")),
    "YM1": Decoder(_text(codec.read), (b"YM1:" + b"0" * 30, b"YM1:" + b"0" * 51)),
    "national": Decoder(_text(qr.read), (b"0" * 64 + b":1", b"A" * 64 + b":0:" + b"B" * 32)),
    "CBOR": Decoder(cbor.loads, (MESSAGE, b"\xbf\x01\x9f\x02\xff\xff", b"\xf9\x3c\x00")),
    "COSE": Decoder(cose.read, (MESSAGE,)),
    "claims": Decoder(claims.decode, (cose.read(MESSAGE).payload,)),
    "HC1": Decoder(_text(hc1.decode), (IDENTITY.encode(),)),
    "SHC": Decoder(_text(shc.read), (CARD.encode(),)),
    "SHC payload": Decoder(_payload, (b'{"iss":"x","nbf":1,"vc":{"type":["https://smarthealth.cards#health-card"]}}',)),
    "device": Decoder(_text(device.read), (CODE.encode(),)),
    "any text": Decoder(_text(lambda text: read(text, Policy())), (IDENTITY.encode(), CARD.encode(), CODE.encode())),
    "whole verifier": Decoder(
        _text(lambda text: offline.verify(text, lambda _: None, None, NOW)), (IDENTITY.encode(), CODE.encode())
    ),
}
