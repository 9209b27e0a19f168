"""Making offline credentials: what each holds, in plain words, before it is made; then its code, to show or print.

A code is made new each time and never kept by the server, so the page that shows it is the answer to the button.
"""

from __future__ import annotations

from typing import Final, Literal

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima import healthcode
from yima.access import Given
from yima.portals.layout import SignedIn, checked_form, page, render, signed_in
from yima.runtime.errors import Refusal

_PORTAL: Final = "resident"
_ADDRESS: Final = "/resident/papers"
KINDS: Final = ("identity", "emergency", "shc")


async def choose(request: Request) -> Response:
    """The three kinds, each with what is in it."""
    who = await signed_in(request, _PORTAL)
    return render(request, "papers.html", portal=_PORTAL, tab="code", kinds=KINDS, csrf=who.csrf)


async def make(request: Request) -> Response:
    """Make one and show it. Refusals `field-invalid`, `credential-not-chosen`, those of a card not in force."""
    who = await signed_in(request, _PORTAL)
    form = await checked_form(request, who)
    given = await _made(who, form.get("kind", ""), chosen=form.get("chosen") == "yes")
    level: Literal["L", "M"] = "L" if given.kind == "shc" else "M"  # L is what the health card's specification asks for
    drawing = Markup(healthcode.qr_svg(given.text, level))  # noqa: S704  a drawing of our own: nothing in it is from anybody
    answer = render(request, "paper-shown.html", portal=_PORTAL, tab="code", given=given, drawing=drawing)
    answer.headers["cache-control"] = "no-store"
    return answer


async def _made(who: SignedIn, kind: str, *, chosen: bool) -> Given:
    credentials = who.access.credentials
    if kind == "identity":
        return await credentials.identity(who.caller, who.now)
    if kind == "emergency":
        return await credentials.emergency(who.caller, who.now, chosen=chosen)
    if kind == "shc":
        return await credentials.health_card(who.caller, who.now)
    raise Refusal("field-invalid", field="kind", expected=", ".join(KINDS))


def routes() -> list[Route]:
    """The page and its buttons."""
    return [
        Route(_ADDRESS, page(choose), methods=["GET"]),
        Route(_ADDRESS, page(make), methods=["POST"]),
    ]
