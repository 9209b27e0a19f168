"""The trust list: which keys sign for this deployment, which did, and which must not be believed any more.

A signed token of the deployment's own `trust-list` signer, whose chain leads to a root that the reader has pinned. It
is built and read without I/O and without a clock: what is checked is checked against the arguments.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import msgspec
import orjson
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from yima.crypto import VerifyKey
from yima.healthcode.trust import jws
from yima.healthcode.trust.certificate import Certificate, Use, check_chain, key_id_of, read_certificate
from yima.healthcode.trust.rules import DEFAULT_FRESHNESS, Freshness
from yima.runtime.errors import Refusal

TYPE: Final = "trust-list+jwt"
MEDIA_TYPE: Final = "application/jwt"
DAILY: Final = timedelta(days=1)
SKEW: Final = timedelta(minutes=5)
"""How far ahead the clock of the one who signed may be."""


@dataclass(frozen=True, slots=True)
class TrustedSigner:
    """A signer as the list names it, its chain checked."""

    key_id: bytes
    key: VerifyKey
    algorithm: str
    use: Use
    not_before: datetime
    not_after: datetime
    """The end of its certificate: nothing it signed is good after that."""
    status_list: str
    """Where the revocations of its credentials are published."""
    certificate: bytes
    """DER."""
    revoked: datetime | None = None
    """Since when nothing it signed is good, whenever it was signed."""

    def good_at(self, moment: datetime) -> bool:
        """Whether its signatures count at that time."""
        return self.revoked is None and self.not_before <= moment < self.not_after


@dataclass(frozen=True, slots=True)
class Trust:
    """What a trust list says, after it was checked."""

    version: int
    issued: datetime
    next_update: datetime
    signers: Mapping[bytes, TrustedSigner]
    """By key id."""

    def by_key_id(self, key_id: bytes) -> TrustedSigner | None:
        """The signer of that id, revoked or not; None when the list has none."""
        return self.signers.get(key_id)

    def freshness(self, now: datetime, rules: Freshness = DEFAULT_FRESHNESS) -> str:
        """`fresh`, `stale` or `refuse`, by its age."""
        return rules.of(now - self.issued)


class _Entry(msgspec.Struct, frozen=True):
    kid: str
    alg: str
    use: str
    certificate: str
    issuer: str
    not_before: int
    not_after: int
    signs_until: int
    status_list: str
    revoked: int | None = None


class _Claims(msgspec.Struct, frozen=True):
    version: int
    iat: int
    next_update: int
    issuers: list[str]
    signers: list[_Entry]


def entry(row: Mapping[str, Any], status_list: str) -> dict[str, Any]:
    """What the list says of a signer, from its row in the database."""
    certificate = read_certificate(row["certificate"])
    said = {
        "kid": jws.encode(row["key_id"]),
        "alg": row["algorithm"],
        "use": row["use"],
        "certificate": jws.encode(row["certificate"]),
        "issuer": jws.encode(row["issuer"]),
        "not_before": _unix(certificate.not_before),
        "not_after": _unix(certificate.not_after),
        "signs_until": _unix(row["ends"]),
        "status_list": status_list,
    }
    return said | ({"revoked": _unix(row["revoked"])} if row["revoked"] else {})


def content(issuers: Sequence[bytes], entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the list says, apart from its version and times; `issuers` are certificates of CAs (DER)."""
    return {"issuers": [jws.encode(one) for one in issuers], "signers": list(entries)}


def digest(said: Mapping[str, Any]) -> bytes:
    """Tells whether a list has to be published anew: SHA-256 of its content."""
    return hashlib.sha256(orjson.dumps(dict(said), option=orjson.OPT_SORT_KEYS)).digest()


def claims(said: Mapping[str, Any], uri: str, version: int, now: datetime) -> dict[str, Any]:
    """The claims to sign: the content under a version, issued now."""
    times = {"iat": _unix(now), "next_update": _unix(now + DAILY)}
    return {"iss": uri.partition("/.well-known/")[0], "sub": uri, "version": version, **times, **said}


def header(key_id: bytes, chain: Sequence[bytes]) -> dict[str, Any]:
    """The header to sign: who signs, with the certificates up to below the root (RFC 7515, section 4.1.6)."""
    return {"typ": TYPE, "kid": jws.encode(key_id), "x5c": [base64.b64encode(one).decode() for one in chain]}


def read_trust_list(text: str, roots: Sequence[Certificate], now: datetime, seen_version: int = 0) -> Trust:
    """The trust list in `text`, if it comes from the holder of one of the pinned roots.

    Refusals: `trust-list-invalid` (form, chain, signature, a date ahead of `now`, a signer whose chain does not lead to
    the roots); `trust-list-old` when its version is below the one seen before: somebody serves an old list, in which a
    key that was revoked since still stands. Its age is the caller's to judge by `Trust.freshness`.
    """
    try:
        token = jws.read(text)
        signer = _list_signer(token, roots, now)
        said = msgspec.json.decode(token.payload, type=_Claims)
        issuers = {one.key_id: one for one in (read_certificate(jws.decode(text)) for text in said.issuers)}
        signers = [_trusted(one, issuers, roots, now) for one in said.signers]
        issued, following = datetime.fromtimestamp(said.iat, UTC), datetime.fromtimestamp(said.next_update, UTC)
    except (ValueError, msgspec.MsgspecError, OverflowError, OSError) as error:
        raise Refusal("trust-list-invalid", reason=_reason(error)) from None
    if said.version < seen_version:
        raise Refusal("trust-list-old", version=said.version, expected=seen_version)
    if issued > now + SKEW:
        raise Refusal("trust-list-invalid", reason="it was issued in the future")
    found = {one.key_id: one for one in signers}
    own = found.get(signer.key_id)
    if own is None or own.revoked is not None:
        raise Refusal("trust-list-invalid", reason="the key that signed it is revoked, or not in it")
    return Trust(said.version, issued, following, MappingProxyType(found))


def read_roots(pem: str) -> list[Certificate]:
    """The certificates to pin, from PEM text (RFC 7468). Refusal `trust-list-invalid` when one is bad or none there."""
    try:
        roots = [
            read_certificate(one.public_bytes(Encoding.DER)) for one in x509.load_pem_x509_certificates(pem.encode())
        ]
    except ValueError as error:
        raise Refusal("trust-list-invalid", reason=_reason(error)) from None
    return roots


def _list_signer(token: jws.Jws, roots: Sequence[Certificate], now: datetime) -> Certificate:
    x5c = token.header.get("x5c")
    if token.header.get("typ") != TYPE or not isinstance(x5c, list) or not all(isinstance(one, str) for one in x5c):
        raise ValueError("not a trust list")
    chain = [read_certificate(base64.b64decode(one, validate=True)) for one in x5c]
    check_chain(chain, roots, now)
    signer = chain[0]
    if signer.use != "trust-list" or not signer.not_before <= now + SKEW < signer.not_after + SKEW:
        raise ValueError("the key that signed it may not sign trust lists now")
    if not token.verified_by(signer.key):
        raise ValueError("the signature is wrong")
    return signer


def _trusted(
    one: _Entry, issuers: Mapping[bytes, Certificate], roots: Sequence[Certificate], now: datetime
) -> TrustedSigner:
    certificate = read_certificate(jws.decode(one.certificate))
    issuer = issuers.get(jws.decode(one.issuer))
    if issuer is None:
        raise ValueError("a signer without its issuer")
    check_chain([certificate, issuer], roots, now)
    key_id = key_id_of(certificate.der)
    if (key_id, certificate.key.algorithm) != (jws.decode(one.kid), one.alg) or certificate.use != one.use:
        raise ValueError("a signer that its certificate does not describe")
    if certificate.use is None:
        raise ValueError("a signer without a use")
    return TrustedSigner(
        key_id, certificate.key, certificate.key.algorithm, certificate.use, certificate.not_before,
        certificate.not_after, one.status_list, certificate.der,
        None if one.revoked is None else datetime.fromtimestamp(one.revoked, UTC),
    )  # fmt: skip


def _reason(error: Exception) -> str:
    # Sentences of ours are plain ValueErrors; those of the libraries may quote what they read.
    return str(error) if type(error) is ValueError else "it is not well-formed"


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())
