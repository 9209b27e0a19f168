"""Whose signatures count: the signers of our own trust list, and keys of other issuers from a JWK Set (RFC 7517).

EU certificates and foreign SMART Health Cards are judged under these. A key is found by its `kid` as text (JWS) and,
where `kid` is base64 of 8 bytes, by those bytes (COSE). With `x5c` the first certificate's dates bound the key, and its
extended key usage bounds what an EU signer may sign (EU "certificate governance", 1.3.6.1.4.1.1847.2021.1.1 to .3).
"""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.x509 import Certificate, ExtendedKeyUsage, ExtensionNotFound, load_der_x509_certificate

from yima.crypto import VerifyKey
from yima.healthcode.offline import shc
from yima.healthcode.offline.parties import Lists, StatusList, Trust, Trusted
from yima.runtime.errors import Refusal

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_CURVES: Final[dict[str, tuple[ec.EllipticCurve, str]]] = {
    "P-256": (ec.SECP256R1(), "ES256"), "P-384": (ec.SECP384R1(), "ES384"), "P-521": (ec.SECP521R1(), "ES512"),
}  # fmt: skip
_BY_CURVE: Final = {curve.name: algorithm for curve, algorithm in _CURVES.values()}
_HASHES: Final = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
_EU_USES: Final = {f"1.3.6.1.4.1.{arc}.2021.1.{n}": "tvr"[n - 1] for arc in (1847, 0) for n in (1, 2, 3)} | {
    f"1.3.6.1.4.1.0.1847.2021.1.{n}": "tvr"[n - 1] for n in (1, 2, 3)
}
_EVER: Final = (datetime.fromtimestamp(0, UTC), datetime(9999, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A public key of any algorithm that the forms we read use."""

    algorithm: str
    key: PublicKey

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether this is the signature of that message; raw r||s of exact length for elliptic curves."""
        try:
            self._verify(message, signature)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _verify(self, message: bytes, signature: bytes) -> None:
        if isinstance(self.key, ed25519.Ed25519PublicKey):
            self.key.verify(signature, message)
            return
        digest = _HASHES[self.algorithm[2:]]
        if isinstance(self.key, rsa.RSAPublicKey):
            # RFC 8230 section 2: MGF1 with the same hash, salt as long as it.
            form = padding.PSS(padding.MGF1(digest), digest.digest_size)
            self.key.verify(signature, message, form, digest)
            return
        half = (self.key.curve.key_size + 7) // 8
        if len(signature) != 2 * half:
            raise InvalidSignature
        pair = encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
        self.key.verify(pair, message, ec.ECDSA(digest))


@dataclass(frozen=True, slots=True)
class ForeignSigner:
    """A signer of another deployment."""

    key: ForeignKey
    not_before: datetime
    not_after: datetime
    use: str = ""
    """Empty for everything; `hcert:` and letters of `t`, `v`, `r` where an EU certificate limits it."""
    revoked: datetime | None = None


class OwnSigner(Trusted, Protocol):
    """A signer of a Yima trust list."""

    @property
    def key_id(self) -> bytes:
        """8 bytes."""
        ...

    @property
    def key(self) -> VerifyKey:
        """The public key."""
        ...


def trust_of(signers: Iterable[OwnSigner]) -> Trust:
    """The trust that signers of a Yima trust list stand for: by key id, those of health cards also by thumbprint."""
    found: dict[bytes, Trusted] = {}
    for one in signers:
        found[one.key_id] = one
        if one.use == "shc":
            found[shc.thumbprint(one.key.x, one.key.y).encode()] = one
    return found.get


def lists_of(held: Iterable[tuple[str, StatusList]]) -> Lists:
    """Status lists by their address, and by the `/status-lists/{shard}` at its end, as device codes name them."""
    found: dict[str, StatusList] = {}
    for uri, one in held:
        found[uri] = one
        found["/status-lists/" + uri.rpartition("/status-lists/")[2]] = one
    return found.get


def foreign_trust(text: bytes) -> Trust:
    """The trust that a JWK Set stands for. Refusal `trust-list-invalid` when it is none, or holds no key that signs."""
    try:
        keys = orjson.loads(text)["keys"]
        found: dict[bytes, Trusted] = {}
        for key in keys:
            for name in _names(key):
                found[name] = signer_of(key)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Refusal("trust-list-invalid", reason="it is no JWK Set with signing keys (RFC 7517)") from None
    if not found:
        raise Refusal("trust-list-invalid", reason="it is no JWK Set with signing keys (RFC 7517)")
    return found.get


def signer_of(key: Mapping[str, Any]) -> ForeignSigner:
    """One JWK as a signer. ValueError or KeyError when it is not one that we know."""
    public = _public(key)
    algorithm = key.get("alg") or _algorithm(public)
    if not _fits(public, algorithm):
        raise ValueError(algorithm)
    times, use = _EVER, ""
    if key.get("x5c"):
        certificate = load_der_x509_certificate(b64decode(key["x5c"][0]))
        times = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        use = _eu_use(certificate)
    return ForeignSigner(ForeignKey(algorithm, public), *times, use)


def signer_of_certificate(der: bytes) -> ForeignSigner:
    """The signer of an X.509 certificate. ValueError when its key is of no kind that we know."""
    certificate = load_der_x509_certificate(der)
    public = certificate.public_key()
    if not isinstance(public, PublicKey):
        raise ValueError("unknown kind of key")
    key = ForeignKey(_algorithm(public), public)
    return ForeignSigner(key, certificate.not_valid_before_utc, certificate.not_valid_after_utc, _eu_use(certificate))


def _names(key: Mapping[str, Any]) -> list[bytes]:
    if key.get("use", "sig") != "sig" or not isinstance(key.get("kid"), str):
        return []
    names = [key["kid"].encode()]
    with suppress(binascii.Error, ValueError):
        raw = urlsafe_b64decode(key["kid"].replace("+", "-").replace("/", "_").rstrip("=") + "==")
        if len(raw) == 8:
            names.append(raw)
    return names


def _public(key: Mapping[str, Any]) -> PublicKey:
    if key["kty"] == "EC":
        return ec.EllipticCurvePublicNumbers(_int(key["x"]), _int(key["y"]), _CURVES[key["crv"]][0]).public_key()
    if key["kty"] == "RSA":
        return rsa.RSAPublicNumbers(_int(key["e"]), _int(key["n"])).public_key()
    if key["kty"] == "OKP" and key["crv"] == "Ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(_bytes(key["x"]))
    raise ValueError(key["kty"])


def _algorithm(public: PublicKey) -> str:
    if isinstance(public, ec.EllipticCurvePublicKey):
        return _BY_CURVE[public.curve.name]
    return "PS256" if isinstance(public, rsa.RSAPublicKey) else "EdDSA"


def _fits(public: PublicKey, algorithm: str) -> bool:
    if isinstance(public, rsa.RSAPublicKey):
        return algorithm in ("PS256", "PS384", "PS512")
    return algorithm == _algorithm(public)


def _eu_use(certificate: Certificate) -> str:
    try:
        named = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except (ExtensionNotFound, ValueError):
        return ""
    letters = "".join(sorted({_EU_USES[oid.dotted_string] for oid in named if oid.dotted_string in _EU_USES}))
    return f"hcert:{letters}" if letters else ""


def _int(text: str) -> int:
    return int.from_bytes(_bytes(text), "big")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
