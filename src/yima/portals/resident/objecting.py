"""This looks wrong: a resident says so of a line of the own log and reads the answer; and whether notices are sent."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima.audit import Event
from yima.portals.layout import SignedIn, Words, checked_form, language_of, page, render, signed_in
from yima.portals.resident import log
from yima.runtime.errors import Refusal

_PORTAL = "resident"
_ADDRESS = "/resident/objections"


async def objections_page(request: Request) -> Response:
    """The entry that was chosen (`line`), what was said before and the answers, and the switch for notices."""
    return await _shown(request, await signed_in(request, "resident"), request.query_params.get("line", ""), None)


async def _shown(request: Request, who: SignedIn, line: str, refusal: Refusal | None) -> Response:
    privacy = who.access.privacy
    chosen = await privacy.my_line(who.caller, line) if line else None
    return render(
        request, "objections.html", portal=_PORTAL, tab="log", status=refusal.status if refusal else 200,
        line=line if chosen else "", chosen=await _card(request, who, chosen), refusal=refusal, now=who.now,
        mine=await privacy.my_objections(who.caller), days=who.access.settings.objection_days,
        wanted=await privacy.wants_notices(who.caller), sends=who.access.settings.notice_sender != "none",
        done=request.query_params.get("done", ""), csrf=who.csrf,
    )  # fmt: skip


async def _card(request: Request, who: SignedIn, event: Event | None) -> log.Card | None:
    if event is None:
        return None
    days = await log.days(who.access.database, [event], Words(_PORTAL, language_of(request)), who.now)
    return days[0].cards[0]


async def say(request: Request) -> Response:
    """Open a case."""
    who = await signed_in(request, "resident")
    form = await checked_form(request, who)
    try:
        await who.access.privacy.object_to(who.caller, form.get("line", ""), form.get("said", ""), who.now)
    except Refusal as refusal:
        return await _shown(request, who, form.get("line", ""), refusal)
    return RedirectResponse(f"{_ADDRESS}?done=sent", 303)


async def choose_notices(request: Request) -> Response:
    """Notices on or off."""
    who = await signed_in(request, "resident")
    form = await checked_form(request, who)
    await who.access.privacy.choose_notices(who.caller, wanted=form.get("wanted") == "yes", now=who.now)
    return RedirectResponse(f"{_ADDRESS}#notices", 303)


def routes() -> list[Route]:
    """The routes of objections and notices."""
    return [
        Route(_ADDRESS, page(objections_page), methods=["GET"]),
        Route(_ADDRESS, page(say), methods=["POST"]),
        Route("/resident/notices", page(choose_notices), methods=["POST"]),
    ]
