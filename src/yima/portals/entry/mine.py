"""The own sign-in: ways, sessions, what happened, and changes; each change asks who one is once more."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima.portals.entry.visitor import arrive, at_both_doors
from yima.portals.layout import SignedIn, checked_form, cookie_name, render, signed_in
from yima.runtime.errors import Refusal

_PORTAL = "entry"
_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){1,1023}")
Act = Callable[[SignedIn, dict[str, str]], Awaitable[None]]


async def mine_page(request: Request) -> Response:
    """How one signs in, where one is signed in, and what happened."""
    return await _shown(request, await signed_in(request, arrive(request).role), None)


async def _shown(request: Request, who: SignedIn, refusal: Refusal | None) -> Response:
    role = arrive(request).role
    mine = await who.access.accounts.mine(who.caller, who.cookie, who.now)
    asked = await who.access.accounts.passkey_creation(who.caller, who.cookie, who.now) if mine else None
    bound = await who.access.external.bound(who.caller)
    held = {one.provider_id for one in bound}
    return render(
        request,
        "mine.html",
        portal=_PORTAL,
        bound=bound,
        providers=[one for one in await who.access.external.offered(role, who.caller) if one.provider_id not in held],
        status=refusal.status if refusal else 200,
        role=role,
        caller=who.caller,
        mine=mine,
        own=f"{who.caller.kind}/{who.caller.agent_id}",
        done=request.query_params.get("done", ""),
        refusal=refusal,
        csrf=who.csrf,
        options=orjson.dumps(asked).decode() if asked else "",
        origin=who.access.means.passkeys.origin,
    )


async def act(request: Request) -> Response:
    """One of the changes; what is wrong is said on the page."""
    role, name = arrive(request).role, request.path_params["act"]
    who = await signed_in(request, role)
    fields = await checked_form(request, who)
    try:
        if name not in _ACTS:
            raise Refusal("not-found", field="act")
        await _ACTS[name](who, fields)
    except Refusal as refusal:
        if refusal.code == "step-up-needed":
            raise
        return await _shown(request, who, refusal)
    if name == "leave-everywhere":
        response = RedirectResponse(f"/{role}/sign-in", 303)
        response.delete_cookie(cookie_name(role), path=f"/{role}")
        return response
    return RedirectResponse(f"/{role}/my-sign-in?done={name}", 303)


async def renew_codes(request: Request) -> Response:
    """Fresh recovery codes, shown once."""
    role = arrive(request).role
    who = await signed_in(request, role)
    await checked_form(request, who)
    codes = await who.access.accounts.renew_codes(who.caller, who.now)
    return render(request, "codes.html", portal=_PORTAL, role=role, codes=codes, onward=f"/{role}/my-sign-in")


async def begin_anew(request: Request) -> Response:
    """An invitation of oneself: password and authenticator app anew."""
    role = arrive(request).role
    who = await signed_in(request, role)
    await checked_form(request, who)
    invited = await who.access.accounts.begin_anew(who.caller, who.now)
    return RedirectResponse(f"/{role}/sign-in/enrol#{invited.address.partition('#')[2]}", 303)


async def _password(who: SignedIn, fields: dict[str, str]) -> None:
    if fields.get("password", "") != fields.get("repeated", ""):
        raise Refusal("password-differs", field="repeated")
    await who.access.accounts.change_password(who.caller, who.cookie, fields.get("password", ""), who.now)


async def _add_passkey(who: SignedIn, fields: dict[str, str]) -> None:
    answer, label = fields.get("passkey", ""), fields.get("label", "")
    await who.access.accounts.add_passkey(who.caller, who.cookie, answer, label, who.now)


async def _remove_passkey(who: SignedIn, fields: dict[str, str]) -> None:
    said = fields.get("credential", "")
    known = bytes.fromhex(said) if _HEX.fullmatch(said) else b""
    await who.access.accounts.remove_passkey(who.caller, known, who.now)


async def _end_session(who: SignedIn, fields: dict[str, str]) -> None:
    await who.access.accounts.end_session(who.caller, fields.get("session", ""), who.now)


async def _withdraw(who: SignedIn, _fields: dict[str, str]) -> None:
    await who.access.accounts.withdraw(who.caller, who.now)


async def _leave_everywhere(who: SignedIn, _fields: dict[str, str]) -> None:
    await who.access.accounts.leave_everywhere(who.caller, who.now)


async def _remove_provider(who: SignedIn, fields: dict[str, str]) -> None:
    await who.access.external.unbind(who.caller, fields.get("provider", ""), who.now)


_ACTS: Final[dict[str, Act]] = {
    "password": _password,
    "add-passkey": _add_passkey,
    "remove-passkey": _remove_passkey,
    "remove-provider": _remove_provider,
    "end-session": _end_session,
    "withdraw": _withdraw,
    "leave-everywhere": _leave_everywhere,
}


def routes() -> list[Route]:
    """The routes of one's own sign-in."""
    return [
        *at_both_doors("GET", "my-sign-in", mine_page),
        *at_both_doors("POST", "my-sign-in/codes", renew_codes),
        *at_both_doors("POST", "my-sign-in/anew", begin_anew),
        *at_both_doors("POST", "my-sign-in/{act}", act),
    ]
