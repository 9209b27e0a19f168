"""What stewards do on their pages. Each is one form; a refusal brings the page back with what was typed."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from yima import mpi
from yima.portals.layout import SignedIn, checked_form, signed_in
from yima.portals.steward import pages
from yima.portals.steward.asking import SYSTEMS, number_of, person_of, refuse_strangers
from yima.runtime import ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_ADDRESS: Final = "/operator/steward"


async def decide(request: Request) -> Response:
    """Merge, never the same, or later; then the next of the queue."""
    who = await signed_in(request, "operator")
    refuse_strangers(who)
    form = await checked_form(request, who)
    one, other = person_of(form.get("one", ""), "one"), person_of(form.get("other", ""), "other")
    try:
        done = await _decided(who, form, one, other)
    except Refusal as refusal:
        if refusal.code in ("right-needed", "step-up-needed"):
            raise
        case = form.get("case", "")
        reviews = who.access.reviews
        found = (
            await reviews.case(who.caller, number_of(case), who.now)
            if case
            else await reviews.pair(who.caller, one, other, who.now)
        )
        return await pages.pair_page(request, who, found, form, refusal)
    return _back("/", **done)


async def _decided(who: SignedIn, form: dict[str, str], one: PersonId, other: PersonId) -> dict[str, str]:
    access, reason, action = who.access, form.get("reason", ""), form.get("action", "")
    if action == "merge":
        survivor = one if form.get("survivor") == "one" else other
        gone = other if survivor == one else one
        done = await access.reviews.merge(who.caller, gone, survivor, reason=reason, now=who.now)
        return {"done": "merged", "event": str(done.event)} if done.event else {"done": "proposed"}
    if action == "apart":
        event = await access.stewards.keep_apart(who.caller, one, other, reason=reason, now=who.now)
        return {"done": "apart", "event": str(event)}
    if action == "later" and form.get("case"):
        await access.reviews.put_off(who.caller, number_of(form["case"]), who.now)
        return {"done": "later"}
    raise Refusal("field-invalid", field="action", expected="merge, apart or later")


async def second(request: Request) -> Response:
    """Confirm or decline what another steward proposed."""
    who = await signed_in(request, "operator")
    refuse_strangers(who)
    form = await checked_form(request, who)
    number, reason, reviews = number_of(form.get("number", "")), form.get("reason", ""), who.access.reviews
    try:
        if form.get("action") == "confirm":
            await reviews.confirm(who.caller, number, reason=reason, now=who.now)
            return _back("/second", done="confirmed")
        await reviews.decline(who.caller, number, reason=reason, now=who.now)
    except Refusal as refusal:
        if refusal.code in ("right-needed", "step-up-needed"):
            raise
        return await pages.second_page(request, who, refusal)
    return _back("/second", done="declined")


async def undo(request: Request) -> Response:
    """Undo an act exactly."""
    who = await signed_in(request, "operator")
    refuse_strangers(who)
    form = await checked_form(request, who)
    try:
        await who.access.stewards.undo(
            who.caller, number_of(form.get("number", "")), reason=form.get("reason", ""), now=who.now
        )
    except Refusal as refusal:
        if refusal.code in ("right-needed", "step-up-needed", "not-found"):
            raise
        return await pages.history_page(request, who, refusal)
    return _back("/" if form.get("from") == "queue" else "/history", done="undone")


async def person(request: Request) -> Response:
    """Reveal a number or give it to whom it names, split a Patient off or move it, a death, a stolen identity."""
    who = await signed_in(request, "operator")
    refuse_strangers(who)
    form = await checked_form(request, who)
    person = person_of(request.path_params["person"], "person")
    action, reason, reviews = form.get("action", ""), form.get("reason", ""), who.access.reviews
    try:
        if action == "reveal":
            numbers = await reviews.reveal(who.caller, person, reason=reason, now=who.now)
            return await pages.person_page(request, who, person, numbers=numbers)
        await _on_person(who, form, person, action)
    except Refusal as refusal:
        if refusal.code in ("right-needed", "step-up-needed"):
            raise
        return await pages.person_page(request, who, person, refusal=refusal)
    return _back(f"/person/{ids.person_text(person)}", done=action)


async def _on_person(who: SignedIn, form: dict[str, str], person: PersonId, action: str) -> None:
    access, reason = who.access, form.get("reason", "")
    if action == "split":
        await access.stewards.split(who.caller, form.get("patient", ""), reason=reason, now=who.now)
    elif action == "move":
        to = person_of(form.get("to", ""), "to")
        await access.stewards.move(who.caller, form.get("patient", ""), to, reason=reason, now=who.now)
    elif action == "number":
        to, system, value = person_of(form.get("to", ""), "to"), form.get("system", ""), form.get("value", "").strip()
        if system not in SYSTEMS or not mpi.document_is_plausible(mpi.number_key(value)):
            raise Refusal("field-invalid", field="value", expected="the number of a document")
        await access.reviews.move_number(who.caller, system, value, to, reason=reason, now=who.now)
    elif action == "death":
        await access.reviews.report_death(who.caller, person, reason=reason, now=who.now)
    elif action == "undo-death":
        await access.reviews.undo_death(who.caller, person, reason=reason, now=who.now)
    elif action == "theft":
        await access.reviews.report_theft(who.caller, person, reason=reason, now=who.now)
    else:
        raise Refusal("field-invalid", field="action", expected="an act of this page")


async def report(request: Request) -> Response:
    """A report with a document number in hand: a death, a stolen identity, a number that two people use."""
    who = await signed_in(request, "operator")
    form = await checked_form(request, who)
    kind, reason = form.get("kind", ""), form.get("reason", "")
    try:
        if kind not in ("death", "theft", "shared"):
            raise Refusal("field-invalid", field="kind", expected="death, theft or shared")
        holder = await _holder(who, form)
        if kind == "death":
            await who.access.reviews.report_death(who.caller, holder, reason=reason, now=who.now)
        elif kind == "theft":
            number = mpi.Identifier.of(form["system"], form["value"]) if form.get("freeze") == "yes" else None
            await who.access.reviews.report_theft(who.caller, holder, reason=reason, now=who.now, number=number)
        else:
            await who.access.stewards.freeze(who.caller, form["system"], form["value"], reason=reason, now=who.now)
    except Refusal as refusal:
        if refusal.code in ("right-needed", "step-up-needed"):
            raise
        return await pages.reports_page(request, who, form, refusal)
    return _back(f"/person/{ids.person_text(holder)}", done=kind)


async def find(request: Request) -> Response:
    """A person by id or by a document's number; the number is in the body, never in an address."""
    who = await signed_in(request, "operator")
    form = await checked_form(request, who)
    try:
        text = form.get("value", "").strip()
        # A permit's number has ten digits as an id may have, and must not stand in an address.
        person = ids.person_from_text(text) if len(text) == 10 else None
        known = person is not None and await who.access.reviews.exists(who.caller, person)
        found = person if person is not None and known else await _holder(who, form)
    except Refusal as refusal:
        if refusal.code in ("right-needed", "step-up-needed"):
            raise
        return await pages.reports_page(request, who, form, refusal)
    return _back(f"/person/{ids.person_text(found)}")


async def _holder(who: SignedIn, form: dict[str, str]) -> PersonId:
    system, value = form.get("system", ""), form.get("value", "").strip()
    if system not in SYSTEMS or not mpi.document_is_plausible(mpi.number_key(value)):
        raise Refusal("field-invalid", field="value", expected="the number of a document")
    found = await who.access.reviews.holder(who.caller, system, value, who.now)
    if found is None:
        raise Refusal("not-found", field="value")
    return found


def _back(path: str, **query: str) -> Response:
    return RedirectResponse(f"{_ADDRESS}{path}{'?' + urlencode(query) if query else ''}", 303)
