"""POST /rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj/{method}: the envelope of the open platform (family E).

Every answer is HTTP 200 with `commonOut.resultCode`: 0 done, else the HTTP status that the refusal has elsewhere, with
our stable code in `errorCode`. An app token lives two hours; every call is signed with the app's secret as well.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import healthcode
from yima.api.answers import access_of
from yima.api.bodies import body_of
from yima.api.gateway import open_methods
from yima.api.gateway.card_methods import Asked
from yima.api.gateway.card_system import WINDOW, check_fresh
from yima.api.gateway.forms import Fields, parse
from yima.directory import GatewayApp
from yima.runtime import clock, metrics
from yima.runtime.errors import Refusal

BASE: Final = "/rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj"
ELSEWHERE: Final = (
    "/rest/auth/HealthCard/HealthOpenAuth/AuthObj/getAppToken",
    "/rest/auth/TXHealthCard/EHealthCardServer/ISVOpenObj/getHealthCardByHealthCardId",
)
"""Addresses at which existing clients call two of the methods."""
_TOKEN_METHOD: Final = "getAppToken"  # noqa: S105  the name of a method
_LONGEST: Final = 1024 * 1024


async def call(request: Request) -> Response:
    """One method of the open platform."""
    method = request.url.path.rpartition("/")[2]
    request_id = [""]
    try:
        rsp = await _carried_out(request, method, request_id)
    except Refusal as refusal:
        metrics.gateway_calls.labels("open-platform", refusal.code).inc()
        return _answer(request_id[0], refusal, {})
    metrics.gateway_calls.labels("open-platform", "ok").inc()
    return _answer(request_id[0], None, rsp)


async def _carried_out(request: Request, method: str, request_id: list[str]) -> dict[str, Any]:
    now = clock.now()
    apps = access_of(request).gateway.apps
    # 1 An envelope, and whose it claims to be: by app id for a token, by token for everything else.
    sent = Fields(parse(await body_of(request, _LONGEST), "the body"))
    common, req = sent.inner("commonIn"), sent.inner("req")
    request_id[0] = common.text("requestId", most=64)
    if method == _TOKEN_METHOD:
        app = await apps.app(req.text("appId", most=64), "open-platform", now)
    else:
        app = await apps.app_of_token(common.needed("appToken", "a token of getAppToken", most=128), now)
    # 2 It holds the app's secret.
    given = common.text("sign", most=128)
    if not healthcode.national.envelope.sign_holds({**common.values, **req.values}, app.secret, given):
        expected = "Base64(SHA-256(non-empty members of commonIn and req, sorted, joined by &, then the secret))"
        raise Refusal("gateway-digest-invalid", field="sign", expected=expected)
    app.check_active()
    _check_common(common, app, now)
    # 3 A method of ours; what must not happen twice happens once.
    known = open_methods.METHODS.get(method)
    if known is None:
        raise Refusal("gateway-unsupported", field="method", expected=", ".join(open_methods.METHODS))
    if known.once:
        mark = hashlib.sha256(f"{request_id[0]}\x1f{given}".encode()).digest()
        await apps.once(app.caller.agent_id, mark, now + 3 * WINDOW, now)
    return await known.work(Asked(access_of(request), app, req, app.terminals[0], now, request_id[0]))


def _check_common(common: Fields, app: GatewayApp, now: Any) -> None:
    """Refusals `gateway-timestamp-stale`, `field-missing`, `field-invalid`."""
    timestamp = common.text("timestamp", most=16)
    check_fresh(timestamp, now, unit=1000 if len(timestamp) == 13 else 1)
    common.needed("requestId", "a fresh id of 1 to 64 characters", most=64)
    if common.text("hospitalId", most=64) != app.caller.institution_code:
        raise Refusal("field-invalid", field="hospitalId", expected="the code of this app's institution")


def _answer(request_id: str, refusal: Refusal | None, rsp: dict[str, Any]) -> Response:
    common: dict[str, Any] = {"requestId": request_id, "resultCode": 0, "errMsg": "成功"}
    if refusal:
        common |= {"resultCode": refusal.status, "errMsg": f"{refusal.text('zh')}{refusal.mend('zh')}"}
        common |= {"errorCode": refusal.code, "errMsgEn": refusal.text("en")}
        common |= {"field": refusal.field} if refusal.field else {}
    body = orjson.dumps({"commonOut": common, "rsp": rsp})
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
