"""The operator's page on which staff are invited. The link is shown once, to be handed over."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima import directory
from yima.access import Invited
from yima.portals.layout import SignedIn, checked_form, page, render, signed_in
from yima.runtime.errors import Refusal

_PORTAL = "entry"
_MOST = 200


async def staff_page(request: Request) -> Response:
    """Staff by institution, found by a part of the name or number."""
    return await _shown(request, await signed_in(request, "operator"), None, None)


async def invite(request: Request) -> Response:
    """Invite one; the link is on the answer to this form and nowhere else."""
    who = await signed_in(request, "operator")
    fields = await checked_form(request, who)
    try:
        made = await who.access.accounts.invite(who.caller, "practitioner", fields.get("staff", ""), who.now)
    except Refusal as refusal:
        if refusal.code in ("right-needed", "step-up-needed"):
            raise
        return await _shown(request, who, None, refusal)
    return await _shown(request, who, made, None)


async def _shown(request: Request, who: SignedIn, made: Invited | None, refusal: Refusal | None) -> Response:
    rows = await who.access.accounts.staff(who.caller)
    places = {one.institution_id: one for one in await directory.institutions(who.access.database)}
    wanted = request.query_params.get("find", "").strip().casefold()[:60]
    found = [
        (row, places[row.staff.institution_id])
        for row in rows
        if wanted in f"{row.staff.name_zh} {row.staff.name_en} {row.staff.code}".casefold()
        or wanted in f"{places[row.staff.institution_id].name_zh} {places[row.staff.institution_id].name_en}".casefold()
    ]
    return render(
        request,
        "staff.html",
        portal=_PORTAL,
        status=refusal.status if refusal else 200,
        role="operator",
        caller=who.caller,
        rows=found[:_MOST],
        more=len(found) > _MOST,
        find=request.query_params.get("find", ""),
        made=made,
        refusal=refusal,
        csrf=who.csrf,
    )


def routes() -> list[Route]:
    """The routes of inviting staff."""
    return [
        Route("/operator/accounts", page(staff_page), methods=["GET"]),
        Route("/operator/accounts", page(invite), methods=["POST"]),
    ]
