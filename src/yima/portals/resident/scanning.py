"""The resident scans: a kiosk's question to answer, a counter's code for a number. And where the own code was used."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import directory, healthcode
from yima.healthcode import COUNTER_PREFIX, Term
from yima.portals.layout import SignedIn, Words, checked_form, language_of, page, render, signed_in
from yima.portals.layout.dates import heading_day, time_of_day
from yima.portals.resident import view
from yima.runtime.civil import civil_day
from yima.runtime.errors import Refusal

_PORTAL = "resident"
_MISREAD = frozenset(
    {"code-unreadable", "code-signature-invalid", "code-expired", "code-already-used", "counter-closed"}
)
"""Refusals of what was scanned: shown at the field, so that the next try is one scan away."""


@dataclass(frozen=True, slots=True)
class UseLine:
    """One use of the code."""

    day: str
    time: str
    place: str
    what: str
    how: str
    kind: str


async def scan_page(request: Request) -> Response:
    """The field into which the camera reads."""
    who = await signed_in(request, "resident")
    return await _field(request, who, None)


async def scan(request: Request) -> Response:
    """What was scanned: a kiosk's question or a counter; nothing is told to anybody yet."""
    who = await signed_in(request, "resident")
    text = (await checked_form(request, who)).get("code", "").strip()
    try:
        if text[:4].upper() == COUNTER_PREFIX:
            return await _offer(request, who, text)
        return await _question(request, who, text)
    except Refusal as refusal:
        if refusal.code not in _MISREAD:
            raise
        return await _field(request, who, refusal)


async def answer(request: Request) -> Response:
    """Yes or no to a kiosk."""
    who = await signed_in(request, "resident")
    fields = await checked_form(request, who)
    said, text = fields.get("answer", ""), fields.get("code", "")
    if said not in ("yes", "no"):
        raise Refusal("field-invalid", field="answer", expected="yes or no")
    kiosks = who.access.kiosks
    try:
        found = await (kiosks.approve if said == "yes" else kiosks.refuse)(who.caller, text, who.now)
    except Refusal as refusal:
        if refusal.code not in _MISREAD:
            raise
        return await _field(request, who, refusal)
    place = _place(found.institution, language_of(request))
    return render(request, "answered.html", portal=_PORTAL, tab="code", said=said, place=place)


async def share(request: Request) -> Response:
    """Share the profile that was chosen, and take a number."""
    who = await signed_in(request, "resident")
    fields = await checked_form(request, who)
    try:
        ticket = await who.access.counters.share(
            who.caller,
            fields.get("code", ""),
            phone=fields.get("phone") == "yes",
            document=fields.get("document") == "yes",
            now=who.now,
        )
    except Refusal as refusal:
        if refusal.code not in _MISREAD:
            raise
        return await _field(request, who, refusal)
    return RedirectResponse(f"/resident/tickets/{ticket.share.share_id}", 303)


async def ticket(request: Request) -> Response:
    """The number, and how many are before it."""
    who = await signed_in(request, "resident")
    found = await who.access.counters.ticket(who.caller, request.path_params["id"])
    lang = language_of(request)
    return render(
        request,
        "ticket.html",
        portal=_PORTAL,
        tab="code",
        found=found,
        place=_place(found.institution, lang),
        counter=found.counter.name_zh if lang == "zh" else found.counter.name_en,
        at=time_of_day(found.share.created),
    )


async def uses_page(request: Request) -> Response:
    """Where my code was used."""
    who = await signed_in(request, "resident")
    lang = language_of(request)
    words, today = Words(_PORTAL, lang), civil_day(who.now)
    uses = await who.access.uses.mine(who.caller, who.now)
    places = {n: await directory.institution(who.access.database, n) for n in {use.institution for use in uses}}
    lines = [
        UseLine(
            heading_day(civil_day(use.at), today, lang),
            time_of_day(use.at),
            _place(places[use.institution], lang),
            _word(healthcode.STEPS.get(use.scene or use.step), lang),
            _word(healthcode.CHANNELS.get(use.channel), lang),
            words(f"uses.kind.{use.kind}"),
        )
        for use in uses
    ]
    return render(request, "uses.html", portal=_PORTAL, tab="log", lines=lines)


async def _field(request: Request, who: SignedIn, refusal: Refusal | None) -> Response:
    tickets = await who.access.counters.tickets(who.caller, who.now)
    said = refusal.text(language_of(request)) if refusal else ""
    status = refusal.status if refusal else 200
    return render(
        request, "point.html", portal=_PORTAL, tab="code", csrf=who.csrf, said=said, tickets=tickets, status=status
    )


async def _question(request: Request, who: SignedIn, text: str) -> Response:
    found = await who.access.kiosks.question(who.caller, text, who.now)
    lang = language_of(request)
    return render(
        request,
        "question.html",
        portal=_PORTAL,
        tab="code",
        csrf=who.csrf,
        code=text,
        place=_place(found.institution, lang),
        found=found,
        purpose=_word(healthcode.PURPOSES[found.asked.purpose], lang),
        step=_word(healthcode.STEPS.get(found.asked.scene or found.asked.step), lang),
    )


async def _offer(request: Request, who: SignedIn, text: str) -> Response:
    offer = await who.access.counters.offer(who.caller, text)
    lang = language_of(request)
    return render(
        request,
        "offer.html",
        portal=_PORTAL,
        tab="code",
        csrf=who.csrf,
        code=text,
        offer=offer,
        name=view.named(offer.identity.name, offer.identity.latin_name, lang),
        place=_place(offer.institution, lang),
        counter=offer.counter.name_zh if lang == "zh" else offer.counter.name_en,
    )


def _place(place: directory.Institution | None, lang: str) -> str:
    return "" if place is None else place.name_zh if lang == "zh" else place.name_en or place.name_zh


def _word(term: Term | None, lang: str) -> str:
    return "" if term is None else term.zh if lang == "zh" else term.en


def routes() -> list[Route]:
    """The routes of scanning, numbers and uses."""
    return [
        Route("/resident/scan", page(scan_page), methods=["GET"]),
        Route("/resident/scan", page(scan), methods=["POST"]),
        Route("/resident/scan/answer", page(answer), methods=["POST"]),
        Route("/resident/scan/share", page(share), methods=["POST"]),
        Route("/resident/tickets/{id}", page(ticket), methods=["GET"]),
        Route("/resident/uses", page(uses_page), methods=["GET"]),
    ]
