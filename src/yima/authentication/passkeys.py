"""Passkeys (WebAuthn Level 2): what a browser is asked, and whether what it answers proves anything.

No attestation is asked for; that the authenticator verified its user always is. The checks of the standard (7.1, 7.2)
are fido2's; here stand which origins count, which algorithms, the counter, and challenges.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    RegistrationResponse,
    UserVerificationRequirement,
)

from yima.authentication.statements import SQL
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.keys import KeyStore

_ALGORITHMS: Final = (-7, -8, -257)
"""COSE: ES256, EdDSA, RS256, which between them every authenticator has."""
_REQUIRED: Final = UserVerificationRequirement.REQUIRED
_LIVES: Final = timedelta(minutes=5)
_LONGEST: Final = 12 * 1024
_NONCE: Final = slice(8, 24)
_MAC: Final = 24
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey of an account."""

    credential: bytes
    public: bytes
    counter: int
    label: str
    made: datetime
    used: datetime | None


class Passkeys:
    """The relying party. `base_url` says which: its host is the RP ID, its origin the only one that counts.

    A browser takes no bare address for an RP ID: where the base is a loopback address, it is `localhost` at that port.
    """

    def __init__(self, base_url: str, name: str) -> None:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
        self.rp_id = "localhost" if host in _LOOPBACK else host
        port = f":{parts.port}" if parts.port else ""
        self.origin = f"{parts.scheme}://{self.rp_id}{port}"
        self._name = name
        self._server = Fido2Server(
            PublicKeyCredentialRpEntity(name=name, id=self.rp_id), verify_origin=lambda origin: origin == self.origin
        )

    def creation(self, challenge: bytes, handle: bytes, name: str, known: Sequence[bytes] = ()) -> dict[str, Any]:
        """What `navigator.credentials.create` is asked (WebAuthn 2, 5.4), binary values in base64url."""
        return {
            "rp": {"id": self.rp_id, "name": self._name},
            "user": {"id": text_of(handle), "name": name, "displayName": name},
            "challenge": text_of(challenge),
            "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in _ALGORITHMS],
            "timeout": int(_LIVES.total_seconds()) * 1000,
            "excludeCredentials": [{"type": "public-key", "id": text_of(one)} for one in known],
            "authenticatorSelection": {
                "residentKey": "required", "requireResidentKey": True, "userVerification": "required",
            },
            "attestation": "none",
        }  # fmt: skip

    def request(self, challenge: bytes, known: Sequence[bytes] = ()) -> dict[str, Any]:
        """What `navigator.credentials.get` is asked (WebAuthn 2, 5.5); with none known, whichever the person has."""
        return {
            "challenge": text_of(challenge),
            "timeout": int(_LIVES.total_seconds()) * 1000,
            "rpId": self.rp_id,
            "allowCredentials": [{"type": "public-key", "id": text_of(one)} for one in known],
            "userVerification": "required",
        }

    def registered(self, answer: str, challenge: bytes) -> tuple[bytes, bytes, int]:
        """Credential id, public part and counter of a passkey just made. Refusal `passkey-invalid`."""
        try:
            response = RegistrationResponse.from_dict(_object(answer))
            _same_page(response.response.client_data)
            data = self._server.register_complete(_state(challenge), response)
            made = data.credential_data
            if made is None or made.public_key[3] not in _ALGORITHMS:
                raise ValueError
            return made.credential_id, bytes(made), data.counter
        except Exception as error:  # hostile CBOR and JSON fail in many ways, and all of them mean the same
            raise Refusal("passkey-invalid", field="passkey") from error

    def asserted(self, answer: str, challenge: bytes, kept: Passkey, handle: bytes) -> int:
        """The counter of a passkey that proved itself. Refusal `passkey-invalid`, also for a counter that stood still:
        then two authenticators hold one key (WebAuthn 2, 6.1.1)."""
        try:
            response = AuthenticationResponse.from_dict(_object(answer))
            _same_page(response.response.client_data)
            if response.response.user_handle not in (None, b"", handle):
                raise ValueError
            self._server.authenticate_complete(_state(challenge), [AttestedCredentialData(kept.public)], response)
            counter = response.response.authenticator_data.counter
        except Exception as error:  # as above
            raise Refusal("passkey-invalid", field="passkey") from error
        if (counter or kept.counter) and counter <= kept.counter:
            raise Refusal("passkey-invalid", field="passkey")
        return counter


class Challenges:
    """Challenges under a MAC, for one use in one browser session; nothing is kept of them until they are answered."""

    def __init__(self, store: KeyStore) -> None:
        self._key = store.secret("authentication/challenge/1")

    def new(self, use: str, session: str, now: datetime) -> bytes:
        """56 bytes: when it ends, chance, and the MAC over both, the use and the session."""
        ends = int((now + _LIVES).timestamp())
        return self._signed(ends.to_bytes(8, "big") + secrets.token_bytes(16), use, session)

    async def spend(self, c: Connection, answer: str, use: str, session: str, now: datetime) -> bytes:
        """The challenge that an answer of a browser claims to be of. Refusal `passkey-invalid` unless it is one of ours
        for this use and session, in time, and for the first time."""
        challenge = claimed_challenge(answer)
        nonce, ends = challenge[_NONCE], int.from_bytes(challenge[:8], "big")
        if not hmac.compare_digest(self._signed(challenge[:_MAC], use, session), challenge) or ends < now.timestamp():
            raise Refusal("passkey-invalid", field="passkey")
        if not await c.fetchval(SQL.spend_challenge, nonce, datetime.fromtimestamp(ends, UTC)):
            raise Refusal("passkey-invalid", field="passkey")
        return challenge

    def _signed(self, start: bytes, use: str, session: str) -> bytes:
        bound = hashlib.sha256(f"{use}\x1f{session}".encode(errors="replace")).digest()
        return start + hmac.digest(self._key, start + bound, "sha256")


def claimed_challenge(answer: str) -> bytes:
    """The challenge in a browser's answer, of which nothing is believed yet. Refusal `passkey-invalid`."""
    try:
        return bytes_of(orjson.loads(bytes_of(_object(answer)["response"]["clientDataJSON"]))["challenge"])
    except Exception as error:  # hostile JSON fails in many ways
        raise Refusal("passkey-invalid", field="passkey") from error


def claimed_credential(answer: str) -> bytes:
    """The credential id in a browser's answer, of which nothing is believed yet. Refusal `passkey-invalid`."""
    try:
        return bytes_of(_object(answer)["rawId"])
    except Exception as error:  # hostile JSON fails in many ways
        raise Refusal("passkey-invalid", field="passkey") from error


def text_of(value: bytes) -> str:
    """Base64url without padding, as WebAuthn's JSON has it."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def bytes_of(text: str) -> bytes:
    """The bytes again. ValueError for other text."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _object(answer: str) -> dict[str, Any]:
    if len(answer) > _LONGEST:
        raise ValueError
    found = orjson.loads(answer)
    if not isinstance(found, dict):
        raise TypeError
    return found


def _state(challenge: bytes) -> dict[str, Any]:
    return {"challenge": text_of(challenge), "user_verification": _REQUIRED}


def _same_page(client_data: Any) -> None:
    """An answer that was given in a frame of another site proves nothing here."""
    if client_data.cross_origin:
        raise ValueError
