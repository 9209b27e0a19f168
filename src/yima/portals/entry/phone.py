"""Residents come in: the phone's number, then the code that was sent to it, then, where several persons have that
phone, the last digits of the own identity number. Nothing is kept in the browser but the session that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima.access import LAST_DIGITS, CameIn, Said
from yima.authentication import CODE_DIGITS, CODE_SECONDS
from yima.portals.entry.visitor import Arrival, arrive, arrived, device, keep_visitor
from yima.portals.layout import checked_form, cookie_name, door, page, render, signed_in
from yima.portals.layout.session import access_of, is_within, keep_session
from yima.runtime import clock
from yima.runtime.errors import Refusal

_PORTAL = "entry"
_START_AGAIN = frozenset({"field-invalid", "too-many-requests", "not-ready", "assurance-too-low"})


async def phone_page(request: Request) -> Response:
    """The field for the number."""
    return await _shown(request, arrive(request), "ask", {"next": request.query_params.get("next", "")})


async def ask(request: Request) -> Response:
    """Have a code sent; the next page is the same whether anybody is known by the number."""
    arrival, fields = await arrived(request)
    try:
        challenge = await access_of(request).phones.ask(arrival.visitor, fields.get("phone", ""), clock.now())
    except Refusal as refusal:
        return await _shown(request, arrival, "ask", fields, refusal)
    return await _shown(request, arrival, "code", fields | {"challenge": challenge})


async def enter(request: Request) -> Response:
    """The code as it was typed."""
    arrival, fields = await arrived(request)
    access, challenge = access_of(request), fields.get("challenge", "")
    try:
        found = await access.phones.enter(arrival.visitor, challenge, fields.get("code", ""), clock.now())
    except Refusal as refusal:
        return await _shown(request, arrival, "ask" if refusal.code in _START_AGAIN else "code", fields, refusal)
    if isinstance(found, CameIn):
        return _came_in(request, found, fields)
    return await _shown(request, arrival, "choose", fields)


async def choose(request: Request) -> Response:
    """Which of several persons it is."""
    arrival, fields = await arrived(request)
    access, challenge = access_of(request), fields.get("challenge", "")
    try:
        found = await access.phones.choose(arrival.visitor, challenge, fields.get("digits", ""), clock.now())
    except Refusal as refusal:
        return await _shown(request, arrival, "choose" if refusal.code == "choice-wrong" else "ask", fields, refusal)
    return _came_in(request, found, fields)


async def by_passkey(request: Request) -> Response:
    """Come in by a passkey that was made before."""
    arrival, fields = await arrived(request)
    said, now = Said(passkey=fields.get("passkey", "")), clock.now()
    try:
        entered = await access_of(request).signing_in.enter("resident", arrival.visitor, said, now)
    except Refusal as refusal:
        return await _shown(request, arrival, "ask", fields, refusal)
    return _came_in(request, CameIn(entered.cookie), fields)


async def passkey_page(request: Request) -> Response:
    """What a passkey is good for."""
    who = await signed_in(request, "resident")
    bound = await who.access.external.bound(who.caller)
    held = {one.provider_id for one in bound}
    offered = [one for one in await who.access.external.offered("resident") if one.provider_id not in held]
    return render(
        request, "passkey.html", portal=_PORTAL, role="resident", csrf=who.csrf, offer=None, bound=bound,
        providers=offered,
    )  # fmt: skip


async def make_passkey(request: Request) -> Response:
    """The browser is asked to make one."""
    who = await signed_in(request, "resident")
    await checked_form(request, who)
    offer = await who.access.phones.passkey_offer(who.caller, who.cookie.partition(".")[0], who.now)
    return render(
        request, "passkey.html", portal=_PORTAL, role="resident", csrf=who.csrf, offer=offer,
        options=orjson.dumps(offer.options).decode(), origin=who.access.means.passkeys.origin,
    )  # fmt: skip


async def keep_passkey(request: Request) -> Response:
    """Keep what it made. Every session ends; the next sign-in is by passkey."""
    who = await signed_in(request, "resident")
    fields = await checked_form(request, who)
    await who.access.accounts.set_up_passkey(
        "resident", fields.get("invitation", ""), answer=fields.get("passkey", ""), label=device(request),
        token=who.cookie.partition(".")[0], now=who.now,
    )  # fmt: skip
    response = RedirectResponse("/resident/sign-in", 303)
    response.delete_cookie(cookie_name("resident"), path="/resident")
    return response


def _came_in(request: Request, found: CameIn, fields: dict[str, str]) -> Response:
    wanted = fields.get("next", "")
    response = RedirectResponse(wanted if is_within(wanted, "resident") else door("resident"), 303)
    keep_session(request, response, "resident", found.cookie)
    response.delete_cookie("yima_visitor", path="/resident/sign-in")
    return response


async def _shown(
    request: Request, arrival: Arrival, step: str, fields: dict[str, str], refusal: Refusal | None = None
) -> Response:
    wanted = fields.get("next", "")
    response = render(
        request,
        "phone.html",
        portal=_PORTAL,
        role="resident",
        providers=await access_of(request).external.offered("resident"),
        status=refusal.status if refusal else 200,
        step=step,
        offered=access_of(request).phones.offered,
        phone=fields.get("phone", "")[:40] if step == "ask" else "",
        challenge=fields.get("challenge", ""),
        next=wanted if is_within(wanted, "resident") else "",
        refusal=refusal,
        csrf=arrival.csrf,
        digits=CODE_DIGITS,
        last=LAST_DIGITS,
        minutes=CODE_SECONDS // 60,
        options=orjson.dumps(_passkey_request(request, arrival)).decode() if step == "ask" else "",
        origin=access_of(request).means.passkeys.origin,
    )
    if refusal is not None:
        request.scope["refusal"] = refusal  # the doors count it
        if refusal.retry_after:
            response.headers["retry-after"] = str(refusal.retry_after)
    return keep_visitor(request, response, arrival)


def _passkey_request(request: Request, arrival: Arrival) -> Mapping[str, Any]:
    return access_of(request).signing_in.passkey_request("resident", arrival.visitor, clock.now())


def routes() -> list[Route]:
    """The routes of residents' sign-in."""
    return [
        Route("/resident/sign-in", page(phone_page), methods=["GET"]),
        Route("/resident/sign-in", page(ask), methods=["POST"]),
        Route("/resident/sign-in/passkey", page(by_passkey), methods=["POST"]),
        Route("/resident/passkey", page(passkey_page), methods=["GET"]),
        Route("/resident/passkey", page(make_passkey), methods=["POST"]),
        Route("/resident/passkey/keep", page(keep_passkey), methods=["POST"]),
        Route("/resident/sign-in/code", page(enter), methods=["POST"]),
        Route("/resident/sign-in/choose", page(choose), methods=["POST"]),
    ]
