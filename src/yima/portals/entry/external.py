"""To a sign-in provider and back: to come in, with an invitation, to have one more way, to prove it once more.

A browser leaves by a page of its own, not by the answer to a form: what a form may lead to is this site alone
(`form-action`). What comes back stands in an address; the page after it has another one.
"""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima.access import Away, Back, Going
from yima.portals.entry.visitor import Arrival, arrive, arrived, keep_known, keep_visitor
from yima.portals.layout import checked_form, cookie_name, door, language_of, page, render, signed_in
from yima.portals.layout.again import OWN
from yima.portals.layout.session import Role, access_of, is_within, keep_session
from yima.runtime import clock
from yima.runtime.errors import Refusal

_PORTAL = "entry"
_ROLES: tuple[Role, ...] = ("clinician", "operator", "resident")
_OWN_PAGES = {"resident": "/resident/passkey"}


def own_page(role: str) -> str:
    """Where somebody sees the own ways of signing in."""
    return _OWN_PAGES.get(role, f"/{role}/my-sign-in")


async def go(request: Request) -> Response:
    """To the provider, to come in, or with an invitation to bind oneself."""
    arrival, fields = await arrived(request)
    external, going = access_of(request).external, _going(request, arrival.role)
    try:
        if "invitation" in fields:
            away = await external.to_enrol(going, arrival.visitor, fields["invitation"])
        else:
            wanted = fields.get("next", "")
            onward = wanted if is_within(wanted, arrival.role) else ""  # it is kept here until the browser is back
            away = await external.to_sign_in(going, arrival.visitor, onward)
    except Refusal as refusal:
        return _trouble(request, arrival.role, refusal)
    return keep_visitor(request, sent(request, arrival.role, away), arrival)


async def bind(request: Request) -> Response:
    """To the provider, signed in, to have one more way."""
    role = arrive(request).role
    who = await signed_in(request, role)
    await checked_form(request, who)
    try:
        away = await who.access.external.to_bind(_going(request, role), who.caller, who.cookie)
    except Refusal as refusal:
        if refusal.code in ("step-up-needed", "sign-in-needed"):
            raise
        return _trouble(request, role, refusal)
    return sent(request, role, away)


async def unbind(request: Request) -> Response:
    """A resident signs in by it no longer."""
    who = await signed_in(request, "resident")
    await checked_form(request, who)
    await who.access.external.unbind(who.caller, request.path_params["provider"], who.now)
    return RedirectResponse(own_page("resident"), 303)


async def once_more(request: Request, role: Role, cookie: str, fields: dict[str, str]) -> Response:
    """To the provider, to prove once more who one is; the form that waited is kept meanwhile, sealed."""
    form = {name: value for name, value in fields.items() if not name.startswith(OWN)}
    wanted = fields.get(f"{OWN}next", "")
    waiting = {
        "next": wanted if is_within(wanted, role) else door(role),
        "method": fields.get(f"{OWN}method", ""),
        "form": orjson.dumps(form).decode(),
    }
    going = Going(role, fields.get(f"{OWN}provider", ""), language_of(request), clock.now())
    return sent(request, role, await access_of(request).external.to_prove_again(going, cookie, waiting))


async def back(request: Request) -> Response:
    """What came of it."""
    arrival = arrive(request)
    cookie, answer = request.cookies.get(cookie_name(arrival.role), ""), dict(request.query_params)
    try:
        if len(answer) < len(request.query_params.multi_items()):
            raise Refusal("provider-answer-invalid", reason="something in it comes twice")
        external, going = access_of(request).external, _going(request, arrival.role)
        found = await external.returned(going, arrival.visitor, cookie, answer)
    except Refusal as refusal:
        return _trouble(request, arrival.role, refusal)
    return _came_back(request, arrival, found)


def _came_back(request: Request, arrival: Arrival, found: Back) -> Response:
    role = arrival.role
    if found.purpose == "bind":
        return RedirectResponse(f"{own_page(role)}?done=provider-added", 303)
    if found.purpose == "again":
        response = _go_on(request, role, found)
        keep_session(request, response, role, found.cookie)
        return response
    wanted = found.carried.get("next", "")
    onward = wanted if is_within(wanted, role) else door(role)
    if found.entered and found.entered.invited:
        onward = own_page(role)
    response = RedirectResponse(onward, 303)
    if found.entered:
        keep_session(request, response, role, found.entered.cookie)
        keep_known(request, response, arrival, found.entered.known)
    return response


def _go_on(request: Request, role: str, found: Back) -> Response:
    """What waited goes on: a page at once, a form when its owner says so."""
    if found.carried.get("method") != "POST":
        return RedirectResponse(found.carried["next"], 303)
    form = orjson.loads(found.carried["form"])
    shown = {"form": form, "action": found.carried["next"]}
    return render(request, "external.html", portal=_PORTAL, role=role, step="go-on", **shown)


def sent(request: Request, role: str, away: Away) -> Response:
    """The page by which a browser leaves."""
    return render(request, "external.html", portal=_PORTAL, role=role, step="away", away=away)


def said_goodbye(request: Request, role: str, away: Away) -> Response:
    """Signed out here; the provider may still know them."""
    return render(request, "external.html", portal=_PORTAL, role=role, step="left", away=away)


def _trouble(request: Request, role: str, refusal: Refusal) -> Response:
    request.scope["refusal"] = refusal  # the doors count it
    shown = {"role": role, "step": "trouble", "refusal": refusal}
    response = render(request, "external.html", portal=_PORTAL, status=refusal.status, **shown)
    if refusal.retry_after:
        response.headers["retry-after"] = str(refusal.retry_after)
    return response


def _going(request: Request, role: str) -> Going:
    return Going(role, request.path_params["provider"], language_of(request), clock.now())


def routes() -> list[Route]:
    """The routes of providers."""
    return [
        *(Route(f"/{role}/sign-in/with/{{provider}}", page(go), methods=["POST"]) for role in _ROLES),
        *(Route(f"/{role}/sign-in/from/{{provider}}", page(back), methods=["GET"]) for role in _ROLES),
        *(Route(f"{own_page(role)}/providers/{{provider}}", page(bind), methods=["POST"]) for role in _ROLES),
        Route("/resident/passkey/providers/{provider}/remove", page(unbind), methods=["POST"]),
    ]
