"""Emergency access at the desk: find the person, give a ground, read the emergency set; the rest by a second act.

Also what the privacy officer asks about one's own emergency accesses, and the answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import consent
from yima.access import EMERGENCY_SET
from yima.mpi import Identity
from yima.portals.clinician import view
from yima.portals.clinician.desk import desk
from yima.portals.layout import (
    DOCUMENTS,
    SignedIn,
    Words,
    checked_form,
    language_of,
    page,
    place_names,
    render,
    signed_in,
)
from yima.runtime import ids
from yima.runtime.errors import Refusal

_PORTAL = "clinician"
_ADDRESS = "/clinician/emergency"
_TYPED = ("reason", "ground")
"""Fields that are shown again with what is wrong in them."""


async def emergency_page(request: Request) -> Response:
    """Find the person by a document number; and what waits to be answered."""
    who = await signed_in(request, "clinician")
    return await _finding(request, who, {})


async def _finding(request: Request, who: SignedIn, more: dict[str, Any], status: int = 200) -> Response:
    shown = {"documents": DOCUMENTS, "typed": {}, "waiting": 0} | await desk(request, who)
    if not more:
        asked = await who.access.glass.questions(who.caller)
        shown["waiting"] = sum(one.review.state == "asked" for one in asked)
    return render(request, "emergency.html", portal=_PORTAL, status=status, **(shown | more))


async def find(request: Request) -> Response:
    """Look the document up, by POST only: a number never stands in an address."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    more: dict[str, Any] = {"typed": fields, "terminal": fields.get("terminal", "")}
    try:
        identity = await who.access.find_person(
            who.caller, system=fields.get("system", ""), value=fields.get("value", ""), now=who.now
        )
    except Refusal as refusal:
        return await _finding(request, who, more | {"refusal": refusal}, refusal.status)
    return await _finding(request, who, more | {"identified": view.person(identity, who.now)})


async def open_set(request: Request) -> Response:
    """Open the emergency set; what was typed is kept when something is missing."""
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
        if refusal.field not in _TYPED:
            raise
        name, latin, sex, born = (fields.get(key, "") for key in ("name", "latin", "sex", "born"))
        again = view.person(Identity(person, name, latin, sex, born, None, False), who.now)
        more = {"typed": fields, "identified": again, "reason_refusal": refusal}
        return await _finding(request, who, more, refusal.status)
    return RedirectResponse(f"{_ADDRESS}/{handle}", 303)


async def set_page(request: Request) -> Response:
    """The emergency set."""
    return await _set(request, await signed_in(request, "clinician"), {}, None)


async def _set(request: Request, who: SignedIn, typed: Mapping[str, str], refusal: Refusal | None) -> Response:
    handle = request.path_params["handle"]
    shown = await who.access.glass.emergency_set(who.caller, handle, who.now)
    words = Words(_PORTAL, language_of(request))
    return render(
        request, "emergency-set.html", portal=_PORTAL, status=refusal.status if refusal else 200,
        **await desk(request, who), handle=handle, o=shown.view.overview, opened=shown.view, glass=shown.opened,
        contacts=shown.contacts, sections=EMERGENCY_SET, widenings=consent.WIDENINGS, typed=typed, refusal=refusal,
        person=view.person(shown.view.identity, who.now), v=view.visit(shown.view, words),
        places=await place_names(who.access, words.lang),
    )  # fmt: skip


async def widen(request: Request) -> Response:
    """The second act: the whole record."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    handle = request.path_params["handle"]
    try:
        await who.access.glass.widen(
            who.caller, handle, ground=fields.get("ground", ""), reason=fields.get("reason", ""), now=who.now
        )
    except Refusal as refusal:
        if refusal.field not in _TYPED:
            raise
        return await _set(request, who, fields, refusal)
    return RedirectResponse(f"/clinician/visit/{handle}", 303)


async def questions_page(request: Request) -> Response:
    """What the privacy officer asks, and the answers given."""
    return await _questions(request, await signed_in(request, "clinician"), {}, None)


async def _questions(request: Request, who: SignedIn, typed: Mapping[str, str], refusal: Refusal | None) -> Response:
    return render(
        request, "emergency-questions.html", portal=_PORTAL, status=refusal.status if refusal else 200,
        **await desk(request, who), asked=await who.access.glass.questions(who.caller), typed=typed, refusal=refusal,
        done=request.query_params.get("done", ""),
    )  # fmt: skip


async def answer(request: Request) -> Response:
    """Answer one."""
    who = await signed_in(request, "clinician")
    fields = await checked_form(request, who)
    try:
        await who.access.glass.answer(who.caller, fields.get("handle", ""), fields.get("answer", ""), who.now)
    except Refusal as refusal:
        return await _questions(request, who, fields, refusal)
    return RedirectResponse(f"{_ADDRESS}/questions?done=answered", 303)


def routes() -> list[Route]:
    """The addresses of this file."""
    return [
        Route(_ADDRESS, page(emergency_page), methods=["GET"]),
        Route(_ADDRESS, page(find), methods=["POST"]),
        Route(f"{_ADDRESS}/open", page(open_set), methods=["POST"]),
        Route(f"{_ADDRESS}/questions", page(questions_page), methods=["GET"]),
        Route(f"{_ADDRESS}/questions", page(answer), methods=["POST"]),
        Route(f"{_ADDRESS}/{{handle}}", page(set_page), methods=["GET"]),
        Route(f"{_ADDRESS}/{{handle}}", page(widen), methods=["POST"]),
    ]
