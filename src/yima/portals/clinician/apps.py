"""Apps of one's institution, opened in a visit (SMART App Launch, EHR launch). Access decides; here it is asked."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima.portals.clinician.desk import desk
from yima.portals.layout import checked_form, page, render, signed_in
from yima.portals.layout.headers import POLICY

_PORTAL = "clinician"


async def listed(request: Request) -> Response:
    """The apps that may be opened in this visit."""
    who = await signed_in(request, "clinician")
    handle = request.path_params["handle"]
    found = await who.access.launches.offered(who.caller, handle, who.now)
    response = render(
        request, "apps.html", portal=_PORTAL, **await desk(request, who), visit=handle,
        apps=[(app, urlsplit(app.addresses[0]).netloc) for app in found.apps],
    )  # fmt: skip
    # Browsers hold the redirects that follow a form to form-action as well, so the apps' addresses must be in it.
    sources = {f"{parts.scheme}://{parts.netloc}" for app in found.apps for parts in map(urlsplit, app.addresses)}
    allowed = " ".join(["form-action 'self'", *sorted(one for one in sources if one.startswith("http"))])
    response.headers["content-security-policy"] = POLICY.replace("form-action 'self'", allowed)
    return response


async def open_app(request: Request) -> Response:
    """To the app, with a launch token."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    address = await who.access.launches.open(who.caller, fields.get("app", ""), fields.get("visit", ""), who.now)
    return RedirectResponse(address, 303)


async def answer(request: Request) -> Response:
    """The app asks by way of /oauth/authorize; back to it, with a code or an error."""
    who = await signed_in(request, "clinician")
    asked, _ = await who.access.apps.request_of(request.query_params.get("request", ""), who.now, launched=True)
    return RedirectResponse(await who.access.launches.answer(who.caller, asked, who.now), 303)


def routes() -> list[Route]:
    """The routes of these pages."""
    return [
        Route("/clinician/visit/{handle}/apps", page(listed), methods=["GET"]),
        Route("/clinician/apps/open", page(open_app), methods=["POST"]),
        Route("/clinician/apps/answer", page(answer), methods=["GET"]),
    ]
