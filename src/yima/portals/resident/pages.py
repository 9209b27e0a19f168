"""Routes of the resident's pages. Each handler asks access and shows the answer; nothing is decided here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import healthcode
from yima.portals.layout import (
    SignedIn,
    Words,
    checked_form,
    language_of,
    page,
    place_names,
    render,
    signed_in,
)
from yima.portals.resident import (
    apps,
    choices,
    credentials,
    decisions,
    device,
    family,
    installed,
    log,
    papers,
    view,
    whole,
)
from yima.runtime import ids
from yima.runtime.errors import Refusal

_PORTAL = "resident"
_LOG_PAGE = 100
_JUST_USED = timedelta(minutes=10)


async def code_page(request: Request) -> Response:
    """The code, and what its holder must hear about."""
    who = await signed_in(request, "resident")
    found = await family.shown(request, who)
    card = found.card
    told = await _told(request, who)
    return render(
        request,
        "code.html",
        portal=_PORTAL,
        tab="code",
        card=card,
        name=view.named(card.name, card.latin_name, language_of(request)),
        masked=view.masked(view.named(card.name, card.latin_name, language_of(request))),
        # "<" would let a text end the script element; everything else is safe inside a JSON data block
        batch=orjson.dumps({"batch": card.batch, "number": card.number, "name": card.name})
        .decode()
        .replace("<", "\\u003c"),
        notices=told[:2],
        found=found,
        bases=healthcode.LEGAL_BASES,
        csrf=who.csrf,
    )


async def code_batch(request: Request) -> Response:
    """Codes for the hours to come, for the phone's own storage; with `for` those of somebody who lets one show them."""
    who = await signed_in(request, "resident")
    card = await who.access.families.card(who.caller, family.meant(request, who), who.now)
    body = {"batch": card.batch, "number": card.number, "name": card.name}
    return Response(orjson.dumps(body), media_type="application/json", headers={"cache-control": "no-store"})


async def code_image(request: Request) -> Response:
    """The code of this moment as a drawing, for browsers without scripts."""
    who = await signed_in(request, "resident")
    card = await who.access.families.card(who.caller, family.meant(request, who), who.now)
    return Response(healthcode.qr_svg(card.dynamic_text), media_type="image/svg+xml")


async def code_used(request: Request) -> Response:
    """Where the code was used in the last ten minutes: the page tells its holder at once."""
    who = await signed_in(request, "resident")
    events = await who.access.access_log(who.caller, now=who.now, limit=20)
    scans = [e for e in events if e.action == "scan" and e.recorded > who.now - _JUST_USED]
    lines = await log.scan_lines(who.access.database, scans[:1], Words(_PORTAL, language_of(request)))
    return Response(orjson.dumps({"uses": lines}), media_type="application/json")


async def card_page(request: Request) -> Response:
    """The printable card, one's own or a family member's."""
    who = await signed_in(request, "resident")
    person = family.meant(request, who)
    card = await who.access.families.card(who.caller, person, who.now)
    member = "" if person == who.caller.person else ids.person_text(person)
    return render(request, "card.html", portal=_PORTAL, tab="code", card=card, member=member)


async def card_image(request: Request) -> Response:
    """The printed code as a drawing, error level Q."""
    who = await signed_in(request, "resident")
    card = await who.access.families.card(who.caller, family.meant(request, who), who.now)
    return Response(healthcode.qr_svg(card.static_text, "Q"), media_type="image/svg+xml")


async def card_file(request: Request) -> Response:
    """The card as PDF for a printer, one's own or a family member's: `size=id1` (bank card) or `a6` (large type)."""
    who = await signed_in(request, "resident")
    size = request.query_params.get("size", "id1")
    if size not in healthcode.CARD_SIZES:
        raise Refusal("field-invalid", field="size", expected=" or ".join(healthcode.CARD_SIZES))
    card = await who.access.printing.printed_card(who.caller, family.meant(request, who), who.now)
    body = await asyncio.to_thread(healthcode.card_pdf, [card], size, now=who.now, font=who.access.printing.font)
    headers = {"content-disposition": f'attachment; filename="yima-card-{size}.pdf"', "cache-control": "no-store"}
    return Response(body, media_type="application/pdf", headers=headers)


async def record_page(request: Request) -> Response:
    """The whole record of the person who asks, or what a mandate opens of somebody else's."""
    who = await signed_in(request, "resident")
    person = family.meant(request, who)
    opened = await who.access.open_record(who.caller, person, purpose="own-request", visit=None, now=who.now)
    shown = view.record(opened, Words(_PORTAL, language_of(request)))
    return render(
        request,
        "record.html",
        portal=_PORTAL,
        tab="record",
        record=shown,
        o=opened.overview,
        identity=opened.identity,
        member="" if person == who.caller.person else ids.person_text(person),
        opened=opened,
        places=await place_names(who.access, language_of(request)),
    )


async def record_download(request: Request) -> Response:
    """The same record as a FHIR R4 collection Bundle, as the institutions submitted it."""
    who = await signed_in(request, "resident")
    rows = await who.access.my_resources(who.caller, who.now)
    body = view.bundle([row.content for row in rows], who.now)
    headers = {"content-disposition": 'attachment; filename="yima-record.json"', "cache-control": "no-store"}
    return Response(body, media_type="application/fhir+json", headers=headers)


async def log_page(request: Request) -> Response:
    """Who looked, who tried, who added."""
    who = await signed_in(request, "resident")
    before = _moment(request.query_params.get("before"))
    events = await who.access.access_log(who.caller, now=who.now, before=before, limit=_LOG_PAGE)
    words = Words(_PORTAL, language_of(request))
    days = await log.days(who.access.database, events, words, who.now)
    older = events[-1].recorded.isoformat() if len(events) == _LOG_PAGE else ""
    return render(
        request,
        "log.html",
        portal=_PORTAL,
        tab="log",
        days=days,
        older=older,
        paged=before is not None,
        notices=await _told(request, who),
    )


async def choices_page(request: Request) -> Response:
    """What is shared."""
    who = await signed_in(request, "resident")
    switches = choices.switches(await who.access.sharing(who.caller, who.now))
    changed = choices.changed(switches, request.query_params.get("changed", ""))
    return render(
        request, "choices.html", portal=_PORTAL, tab="choices", switches=switches, changed=changed, csrf=who.csrf
    )


async def choose(request: Request) -> Response:
    """Change one switch, then show the page again with what changed and a way back."""
    who = await signed_in(request, "resident")
    fields = await checked_form(request, who)
    known = {choice.cls for choice in await who.access.sharing(who.caller, who.now)}
    cls, permit = fields.get("class", ""), fields.get("permit", "")
    if cls not in known or permit not in ("yes", "no"):
        raise Refusal("field-invalid", field="class", expected=", ".join(sorted(known)))
    await who.access.set_sharing(who.caller, cls, permit=permit == "yes", now=who.now)
    return RedirectResponse(f"/resident/choices?changed={cls}", 303)


async def help_page(request: Request) -> Response:
    """Help, display settings, paper and counter ways."""
    who = await signed_in(request, "resident")
    days = who.access.settings.objection_days
    return render(request, "help.html", portal=_PORTAL, tab="help", csrf=who.csrf, days=days)


async def _told(request: Request, who: SignedIn) -> list[log.Card]:
    events = await who.access.notices(who.caller, who.now)
    return await log.notices(who.access.database, events, Words(_PORTAL, language_of(request)), who.now)


def _moment(text: str | None) -> datetime | None:
    """A paging mark from our own link; Refusal `field-invalid` when somebody else wrote it."""
    if not text:
        return None
    try:
        said = datetime.fromisoformat(text)
        at = said.astimezone(UTC) if said.tzinfo else None
    except (ValueError, OverflowError):  # the first and the last day have moments that UTC has not
        at = None
    if at is None:
        raise Refusal("field-invalid", field="before", expected="a moment with its zone")
    return at


def routes() -> list[Route]:
    """All routes of this portal."""
    shown = {
        "/resident/": code_page,
        "/resident/code/batch": code_batch,
        "/resident/code/now.svg": code_image,
        "/resident/code/used": code_used,
        "/resident/card": card_page,
        "/resident/card.svg": card_image,
        "/resident/card.pdf": card_file,
        "/resident/record": record_page,
        "/resident/record.json": record_download,
        "/resident/log": log_page,
        "/resident/choices": choices_page,
        "/resident/help": help_page,
    }
    done = {"/resident/choices": choose, "/resident/device": device.certify}
    return [
        *(Route(path, page(handler), methods=["GET"]) for path, handler in shown.items()),
        *(Route(path, page(handler), methods=["POST"]) for path, handler in done.items()),
        *credentials.routes(),
        *decisions.routes(),
        *papers.routes(),
        *family.routes(),
        *installed.routes(),
        *whole.routes(),
        *apps.routes(),
    ]
