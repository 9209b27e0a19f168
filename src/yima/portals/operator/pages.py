"""Routes of the operator's page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from yima import exchange
from yima.portals.layout import Words, language_of, page, render, render_fragment, signed_in
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


def routes() -> list[Route]:
    """All routes of this portal."""
    return [
        Route("/operator/", page(dashboard), methods=["GET"]),
    ]
