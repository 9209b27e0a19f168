"""What was stopped at an institution, for its data protection officer: who, since when, why, and how it ends."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima.portals.layout import page, render, signed_in

ADDRESS = "/clinician/stops"


async def stops_page(request: Request) -> Response:
    """Staff whose access a review stopped, staff and terminals that are suspended. Refusal `right-needed`."""
    who = await signed_in(request, "clinician")
    found = await who.access.glass_desk.stops_here(who.caller, who.now)
    return render(
        request, "stops.html", portal="clinician", caller=who.caller, csrf=who.csrf, staff=found.staff,
        standing=[one for one in found.stops if one.lifted is None],
        lifted=[one for one in found.stops if one.lifted is not None],
        suspended=found.suspended, terminals=found.terminals,
    )  # fmt: skip


def routes() -> list[Route]:
    """The addresses of this file."""
    return [Route(ADDRESS, page(stops_page), methods=["GET"])]
