"""The device-signed code, for the hour in which neither phone nor terminal has a network.

The platform signs a certificate for a key that never leaves the phone; the phone signs the time. Big-endian, unsigned:

    certificate  form 1 | key id 8 | issued 4 | hours 2 | shard 2 | index 3 | public key 33 | born and sex 2 | name n
                 | issuer's signature 64
    code         certificate | time 4 | phone's signature 64          as text: `YM2:` + base45

`form` is version 1 in the upper four bits and 1 (ES256) or 2 (SM2) in the lower ones; `public key` a compressed point
of P-256 (SEC 1 section 2.3.3); `born and sex` twelve bits year of birth and four bits GB/T 2261.1; `name` takes what is
left, 0 to 48 bytes of UTF-8. Signatures are raw r||s, over a label and all bytes before them. At length:
docs/healthcode/device-code.md. A copy shown at a second place inside the window cannot be seen by two terminals that
have no network.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from yima.healthcode import base45
from yima.healthcode.offline.claims import SEXES
from yima.healthcode.offline.credential import SIGNATURE_BYTES, check_end
from yima.healthcode.offline.parties import Signer, StatusRef
from yima.runtime.errors import Refusal

PREFIX: Final = "YM2:"
CERTIFICATE_LABEL: Final = b"yima device certificate 1"
CODE_LABEL: Final = b"yima device code 1"
NAME_BYTES: Final = 48
MAX_HOURS: Final = 744
POINT_BYTES: Final = 33

_VERSION: Final = 1
_FORMS: Final = {1: "ES256", 2: "SM2"}
_FORM_NUMBER: Final = {name: number for number, name in _FORMS.items()}
_SEX_NAMES: Final = {number: name for name, number in SEXES.items()}
_FIXED: Final = struct.Struct(f">B8sIHHBH{POINT_BYTES}sH")  # the index is three bytes: one and two
_TIME: Final = struct.Struct(">I")
_FRESH: Final = _TIME.size + SIGNATURE_BYTES
_SHORTEST: Final = _FIXED.size + SIGNATURE_BYTES + _FRESH
_LONGEST_TEXT: Final = len(PREFIX) + (_SHORTEST + NAME_BYTES) // 2 * 3 + 2


class DeviceCode(msgspec.Struct, frozen=True, gc=False):
    """A code taken apart but not yet believed; its fields are those of the certificate unless they say otherwise."""

    algorithm: str
    key_id: bytes
    issued: datetime
    expires: datetime
    shard: int
    index: int
    public_key: bytes
    """33 bytes, the phone's point."""
    born: int | None
    """Year of birth."""
    sex: str
    name: str
    certified: bytes
    """What the issuer signed, without its label."""
    certificate_signature: bytes
    time: datetime
    """When the phone made it."""
    signed: bytes
    """What the phone signed, without its label."""
    signature: bytes


def compressed_point(point: bytes) -> bytes:
    """The 33 bytes of a phone's public key given as 65 or 33. Refusal `field-invalid` when it is no point of P-256."""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise Refusal("field-invalid", field="public_key", expected="a point of P-256, 65 or 33 bytes") from None
    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def device_certificate(
    signer: Signer,
    point: bytes,
    *,
    name: str,
    born: int | None,
    sex: str,
    times: tuple[datetime, datetime],
    status: StatusRef,
) -> bytes:
    """The certificate for a phone's key; `times` are issued and expires, in whole hours, 31 days at most.

    A longer name is cut at a character. Refusals `field-invalid` for a point that is none, or a certificate that would
    outlive its signer's.
    """
    check_end(signer, times[1])
    hours = (times[1] - times[0]) // timedelta(hours=1)
    if not 1 <= hours <= MAX_HOURS or not 0 <= status.shard < 1 << 16 or not 0 <= status.index < 1 << 24:
        raise Refusal("field-invalid", field="expires", expected=f"1 to {MAX_HOURS} hours, and a shard of two bytes")
    shown = name.encode()[:NAME_BYTES].decode(errors="ignore").encode()
    about = (born or 0) << 4 | SEXES.get(sex, 0)
    form = _VERSION << 4 | _FORM_NUMBER[signer.algorithm]
    body = _FIXED.pack(
        form, signer.key_id, int(times[0].timestamp()), hours, status.shard, status.index >> 16, status.index & 0xFFFF,
        compressed_point(point), about,
    ) + shown  # fmt: skip
    return body + signer.key.sign(CERTIFICATE_LABEL + body)


def code_text(certificate: bytes, signed_time: bytes, signature: bytes) -> str:
    """The text of a code from its parts, as the phone puts it together."""
    return PREFIX + base45.encode(certificate + signed_time + signature)


def fresh_part(certificate: bytes, now: datetime) -> tuple[bytes, bytes]:
    """The four bytes of the time, and what the phone signs with it."""
    time = _TIME.pack(int(now.timestamp()))
    return time, CODE_LABEL + certificate + time


def read(text: str) -> DeviceCode:
    """Take a code apart. Refusal `code-unreadable` for anything that is not exactly one."""
    if not text.startswith(PREFIX) or len(text) > _LONGEST_TEXT:
        raise Refusal("code-unreadable")
    data = base45.decode(text[len(PREFIX) :])
    length = len(data) - _SHORTEST
    if not 0 <= length <= NAME_BYTES:
        raise Refusal("code-unreadable")
    form, key_id, issued, hours, shard, high, low, point, about = _FIXED.unpack_from(data)
    algorithm = _FORMS.get(form & 15)
    if form >> 4 != _VERSION or algorithm is None or not 1 <= hours <= MAX_HOURS or point[0] not in (2, 3):
        raise Refusal("code-unreadable")
    end = _FIXED.size + length
    start = datetime.fromtimestamp(issued, UTC)
    return DeviceCode(
        algorithm, key_id, start, start + timedelta(hours=hours), shard, high << 16 | low, point,
        about >> 4 or None, _sex(about & 15), _name(data[_FIXED.size : end]), data[:end],
        data[end : end + SIGNATURE_BYTES],
        datetime.fromtimestamp(_TIME.unpack_from(data, end + SIGNATURE_BYTES)[0], UTC), data[:-SIGNATURE_BYTES],
        data[-SIGNATURE_BYTES:],
    )  # fmt: skip


def phone_signed(code: DeviceCode) -> bool:
    """Whether the key in the certificate signed the code: ES256 always, whatever family the issuer has."""
    raw = code.signature
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), code.public_key)
        pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(pair, CODE_LABEL + code.signed, ec.ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True


def _sex(number: int) -> str:
    if number not in _SEX_NAMES:
        raise Refusal("code-unreadable")
    return _SEX_NAMES[number]


def _name(data: bytes) -> str:
    try:
        name = data.decode()
    except UnicodeDecodeError:
        raise Refusal("code-unreadable") from None
    if not (name.isprintable() or not name):
        raise Refusal("code-unreadable")
    return name
