"""The front page with its doors, development sign-in, and all routes of the portals together."""

from __future__ import annotations

from typing import Final, cast

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima.portals import clinician, entry, kiosk, operator, regulator, resident, scanner, steward
from yima.portals.layout import door, page, render, static_routes
from yima.portals.layout.session import Role, access_of, keep_session
from yima.portals.policy import disclosing, under_policy
from yima.runtime import clock


async def front(request: Request) -> Response:
    """What Yima is, and where to go."""
    return render(request, "landing.html", portal="layout")


async def dev_sign_in(request: Request) -> Response:
    """Open a session from a development ticket. Refusal `sign-in-needed` outside development, by access."""
    access = access_of(request)
    role, subject = access.callers.open_ticket(request.path_params["ticket"])
    response = RedirectResponse(door(role), 303)
    keep_session(request, response, cast(Role, role), access.callers.session(role, subject, clock.now()))
    return response


async def _to_door(request: Request) -> Response:
    return RedirectResponse(request.url.path + "/", 308)


def routes() -> list[Route]:
    """Every page and every static file, each under its policy."""
    return under_policy(_pages())


def _pages() -> list[Route]:
    doors = [Route(f"/{name}", _to_door, methods=["GET"]) for name in ("resident", "clinician", "operator", "scanner")]
    return [
        Route("/", page(front), methods=["GET"]),
        Route("/dev/sign-in/{ticket}", page(dev_sign_in), methods=["GET"]),
        *doors,
        *entry.routes(),
        *resident.routes(),
        *resident.scanning_routes(),
        *resident.objecting_routes(),
        *clinician.routes(),
        *operator.routes(),
        *operator.suspension_routes(),
        *operator.removal_routes(),
        *operator.privacy_routes(),
        *operator.glass_routes(),
        *operator.erasure_routes(),
        *operator.export_routes(),
        *operator.card_use_routes(),
        *operator.coverage_routes(),
        *steward.routes(),
        *kiosk.routes(),
        *regulator.routes(),
        *scanner.routes(),
        *static_routes(),
    ]


DISCLOSING: Final = disclosing(_pages())
"""Module and name of each page whose every good answer is about a person."""
