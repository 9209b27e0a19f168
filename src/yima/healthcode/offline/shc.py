"""SMART Health Cards (spec.smarthealth.cards 1.4): a FHIR Bundle as a JWS, compressed, in the digits of `shc:/`.

ES256 only; the payload is minified JSON under raw DEFLATE (`zip: DEF`); `kid` is the JWK thumbprint (RFC 7638) of a key
in `{iss}/.well-known/jwks.json`. `vc.rid` holds `shard-index`, the place in our status list, so that one revocation
reaches every form; it is within the specification (at most 24 characters of the base64url alphabet).
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import orjson

from yima.healthcode.offline.credential import check_end
from yima.healthcode.offline.hc1 import inflate
from yima.healthcode.offline.parties import Signer, StatusRef
from yima.runtime.errors import Refusal

PREFIX: Final = "shc:/"
HEALTH_CARD: Final = "https://smarthealth.cards#health-card"
IMMUNIZATION: Final = "https://smarthealth.cards#immunization"
SINGLE_QR: Final = 1195
"""Characters of the longest JWS for one QR code of version 22 (specification, "Chunking"): longer ones make denser
codes, which we prefer to several codes (chunks are deprecated)."""

_MAX_TEXT: Final = 64 * 1024
_MAX_CHUNKS: Final = 50
_RAW_DEFLATE: Final = -15
_CHUNK: Final = re.compile(r"shc:/(?:(\d{1,2})/(\d{1,2})/)?((?:\d\d)+)", re.ASCII)
_PART: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_RID: Final = re.compile(r"(\d{1,9})-(\d{1,9})", re.ASCII)
_CHARACTERS: Final = {f"{ord(c) - 45:02d}": c for c in map(chr, range(45, 123))}
_DIGITS: Final = {c: digits for digits, c in _CHARACTERS.items()}
_END_OF_TIME: Final = 253402300800


@dataclass(frozen=True, slots=True)
class Card:
    """A health card taken apart but not yet believed."""

    key_id: str
    algorithm: str
    signed: bytes
    signature: bytes
    compressed: bytes


@dataclass(frozen=True, slots=True)
class Payload:
    """What a health card says."""

    issuer: str
    not_before: datetime
    expires: datetime | None
    types: tuple[str, ...]
    bundle: Mapping[str, Any]
    rid: str

    @property
    def place(self) -> tuple[int, int] | None:
        """Shard and index of our status list, where the card is one of ours."""
        found = _RID.fullmatch(self.rid)
        return (int(found[1]), int(found[2])) if found else None


def thumbprint(x: bytes, y: bytes) -> str:
    """The JWK thumbprint of a P-256 key (RFC 7638): `kid` of our health cards."""
    required = {"crv": "P-256", "kty": "EC", "x": _base64(x), "y": _base64(y)}
    return _base64(sha256(orjson.dumps(required)).digest())


def jwk_of(x: bytes, y: bytes) -> dict[str, str]:
    """The key as `{iss}/.well-known/jwks.json` publishes it."""
    key = {"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256"}
    return key | {"kid": thumbprint(x, y), "x": _base64(x), "y": _base64(y)}


def card_text(
    signer: Signer,
    bundle: Mapping[str, Any],
    *,
    issuer: str,
    times: tuple[datetime, datetime],
    status: StatusRef,
    types: Sequence[str] = (IMMUNIZATION,),
) -> str:
    """The `shc:/` text of a Bundle; `times` are valid from and expires.

    Refusal `field-invalid` when the signer is not ES256 or the card would outlive the signer's certificate.
    """
    check_end(signer, times[1])
    if signer.algorithm != "ES256":
        raise Refusal("field-invalid", field="profile", expected="es256: SMART Health Cards know no other algorithm")
    seconds = int(times[0].timestamp()), int(times[1].timestamp())
    payload = _payload(bundle, issuer, seconds, f"{status.shard}-{status.index}", types)
    key = signer.key.public
    header = orjson.dumps({"zip": "DEF", "alg": "ES256", "kid": thumbprint(key.x, key.y)})
    signed = f"{_base64(header)}.{_base64(_deflated(orjson.dumps(payload)))}"
    return encode(f"{signed}.{_base64(signer.key.sign(signed.encode()))}")


def room_for(entries: Sequence[Mapping[str, Any]], issuer: str) -> list[Mapping[str, Any]]:
    """The first entries of a Bundle that one code of version 22 has room for, the first of all always."""
    kept = len(entries)
    while kept > 1 and _length(entries[:kept], issuer) > SINGLE_QR:
        kept -= 1
    return list(entries[:kept])


def _length(entries: Sequence[Mapping[str, Any]], issuer: str) -> int:
    """About how long the JWS will be: header 97 characters, signature 86, and the payload with times of that length."""
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}
    payload = _payload(bundle, issuer, (1_700_000_000, 1_731_536_000), "12345-1048575", (IMMUNIZATION,))
    return 97 + 86 + 2 + (len(_deflated(orjson.dumps(payload))) * 4 + 2) // 3 + 8


def _payload(
    bundle: Mapping[str, Any], issuer: str, times: tuple[int, int], rid: str, types: Sequence[str]
) -> dict[str, Any]:
    subject = {"fhirVersion": "4.0.1", "fhirBundle": bundle}
    vc = {"type": [HEALTH_CARD, *types], "credentialSubject": subject, "rid": rid}
    return {"iss": issuer, "nbf": times[0], "exp": times[1], "vc": vc}


def encode(jws: str) -> str:
    """A JWS as digits: two for a character, its code less 45."""
    return PREFIX + "".join(map(_DIGITS.__getitem__, jws))


def decode(text: str) -> str:
    """The JWS behind a text, or behind the chunks of one, in any order, separated by white space.

    Refusal `code-unreadable`: other characters, a chunk missing or twice.
    """
    if len(text) > _MAX_TEXT:
        raise Refusal("code-unreadable")
    chunks = [_CHUNK.fullmatch(piece) for piece in text.split()]
    numbers = [(found[1], found[2]) if found else None for found in chunks]
    if numbers != [(None, None)]:
        _check_chunks(numbers)
        chunks.sort(key=lambda found: int(found[1]) if found else 0)
    digits = "".join(found[3] for found in chunks if found)
    try:
        return "".join(_CHARACTERS[digits[i : i + 2]] for i in range(0, len(digits), 2))
    except KeyError:
        raise Refusal("code-unreadable") from None


def _check_chunks(numbers: Sequence[tuple[str, str] | tuple[None, None] | None]) -> None:
    count = len(numbers)
    found = {int(pair[0]) for pair in numbers if pair and pair[0] and pair[1] == str(count)}
    if not 0 < count <= _MAX_CHUNKS or found != set(range(1, count + 1)):
        raise Refusal("code-unreadable")


def read(text: str) -> Card:
    """Take a health card apart. Refusal `code-unreadable` for anything else, other algorithms than ES256 included."""
    parts = decode(text).split(".")
    if len(parts) != 3:
        raise Refusal("code-unreadable")
    header, compressed, signature = map(_unbase64, parts)
    said = _json(header)
    if said.get("alg") != "ES256" or said.get("zip") != "DEF" or "crit" in said or not isinstance(said.get("kid"), str):
        raise Refusal("code-unreadable")
    return Card(said["kid"], "ES256", f"{parts[0]}.{parts[1]}".encode(), signature, compressed)


def payload_of(card: Card) -> Payload:
    """What the card says; asked for only after its signature. Refusal `code-unreadable` when it is no health card."""
    said = _json(inflate(card.compressed, _RAW_DEFLATE))
    credential = _of(said, "vc", dict)
    subject = _of(credential, "credentialSubject", dict)
    bundle = _of(subject, "fhirBundle", dict)
    types = _of(credential, "type", list)
    rid = credential.get("rid", "")
    entries = bundle.get("entry")
    if HEALTH_CARD not in types or bundle.get("resourceType") != "Bundle" or not isinstance(rid, str) or not entries:
        raise Refusal("code-unreadable")
    start = _moment(said.get("nbf"))
    if start is None or not isinstance(subject.get("fhirVersion"), str):
        raise Refusal("code-unreadable")
    named = tuple(one for one in types if isinstance(one, str))
    return Payload(_of(said, "iss", str), start, _moment(said.get("exp")), named, bundle, rid)


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, _RAW_DEFLATE)
    return packer.compress(data) + packer.flush()


def _json(data: bytes) -> dict[str, Any]:
    """A JSON object (RFC 8259) in UTF-8, no key twice, no NaN, no byte-order mark."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal("code-unreadable") from None
    if not isinstance(value, dict):
        raise Refusal("code-unreadable")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        raise ValueError("a key twice")
    return held


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _of(held: Mapping[str, Any], key: str, kind: type[Any]) -> Any:
    value = held.get(key)
    if not isinstance(value, kind):
        raise Refusal("code-unreadable")
    return value


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value < _END_OF_TIME:  # type: ignore[operator]  # a number by now
        raise Refusal("code-unreadable")
    return datetime.fromtimestamp(value, UTC)  # type: ignore[arg-type]  # a number by now


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    if not _PART.fullmatch(text) or len(text) % 4 == 1:
        raise Refusal("code-unreadable")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _base64(data) != text:  # bits that do not count must be zero, or one signature would have many texts
        raise Refusal("code-unreadable")
    return data
