"""Routes of the operator's page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from yima import exchange
from yima.portals.layout import Words, checked_form, cookie_name, language_of, page, render, render_fragment, signed_in
from yima.portals.operator import view

_PORTAL = "operator"


async def dashboard(request: Request) -> Response:
    """The dashboard; with `part=live` only the region that refreshes itself."""
    who = await signed_in(request, "operator")
    words = Words(_PORTAL, language_of(request))
    parts = await view.parts(who.access.database)
    shown = view.dashboard(await exchange.dashboard(who.access, who.now), parts, request.query_params, words, who.now)
    if request.query_params.get("part") == "live":
        return HTMLResponse(render_fragment(request, "live.html", portal=_PORTAL, d=shown))
    return render(request, "dashboard.html", portal=_PORTAL, d=shown, csrf=who.csrf)


async def sign_out(request: Request) -> Response:
    """End the session."""
    who = await signed_in(request, "operator")
    await checked_form(request, who)
    response = RedirectResponse("/", 303)
    response.delete_cookie(cookie_name("operator"), path="/operator")
    return response


def routes() -> list[Route]:
    """All routes of this portal."""
    return [
        Route("/operator/", page(dashboard), methods=["GET"]),
        Route("/operator/sign-out", page(sign_out), methods=["POST"]),
    ]
