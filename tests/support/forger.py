"""An OpenID provider on a loopback port that lies as it is told: what it signs, says and publishes can each be wrong.

It is made without the product's code: tokens are put together by hand, so that what is wrong in them stays wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote_plus, urlencode, urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwk

from support.platform import signed

CLIENT, SECRET = "yima at the city", "s3cret: with & odd ü signs"
KID = "forger-1"
CITY, MFA = "urn:city:one", "urn:city:two"


def plain(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class Lies:
    """What is wrong with the next answers; a claim that is None is left out."""

    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    alg: str = "ES256"
    key: jwk.ECKey | None = None
    document: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    """Fields of the answer by way of the browser."""
    token: tuple[int, bytes, str] | None = None
    """Status, body and location of the token endpoint."""
    id_token: str | None = None


class Forger:
    """The provider, and whoever sits at its sign-in page: `sub` says who."""

    def __init__(self) -> None:
        self.key = jwk.ECKey.generate_key("P-256")
        self.sub, self.acr, self.lies = "somebody", MFA, Lies()
        self.auth_age = 0
        self.sid = ""
        self.issued: dict[str, dict[str, str]] = {}
        self.hits: list[str] = []
        forger = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                forger.hits.append(self.path)
                self.reply(*forger.published(self.path))

            def do_POST(self) -> None:
                forger.hits.append(self.path)
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self.reply(*forger.token(dict(parse_qsl(body)), self.headers.get("authorization", "")))

            def reply(self, status: int, body: bytes, location: str = "") -> None:
                self.send_response(status)
                if location:
                    self.send_header("location", location)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        self.documents: dict[str, dict[str, Any]] = {}
        """What an issuer (its path) publishes otherwise."""

    def stop(self) -> None:
        """Close it."""
        self.server.shutdown()
        self.server.server_close()

    # --- what it publishes -------------------------------------------------------------------------------------------

    def published(self, path: str) -> tuple[int, bytes, str]:
        """Its document, for each issuer (a path), and its keys."""
        issuer, well_known, _ = path.partition("/.well-known/openid-configuration")
        keys = json.dumps({"keys": [self.key.as_dict(private=False) | {"kid": KID, "use": "sig"}]}).encode()
        if well_known:
            said = {
                "issuer": self.base + issuer, "authorization_endpoint": f"{self.base}/authorize",
                "token_endpoint": f"{self.base}/token", "jwks_uri": f"{self.base}/keys",
                "end_session_endpoint": f"{self.base}/end", "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            } | self.documents.get(issuer, {})  # fmt: skip
            raw = said.pop("raw", None)
            return raw or (200, json.dumps({k: v for k, v in said.items() if v is not None}).encode(), "")
        if path == "/keys-moved":
            return 302, b"", "/keys"
        return (200, keys + b" " * (70_000 if path == "/keys-huge" else 0), "") if "/keys" in path else (404, b"", "")

    # --- the sign-in page, and the token endpoint --------------------------------------------------------------------

    def authorize(self, address: str) -> str:
        """Somebody signs in where the browser was sent: the address it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_urlsafe(8)
        self.issued[code] = asked | {"sub": self.sub}
        answer = {"code": code, "state": asked["state"], "iss": self.base} | self.lies.answer
        return f"{asked['redirect_uri']}?{urlencode({k: v for k, v in answer.items() if v is not None})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, bytes, str]:
        """A token for a code, once, to who proves everything it must."""
        if self.lies.token:
            return self.lies.token
        both = f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}".encode()
        asked = self.issued.pop(form.get("code", ""), None)
        challenge = plain(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            authorization != f"Basic {base64.b64encode(both).decode()}"
            or asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return 400, b'{"error": "invalid_grant"}', ""
        access = secrets.token_urlsafe(8)
        said = {"access_token": access, "token_type": "Bearer", "id_token": self.id_token(asked, access)}
        return 200, json.dumps(said).encode(), ""

    def id_token(self, asked: dict[str, str], access: str = "") -> str:
        """The ID token, with its lies."""
        if self.lies.id_token is not None:
            return self.lies.id_token
        now = int(time.time())
        return self.signed({
            "iss": self.base, "sub": asked["sub"], "aud": CLIENT, "iat": now, "exp": now + 300,
            "auth_time": now - self.auth_age, "nonce": asked["nonce"], "acr": self.acr,
            "at_hash": plain(hashlib.sha256(access.encode()).digest()[:16]), "sid": self.sid or None,
        })  # fmt: skip

    def logout_token(self, **claims: Any) -> str:
        """A logout token; claims given replace the right ones, None leaves one out."""
        now = int(time.time())
        right = {
            "iss": self.base, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": secrets.token_urlsafe(8),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }  # fmt: skip
        return self.signed(right | claims, {"typ": "logout+jwt"})

    def signed(self, claims: dict[str, Any], more: dict[str, Any] | None = None) -> str:
        """A token of these claims, by the algorithm of the lies."""
        lies = self.lies
        said = {name: value for name, value in (claims | lies.claims).items() if value is not None}
        header = {"alg": lies.alg, "kid": KID} | (more or {}) | lies.header
        header = {name: value for name, value in header.items() if value is not None}
        if lies.alg == "ES256":
            return signed(header, said, lies.key or self.key)
        parts = ".".join(plain(json.dumps(part).encode()) for part in (header, said))
        public: Any = self.key.public_key
        shared = {
            "HS256": SECRET.encode(), "HS256-client": CLIENT.encode(),
            "HS256-public": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        }.get(lies.alg)  # fmt: skip
        if shared is None:
            return f"{parts}."
        header["alg"] = "HS256"
        parts = ".".join(plain(json.dumps(part).encode()) for part in (header, said))
        return f"{parts}.{plain(hmac.digest(shared, parts.encode(), 'sha256'))}"
