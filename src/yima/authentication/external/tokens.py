"""Whether what a provider signed proves anything: ID tokens (OpenID Connect Core 1.0, section 3.1.3.7) and logout
tokens (OpenID Connect Back-Channel Logout 1.0, section 2.6). Pure: keys and time are given.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from yima.runtime.errors import Refusal

_HASHES: Final = {"ES256": "sha256", "RS256": "sha256", "PS256": "sha256", "ES384": "sha384"}
"""The algorithms that count, each with the hash of its `at_hash`. None of them can be had with a shared secret."""
_KEY_TYPES: Final = {"ES256": "EC", "ES384": "EC", "RS256": "RSA", "PS256": "RSA"}
_RSA_BITS: Final = 2048
_SKEW: Final = 60
"""Seconds by which clocks may differ."""
_OLDEST: Final = 600
"""Seconds that may lie between a token's making and its being shown here."""
_TOKEN_CHARS: Final = 16 * 1024
_ID_CHARS: Final = 255
_LOGOUT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say to be for us."""

    issuer: str
    client_id: str
    now: datetime
    nonce: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    proved_since: datetime | None = None
    """When the person must have proved at the provider who they are, at the earliest; None: whenever."""
    says_when: bool = True
    """Whether a token that does not say when proves nothing."""


@dataclass(frozen=True, slots=True)
class Vouching:
    """Whom a provider says it has before it, and how it knows."""

    sub: str = field(repr=False)
    sid: str = field(repr=False)
    acr: str
    amr: tuple[str, ...]
    proved: datetime
    """When they proved it there; the year 2000 where it did not say."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Who left at the provider, or which of its sessions ended; one of the two may be ""."""

    sub: str = field(repr=False)
    sid: str = field(repr=False)
    jti: str


def checked_id_token(token: str, keys: Sequence[dict[str, Any]], expected: Expected) -> Vouching:
    """Whom an ID token is about. Refusal `provider-answer-invalid` with what is wrong; no value of it is repeated."""
    header, claims = _verified(token, keys, {"", "jwt"})
    _check_common(claims, expected)
    if not hmac.compare_digest(_text(claims, "nonce").encode(), expected.nonce.encode()) or not expected.nonce:
        raise wrong("its nonce is not that of this sign-in")
    _check_access_token(claims, header["alg"], expected.access_token)
    sub = _text(claims, "sub")
    if not sub or len(sub) > _ID_CHARS:
        raise wrong("it has no sub")
    amr = claims.get("amr")
    named = tuple(one for one in amr if isinstance(one, str)) if isinstance(amr, list) else ()
    return Vouching(sub, _text(claims, "sid"), _text(claims, "acr"), named, _proved(claims, expected))


def checked_logout_token(token: str, keys: Sequence[dict[str, Any]], expected: Expected) -> Ended:
    """Who left. Refusal `provider-answer-invalid`; an ID token is none, though the same key signed it."""
    _, claims = _verified(token, keys, {"", "jwt", "logout+jwt"})
    _check_common(claims, expected)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT), dict) or "nonce" in claims:
        raise wrong("it is not a logout token")
    ended = Ended(_text(claims, "sub"), _text(claims, "sid"), _text(claims, "jti"))
    if not (ended.sub or ended.sid) or not ended.jti or max(map(len, (ended.sub, ended.sid, ended.jti))) > _ID_CHARS:
        raise wrong("its sub, sid or jti is missing")
    return ended


def claimed_key(token: str) -> str:
    """The key id in a token's header, "" for none; only compared with those at the registered address."""
    kid = _header(token).get("kid", "")
    return kid if isinstance(kid, str) else ""


def wrong(reason: str) -> Refusal:
    """The refusal of an answer that proves nothing."""
    return Refusal("provider-answer-invalid", reason=reason)


def _header(token: str) -> dict[str, Any]:
    parts = token.split(".")
    try:
        if len(parts) != 3 or len(token) > _TOKEN_CHARS:
            raise ValueError
        said = orjson.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
        if not isinstance(said, dict):
            raise TypeError
    except (ValueError, TypeError) as error:
        raise wrong("it is not a signed token") from error
    return said


def _verified(token: str, keys: Sequence[dict[str, Any]], types: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token that one of these keys signed; what the header says of keys elsewhere (`jku`, `x5u`,
    `jwk`) is not looked at."""
    header = _header(token)
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or alg not in _HASHES:
        raise wrong("its algorithm is none of " + ", ".join(_HASHES))
    if str(header.get("typ", "")).lower() not in types:
        raise wrong("its typ is another")
    fitting = [key for key in keys if _fits(key, alg, kid)]
    if len(fitting) != 1:  # without a kid only where there is no choice
        raise wrong("no key of the provider fits it")
    try:
        claims: dict[str, Any] = jwt.decode(token, jwk.import_key(fitting[0]), algorithms=[alg]).claims
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise wrong("its signature does not verify with the provider's key") from error
    return header, claims


def _fits(key: dict[str, Any], alg: str, kid: object) -> bool:
    if key.get("kty") != _KEY_TYPES[alg] or key.get("use", "sig") != "sig" or key.get("alg", alg) != alg:
        return False
    if key["kty"] == "RSA" and len(str(key.get("n", ""))) * 6 < _RSA_BITS:
        return False
    return kid is None or key.get("kid") == kid


def _check_common(claims: dict[str, Any], expected: Expected) -> None:
    """Issuer, audience and times."""
    stamp, aud = expected.now.timestamp(), claims.get("aud")
    if claims.get("iss") != expected.issuer:
        raise wrong("it is another issuer's")
    if (aud if isinstance(aud, list) else [aud]) != [expected.client_id]:
        raise wrong("it is not for this deployment alone")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise wrong("it was made for another party")
    if _stamp(claims, "exp") <= stamp - _SKEW:
        raise wrong("it has expired")
    if not stamp - _OLDEST <= _stamp(claims, "iat") <= stamp + _SKEW:
        raise wrong("it was not made just now")
    if "nbf" in claims and _stamp(claims, "nbf") > stamp + _SKEW:
        raise wrong("it does not count yet")


def _check_access_token(claims: dict[str, Any], alg: str, access_token: str) -> None:
    """`at_hash` (OpenID Connect Core 1.0, section 3.1.3.6), where it is given."""
    if "at_hash" not in claims:
        return
    digest = hashlib.new(_HASHES[alg], access_token.encode()).digest()
    left = base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
    if not hmac.compare_digest(left.encode(), _text(claims, "at_hash").encode()):
        raise wrong("it came with another access token")


def _proved(claims: dict[str, Any], expected: Expected) -> datetime:
    if "auth_time" not in claims:
        if expected.proved_since is not None and expected.says_when:
            raise wrong("it does not say when the person signed in")
        return _LONG_AGO
    at = _stamp(claims, "auth_time")
    if at > expected.now.timestamp() + _SKEW:
        raise wrong("it says that the person signed in at a time to come")
    if expected.proved_since is not None and at < expected.proved_since.timestamp() - _SKEW:
        raise wrong("the person signed in there too long ago")
    return min(datetime.fromtimestamp(at, UTC), expected.now)


def _stamp(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise wrong(f"its {name} is no time")
    return float(value)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name, "")
    return value if isinstance(value, str) and "\x00" not in value else ""
