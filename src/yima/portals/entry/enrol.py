"""Accepting an invitation: the code of the link, then password with authenticator app, or a passkey.

The code stands behind the `#` of the link, which browsers send to nobody; a script puts it into the field of the form.
Without scripts it is pasted. It goes on in hidden fields, never into an address.
"""

from __future__ import annotations

import orjson
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import healthcode
from yima.portals.entry.visitor import Arrival, arrive, arrived, at_both_doors, keep_visitor
from yima.portals.layout import render
from yima.portals.layout.session import access_of
from yima.runtime import clock
from yima.runtime.errors import Refusal

_PORTAL = "entry"


async def enrol_page(request: Request) -> Response:
    """The field for the code of an invitation."""
    return _asked(request, arrive(request), None)


def _asked(request: Request, arrival: Arrival, refusal: Refusal | None) -> Response:
    _counted(request, refusal)
    status = refusal.status if refusal else 200
    shown = {"role": arrival.role, "csrf": arrival.csrf, "refusal": refusal}
    return keep_visitor(request, render(request, "invited.html", portal=_PORTAL, status=status, **shown), arrival)


async def open_invitation(request: Request) -> Response:
    """Who is invited, and what can be set up."""
    arrival, fields = await arrived(request)
    return await _offered(request, arrival, fields, None)


async def _offered(request: Request, arrival: Arrival, fields: dict[str, str], wrong: Refusal | None) -> Response:
    access, code = access_of(request), fields.get("invitation", "")
    try:
        offer = await access.accounts.offer(arrival.role, code, arrival.visitor.token, clock.now())
    except Refusal as refusal:
        return _asked(request, arrival, refusal)
    _counted(request, wrong)
    # As with a passkey: who invited themselves keeps such ways.
    providers = [] if offer.invitation.own else await access.external.offered(arrival.role, offer.caller)
    response = render(
        request,
        "enrol.html",
        portal=_PORTAL,
        status=wrong.status if wrong else 200,
        role=arrival.role,
        csrf=arrival.csrf,
        code=code,
        offer=offer,
        # Our own drawing of a text of ours.
        picture=Markup(healthcode.qr_svg(offer.app_uri)),  # noqa: S704  as said above
        options=orjson.dumps(offer.passkey).decode() if offer.passkey else "",
        origin=access.means.passkeys.origin,
        wrong=wrong,
        providers=providers,
    )
    return keep_visitor(request, response, arrival)


async def set_up_password(request: Request) -> Response:
    """Password and authenticator app; then the recovery codes, once."""
    arrival, fields = await arrived(request)
    access = access_of(request)
    password = fields.get("password", "")
    try:
        if password != fields.get("repeated", ""):
            raise Refusal("password-differs", field="repeated")
        codes = await access.accounts.set_up_password(
            arrival.role, fields.get("invitation", ""), password, fields.get("code", ""), clock.now()
        )
    except Refusal as refusal:
        return await _offered(request, arrival, fields, refusal)
    return render(
        request, "codes.html", portal=_PORTAL, role=arrival.role, codes=codes, onward=f"/{arrival.role}/sign-in"
    )


async def set_up_passkey(request: Request) -> Response:
    """A passkey and nothing else; sign-in is the next page."""
    arrival, fields = await arrived(request)
    try:
        await access_of(request).accounts.set_up_passkey(
            arrival.role, fields.get("invitation", ""), answer=fields.get("passkey", ""),
            label=fields.get("label", "") or arrival.visitor.device, token=arrival.visitor.token, now=clock.now(),
        )  # fmt: skip
    except Refusal as refusal:
        return await _offered(request, arrival, fields, refusal)
    return RedirectResponse(f"/{arrival.role}/sign-in", 303)


def _counted(request: Request, refusal: Refusal | None) -> None:
    if refusal is not None:
        request.scope["refusal"] = refusal  # the doors count it


def routes() -> list[Route]:
    """The routes of invitations."""
    return [
        *at_both_doors("GET", "sign-in/enrol", enrol_page),
        *at_both_doors("POST", "sign-in/enrol", open_invitation),
        *at_both_doors("POST", "sign-in/enrol/password", set_up_password),
        *at_both_doors("POST", "sign-in/enrol/passkey", set_up_passkey),
    ]
