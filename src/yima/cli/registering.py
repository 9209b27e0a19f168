"""Putting institutions, terminals and apps on the register from the command line."""

from __future__ import annotations

from typing import Any

import orjson

from yima import directory, healthcode
from yima.access import Access
from yima.directory import App, GatewaySecrets, NewGateway, Terminal
from yima.runtime.errors import Refusal


async def institution(access: Access, code: str, names: tuple[str, str], kind: str, area: str) -> int:
    """Register an institution by its code and its names (Chinese, English); its number."""
    async with access.database.transaction() as c:
        return await directory.register_institution(
            c, code=code, name_zh=names[0], name_en=names[1], kind=kind, area=area
        )


async def terminal(access: Access, code: str, terminal_id: str, kind: str, department: str) -> None:
    """Register a terminal of an institution. Refusal `field-invalid` when the code is not registered."""
    number = await _number(access, code)
    async with access.database.transaction() as c:
        await directory.register_terminal(c, number, Terminal(terminal_id, kind, department))


async def client(access: Access, code: str, client_id: str, name: str, jwks: bytes, scope: str, matching: str) -> None:
    """Register an app with the public keys in `jwks` (JSON). Refusal `field-invalid` names what is wrong with them."""
    number = await _number(access, code)
    try:
        keys = orjson.loads(jwks)
    except orjson.JSONDecodeError as error:
        raise Refusal("field-invalid", field="--jwks", expected="a JSON Web Key Set (RFC 7517)") from error
    if not isinstance(keys, dict):
        raise Refusal("field-invalid", field="--jwks", expected="a JSON Web Key Set (RFC 7517)")
    async with access.database.transaction() as c:
        await directory.register_app(c, App(client_id, number, name, keys, tuple(scope.split()), matching))


async def gateway(access: Access, code: str, app_id: str, family: str, **options: Any) -> GatewaySecrets:
    """Register an app of the national gateway (options: `NewGateway`); its fresh secrets, which nobody can read again.

    Refusal `field-invalid` names what is wrong; a terminal must be the institution's.
    """
    healthcode.national.dialect(options["dialect"])
    number = await _number(access, code)
    for terminal_id in options["terminals"]:
        if not await directory.terminal_belongs(access.database, terminal_id, number):
            raise Refusal("field-invalid", field="--terminal", expected="a registered terminal of the institution")
    new = NewGateway(app_id=app_id, institution_id=number, family=family, **options)
    async with access.database.transaction() as c:
        return await directory.register_gateway(c, access.vault, new)


async def demo_gateway(access: Access, code: str) -> dict[str, Any]:
    """An app of each family of the national gateway for one institution of the demo: what demo.json says of them."""
    number = await _number(access, code)
    terminals = tuple(t.terminal_id for t in await directory.terminals(access.database, number))
    options: dict[str, Any] = {"dialect": access.settings.national_dialect, "terminals": terminals}
    card = await gateway(access, code, f"{code}-card", "card", rights=("organisations",), **options)
    platform = await gateway(access, code, f"{code}-open", "open-platform", rights=(), **options)
    return {
        "app_id": card.app_id,
        "app_secret": card.app_secret,
        "sm4_key": card.sm4_key,
        "term_id": card.term_id,
        "open_platform": {"app_id": platform.app_id, "app_secret": platform.app_secret, "hospital_id": code},
    }


async def _number(access: Access, code: str) -> int:
    for place in await directory.institutions(access.database):
        if place.code == code:
            return place.institution_id
    raise Refusal("field-invalid", field="INSTITUTION", expected="the code of a registered institution")
