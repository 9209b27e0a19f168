"""Erasures: one proposes, another approves; what went, and its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import directory, exchange
from yima.access import ERASURE_BASES, Erasure
from yima.portals.layout import SignedIn, checked_form, page, render, signed_in
from yima.portals.layout.session import access_of
from yima.runtime import clock
from yima.runtime.errors import Refusal

_PORTAL: Final = "operator"


@dataclass(frozen=True, slots=True)
class Row:
    """One erasure with the names of the two and of the institution whose part is meant."""

    erasure: Erasure
    proposer: str
    approver: str
    institution: str
    mine: bool
    """Proposed by who looks: somebody else must approve."""


async def erasures_page(request: Request) -> Response:
    """What waits for a second person, and what was erased lately."""
    return await _shown(request, await signed_in(request, "operator"), {}, None)


async def _shown(request: Request, who: SignedIn, typed: dict[str, str], refusal: Refusal | None) -> Response:
    found = await who.access.erasures.proposals(who.caller, who.now)
    names = {f"operator/{o.code}": o.name_zh for o in await directory.operators(who.access.database)}
    places = {i.institution_id: i.name_zh for i in await directory.institutions(who.access.database)}
    rows = [_row(one, names, places, who) for one in found]
    return render(
        request,
        "erasures.html",
        portal=_PORTAL,
        status=refusal.status if refusal else 200,
        waiting=[r for r in rows if r.erasure.approved is None and r.erasure.withdrawn is None],
        done_rows=[r for r in rows if r.erasure.certificate],
        bases=ERASURE_BASES,
        caller=who.caller,
        typed=typed,
        refusal=refusal,
        done=request.query_params.get("done", ""),
        csrf=who.csrf,
    )


def _row(one: Erasure, names: dict[str, str], places: dict[int, str], who: SignedIn) -> Row:
    def name(actor: str | None) -> Any:
        return names.get(actor or "", actor or "")

    place = places.get(one.institution_id, "")
    return Row(one, name(one.proposer), name(one.approver), place, one.proposer == f"operator/{who.caller.agent_id}")


async def propose(request: Request) -> Response:
    """Propose an erasure; what was typed is kept when something is wrong."""
    who = await signed_in(request, "operator")
    fields = await checked_form(request, who)
    try:
        await who.access.erasures.propose(
            who.caller, fields.get("number", ""), resource=fields.get("resource", ""),
            institution=fields.get("institution", ""), reason=fields.get("reason", ""),
            legal_basis=fields.get("basis", ""), now=who.now,
        )  # fmt: skip
    except Refusal as refusal:
        return await _again(request, who, fields, refusal)
    return RedirectResponse("/operator/erasures?done=proposed", 303)


async def approve(request: Request) -> Response:
    """Approve what somebody else proposed: with this the content is gone."""
    who = await signed_in(request, "operator")
    fields = await checked_form(request, who)
    try:
        await exchange.approve_erasure(who.access, who.caller, fields.get("erasure", ""), who.now)
    except Refusal as refusal:
        return await _again(request, who, {}, refusal)
    return RedirectResponse("/operator/erasures?done=approved", 303)


async def withdraw(request: Request) -> Response:
    """Take back a proposal."""
    who = await signed_in(request, "operator")
    fields = await checked_form(request, who)
    await who.access.erasures.withdraw(who.caller, fields.get("erasure", ""), who.now)
    return RedirectResponse("/operator/erasures?done=withdrawn", 303)


async def public_page(request: Request) -> Response:
    """How much was erased on each legal basis, for everybody."""
    counts, least = await _public(request)
    return render(
        request, "counts.html", portal="layout", what="erasures", counts=counts, least=least, bases=ERASURE_BASES
    )


async def public_json(request: Request) -> Response:
    """The same for programs; null stands for some, but fewer than `least`."""
    counts, least = await _public(request)
    body = {"at": clock.now().isoformat(timespec="seconds"), "least": least, "erased": counts}
    return Response(orjson.dumps(body), media_type="application/json", headers={"cache-control": "max-age=60"})


async def _public(request: Request) -> tuple[dict[str, int | None], int]:
    access = access_of(request)
    least = access.settings.public_least
    return await access.erasures.public_counts(least), least


async def _again(request: Request, who: SignedIn, typed: dict[str, str], refusal: Refusal) -> Response:
    if refusal.code in ("right-needed", "step-up-needed"):
        raise refusal
    return await _shown(request, who, typed, refusal)


def routes() -> list[Route]:
    """The routes of erasures, the public count among them."""
    done = {
        "/operator/erasures": propose,
        "/operator/erasures/approve": approve,
        "/operator/erasures/withdraw": withdraw,
    }
    return [
        Route("/operator/erasures", page(erasures_page), methods=["GET"]),
        Route("/public/erasures", page(public_page), methods=["GET"]),
        Route("/public/erasures.json", page(public_json), methods=["GET"]),
        *(Route(path, page(handler), methods=["POST"]) for path, handler in done.items()),
    ]
