"""Family and card: whose code is shown, who may act for whom, a lost card. Each handler asks access; nothing is decided
here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, cast

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import consent, healthcode
from yima.access import CardView, Relative, Standing
from yima.portals.layout import SignedIn, Words, checked_form, language_of, page, render, signed_in
from yima.portals.resident import view
from yima.runtime import ids
from yima.runtime.civil import CIVIL, civil_day
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, person_text

_PORTAL: Final = "resident"
_EVENTS: Final = ("report-lost", "report-found", "reissue", "cancel", "restore", "activate")


@dataclass(frozen=True, slots=True)
class Member:
    """One tab of the switcher on the code page."""

    name: str
    href: str
    current: bool
    own: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """Whose code the page shows, and how the card stands."""

    card: CardView
    member: str
    """Person text of the family member whose code it is; empty for one's own."""
    members: tuple[Member, ...]
    standing: Standing | None
    """Set when the card does not stand."""


def meant(request: Request, who: SignedIn) -> PersonId:
    """The person a page is about: `?for=`, else who asks. Refusal `not-found` for what is no person."""
    text = request.query_params.get("for", "")
    person = ids.person_from_text(text) if text else who.caller.person
    if person is None:
        raise Refusal("not-found")
    return person


async def shown(request: Request, who: SignedIn) -> Shown:
    """The card of the person meant, with the switcher. Refusal `mandate-needed`."""
    person = meant(request, who)
    card = await who.access.families.card(who.caller, person, who.now)
    family = await who.access.families.family(who.caller, who.now)
    others = {relative.person: relative for relative in family.codes}
    lang = language_of(request)
    members = [Member(Words(_PORTAL, lang)("family.me"), "/resident/", person == who.caller.person, True)]
    members += [
        Member(view.named(r.name, r.latin_name, lang), f"/resident/?for={person_text(r.person)}", person == p, False)
        for p, r in others.items()
    ]
    standing = None
    if card.status != "active":
        standing = await who.access.cards.standing(who.caller, person, who.now)
    member = "" if person == who.caller.person else person_text(person)
    return Shown(card, member, tuple(members) if others else (), standing)


async def family_page(request: Request) -> Response:
    """For whom one may act, who may act for oneself, and giving a mandate."""
    return await _family(request, await signed_in(request, "resident"), {}, None)


async def _family(request: Request, who: SignedIn, typed: dict[str, str], refusal: Refusal | None) -> Response:
    found = await who.access.families.family(who.caller, who.now)
    day = civil_day(who.now)
    return render(
        request,
        "family.html",
        portal=_PORTAL,
        status=refusal.status if refusal else 200,
        tab="code",
        for_others=_running(found.for_others),
        for_me=_running(found.for_me),
        past=[r for r in (*found.for_others, *found.for_me) if not r.running][:10],
        text=person_text,
        scopes=consent.SCOPES,
        typed=typed,
        chosen=typed.get("scopes", "show-code").split(","),
        refusal=refusal,
        first=(day + timedelta(days=1)).isoformat(),
        last=(day + timedelta(days=5 * 365)).isoformat(),
        usual=(day + timedelta(days=365)).isoformat(),
        done=request.query_params.get("done", ""),
        csrf=who.csrf,
    )


def _running(relatives: tuple[Relative, ...]) -> list[Relative]:
    return [relative for relative in relatives if relative.running]


async def give(request: Request) -> Response:
    """Let another adult act for oneself; what was typed is kept when something is wrong."""
    who = await signed_in(request, "resident")
    fields = await checked_form(request, who)
    scopes = [scope for scope in consent.SCOPES if fields.get(f"scope-{scope}")]
    typed = fields | {"scopes": ",".join(scopes)}
    try:
        await who.access.families.give(
            who.caller, card_number=fields.get("number", ""), name=fields.get("name", ""), scopes=scopes,
            ends=end_of_day(fields.get("ends", "")), now=who.now,
        )  # fmt: skip
    except Refusal as refusal:
        if refusal.field is None:
            raise
        return await _family(request, who, typed, refusal)
    return RedirectResponse("/resident/family?done=given", 303)


def end_of_day(text: str) -> datetime:
    """The end of a day typed into a form, in China's civil time; Refusal `field-invalid`."""
    try:
        day = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Refusal("field-invalid", field="ends", expected="a day, e.g. 2027-01-31") from None
    return datetime.combine(day, time(0), CIVIL)


async def end(request: Request) -> Response:
    """End a mandate, from either side."""
    who = await signed_in(request, "resident")
    fields = await checked_form(request, who)
    await who.access.families.end(who.caller, fields.get("mandate", ""), who.now)
    return RedirectResponse("/resident/family?done=ended", 303)


async def lost_page(request: Request) -> Response:
    """A lost card, one's own or of somebody one may decide for: what it means, what to do."""
    who = await signed_in(request, "resident")
    person = meant(request, who)
    standing = await who.access.cards.standing(who.caller, person, who.now)
    card = await who.access.families.card(who.caller, person, who.now)
    return render(
        request,
        "lost.html",
        portal=_PORTAL,
        tab="code",
        standing=standing,
        card=card,
        own=person == who.caller.person,
        member="" if person == who.caller.person else person_text(person),
        name=view.named(card.name, card.latin_name, language_of(request)),
        done=request.query_params.get("done", ""),
        bases=healthcode.LEGAL_BASES,
        csrf=who.csrf,
    )


async def lost(request: Request) -> Response:
    """Report a loss, take it back, or have a new card: at once."""
    who = await signed_in(request, "resident")
    fields = await checked_form(request, who)
    event = fields.get("event", "")
    if event not in _EVENTS:
        raise Refusal("field-invalid", field="event", expected=", ".join(_EVENTS))
    person = ids.person_from_text(fields.get("for", "")) if fields.get("for") else who.caller.person
    if person is None:
        raise Refusal("not-found")
    await who.access.cards.change(who.caller, person, cast(Literal["report-lost"], event), now=who.now)
    whose = "" if person == who.caller.person else f"&for={person_text(person)}"
    return RedirectResponse(f"/resident/lost?done={event}{whose}", 303)


def routes() -> list[Route]:
    """The routes of family and card."""
    got = {"/resident/family": family_page, "/resident/lost": lost_page}
    sent = {"/resident/family/give": give, "/resident/family/end": end, "/resident/lost": lost}
    return [
        *(Route(path, page(handler), methods=["GET"]) for path, handler in got.items()),
        *(Route(path, page(handler), methods=["POST"]) for path, handler in sent.items()),
    ]
