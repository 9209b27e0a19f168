"""What a provider says of itself (OpenID Connect Discovery 1.0, section 3), as far as it is believed. Pure.

Its endpoints must stand where it was registered: on the issuer's own host, or on hosts that were named with it. So what
it publishes, or what somebody put in its place, sends nobody's secret elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from yima.authentication.external.providers import Provider
from yima.runtime.outbound import Reach

WELL_KNOWN: Final = "/.well-known/openid-configuration"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_URL_CHARS: Final = 500
_BASIC: Final = "client_secret_basic"
_POST: Final = "client_secret_post"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked what."""

    authorization: str
    token: str
    keys: str
    end_session: str
    """"" where it has none."""
    says_issuer: bool
    """Whether it names itself in its answers by way of the browser (RFC 9207)."""
    posts_secret: bool
    """Whether the secret goes into the form: it takes no HTTP Basic."""


def read_document(body: bytes) -> dict[str, Any]:
    """The document, of which nothing is believed yet. ValueError for what is none."""
    said = orjson.loads(body)
    if not isinstance(said, dict):
        raise ValueError("no object")
    return said


def endpoints_of(said: Mapping[str, Any], provider: Provider, reach: Reach) -> Endpoints:
    """The endpoints of this very provider. ValueError, with what is wrong, for any other document."""
    if said.get("issuer") != provider.issuer:
        raise ValueError("it is another issuer's")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not _is_within(said.get(name), provider, reach):
            raise ValueError(f"its {name} is not https on the issuer's host or one named with it")
    challenges = said.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(challenges, list) or "S256" not in challenges:
        raise ValueError("it takes no code challenge S256")
    end = str(said.get("end_session_endpoint", ""))
    methods = said.get("token_endpoint_auth_methods_supported", [_BASIC])
    return Endpoints(
        said["authorization_endpoint"], said["token_endpoint"], said["jwks_uri"],
        end if _is_within(end, provider, reach) else "",
        said.get("authorization_response_iss_parameter_supported") is True,
        isinstance(methods, list) and _BASIC not in methods and _POST in methods,
    )  # fmt: skip


def is_issuer(url: str) -> bool:
    """Whether a provider may be called so: https, or http on a loopback address; no query and no fragment."""
    return _is_plain(url, Reach(loopback=True)) and "?" not in url


def _is_within(url: object, provider: Provider, reach: Reach) -> bool:
    if not isinstance(url, str) or not _is_plain(url, reach):
        return False
    return urlsplit(url).netloc in {urlsplit(provider.issuer).netloc, *provider.hosts}


def _is_plain(url: str, reach: Reach) -> bool:
    if not 0 < len(url) <= _URL_CHARS or not url.isascii() or not url.isprintable() or set(url) & set(" \"'<>\\#"):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK and reach.loopback)
    return bool(host) and secure and "@" not in parts.netloc
