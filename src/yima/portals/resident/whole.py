"""A record seen whole: stages of life and quality, the timeline with filters, the summary to print or take along."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima import fhir
from yima.access import RecordView, Summary
from yima.portals.layout import SignedIn, Words, language_of, page, place_names, render, signed_in
from yima.portals.layout.lives import PICTURES, stage_views, timeline_view
from yima.portals.resident import family
from yima.runtime import ids

_PORTAL = "resident"


async def life(request: Request) -> Response:
    """The stages of life that fit, and what the record has and lacks."""
    who, opened, member = await _opened(request)
    words = Words(_PORTAL, language_of(request))
    return render(
        request, "life.html", portal=_PORTAL, tab="record", o=opened.overview, member=member,
        stages=stage_views(opened.overview, words), places=await place_names(who.access, words.lang),
    )  # fmt: skip


async def timeline(request: Request) -> Response:
    """Everything that happened, chosen by kind, year and institution."""
    who, opened, member = await _opened(request)
    words = Words(_PORTAL, language_of(request))
    places = await place_names(who.access, words.lang)
    view = timeline_view(opened.overview, request.query_params.multi_items(), words, places)
    return render(
        request, "timeline.html", portal=_PORTAL, tab="record", view=view, member=member, places=places,
        pictures=PICTURES,
    )  # fmt: skip


async def summary(request: Request) -> Response:
    """The International Patient Summary as a page to print."""
    made, member = await _summary(request)
    return render(request, "summary.html", portal=_PORTAL, tab="record", made=made, member=member)


async def summary_file(request: Request) -> Response:
    """The same as a FHIR document."""
    made, _ = await _summary(request)
    headers = {"content-disposition": 'attachment; filename="yima-summary.json"', "cache-control": "no-store"}
    return Response(fhir.encode(made.bundle), media_type="application/fhir+json", headers=headers)


async def _opened(request: Request) -> tuple[SignedIn, RecordView, str]:
    who = await signed_in(request, "resident")
    person = family.meant(request, who)
    opened = await who.access.open_record(who.caller, person, purpose="own-request", visit=None, now=who.now)
    return who, opened, "" if person == who.caller.person else ids.person_text(person)


async def _summary(request: Request) -> tuple[Summary, str]:
    who = await signed_in(request, "resident")
    person = family.meant(request, who)
    made = await who.access.summaries.of_person(who.caller, person, visit="", lang=language_of(request), now=who.now)
    return made, "" if person == who.caller.person else ids.person_text(person)


def routes() -> list[Route]:
    """The addresses of this file."""
    shown = {
        "/resident/life": life,
        "/resident/timeline": timeline,
        "/resident/summary": summary,
        "/resident/summary.json": summary_file,
    }
    return [Route(path, page(handler), methods=["GET"]) for path, handler in shown.items()]
