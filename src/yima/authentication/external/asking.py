"""What is asked of a provider: its document, its keys, and the tokens for a code; and where a browser is sent."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode

from yima.authentication.external.discovery import WELL_KNOWN, Endpoints, endpoints_of, read_document
from yima.authentication.external.providers import Provider
from yima.authentication.external.tokens import claimed_key, wrong
from yima.authentication.external.trips import Trip
from yima.runtime.errors import Refusal
from yima.runtime.outbound import Pacing, Question, Reach, Remembered, fetch

_DOCUMENTS: Final = Pacing(timedelta(minutes=10), timedelta(days=1), timedelta(seconds=10))
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS: Final = 60
_CODE_CHARS: Final = 4096


class KeySource(Protocol):
    """Public keys by address, remembered; `directory.KeySets` is one."""

    async def keys(self, url: str, kid: str, now: datetime, reach: Reach | None = None) -> list[dict[str, Any]]:
        """The keys at an address. Refusal `client-invalid` when there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """How a browser is sent to a provider."""

    redirect_uri: str
    state: str = field(repr=False)
    trip: Trip
    anew: bool
    """Whether the person must prove it there now, whatever session they have."""
    longest: timedelta
    """How long ago it may have been proved otherwise."""
    acr_values: str = ""
    lang: str = "zh"


class Asking:
    """Asks providers. One per worker. `sign`: makes a JWT of claims with the platform's own key."""

    def __init__(self, keys: KeySource, sign: Callable[[Mapping[str, Any]], str], *, development: bool) -> None:
        self._keys = keys
        self._sign = sign
        self._development = development
        self._documents = Remembered(read_document, _DOCUMENTS)

    async def endpoints(self, provider: Provider, now: datetime) -> Endpoints:
        """Where it is asked what, by the document at its issuer. Refusal `provider-unreachable`."""
        reach = provider.reach(development=self._development)
        said = await self._documents.get(provider.issuer.rstrip("/") + WELL_KNOWN, reach, now)
        if said is None:
            raise Refusal("provider-unreachable", reason="its openid-configuration cannot be had")
        try:
            return endpoints_of(said, provider, reach)
        except ValueError as error:
            raise Refusal("provider-unreachable", reason=str(error)) from error

    async def keys(self, provider: Provider, endpoints: Endpoints, token: str, now: datetime) -> list[dict[str, Any]]:
        """The keys with which it signs. Refusals `provider-unreachable`, `provider-answer-invalid`."""
        reach, kid = provider.reach(development=self._development), claimed_key(token)
        try:
            return await self._keys.keys(endpoints.keys, kid, now, reach)
        except Refusal as refusal:
            raise Refusal("provider-unreachable", reason="its keys cannot be had") from refusal

    async def tokens(
        self, provider: Provider, endpoints: Endpoints, code: str, trip: Trip, redirect_uri: str, now: datetime
    ) -> tuple[str, str]:
        """ID token and access token for a code (OpenID Connect Core 1.0, section 3.1.3). Refusals
        `provider-unreachable`, `provider-answer-invalid`."""
        if not 0 < len(code) <= _CODE_CHARS:
            raise wrong("it has no code")
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
            "code_verifier": trip.verifier,
        }  # fmt: skip
        headers = self._prove(provider, endpoints, form, now)
        reach = provider.reach(development=self._development)
        question = Question(endpoints.token, reach, urlencode(form).encode(), headers)
        try:
            said = read_document(await asyncio.to_thread(fetch, question))
        except OSError as error:
            raise Refusal("provider-unreachable", reason="its token endpoint does not answer") from error
        except ValueError as error:
            raise wrong("its token endpoint gives no token for the code") from error
        id_token, access_token = said.get("id_token"), said.get("access_token", "")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise wrong("its token endpoint gives no token for the code")
        return id_token, access_token

    def _prove(self, provider: Provider, endpoints: Endpoints, form: dict[str, str], now: datetime) -> dict[str, str]:
        """Put into the form, or into the headers returned, what proves who asks (section 9)."""
        if not provider.secret:
            stamp = int(now.timestamp())
            form["client_id"], form["client_assertion_type"] = provider.client_id, _ASSERTION
            form["client_assertion"] = self._sign({
                "iss": provider.client_id, "sub": provider.client_id, "aud": provider.issuer, "iat": stamp,
                "exp": stamp + _ASSERTION_SECONDS, "jti": secrets.token_urlsafe(16),
            })  # fmt: skip
            return {}
        if endpoints.posts_secret:
            form["client_id"], form["client_secret"] = provider.client_id, provider.secret
            return {}
        # Each is encoded before they are joined (RFC 6749, section 2.3.1).
        both = f"{quote_plus(provider.client_id)}:{quote_plus(provider.secret)}"
        return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


def address_of(provider: Provider, endpoints: Endpoints, asked: Asked) -> str:
    """Where the browser is sent (OpenID Connect Core 1.0, section 3.1.2.1; RFC 7636; RFC 9700)."""
    challenge = hashlib.sha256(asked.trip.verifier.encode()).digest()
    said = {
        "response_type": "code", "scope": "openid", "client_id": provider.client_id,
        "redirect_uri": asked.redirect_uri, "state": asked.state, "nonce": asked.trip.nonce,
        "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="), "code_challenge_method": "S256",
        "max_age": str(int(asked.longest.total_seconds())), "ui_locales": "zh-CN" if asked.lang == "zh" else "en",
    }  # fmt: skip
    if asked.anew:
        said |= {"prompt": "login", "max_age": "0"}
    if asked.acr_values:
        said["acr_values"] = asked.acr_values
    return endpoints.authorization + ("&" if "?" in endpoints.authorization else "?") + urlencode(said)
