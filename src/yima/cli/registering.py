"""Putting institutions, terminals and apps on the register from the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from yima import directory, healthcode
from yima.access import Access
from yima.directory import App, GatewaySecrets, NewGateway, PatientApp, Terminal
from yima.healthcode import Counter
from yima.runtime import clock
from yima.runtime.errors import Refusal


async def institution(access: Access, code: str, names: tuple[str, str], kind: str, area: str) -> int:
    """Register an institution by its code and its names (Chinese, English); its number."""
    async with access.database.transaction() as c:
        return await directory.register_institution(
            c, code=code, name_zh=names[0], name_en=names[1], kind=kind, area=area
        )


async def institution_status(access: Access, code: str, status: str) -> None:
    """Make an institution active or suspended. Refusal `field-invalid`."""
    if status not in ("active", "suspended"):
        raise Refusal("field-invalid", field="STATUS", expected="active or suspended")
    number = await number_of(access, code)
    now = clock.now()
    await directory.set_institution_status(access.database, number, status, now)
    if status == "suspended":
        async with access.database.transaction() as c:
            await access.glass.close_at(c, number, now)


async def terminal(access: Access, code: str, made: Terminal, key: bytes | None) -> str:
    """Register a terminal of an institution, with one more public key where a JWK is given; the key id, or "".

    Refusal `field-invalid` when the code is not registered, a step or scene is on no list, or the key is none.
    """
    number = await number_of(access, code)
    if made.kind not in directory.TERMINAL_KINDS:
        raise Refusal("field-invalid", field="--kind", expected=", ".join(directory.TERMINAL_KINDS))
    if made.step and made.step not in healthcode.STEPS:
        raise Refusal("field-invalid", field="--step", expected="a code of the step table, such as 010101")
    if made.scene and not healthcode.scene_fits(made.step, made.scene):
        raise Refusal("field-invalid", field="--scene", expected="a scene that refines the step, such as 0101012")
    async with access.database.transaction() as c:
        await directory.register_terminal(c, number, made, now=clock.now())
        return await directory.add_terminal_key(c, made.terminal_id, _jwk(key)) if key is not None else ""


def _jwk(text: bytes) -> object:
    try:
        key = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal("field-invalid", field="--key", expected="one public key as JWK (RFC 7517)") from error
    if isinstance(key, dict) and isinstance(key.get("keys"), list) and len(key["keys"]) == 1:
        return key["keys"][0]  # a set of one is what many tools write
    return key


async def terminals(access: Access, code: str) -> list[str]:
    """A line for each terminal of an institution: id, kind, status, keys, when it was last seen."""
    found = await directory.terminals_of(access.database, await number_of(access, code))
    return [
        f"{one.terminal.terminal_id}  {one.terminal.kind}  {one.status}  keys: {' '.join(one.key_ids) or 'none'}  "
        f"seen: {one.last_seen.isoformat(timespec='seconds') if one.last_seen else 'never'}  {one.firmware}".rstrip()
        for one in found
    ]


async def remove_key(access: Access, terminal_id: str, kid: str) -> None:
    """Take a key from a terminal, and the tokens it has. Refusals `terminal-unknown`, `field-invalid`."""
    async with access.database.transaction() as c:
        await directory.remove_terminal_key(c, terminal_id, kid)


async def counter(access: Access, code: str, made: Counter, kind: str) -> tuple[str, bytes]:
    """Register a counter; the text of its code, and its poster (.svg: an A4 page, .png: the code alone, "": none).

    Refusal `field-invalid` for a prefix, department or name that is not of its form, or another kind of file.
    """
    number = await number_of(access, code)
    place = await directory.institution(access.database, number)
    if kind not in ("", ".svg", ".png"):
        raise Refusal("field-invalid", field="--out", expected="a file that ends in .svg or .png")
    known, text = await access.counters.register(replace(made, institution=number), clock.now())
    if kind == ".png":
        return text, healthcode.qr_png(text, 16, "Q")
    names = (place.name_zh, place.name_en) if place else ("", "")
    return text, healthcode.poster_svg(known, *names, text).encode()


async def client(access: Access, code: str, made: App, jwks: bytes) -> None:
    """Register an app with the public keys in `jwks` (JSON). Refusal `field-invalid` names what is wrong with it."""
    number = await number_of(access, code)
    keys = key_set(jwks)
    async with access.database.transaction() as c:
        await directory.register_app(c, replace(made, institution_id=number, jwks=keys))


def key_set(text: bytes) -> dict[str, Any]:
    """A JSON Web Key Set. Refusal `field-invalid`."""
    try:
        keys = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal("field-invalid", field="--jwks", expected="a JSON Web Key Set (RFC 7517)") from error
    if not isinstance(keys, dict):
        raise Refusal("field-invalid", field="--jwks", expected="a JSON Web Key Set (RFC 7517)")
    return keys


async def patient_app(access: Access, code: str, made: PatientApp, jwks: bytes | None) -> None:
    """Register an app that residents use; with keys it is a confidential one. Refusal `field-invalid`."""
    number = await number_of(access, code)
    keys = None if jwks is None else key_set(jwks)
    async with access.database.transaction() as c:
        await directory.register_patient_app(c, replace(made, institution_id=number, jwks=keys))


async def gateway(access: Access, code: str, app_id: str, family: str, **options: Any) -> GatewaySecrets:
    """Register an app of the national gateway (options: `NewGateway`); its fresh secrets, which nobody can read again.

    Refusal `field-invalid` names what is wrong; a terminal must be the institution's.
    """
    healthcode.national.dialect(options["dialect"])
    number = await number_of(access, code)
    for terminal_id in options["terminals"]:
        if not await directory.terminal_belongs(access.database, terminal_id, number):
            raise Refusal("field-invalid", field="--terminal", expected="a registered terminal of the institution")
    new = NewGateway(app_id=app_id, institution_id=number, family=family, **options)
    async with access.database.transaction() as c:
        return await directory.register_gateway(c, access.vault, new)


async def gateway_status(access: Access, app_id: str, status: str) -> None:
    """Make a gateway app active or suspended. Refusals `field-invalid`, `not-found`."""
    if status not in ("active", "suspended"):
        raise Refusal("field-invalid", field="STATUS", expected="active or suspended")
    await directory.set_gateway_status(access.database, app_id, status)


async def demo_gateway(access: Access, code: str) -> dict[str, Any]:
    """An app of each family of the national gateway for one institution of the demo: what demo.json says of them."""
    number = await number_of(access, code)
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


async def number_of(access: Access, code: str) -> int:
    """The number of the institution with this code. Refusal `field-invalid`."""
    for place in await directory.institutions(access.database):
        if place.code == code:
            return place.institution_id
    raise Refusal("field-invalid", field="INSTITUTION", expected="the code of a registered institution")
