"""Help at the counter: a lost card replaced after checking the document, a print, a mandate given in person."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal, cast

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import consent, healthcode
from yima.access import AtCounter, Paper, Standing
from yima.portals.clinician import view
from yima.portals.layout import DOCUMENTS, SignedIn, checked_form, page, render, signed_in
from yima.runtime.civil import CIVIL, civil_day
from yima.runtime.errors import Refusal

_PORTAL: Final = "clinician"
_AT: Final[dict[str, tuple[str, ...]]] = {
    "active": ("reissue", "report-lost"),
    "lost": ("reissue", "report-found"),
    "cancelled": ("restore",),
    "applied": ("activate",),
    "pre-issued": ("activate",),
    "deceased": ("undo-death",),
}
"""What a desk offers in each state; access decides whether it happens."""


async def counter_page(request: Request) -> Response:
    """Look a document up, by POST only: a number never stands in an address."""
    who = await signed_in(request, "clinician")
    return _shown(request, who, done="mandate" if request.query_params.get("done") == "mandate" else "")


async def find(request: Request) -> Response:
    """Whose document this is, and how the card stands."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    return await _for_document(request, who, fields)


async def card(request: Request) -> Response:
    """Replace the card, report it lost, take that back, restore or activate it."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    event = fields.get("event", "")
    known = {one for events in _AT.values() for one in events}
    if event not in known:
        raise Refusal("field-invalid", field="event", expected=", ".join(sorted(known)))
    return await _for_document(request, who, fields, event)


async def phone(request: Request) -> Response:
    """Confirm the phone of whose document this is; what was typed is kept when something is wrong."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    paper = Paper(fields.get("system", ""), fields.get("value", ""))
    typed = {"system": paper.system, "value": paper.value, "phone": fields.get("phone", "")}
    try:
        await who.access.phones.confirm(
            who.caller, who.access.cards, paper, typed["phone"], who.now, stolen=fields.get("stolen") == "yes"
        )
    except Refusal as refusal:
        if refusal.code == "step-up-needed":
            raise
        return _shown(request, who, refusal=refusal, typed=typed)
    return await _for_document(request, who, fields, confirmed=True)


async def print_card(request: Request) -> Response:
    """The printable card of whose document this is."""
    who = await signed_in(request, "clinician")
    return await _for_document(request, who, await checked_form(request, who), "print")


async def _for_document(
    request: Request, who: SignedIn, fields: dict[str, str], event: str = "", *, confirmed: bool = False
) -> Response:
    paper = Paper(fields.get("system", ""), fields.get("value", ""))
    typed = {"system": paper.system, "value": paper.value}
    try:
        identity = await who.access.cards.person_by_paper(who.caller, paper, who.now)
        printed = None
        if event and event != "print":
            known = cast(Literal["reissue"], event)
            await who.access.cards.change(who.caller, identity.person, known, now=who.now, paper=paper)
        elif event:
            held, text = await who.access.cards.printed(who.caller, identity.person, paper, who.now)
            # Our own drawing of our own code: paths and numbers, nothing of anybody's words.
            drawing = Markup(healthcode.qr_svg(text, "Q"))  # noqa: S704  as said above
            printed = {"drawing": drawing, "number": held.shown_number}
        standing = await who.access.cards.standing(who.caller, identity.person, who.now, paper)
    except Refusal as refusal:
        return _shown(request, who, refusal=refusal, typed=typed)
    return _shown(
        request,
        who,
        person=view.person(identity, who.now),
        standing=standing,
        typed=typed,
        printed=printed,
        done="phone" if confirmed else event,
    )


async def visit_page(request: Request) -> Response:
    """A mandate for whoever was just scanned."""
    who = await signed_in(request, "clinician")
    return await _visitor(request, who, request.path_params["handle"], {}, None)


async def _visitor(
    request: Request, who: SignedIn, visit: str, typed: dict[str, str], refusal: Refusal | None
) -> Response:
    identity, proven = await who.access.families.visitor(who.caller, visit, who.now)
    person = view.person(identity, who.now)
    child = person.years is not None and person.years < consent.OF_AGE
    return _shown(request, who, person=person, visitor=visit, proven=proven, child=child, typed=typed, refusal=refusal)


async def mandate(request: Request) -> Response:
    """Record what the person said; what was typed is kept when something is wrong."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    held = Paper(fields.get("system", ""), fields.get("value", "")) if fields.get("value") else None
    said = AtCounter(
        visit=fields.get("visit", ""),
        paper=held,
        agent=Paper(fields.get("agent-system", ""), fields.get("agent-value", "")),
        guardian=fields.get("kind") == "guardian",
        scopes=[scope for scope in consent.SCOPES if fields.get(f"scope-{scope}")],
        ends=_end_of_day(fields.get("ends", "")),
        evidence=fields.get("evidence", ""),
    )
    try:
        await who.access.families.record(who.caller, said, who.now)
    except Refusal as refusal:
        if refusal.code in ("visit-needed", "visit-expired", "right-needed"):
            raise
        return await _visitor(request, who, said.visit, fields, refusal)
    return RedirectResponse("/clinician/counter?done=mandate", 303)


def _end_of_day(text: str) -> datetime | None:
    """The end of a day typed into a form, in China's civil time; None for what is no day: access says what it wants."""
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(0), CIVIL)
    except (ValueError, OverflowError):
        return None


def _shown(request: Request, who: SignedIn, **found: Any) -> Response:
    standing: Standing | None = found.get("standing")
    refusal: Refusal | None = found.get("refusal")
    nothing: dict[str, Any] = {
        "person": None, "visitor": "", "proven": True, "child": False, "standing": None, "printed": None, "done": "",
        "refusal": None, "typed": {},
    }  # fmt: skip
    context = nothing | found
    return render(
        request,
        "counter.html",
        portal=_PORTAL,
        status=refusal.status if refusal else 200,
        caller=who.caller,
        csrf=who.csrf,
        documents=DOCUMENTS,
        statuses=healthcode.CARD_STATUSES,
        events=_AT.get(standing.state, ()) if standing else (),
        evidence=[(code, words) for code, words in consent.EVIDENCE.items() if code != "own-session"],
        scopes=consent.SCOPES,
        usual=(civil_day(who.now) + timedelta(days=365)).isoformat(),
        **context,
    )


def routes() -> list[Route]:
    """The routes of the counter."""
    shown = {"/clinician/counter": counter_page, "/clinician/counter/visit/{handle}": visit_page}
    done = {
        "/clinician/counter": find,
        "/clinician/counter/card": card,
        "/clinician/counter/print": print_card,
        "/clinician/counter/phone": phone,
        "/clinician/counter/mandate": mandate,
    }
    return [
        *(Route(path, page(handler), methods=["GET"]) for path, handler in shown.items()),
        *(Route(path, page(handler), methods=["POST"]) for path, handler in done.items()),
    ]
