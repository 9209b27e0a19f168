"""Sign-in, and proving once more who one is."""

from __future__ import annotations

from dataclasses import replace

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima.access import Said
from yima.portals.entry import enrol, external, inviting, mine, phone
from yima.portals.entry.visitor import Arrival, arrive, arrived, at_both_doors, keep_known, keep_visitor
from yima.portals.layout import SignedIn, checked_form, cookie_name, door, page, render, signed_in
from yima.portals.layout.again import OWN, ask_again
from yima.portals.layout.session import access_of, is_within, keep_session
from yima.runtime import clock
from yima.runtime.errors import Refusal

_PORTAL = "entry"


async def sign_in_page(request: Request) -> Response:
    """Name, password and code; or a passkey."""
    return await _shown(request, arrive(request), {"next": request.query_params.get("next", "")}, None)


async def sign_in(request: Request) -> Response:
    """Open a session, and go where one wanted to go."""
    arrival, fields = await arrived(request)
    access, now = access_of(request), clock.now()
    said = Said(fields.get("name", ""), fields.get("password", ""), fields.get("code", ""), fields.get("passkey", ""))
    try:
        entered = await access.signing_in.enter(arrival.role, arrival.visitor, said, now)
    except Refusal as refusal:
        return await _shown(request, arrival, fields, refusal)
    onward = f"/{arrival.role}/my-sign-in" if entered.invited else _onward(arrival, fields.get("next", ""))
    response = RedirectResponse(onward, 303)
    keep_session(request, response, arrival.role, entered.cookie)
    keep_known(request, response, arrival, entered.known)
    return response


def _onward(arrival: Arrival, wanted: str) -> str:
    """Only to a page of this door; anything else leads to its first page."""
    return wanted if is_within(wanted, arrival.role) else door(arrival.role)


async def _shown(request: Request, arrival: Arrival, fields: dict[str, str], refusal: Refusal | None) -> Response:
    access = access_of(request)
    wanted = fields.get("next", "")
    response = render(
        request,
        "sign-in.html",
        portal=_PORTAL,
        status=refusal.status if refusal else 200,
        role=arrival.role,
        name=fields.get("name", ""),
        next=wanted if is_within(wanted, arrival.role) else "",
        refusal=refusal,
        csrf=arrival.csrf,
        options=_json(access.signing_in.passkey_request(arrival.role, arrival.visitor, clock.now())),
        origin=access.means.passkeys.origin,
        providers=await access.external.offered(arrival.role),
    )
    if refusal is not None:
        request.scope["refusal"] = refusal  # the doors count it
        if refusal.retry_after:
            response.headers["retry-after"] = str(refusal.retry_after)
    return keep_visitor(request, response, arrival)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


async def again(request: Request) -> Response:
    """Code, passkey or provider once more; then the browser sends the form that was refused, to where it was sent."""
    arrival = arrive(request)
    role = arrival.role
    who = await signed_in(request, role)
    fields = await checked_form(request, who)
    challenge = ""
    said = Said(code=fields.get(f"{OWN}code", ""), passkey=fields.get(f"{OWN}passkey", ""))
    try:
        if fields.get(f"{OWN}provider"):
            return await external.once_more(request, role, who.cookie, fields)
        if role == "resident" and not said.passkey:
            cookie, challenge = await _by_phone(who, arrival, fields)
        else:
            cookie = await who.access.signing_in.prove_again(role, who.cookie, said, who.now)
    except Refusal as refusal:
        if refusal.code == "sign-in-needed":
            raise
        request.scope["refusal"] = refusal
        return await ask_again(request, role, refusal, fields.get(f"{OWN}challenge", ""))
    if challenge:
        return await ask_again(request, role, challenge=challenge)
    wanted = fields.get(f"{OWN}next", "")
    path = wanted if is_within(wanted, role) else door(role)
    response = RedirectResponse(path, 307 if fields.get(f"{OWN}method") == "POST" else 303)
    keep_session(request, response, role, cookie)
    return response


async def _by_phone(who: SignedIn, arrival: Arrival, fields: dict[str, str]) -> tuple[str, str]:
    """A resident's code, asked for or typed: the cookie from now on and "", or "" and the challenge of the code."""
    browser = replace(arrival.visitor, token=who.cookie.partition(".")[0])
    challenge = fields.get(f"{OWN}challenge", "")
    if not challenge:
        return "", await who.access.phones.ask(browser, fields.get(f"{OWN}phone", ""), who.now)
    code = fields.get(f"{OWN}code", "")
    return await who.access.phones.prove_again(browser, who.cookie, challenge, code, who.now), ""


async def sign_out(request: Request) -> Response:
    """End the session, here and in the database; who came by a provider may leave there as well."""
    role = arrive(request).role
    who = await signed_in(request, role)
    await checked_form(request, who)
    by = await who.access.signing_in.leave(role, who.cookie, who.now)
    away = await who.access.provider_register.farewell(by, who.now)
    response = external.said_goodbye(request, role, away) if away else RedirectResponse("/", 303)
    response.delete_cookie(cookie_name(role), path=f"/{role}")
    if role == "resident":  # what the browser kept goes as well, the stored codes included
        response.headers["clear-site-data"] = '"cache", "storage"'
    return response


def routes() -> list[Route]:
    """Every page of this portal."""
    return [
        *enrol.routes(),
        *mine.routes(),
        *inviting.routes(),
        *phone.routes(),
        *external.routes(),
        *at_both_doors("GET", "sign-in", sign_in_page),
        *at_both_doors("POST", "sign-in", sign_in),
        *at_both_doors("POST", "sign-in/again", again),
        Route("/resident/sign-in/again", page(again), methods=["POST"]),
        *at_both_doors("POST", "sign-out", sign_out),
        Route("/resident/sign-out", page(sign_out), methods=["POST"]),
    ]
