"""Suspensions: one proposes, another approves. Card numbers appear here, people do not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import directory, healthcode
from yima.healthcode import Suspension
from yima.portals.layout import SignedIn, checked_form, page, render, signed_in
from yima.portals.layout.session import access_of
from yima.runtime import clock
from yima.runtime.errors import Refusal

_PORTAL: Final = "operator"


@dataclass(frozen=True, slots=True)
class Row:
    """One suspension with the names of the two."""

    suspension: Suspension
    number: str
    proposer: str
    approver: str
    mine: bool
    """Proposed by who looks: somebody else must approve."""


async def suspensions_page(request: Request) -> Response:
    """What waits for a second person, what stands, what ended lately."""
    return await _shown(request, await signed_in(request, "operator"), {}, None)


async def _shown(request: Request, who: SignedIn, typed: dict[str, str], refusal: Refusal | None) -> Response:
    found = await who.access.cards.suspensions(who.caller, who.now)
    names = {f"operator/{o.code}": o for o in await directory.operators(who.access.database)}
    rows = [_row(one, names, who) for one in found]
    return render(
        request,
        "suspensions.html",
        portal=_PORTAL,
        status=refusal.status if refusal else 200,
        waiting=[r for r in rows if r.suspension.approved is None and r.suspension.ended is None],
        standing=[r for r in rows if r.suspension.stands(who.now)],
        ended=[r for r in rows if r.suspension.ended is not None],
        bases=healthcode.LEGAL_BASES,
        days=who.access.settings.suspension_days,
        caller=who.caller,
        typed=typed,
        refusal=refusal,
        done=request.query_params.get("done", ""),
        csrf=who.csrf,
    )


def _row(one: Suspension, names: dict[str, Any], who: SignedIn) -> Row:
    def name(actor: str | None) -> str:
        found = names.get(actor or "")
        return found.name_zh if found else (actor or "")

    mine = one.proposer == f"operator/{who.caller.agent_id}"
    return Row(one, healthcode.grouped(one.number), name(one.proposer), name(one.approver), mine)


async def propose(request: Request) -> Response:
    """Propose a suspension; what was typed is kept when something is wrong."""
    who = await signed_in(request, "operator")
    fields = await checked_form(request, who)
    try:
        await who.access.cards.propose_suspension(
            who.caller, fields.get("number", ""), reason=fields.get("reason", ""),
            legal_basis=fields.get("basis", ""), ends=_ends(fields.get("days", ""), who.now), now=who.now,
        )  # fmt: skip
    except Refusal as refusal:
        if refusal.code in ("right-needed", "step-up-needed"):
            raise
        return await _shown(request, who, fields, refusal)
    return RedirectResponse("/operator/suspensions?done=proposed", 303)


def _ends(days: str, now: datetime) -> datetime:
    """So many days from now; the present for what is no number, which is refused."""
    return now + timedelta(days=int(days)) if days.isascii() and days.isdigit() and len(days) < 4 else now


async def approve(request: Request) -> Response:
    """Approve what somebody else proposed."""
    who = await signed_in(request, "operator")
    fields = await checked_form(request, who)
    try:
        await who.access.cards.approve_suspension(who.caller, fields.get("suspension", ""), who.now)
    except Refusal as refusal:
        if refusal.code in ("right-needed", "step-up-needed"):
            raise
        return await _shown(request, who, {}, refusal)
    return RedirectResponse("/operator/suspensions?done=approved", 303)


async def end(request: Request) -> Response:
    """End a suspension before its time, or withdraw a proposal."""
    who = await signed_in(request, "operator")
    fields = await checked_form(request, who)
    await who.access.cards.end_suspension(who.caller, fields.get("suspension", ""), who.now)
    return RedirectResponse("/operator/suspensions?done=ended", 303)


async def public_page(request: Request) -> Response:
    """How many cards are suspended on each legal basis, for everybody."""
    counts, least = await _public(request)
    return render(
        request, "counts.html", portal="layout", what="standing", counts=counts, least=least,
        bases=healthcode.LEGAL_BASES,
    )  # fmt: skip


async def public_json(request: Request) -> Response:
    """The same for programs; null stands for some, but fewer than `least`."""
    counts, least = await _public(request)
    body = {"at": clock.now().isoformat(timespec="seconds"), "least": least, "suspended": counts}
    return Response(orjson.dumps(body), media_type="application/json", headers={"cache-control": "max-age=60"})


async def _public(request: Request) -> tuple[dict[str, int | None], int]:
    access = access_of(request)
    least = access.settings.public_least
    return await access.cards.public_counts(clock.now(), least), least


def routes() -> list[Route]:
    """The routes of suspensions, the public count among them."""
    shown = {
        "/operator/suspensions": suspensions_page,
        "/public/standing": public_page,
        "/public/standing.json": public_json,
    }
    done = {
        "/operator/suspensions": propose,
        "/operator/suspensions/approve": approve,
        "/operator/suspensions/end": end,
    }
    return [
        *(Route(path, page(handler), methods=["GET"]) for path, handler in shown.items()),
        *(Route(path, page(handler), methods=["POST"]) for path, handler in done.items()),
    ]
