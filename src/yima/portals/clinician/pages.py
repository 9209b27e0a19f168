"""Routes of the clinician's pages. Access decides everything; here it is only asked and shown."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima.mpi import Identity
from yima.portals.clinician import counter, view, whole
from yima.portals.clinician.desk import desk
from yima.portals.layout import (
    SignedIn,
    Words,
    checked_form,
    cookie_name,
    english_places,
    language_of,
    page,
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
    """The scan field, waiting."""
    who = await signed_in(request, "clinician")
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
    """The record of a visit or an emergency access."""
    who = await signed_in(request, "clinician")
    handle = request.path_params["handle"]
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
        places=await english_places(who.access, words.lang),
    )


async def emergency_page(request: Request) -> Response:
    """Emergency access: find the person by a document number."""
    who = await signed_in(request, "clinician")
    return render(
        request, "emergency.html", portal=_PORTAL, **await desk(request, who), documents=view.DOCUMENTS, typed={}
    )


async def emergency_find(request: Request) -> Response:
    """Look the document up, by POST only: a number never stands in an address."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    shown = await desk(request, who) | {
        "documents": view.DOCUMENTS,
        "typed": fields,
        "terminal": fields.get("terminal", ""),
    }
    try:
        identity = await who.access.find_person(
            who.caller, system=fields.get("system", ""), value=fields.get("value", ""), now=who.now
        )
    except Refusal as refusal:
        return render(request, "emergency.html", portal=_PORTAL, status=refusal.status, **shown, refusal=refusal)
    return render(request, "emergency.html", portal=_PORTAL, **shown, identified=view.person(identity, who.now))


async def emergency_open(request: Request) -> Response:
    """Open the record with a reason; what was typed is kept when the reason is too short."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    person = ids.person_from_text(fields.get("person", ""))
    if person is None:
        raise Refusal("not-found", field="person")
    try:
        handle = await who.access.glass.open(
            who.caller, person, ground=fields.get("ground", ""), reason=fields.get("reason", ""),
            terminal=fields.get("terminal", ""), now=who.now,
        )  # fmt: skip
    except Refusal as refusal:
        if refusal.field != "reason":
            raise
        again = Identity(
            person,
            fields.get("name", ""),
            fields.get("latin", ""),
            fields.get("sex", ""),
            fields.get("born", ""),
            None,
            False,
        )
        shown = await desk(request, who) | {"documents": view.DOCUMENTS, "typed": fields}
        return render(
            request,
            "emergency.html",
            portal=_PORTAL,
            status=refusal.status,
            **shown,
            identified=view.person(again, who.now),
            reason_refusal=refusal,
        )
    return RedirectResponse(f"/clinician/visit/{handle}", 303)


async def sign_out(request: Request) -> Response:
    """End the session; the list of recent visits lives in the tab and goes with it."""
    who = await signed_in(request, "clinician")
    await checked_form(request, who)
    response = RedirectResponse("/", 303)
    response.delete_cookie(cookie_name("clinician"), path="/clinician")
    return response


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
    shown = {"/clinician/": scan_page, "/clinician/visit/{handle}": visit_page, "/clinician/emergency": emergency_page}
    done = {
        "/clinician/scan": scan,
        "/clinician/emergency": emergency_find,
        "/clinician/emergency/open": emergency_open,
        "/clinician/sign-out": sign_out,
    }
    return [
        *(Route(path, page(handler), methods=["GET"]) for path, handler in shown.items()),
        *(Route(path, page(handler), methods=["POST"]) for path, handler in done.items()),
        *counter.routes(),
        *whole.routes(),
    ]
