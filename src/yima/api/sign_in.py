"""OAuth 2 token endpoint (SMART Backend Services and App Launch), and its description."""

from __future__ import annotations

from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima.api import oauth
from yima.api.answers import access_of
from yima.directory import ASSERTION_TYPE, PATIENT_SCOPES, STAFF_SCOPES, TERMINAL_SCOPES
from yima.runtime import clock
from yima.runtime.errors import Refusal


async def token(request: Request) -> Response:
    """POST /oauth/token: client_credentials with a client assertion (private_key_jwt), and what residents granted."""
    form, now = await oauth.once_each(request), clock.now()
    grant = form.get("grant_type")
    if grant in oauth.GRANTS:
        return await oauth.granted_token(request, form, now)
    if grant != "client_credentials":
        raise Refusal("grant-unsupported", field="grant_type", expected="|".join(("client_credentials", *oauth.GRANTS)))
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise Refusal(
            "client-invalid", reason=f"client_assertion_type must be {ASSERTION_TYPE}, with a client_assertion"
        )
    access = access_of(request)
    audiences = (f"{access.base_url}/oauth/token", access.base_url)
    answer = await access.sign_in.token(
        form["client_assertion"], audiences=audiences, scope=form.get("scope", ""), now=now
    )
    body = {
        "access_token": answer.token,
        "token_type": "bearer",
        "expires_in": answer.seconds,
        "scope": " ".join(answer.scopes),
    }
    return oauth.unstored(body)


async def smart_configuration(request: Request) -> Response:
    """GET /.well-known/smart-configuration (SMART App Launch 2.2, section 2.1)."""
    return Response(orjson.dumps(_configuration(access_of(request).base_url)), media_type="application/json")


async def openid_configuration(request: Request) -> Response:
    """GET /.well-known/openid-configuration (OpenID Connect Discovery 1.0, section 3)."""
    body = _configuration(access_of(request).base_url)
    body |= {
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "claims_supported": ["iss", "sub", "aud", "iat", "exp", "nonce", "acr", "fhirUser"],
        "acr_values_supported": ["urn:yima:assurance:low", "urn:yima:assurance:substantial"],
        "request_uri_parameter_supported": False,
    }
    return Response(orjson.dumps(body), media_type="application/json")


def _configuration(base: str) -> dict[str, Any]:
    return {
        "issuer": base,
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "authorization_endpoint": f"{base}/oauth/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "introspection_endpoint": f"{base}/oauth/introspect",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "management_endpoint": f"{base}/resident/apps",
        "grant_types_supported": ["client_credentials", *oauth.GRANTS],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES384", "RS384", "ES256"],
        "scopes_supported": ["system/*.cruds", "system/*.rs", *_ALL_SCOPES],
        "capabilities": [
            "launch-ehr",
            "launch-standalone",
            "authorize-post",
            "client-public",
            "client-confidential-asymmetric",
            "sso-openid-connect",
            "context-banner",
            "context-ehr-patient",
            "context-standalone-patient",
            "permission-offline",
            "permission-online",
            "permission-patient",
            "permission-user",
            "permission-v1",
            "permission-v2",
        ],
    }


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


_ALL_SCOPES: Final = tuple(dict.fromkeys((*TERMINAL_SCOPES, *PATIENT_SCOPES, *STAFF_SCOPES)))
_PUBLIC: Final = {"Cache-Control": "max-age=300", "Access-Control-Allow-Origin": "*"}
