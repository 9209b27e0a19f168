"""Routes of the clinician's pages. Access decides everything; here it is only asked and shown."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import consent
from yima.portals.clinician import apps, counter, glass, stops, view, whole
from yima.portals.clinician.desk import desk
from yima.portals.layout import (
    SignedIn,
    Words,
    checked_form,
    language_of,
    page,
    place_names,
    render,
    render_fragment,
    signed_in,
)
from yima.runtime import ids
from yima.runtime.errors import Refusal

_PORTAL = "clinician"
_YEAR = 365 * 24 * 3600
_BY_SCRIPT = "yima-script"
"""Header of a scan sent by our own module: it wants JSON, not a whole page."""


async def scan_page(request: Request) -> Response:
    """The scan field, waiting; for the data protection officer, who scans nobody, what was stopped here."""
    who = await signed_in(request, "clinician")
    if consent.may_work(who.caller, "own-stops"):
        return RedirectResponse(stops.ADDRESS, 303)
    return render(request, "scan.html", portal=_PORTAL, **await desk(request, who))


async def scan(request: Request) -> Response:
    """A scanned, typed or pasted code. A phone's code opens the record, a printed one identifies."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    terminal, step = fields.get("terminal", ""), fields.get("step", "")
    try:
        found = await who.access.scan(
            who.caller, fields.get("code", ""), terminal=terminal, step=step, purpose="treatment", now=who.now
        )
    except Refusal as refusal:
        return await _scanned(request, who, fields, {"refusal": refusal}, refusal.status)
    if found.assurance != "dynamic":
        return await _scanned(
            request, who, fields, {"identified": view.person(found.identity, who.now), "handle": found.visit}, 200
        )
    place = f"/clinician/visit/{found.visit}"
    response: Response = RedirectResponse(place, 303)
    if request.headers.get(_BY_SCRIPT):
        response = Response(orjson.dumps({"go": place}), media_type="application/json")
    return _remember(request, response, terminal, step)


async def _scanned(
    request: Request, who: SignedIn, fields: dict[str, str], result: dict[str, Any], status: int
) -> Response:
    """The scan page with a result that is not a record; for our module only the region that changes."""
    shown = await desk(request, who) | {"terminal": fields.get("terminal", ""), "step": fields.get("step", "")} | result
    if request.headers.get(_BY_SCRIPT):
        html = render_fragment(request, "result.html", portal=_PORTAL, **shown)
        response: Response = Response(
            orjson.dumps({"html": html, "refused": "refusal" in result}), media_type="application/json"
        )
    else:
        response = render(request, "scan.html", portal=_PORTAL, status=status, **shown)
    return _remember(request, response, shown["terminal"], shown["step"])


async def visit_page(request: Request) -> Response:
    """The record of a visit, or of an emergency access that was widened; before, the emergency set stands elsewhere."""
    who = await signed_in(request, "clinician")
    handle = request.path_params["handle"]
    if ids.home_of_handle(handle) and (await who.access.glass.opened(who.caller, handle)).widened is None:
        return RedirectResponse(f"/clinician/emergency/{handle}", 303)
    person = await who.access.person_of_visit(who.caller, handle, who.now)
    opened = await who.access.open_record(who.caller, person, purpose="", visit=handle, now=who.now)
    words = Words(_PORTAL, language_of(request))
    return render(
        request,
        "visit.html",
        portal=_PORTAL,
        **await desk(request, who),
        v=view.visit(opened, words),
        o=opened.overview,
        opened=opened,
        person=view.person(opened.identity, who.now),
        places=await place_names(who.access, words.lang),
    )


def _remember(request: Request, response: Response, terminal: str, step: str) -> Response:
    """The desk stays where it is: terminal and step are kept in this browser for a year."""
    for name, value in (("yima_terminal", terminal), ("yima_step", step)):
        if value and len(value) <= 64 and value.isascii() and value.isprintable() and ";" not in value:
            response.set_cookie(
                name,
                value,
                max_age=_YEAR,
                path="/clinician",
                httponly=True,
                samesite="lax",
                secure=request.url.scheme == "https",
            )
    return response


def routes() -> list[Route]:
    """All routes of this portal."""
    shown = {"/clinician/": scan_page, "/clinician/visit/{handle}": visit_page}
    done = {
        "/clinician/scan": scan,
    }
    return [
        *(Route(path, page(handler), methods=["GET"]) for path, handler in shown.items()),
        *(Route(path, page(handler), methods=["POST"]) for path, handler in done.items()),
        *apps.routes(),
        *counter.routes(),
        *glass.routes(),
        *stops.routes(),
        *whole.routes(),
    ]
