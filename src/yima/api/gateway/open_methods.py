"""What each method of the open platform (family E) means here. Fields and answers: docs/healthcode/gateway.md."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any, Final

from yima import directory, healthcode
from yima.access import Scanning, Shown, UseReport
from yima.api.gateway.card_methods import Asked, Method, scanning
from yima.api.gateway.forms import OPEN_PLATFORM, Fields, application
from yima.runtime.errors import Refusal

_MOST_AT_ONCE: Final = 100
_STATIC, _DYNAMIC = "1", "0"
_SEXES: Final = {"male": "男", "female": "女"}
_STEP_NAMES: Final = {"medstepcode": "medicalStep", "terminalcode": "terminalId", "channelcode": "channelCode"}


async def _token(asked: Asked) -> dict[str, Any]:
    token = await asked.access.gateway.apps.token(asked.app, asked.now)
    return {"appToken": token, "expiresIn": directory.TOKEN_SECONDS}


async def _register(asked: Asked) -> dict[str, Any]:
    said = application(asked.fields, OPEN_PLATFORM, asked.dialect)
    made = await asked.access.gateway.register(asked.app, said, asked.now)
    text = await asked.access.gateway.code(asked.app, made.national.card_id, dynamic=False, now=asked.now)
    return {
        "qrCodeText": text,
        "healthCardId": made.national.card_id,
        "phid": made.national.mindex,
        "adminExt": "",
        "existing": not made.made,
        "temporary": made.national.temporary,
    }


async def _register_batch(asked: Asked) -> dict[str, Any]:
    """Every item stands alone: one that is refused says why, and does not stop the others."""
    items = asked.fields.values.get("healthCardItems")
    if not isinstance(items, list) or not 0 < len(items) <= _MOST_AT_ONCE:
        raise Refusal("field-invalid", field="healthCardItems", expected=f"a list of 1 to {_MOST_AT_ONCE} items")
    answered = []
    for item in items:
        given = Fields(item if isinstance(item, dict) else {})
        said: dict[str, Any] = {name: given.values.get(name) for name in ("idNumber", "idType", "patid")}
        try:
            said |= await _register(replace(asked, fields=given))
        except Refusal as refusal:
            said |= {"healthCardId": "", "qrCodeText": "", "errorCode": refusal.code, "errMsg": refusal.text("zh")}
        answered.append(said)
    return {"rspItems": answered}


async def _by_health_code(asked: Asked) -> dict[str, Any]:
    return await _scanned(asked, "healthCode")


async def _by_qr_code(asked: Asked) -> dict[str, Any]:
    """Somebody this institution knows needs no second redemption of a code it has scanned already."""
    shown = await asked.access.gateway.holder(asked.app, _scanning(asked, "qrCodeText"), asked.now)
    return {"card": _card(shown)}


async def _verify(asked: Asked) -> dict[str, Any]:
    return await _scanned(asked, "qrCodeText")


async def _scanned(asked: Asked, field: str) -> dict[str, Any]:
    shown = await asked.access.gateway.scan(asked.app, _scanning(asked, field), asked.now)
    card = _card(shown)
    return card | {"phone": "", "card": card, "result": True, "assurance": shown.assurance, "visit": shown.visit}


def _scanning(asked: Asked, field: str) -> Scanning:
    """The fields of a verification have other names in this family."""
    named = {ours: asked.fields.values.get(theirs) for ours, theirs in _STEP_NAMES.items()}
    given = Fields({**named, field: asked.fields.values.get(field)})
    return scanning(replace(asked, fields=given), field)


async def _by_card_id(asked: Asked) -> dict[str, Any]:
    card = asked.fields.needed("healthCardId", "the id of a card", most=64)
    return {"card": _card(await asked.access.gateway.card(asked.app, card, asked.now))}


async def _bind(asked: Asked) -> dict[str, Any]:
    number = asked.fields.needed("patid", "the institution's own number of the patient", most=64)
    if asked.fields.text("healthCardId", most=64):
        card = asked.fields.text("healthCardId", most=64)
        shown = await asked.access.gateway.card(asked.app, card, asked.now)
    else:
        shown = await asked.access.gateway.holder(asked.app, _scanning(asked, "qrCodeText"), asked.now)
    await asked.access.gateway.bind(asked.app, shown, number, asked.now)
    return {"result": True}


async def _dynamic_code(asked: Asked) -> dict[str, Any]:
    kind = asked.fields.text("codeType", most=4) or _DYNAMIC
    if kind not in (_STATIC, _DYNAMIC):
        raise Refusal("field-invalid", field="codeType", expected="0 dynamic, 1 static")
    card = asked.fields.needed("healthCardId", "the id of a card", most=64).upper()
    number = asked.fields.text("idNumber", most=30)
    text = await asked.access.gateway.code(asked.app, card, dynamic=kind == _DYNAMIC, now=asked.now, number=number)
    image = base64.b64encode(healthcode.qr_png(text)).decode()
    return {"qrCodeText": text, "qrCodeImg": image, "healthCardId": card}


async def _report(asked: Asked) -> dict[str, Any]:
    fields = asked.fields
    moment = fields.moment("time")
    if moment is None:
        raise Refusal("field-missing", field="time", expected="a time such as 2026-11-23 08:30:00")
    costs = [cost for cost in fields.text("cardCostTypes").replace(";", ",").split(",") if cost]
    said = UseReport(
        text=fields.needed("qrCodeText", "the code that was scanned", most=200),
        key=asked.key,
        step=asked.dialect.step(fields.text("scene", most=16), "scene"),
        channel=asked.dialect.channel(fields.text("cardChannel", most=8), "cardChannel") or "0100",
        at=moment,
        department=fields.text("department", most=16),
        cost_types=tuple(costs),
    )
    await asked.access.gateway.report(asked.app, said, asked.now)
    return {"none": "", "result": True}


def _card(shown: Shown) -> dict[str, Any]:
    """A card as this family writes it. What the platform does not give out stays empty."""
    who = shown.identity
    return {
        "healthCardId": shown.national.card_id,
        "phid": shown.national.mindex,
        "name": who.name,
        "gender": _SEXES.get(who.sex, "未知"),
        "birthday": who.birth_date,
        "idType": shown.document_type,
        "idNumber": shown.number,
        "nation": "",
        "address": "",
        "phone1": "",
        "phone2": "",
        "patid": "",
    }


METHODS: Final[dict[str, Method]] = {
    "getAppToken": Method(_token, once=True),
    "registerHealthCard": Method(_register, once=True),
    "registerBatchHealthCard": Method(_register_batch, once=True),
    "getHealthCardByHealthCode": Method(_by_health_code, once=False),
    "getHealthCardByQRCode": Method(_by_qr_code, once=False),
    "getHealthCardByHealthCardId": Method(_by_card_id, once=False),
    "bindCardRelation": Method(_bind, once=True),
    "getDynamicQRCode": Method(_dynamic_code, once=True),
    "verifyQRCode": Method(_verify, once=False),
    # Not once: the same report again is recognised by its key, and changes nothing.
    "reportHISData": Method(_report, once=False),
}
