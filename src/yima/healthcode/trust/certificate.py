"""X.509 certificates (RFC 5280) of both families: written, read, and checked up to a pinned root.

One writer for P-256 and SM2, because no library of ours signs SM2 certificates. The reader takes the profile below and
refuses what it does not know where it is marked critical: version 3, one signature algorithm (ecdsa-with-SHA256 or
sm2sign-with-sm3, GM/T 0006), keys as uncompressed points, Basic Constraints, Key Usage, key identifiers, and an
extended key usage that names what a signer is for.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from yima.crypto import ALGORITHMS, Algorithm, SigningKey, VerifyKey, signature_der, verify_key
from yima.healthcode.trust import der
from yima.runtime.errors import Refusal

Use = Literal["identity", "shc", "device", "status-list", "trust-list", "facility"]
USES: Final[tuple[Use, ...]] = get_args(Use)
"""What a signer may sign; a signature of one use is worth nothing for another."""
KEY_ID_BYTES: Final = 8

_CURVE: Final[dict[Algorithm, str]] = {"ES256": "1.2.840.10045.3.1.7", "SM2": "1.2.156.10197.1.301"}
_SIGNED_WITH: Final[dict[Algorithm, str]] = {"ES256": "1.2.840.10045.4.3.2", "SM2": "1.2.156.10197.1.501"}
_EC_KEY: Final = "1.2.840.10045.2.1"
_COMMON_NAME: Final = "2.5.4.3"
_SUBJECT_KEY, _KEY_USAGE, _CONSTRAINTS, _AUTHORITY_KEY, _EXTENDED_USAGE = (
    der.oid(f"2.5.29.{arc}") for arc in (14, 15, 19, 35, 37)
)
# Below 2.25 everybody may make names from a UUID without a registry (ITU-T X.667).
_USE_ARC: Final = "2.25.211830419253217560473918025446183049217"
_USE_OIDS: Final = {der.oid(f"{_USE_ARC}.{number}"): use for number, use in enumerate(USES, 1)}
_CA_BITS, _SIGNER_BITS = der.bits(b"\x06", 1), der.bits(b"\x80", 7)  # keyCertSign + cRLSign; digitalSignature
_POINT_BYTES: Final = 65
_CHAIN: Final = 2


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as read; nothing of it is believed before `check_chain`."""

    der: bytes
    algorithm: Algorithm
    key: VerifyKey
    subject: bytes
    issuer: bytes
    not_before: datetime
    not_after: datetime
    is_ca: bool
    use: Use | None
    """What it may sign, if it is a signer's."""
    tbs: bytes
    signature: bytes
    """r||s, 64 bytes."""

    @property
    def key_id(self) -> bytes:
        """The first 8 bytes of its SHA-256: what credentials call their signer by."""
        return key_id_of(self.der)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a certificate is made for: a CA of `depth` more CAs below it, or a signer with a use."""

    name: str
    key: VerifyKey
    not_before: datetime
    not_after: datetime
    depth: int | None = None
    """How many CAs may follow it; None for a signer."""
    use: Use | None = None


def key_id_of(certificate: bytes) -> bytes:
    """The 8 bytes by which the holder of this certificate (DER) is named."""
    return hashlib.sha256(certificate).digest()[:KEY_ID_BYTES]


def certify(subject: Subject, issuer_name: str, issuer: SigningKey, serial: int) -> bytes:
    """The certificate of a subject, signed by its issuer (itself, for a root); DER. `serial` is positive, < 2**159."""
    signed_with = der.sequence(der.oid(_SIGNED_WITH[issuer.algorithm]))
    tbs = der.sequence(
        der.tlv(0xA0, der.integer(2)),
        der.integer(serial),
        signed_with,
        _name(issuer_name),
        der.sequence(der.time(subject.not_before), der.time(subject.not_after)),
        _name(subject.name),
        subject.key.spki,
        der.tlv(0xA3, der.sequence(*_extensions(subject, issuer))),
    )
    return der.sequence(tbs, signed_with, der.bits(signature_der(issuer.sign(tbs))))


def read_certificate(encoded: bytes) -> Certificate:
    """The certificate that these bytes are. ValueError when they are not one of the profile above."""
    parts = list(der.children(der.read(encoded, der.SEQUENCE)))
    if [tag for tag, _, _ in parts] != [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING] or parts[2][1][:1] != b"\0":
        raise ValueError("not a certificate")
    fields = list(der.children(parts[0][1]))
    expected = [0xA0, der.INTEGER, *[der.SEQUENCE] * 5, 0xA3]
    if [tag for tag, _, _ in fields] != expected or fields[0][1] != der.integer(2) or fields[2][2] != parts[1][2]:
        raise ValueError("not a version 3 certificate of this profile")
    not_before, not_after = (_moment(tag, content) for tag, content, _ in der.children(fields[4][1]))
    key = _read_public(fields[6][1])
    is_ca, use = _read_extensions(fields[7][1])
    return Certificate(
        encoded, _signed_with(parts[1][2]), key, fields[5][2], fields[3][2], not_before, not_after, is_ca, use,
        parts[0][2], der.signature_from_der(parts[2][1][1:]),
    )  # fmt: skip


def check_chain(chain: Sequence[Certificate], roots: Sequence[Certificate], now: datetime) -> None:
    """ValueError unless `chain`, a signer and its issuer CA, leads to one of the pinned roots (RFC 5280, section 6, for
    chains of this one length and one family, without name constraints or policies).

    The signer's own dates are the caller's to judge; the two CAs must be in date.
    """
    if len(chain) != _CHAIN or chain[0].is_ca:
        raise ValueError("not a signer and its issuer")
    anchors = [root for root in roots if root.subject == chain[-1].issuer and root.algorithm == chain[-1].algorithm]
    for anchor in anchors:
        path = [*chain, anchor]
        if all(_follows(below, above, now) for below, above in itertools.pairwise(path)):
            return
    raise ValueError("the chain does not end at a root that is trusted here")


def _follows(below: Certificate, above: Certificate, now: datetime) -> bool:
    return (
        above.is_ca
        and below.issuer == above.subject
        and below.algorithm == above.key.algorithm
        and above.not_before <= now < above.not_after
        and above.key.verify(below.tbs, below.signature)
    )


def _extensions(subject: Subject, issuer: SigningKey) -> list[bytes]:
    own, above = _key_hash(subject.key), _key_hash(issuer.public)
    made = [
        _extension(_SUBJECT_KEY, der.tlv(der.OCTET_STRING, own)),
        _extension(_AUTHORITY_KEY, der.sequence(der.tlv(0x80, above))),
    ]
    if subject.depth is not None:
        constraints = der.sequence(der.boolean_true(), der.integer(subject.depth))
        made += [_extension(_CONSTRAINTS, constraints, critical=True), _extension(_KEY_USAGE, _CA_BITS, critical=True)]
    else:
        made.append(_extension(_CONSTRAINTS, der.sequence(), critical=True))
        made.append(_extension(_KEY_USAGE, _SIGNER_BITS, critical=True))
    if subject.use is not None:
        named = next(oid for oid, use in _USE_OIDS.items() if use == subject.use)
        made.append(_extension(_EXTENDED_USAGE, der.sequence(named)))
    return made


def _extension(oid: bytes, value: bytes, *, critical: bool = False) -> bytes:
    return der.sequence(oid, der.boolean_true() if critical else b"", der.tlv(der.OCTET_STRING, value))


def _read_extensions(body: bytes) -> tuple[bool, Use | None]:
    """Whether it is a CA's, and its use. ValueError for a doubled or an unknown critical extension."""
    is_ca, use, usage = False, None, b""
    seen: set[bytes] = set()
    for _, content, _ in der.children(der.read(body, der.SEQUENCE)):
        (_, _, oid), *flag, (tag, value, _) = der.children(content)
        critical = bool(flag)
        if oid in seen or tag != der.OCTET_STRING or (critical and flag[0][2] != der.boolean_true()):
            raise ValueError("an extension that is not well-formed")
        seen.add(oid)
        if oid == _CONSTRAINTS:
            is_ca = der.read(value, der.SEQUENCE).startswith(der.boolean_true())
        elif oid == _KEY_USAGE:
            usage = value
        elif oid == _EXTENDED_USAGE:
            named = [_USE_OIDS.get(one) for _, _, one in der.children(der.read(value, der.SEQUENCE))]
            use = next((one for one in named if one is not None), None)
        elif critical and oid not in (_SUBJECT_KEY, _AUTHORITY_KEY):
            raise ValueError("a critical extension that is not known here")
    if usage != (_CA_BITS if is_ca else _SIGNER_BITS):
        raise ValueError("a key usage that does not fit")
    return is_ca, use


def _read_public(body: bytes) -> VerifyKey:
    (_, named, _), (tag, point, _) = der.children(body)
    for algorithm in ALGORITHMS:
        if named == der.oid(_EC_KEY) + der.oid(_CURVE[algorithm]):
            break
    else:
        raise ValueError("a key of another algorithm")
    if tag != der.BIT_STRING or len(point) != 1 + _POINT_BYTES or point[:2] != b"\x00\x04":
        raise ValueError("not an uncompressed point")
    try:
        return verify_key(algorithm, point[2:34], point[34:])
    except Refusal:
        raise ValueError("a point that is not on its curve") from None


def _key_hash(key: VerifyKey) -> bytes:
    # RFC 7093, section 2, method 1: the leftmost 160 bits of SHA-256 over the point.
    return hashlib.sha256(b"\x04" + key.x + key.y).digest()[:20]


def _name(common_name: str) -> bytes:
    attribute = der.sequence(der.oid(_COMMON_NAME), der.tlv(der.UTF8_STRING, common_name.encode()))
    return der.sequence(der.set_of(attribute))


def _moment(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == 0x17 and len(text) == len("700101000000Z"):
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != 0x18:
        raise ValueError("not a time")
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("not a time") from None


def _signed_with(encoded: bytes) -> Algorithm:
    for algorithm in ALGORITHMS:
        if encoded == der.sequence(der.oid(_SIGNED_WITH[algorithm])):
            return algorithm
    raise ValueError("signed with another algorithm")
