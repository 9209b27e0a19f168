"""The record of a visit seen whole: stages of life and quality, the timeline with filters, the patient summary."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima import fhir
from yima.access import RecordView, Summary
from yima.portals.clinician import view
from yima.portals.clinician.desk import desk
from yima.portals.layout import SignedIn, Words, language_of, page, place_names, render, signed_in
from yima.portals.layout.lives import PICTURES, stage_views, timeline_view

_PORTAL = "clinician"


async def life(request: Request) -> Response:
    """The stages of life that fit, and what the record has and lacks."""
    who, opened = await _opened(request)
    words = Words(_PORTAL, language_of(request))
    return render(
        request, "life.html", portal=_PORTAL, o=opened.overview, stages=stage_views(opened.overview, words),
        **await _around(request, who, opened),
    )  # fmt: skip


async def timeline(request: Request) -> Response:
    """Everything that happened, chosen by kind, year and institution."""
    who, opened = await _opened(request)
    words = Words(_PORTAL, language_of(request))
    around = await _around(request, who, opened)
    shown = timeline_view(opened.overview, request.query_params.multi_items(), words, around["places"])
    return render(request, "timeline.html", portal=_PORTAL, view=shown, pictures=PICTURES, **around)


async def summary(request: Request) -> Response:
    """The International Patient Summary of what this visit opens."""
    who, made = await _summary(request)
    return render(request, "summary.html", portal=_PORTAL, made=made, **await _around(request, who, made.view))


async def summary_file(request: Request) -> Response:
    """The same as a FHIR document."""
    _, made = await _summary(request)
    headers = {"content-disposition": 'attachment; filename="summary.json"', "cache-control": "no-store"}
    return Response(fhir.encode(made.bundle), media_type="application/fhir+json", headers=headers)


async def _opened(request: Request) -> tuple[SignedIn, RecordView]:
    who = await signed_in(request, "clinician")
    handle = request.path_params["handle"]
    person = await who.access.person_of_visit(who.caller, handle, who.now)
    return who, await who.access.open_record(who.caller, person, purpose="", visit=handle, now=who.now)


async def _summary(request: Request) -> tuple[SignedIn, Summary]:
    who = await signed_in(request, "clinician")
    handle = request.path_params["handle"]
    person = await who.access.person_of_visit(who.caller, handle, who.now)
    return who, await who.access.summaries.of_person(
        who.caller, person, visit=handle, lang=language_of(request), now=who.now
    )


async def _around(request: Request, who: SignedIn, opened: RecordView) -> dict[str, Any]:
    return {
        **await desk(request, who),
        "handle": request.path_params["handle"],
        "person": view.person(opened.identity, who.now),
        "places": await place_names(who.access, language_of(request)),
    }


def routes() -> list[Route]:
    """The addresses of this file."""
    shown = {"life": life, "timeline": timeline, "summary": summary, "summary.json": summary_file}
    return [
        Route(f"/clinician/visit/{{handle}}/{name}", page(handler), methods=["GET"]) for name, handler in shown.items()
    ]
