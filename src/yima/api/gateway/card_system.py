"""POST /erhc/ehealthcard/business.do: the envelope of the national and provincial card systems (family A).

Every answer is HTTP 200 with a `code`: "10" done, "00" refused, as the family does it; `error` is our stable code. What
is asked and answered travels in `biz_content`, enciphered with the app's key and covered by a digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import healthcode
from yima.api.answers import access_of
from yima.api.bodies import body_of
from yima.api.gateway import card_methods
from yima.api.gateway.forms import Fields, parse
from yima.directory import GatewayApp
from yima.runtime import clock, logs, metrics
from yima.runtime.errors import Refusal

VERSION: Final = "X.M.0.1"
WINDOW: Final = timedelta(minutes=5)
"""By how much the clocks may differ, either way."""
_LONGEST: Final = 1024 * 1024
_MEMBERS: Final = ("app_id", "term_id", "method", "version", "timestamp", "digest_type", "digest", "enc_type")
_DONE, _REFUSED = "10", "00"


class _Call:
    """One call on its way: what is known of it decides how it can be answered."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.app: GatewayApp | None = None
        """Set once the app has proved who it is: from then on answers are enciphered."""
        self.hexadecimal = False


async def business(request: Request) -> Response:
    """One method of a card system."""
    call = _Call(clock.now())
    try:
        content = await _carried_out(request, call)
    except Refusal as refusal:
        metrics.gateway_calls.labels("card", refusal.code).inc()
        return _answer(call, _REFUSED, refusal, {})
    metrics.gateway_calls.labels("card", "ok").inc()
    return _answer(call, _DONE, None, content)


async def _carried_out(request: Request, call: _Call) -> dict[str, Any]:
    access = access_of(request)
    # 1 An envelope, from an app that is on the register.
    sent = parse(await body_of(request, _LONGEST), "the body")
    fields = {name: _text(sent, name) for name in _MEMBERS}
    app = await access.gateway.apps.app(fields["app_id"], "card", call.now)
    _check_kinds(fields)
    # 2 It holds the app's secret. Nothing of the content is believed before.
    content = _text(sent, "biz_content")
    call.hexadecimal = healthcode.national.envelope.is_hexadecimal(content)
    plain = healthcode.national.envelope.open_content(app.cipher_key, content)
    if not healthcode.national.envelope.digest_holds(fields, plain, app.secret, fields["digest"]):
        expected = "SM3 of the eight members in alphabetical order with the plain biz_content, then app_secret"
        raise Refusal("gateway-digest-invalid", field="digest", expected=expected)
    call.app = app
    app.check_active()
    check_fresh(fields["timestamp"], call.now, unit=1000)
    # 3 A method and a terminal of ours; and what must not happen twice happens once.
    method = card_methods.METHODS.get(fields["method"])
    if method is None:
        raise Refusal("gateway-unsupported", field="method", expected=", ".join(card_methods.METHODS))
    terminal = fields["term_id"] if fields["term_id"] not in ("", "null") else app.terminals[0]
    if terminal not in app.terminals:
        raise Refusal("terminal-unknown", field="term_id")
    if method.once:
        mark = bytes.fromhex(healthcode.national.envelope.digest(fields, plain, app.secret))
        await access.gateway.apps.once(app.caller.agent_id, mark, call.now + 3 * WINDOW, call.now)
    asked = card_methods.Asked(access, app, Fields(parse(plain, "biz_content")), terminal, call.now)
    return await method.work(asked)


def check_fresh(timestamp: str, now: datetime, *, unit: int) -> None:
    """Refusal `gateway-timestamp-stale` unless a Unix time, `unit` to the second, is within five minutes of now."""
    words = "milliseconds since 1970" if unit > 1 else "seconds since 1970"
    plain = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 16
    if not plain or abs(int(timestamp) / unit - now.timestamp()) > WINDOW.total_seconds():
        raise Refusal("gateway-timestamp-stale", field="timestamp", expected=words)


def _text(sent: Mapping[str, Any], name: str) -> str:
    value = sent.get(name, "")
    if value is None:
        return "null"  # what Java clients sign where a member has no value
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refusal("field-invalid", field=name, expected="text")
    return str(value)


def _check_kinds(fields: Mapping[str, str]) -> None:
    """Refusal `gateway-unsupported` names the first member that says something else than this platform speaks."""
    for name, expected in (("version", VERSION), ("digest_type", "SM3"), ("enc_type", "SM4")):
        if fields[name] != expected:
            raise Refusal("gateway-unsupported", field=name, expected=expected)


def _answer(call: _Call, code: str, refusal: Refusal | None, content: dict[str, Any]) -> Response:
    made: dict[str, Any] = {"code": code, "message": refusal.text("zh") if refusal else "成功"}
    if refusal:
        made |= {"error": refusal.code, "message_en": refusal.text("en"), "mend": refusal.mend("zh")}
        made |= {"field": refusal.field} if refusal.field else {}
    made |= {"timestamp": str(int(call.now.timestamp() * 1000)), "request_id": logs.request_id.get()}
    if call.app is None:
        made["biz_content"] = ""
    else:
        plain = orjson.dumps(content).decode()
        made |= {"app_id": call.app.caller.agent_id, "digest_type": "SM3", "enc_type": "SM4"}
        made["digest"] = healthcode.national.envelope.reply_digest(made, plain, call.app.secret)
        made["biz_content"] = healthcode.national.envelope.seal(
            call.app.cipher_key, plain, hexadecimal=call.hexadecimal
        )
    return Response(orjson.dumps(made), media_type="application/json", headers={"Cache-Control": "no-store"})
