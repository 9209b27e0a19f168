"""Routes of a kiosk's screen: the same door that a real kiosk reaches with its token, behind a development session."""

from __future__ import annotations

import base64

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import healthcode
from yima.portals.layout import Words, checked_form, cookie_name, language_of, page, render, signed_in
from yima.runtime import clock

_PORTAL = "kiosk"


async def start(request: Request) -> Response:
    """The screen before anybody has come."""
    who = await signed_in(request, "kiosk")
    return render(request, "start.html", portal=_PORTAL, csrf=who.csrf, caller=who.caller)


async def ask(request: Request) -> Response:
    """A new question, drawn as a QR code."""
    who = await signed_in(request, "kiosk")
    await checked_form(request, who)
    asked, text = await who.access.kiosks.ask(who.caller, now=who.now)
    drawing = base64.b64encode(healthcode.qr_svg(text).encode()).decode()
    return render(
        request,
        "asked.html",
        portal=_PORTAL,
        csrf=who.csrf,
        caller=who.caller,
        asked=asked,
        drawing=f"data:image/svg+xml;base64,{drawing}",
        text=text,
        seconds=int((asked.expires - asked.created).total_seconds()),
    )


async def state(request: Request) -> Response:
    """What became of the question, for the screen's own module: never more than a greeting."""
    who = await signed_in(request, "kiosk")
    found = await who.access.kiosks.answer(who.caller, request.path_params["id"], clock.now())
    words, said = Words(_PORTAL, language_of(request)), ""
    if found.scan:
        said = words("approved.more", name=found.scan.identity.name)
    return Response(orjson.dumps({"state": found.state, "text": said}), media_type="application/json")


async def sign_out(request: Request) -> Response:
    """End the session of this screen."""
    who = await signed_in(request, "kiosk")
    await checked_form(request, who)
    response = RedirectResponse("/", 303)
    response.delete_cookie(cookie_name("kiosk"), path="/kiosk/screen")
    return response


async def _to_screen(_request: Request) -> Response:
    return RedirectResponse("/kiosk/screen/", 308)


def routes() -> list[Route]:
    """All routes of this portal; `/kiosk/authorisations` beside them is the API's."""
    return [
        *(Route(path, _to_screen, methods=["GET"]) for path in ("/kiosk", "/kiosk/", "/kiosk/screen")),
        Route("/kiosk/screen/", page(start), methods=["GET"]),
        Route("/kiosk/screen/ask", page(ask), methods=["POST"]),
        Route("/kiosk/screen/state/{id}", page(state), methods=["GET"]),
        Route("/kiosk/screen/sign-out", page(sign_out), methods=["POST"]),
    ]
