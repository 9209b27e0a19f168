"""What each method of a card system (family A) means here. Fields and answers: docs/healthcode/gateway.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima import directory, healthcode, mpi
from yima.access import Access, Scanning, Shown
from yima.api.gateway.forms import CARD_SYSTEM, Fields, application
from yima.directory import GatewayApp, Organisation
from yima.runtime.errors import Refusal

_CODE: Final = 8 * healthcode.national.LONGEST  # two codes read as one are told so
_STATIC, _DYNAMIC = "1", "0"
_SAID: Final = ("orgproperty", "accessmethod", "validtime", "orgaddr", "orglevel", "orghierarchy")


@dataclass(frozen=True, slots=True)
class Asked:
    """One call whose app has proved who it is."""

    access: Access
    app: GatewayApp
    fields: Fields
    terminal: str
    now: datetime
    key: str = ""
    """The caller's id of the request, where the family has one."""

    @property
    def dialect(self) -> healthcode.national.Dialect:
        """The code tables of this app."""
        return healthcode.national.dialect(self.app.dialect)


@dataclass(frozen=True, slots=True)
class Method:
    """A method: what it does, and whether the very same request may be carried out only once."""

    work: Callable[[Asked], Awaitable[dict[str, Any]]]
    once: bool


async def _register(asked: Asked) -> dict[str, Any]:
    said = application(asked.fields, CARD_SYSTEM, asked.dialect)
    made = await asked.access.gateway.register(asked.app, said, asked.now)
    return {
        "ehealth_card_id": made.national.card_id,
        "mindex_id": made.national.mindex,
        "register_no": asked.fields.text("register_no"),
        "existing": "0" if made.made else "1",
        "temporary": "1" if made.national.temporary else "0",
        "card_status": asked.dialect.statuses.get(made.card.standing(asked.now), "1"),
        "card_no": made.card.number,
    }


async def _close(asked: Asked) -> dict[str, Any]:
    card = _card_id(asked.fields)
    reason = f"closed by its institution, no. {asked.fields.text('revoke_no', most=64)}"
    await asked.access.gateway.close(asked.app, card, reason, asked.now)
    return {
        "ehealth_card_id": card,
        "revoke_no": asked.fields.text("revoke_no", most=64),
        "card_status": asked.dialect.statuses["cancelled"],
    }


async def _generate(asked: Asked) -> dict[str, Any]:
    kind = asked.fields.text("ewmbs", most=4) or _DYNAMIC
    if kind not in (_STATIC, _DYNAMIC):
        raise Refusal("field-invalid", field="ewmbs", expected="1 static, 0 dynamic")
    card = _card_id(asked.fields)
    text = await asked.access.gateway.code(asked.app, card, dynamic=kind == _DYNAMIC, now=asked.now)
    return {
        "ehealth_card_id": card,
        "ehealth_code": text,
        "generate_no": asked.fields.text("generate_no", most=64),
        "valid_seconds": str(asked.access.settings.national_code_seconds) if kind == _DYNAMIC else "",
    }


async def _verify(asked: Asked) -> dict[str, Any]:
    shown = await asked.access.gateway.scan(asked.app, scanning(asked, "ehealth_code"), asked.now)
    return _shown(asked, shown) | {"assurance": shown.assurance, "visit": shown.visit}


def scanning(asked: Asked, code: str) -> Scanning:
    """The code of a call, at the terminal and for the step it names. Refusals `field-missing`, `field-invalid`."""
    text = asked.fields.values.get(code)
    if not isinstance(text, str) or not text.strip():
        raise Refusal("field-missing", field=code, expected="the scanned text")
    return Scanning(
        text=text[:_CODE],
        terminal=asked.fields.text("terminalcode", most=64) or asked.terminal,
        step=asked.dialect.step(asked.fields.text("medstepcode", most=16), "medstepcode"),
        channel=asked.dialect.channel(asked.fields.text("channelcode", most=8), "channelcode"),
    )


async def _query(asked: Asked) -> dict[str, Any]:
    if asked.fields.text("ehealth_card_id"):
        shown = await asked.access.gateway.card(asked.app, _card_id(asked.fields), asked.now)
        return _shown(asked, shown)
    number = asked.fields.needed("id_no", "a card id, or a document type and number", most=30)
    system = asked.dialect.system(asked.fields.text("id_type", most=8) or "01", "id_type")
    return _shown(asked, await asked.access.gateway.by_document(asked.app, system, mpi.number_key(number), asked.now))


async def _add_organisation(asked: Asked) -> dict[str, Any]:
    asked.app.check_right("organisations")
    said = _organisation(asked.fields, named=True)
    async with asked.access.database.transaction() as c:
        await directory.add_organisation(c, said)
    return {"orgcode": said.code}


async def _update_organisation(asked: Asked) -> dict[str, Any]:
    asked.app.check_right("organisations")
    said = _organisation(asked.fields, named=False)
    held, _ = await directory.organisation(asked.access.database, said.code)
    async with asked.access.database.transaction() as c:
        if said.status == "suspended":
            await asked.access.glass.close_at(c, held.institution_id, asked.now)
        await directory.update_organisation(c, said, asked.now)
    return {"orgcode": said.code}


async def _query_organisation(asked: Asked) -> dict[str, Any]:
    code = asked.fields.needed("orgcode", "the code of an institution", most=64)
    held, said = await directory.organisation(asked.access.database, code)
    valid = "1" if held.status == "active" else "0"
    return said | {"orgcode": held.code, "orgname": held.name_zh, "valid": valid}


def _organisation(fields: Fields, *, named: bool) -> Organisation:
    code = fields.needed("orgcode", "the code of an institution", most=64)
    name = fields.needed("orgname", "its name") if named else fields.text("orgname")
    said = {key: value for key in _SAID if (value := fields.text(key))}
    area = fields.text("orgaddr", most=64)
    valid = fields.text("valid", most=4)
    if valid not in ("", "0", "1"):
        raise Refusal("field-invalid", field="valid", expected="1 valid, 0 not valid")
    return Organisation(
        code=code,
        name=name,
        kind=fields.text("orgproperty", most=16),
        area=area if area.isdecimal() else "",
        status={"0": "suspended", "1": "active"}.get(valid, ""),
        said=said,
    )


def _card_id(fields: Fields) -> str:
    return fields.needed("ehealth_card_id", "the id of a card", most=64).upper()


def _shown(asked: Asked, shown: Shown) -> dict[str, Any]:
    who = shown.identity
    return {
        "ehealth_card_id": shown.national.card_id,
        "mindex_id": shown.national.mindex,
        "name": who.name,
        "gender": asked.dialect.sex_code(who.sex),
        "birthday": who.birth_date,
        "id_type": shown.document_type,
        "id_no": shown.number,
        "card_status": asked.dialect.statuses.get(shown.card.standing(asked.now), "1"),
        "card_no": shown.card.number,
    }


METHODS: Final[dict[str, Method]] = {
    "ehc.ehealthcard.register": Method(_register, once=True),
    "ehc.ehealthcard.close": Method(_close, once=True),
    "ehc.ehealthcode.generate": Method(_generate, once=True),
    # Not once: the code itself counts once, and the same terminal may ask again within five seconds.
    "ehc.ehealthcode.verify": Method(_verify, once=False),
    "ehc.ehealthcode.query": Method(_query, once=False),
    "ehc.ehealthcode.addorg": Method(_add_organisation, once=True),
    "ehc.ehealthcode.updateorg": Method(_update_organisation, once=True),
    "ehc.ehealthcode.queryorg": Method(_query_organisation, once=False),
    # Written with ehealthcard by some integrators.
    "ehc.ehealthcard.addorg": Method(_add_organisation, once=True),
    "ehc.ehealthcard.updateorg": Method(_update_organisation, once=True),
    "ehc.ehealthcard.queryorg": Method(_query_organisation, once=False),
    "ehc.ehealthcard.query": Method(_query, once=False),
}
