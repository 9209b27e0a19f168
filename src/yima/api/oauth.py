"""OAuth for residents' apps: codes and refresh tokens for tokens, introspection (RFC 7662), revocation (RFC 7009)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import directory
from yima.api.answers import access_of
from yima.api.bodies import form_of
from yima.api.cross_origin import check_origin
from yima.directory import ASSERTION_TYPE
from yima.runtime import clock
from yima.runtime.errors import Refusal

GRANTS: Final = ("authorization_code", "refresh_token")


async def once_each(request: Request) -> dict[str, str]:
    """The fields of a form in which none comes twice (RFC 6749, section 3.2). Refusal `field-invalid`."""
    fields = await form_of(request)
    form = dict(fields)
    if len(form) < len(fields):
        raise Refusal("field-invalid", field="body", expected="each parameter once")
    return form


async def granted_token(request: Request, form: dict[str, str], now: datetime) -> Response:
    """A token for a code, or the next one for a refresh token."""
    apps, client = access_of(request).apps, await _patient_app(request, form, now)
    if form["grant_type"] == "authorization_code":
        body = await apps.redeem(
            client, form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", ""), now
        )
    else:
        body = await apps.refresh(client, form.get("refresh_token", ""), form.get("scope", ""), now)
    return unstored(body)


async def introspect(request: Request) -> Response:
    """POST /oauth/introspect: what a token means, to a client with a key of the institution that answers for it."""
    form, now = await once_each(request), clock.now()
    client = await _signed_client(request, form, now)
    access, token = access_of(request), form.get("token", "")
    said = await access.apps.introspect(token, client.institution, now)
    return unstored(said if said["active"] else await _own_token(request, token, client, now))


async def _own_token(request: Request, token: str, client: directory.Client, now: datetime) -> dict[str, Any]:
    """A backend token of the same institution."""
    try:
        caller = await access_of(request).sign_in.caller(token, now=now)
    except Refusal:
        return {"active": False}
    if caller.kind != "app" or caller.institution != client.institution:
        return {"active": False}
    scope = " ".join(sorted(caller.scopes))
    return {"active": True, "client_id": caller.agent_id, "scope": scope, "token_type": "Bearer"}


async def revoke(request: Request) -> Response:
    """POST /oauth/revoke: the app gives a token back; the answer is the same whether there was one."""
    form, now = await once_each(request), clock.now()
    access, token = access_of(request), form.get("token", "")
    if "client_assertion" in form:
        client = await _signed_client(request, form, now)
        name = client.client_id
        if client.kind != "patient-app":
            await access.sign_in.revoke(token, name)
    else:
        name = await _patient_app(request, form, now)
    await access.apps.revoke(name, token, now)
    return unstored({})


async def _patient_app(request: Request, form: dict[str, str], now: datetime) -> str:
    """The client_id of the app that asks: a confidential one proves it with its key, a public one only says it, and
    then needs the verifier of its code. Refusal `client-invalid`."""
    if "client_assertion" in form:
        client = await _signed_client(request, form, now)
        if client.kind != "patient-app" or form.get("client_id", client.client_id) != client.client_id:
            raise Refusal("client-invalid", reason="the assertion is another client's")
        await check_origin(request.app.state.origins, request.headers.get("origin"), client.client_id)
        return client.client_id
    app = await directory.patient_app(access_of(request).database, form.get("client_id", ""))
    if app is None or not app.public:
        raise Refusal("client-invalid", reason="it is not a public app, so a client_assertion is needed")
    await check_origin(request.app.state.origins, request.headers.get("origin"), app.client_id)
    return app.client_id


async def _signed_client(request: Request, form: dict[str, str], now: datetime) -> directory.Client:
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise Refusal(
            "client-invalid", reason=f"client_assertion_type must be {ASSERTION_TYPE}, with a client_assertion"
        )
    base = access_of(request).base_url
    audiences = (f"{base}{request.scope['path']}", f"{base}/oauth/token", base)
    return await access_of(request).sign_in.proved(form["client_assertion"], audiences=audiences, now=now)


def unstored(body: dict[str, Any]) -> Response:
    """JSON that no cache keeps (RFC 6749, section 5.1)."""
    return Response(orjson.dumps(body), 200, {"Cache-Control": "no-store", "Pragma": "no-cache"}, "application/json")
