"""OAuth 2 token endpoint for SMART Backend Services, and its description."""

from __future__ import annotations

from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima.api.answers import access_of
from yima.api.bodies import form_of
from yima.directory import ASSERTION_TYPE, TERMINAL_SCOPES
from yima.runtime import clock
from yima.runtime.errors import Refusal


async def token(request: Request) -> Response:
    """POST /oauth/token: client_credentials with a client assertion (private_key_jwt)."""
    fields = await form_of(request)
    form = dict(fields)
    if len(form) < len(fields):  # RFC 6749, section 3.2
        raise Refusal("field-invalid", field="body", expected="each parameter once")
    if form.get("grant_type") != "client_credentials":
        raise Refusal("grant-unsupported", field="grant_type", expected="client_credentials")
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise Refusal(
            "client-invalid", reason=f"client_assertion_type must be {ASSERTION_TYPE}, with a client_assertion"
        )
    access = access_of(request)
    audiences = (f"{access.base_url}/oauth/token", access.base_url)
    answer = await access.sign_in.token(
        form["client_assertion"], audiences=audiences, scope=form.get("scope", ""), now=clock.now()
    )
    body = {
        "access_token": answer.token,
        "token_type": "bearer",
        "expires_in": answer.seconds,
        "scope": " ".join(answer.scopes),
    }
    return Response(orjson.dumps(body), 200, {"Cache-Control": "no-store", "Pragma": "no-cache"}, "application/json")


async def smart_configuration(request: Request) -> Response:
    """GET /.well-known/smart-configuration (SMART App Launch 2.2, section 2.1)."""
    base = access_of(request).base_url
    body = {
        "issuer": base,
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "token_endpoint": f"{base}/oauth/token",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES384", "RS384", "ES256"],
        "scopes_supported": ["system/*.cruds", "system/*.rs", *TERMINAL_SCOPES],
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
    }
    return Response(orjson.dumps(body), media_type="application/json")


async def jwks(request: Request) -> Response:
    """GET /.well-known/jwks.json: the platform's public signing keys, those of SMART Health Cards among them."""
    cards = await access_of(request).credentials.health_card_keys(clock.now())
    body = {"keys": [*request.app.state.jwks["keys"], *cards]}
    return Response(orjson.dumps(body), media_type="application/json", headers=_PUBLIC)


async def card_revocations(request: Request) -> Response:
    """GET /.well-known/crl/{kid}.json: which SMART Health Cards of a key are revoked. Refusal `not-found`."""
    kid = request.path_params["kid"]
    body = await access_of(request).credentials.health_card_revocations(kid, clock.now())
    return Response(orjson.dumps(body), media_type="application/json", headers=_PUBLIC)


_PUBLIC: Final = {"Cache-Control": "max-age=300", "Access-Control-Allow-Origin": "*"}
