"""Mandates taken away by order: one proposes, another approves; two undo it. Card numbers appear here, no people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import consent, directory
from yima.access import Named, Order, Paper, RemovalRow
from yima.portals.layout import DOCUMENTS, SignedIn, checked_form, page, render, signed_in
from yima.portals.layout.session import access_of
from yima.runtime import clock
from yima.runtime.civil import CIVIL
from yima.runtime.errors import Refusal

_PORTAL: Final = "operator"
_HERE: Final = "/operator/removals"


@dataclass(frozen=True, slots=True)
class Row:
    """One removal with the names of those who decided on it."""

    row: RemovalRow
    proposer: str
    approver: str
    undo_proposer: str
    mine: bool
    """Proposed by who looks, it or its undoing: somebody else must approve."""


async def removals_page(request: Request) -> Response:
    """What waits for a second person, what stands, what ended within a year."""
    return await _shown(request, await signed_in(request, "operator"), {}, None)


async def _shown(request: Request, who: SignedIn, typed: dict[str, str], refusal: Refusal | None) -> Response:
    found = await who.access.removals.rows(who.caller, who.now)
    names = {f"operator/{o.code}": o.name_zh for o in await directory.operators(who.access.database)}
    rows = [_row(one, names, who) for one in found]
    return render(
        request,
        "removals.html",
        portal=_PORTAL,
        status=refusal.status if refusal else 200,
        waiting=[r for r in rows if r.row.removal.state in ("waiting", "undoing")],
        standing=[r for r in rows if r.row.removal.state == "stands"],
        ended=[r for r in rows if r.row.removal.state in ("withdrawn", "undone")],
        bases=consent.REMOVAL_BASES,
        documents=DOCUMENTS,
        caller=who.caller,
        typed=typed,
        refusal=refusal,
        done=request.query_params.get("done", ""),
        csrf=who.csrf,
    )


def _row(one: RemovalRow, names: dict[str, str], who: SignedIn) -> Row:
    def name(actor: str | None) -> str:
        return names.get(actor or "", actor or "")

    held, me = one.removal, f"operator/{who.caller.agent_id}"
    first = held.undo_proposer if held.state == "undoing" else held.proposer
    return Row(one, name(held.proposer), name(held.approver), name(held.undo_proposer), first == me)


async def propose(request: Request) -> Response:
    """Propose one; what was typed is kept when something is wrong."""
    who = await signed_in(request, "operator")
    fields = await checked_form(request, who)
    try:
        order = Order(
            _named(fields, "number"), _named(fields, "agent"), fields.get("basis", ""), fields.get("reference", ""),
            fields.get("reason", ""), _until(fields.get("until", "")),
        )  # fmt: skip
        await who.access.removals.propose(who.caller, order, who.now)
    except Refusal as refusal:
        return await _again(request, who, fields, refusal)
    return RedirectResponse(f"{_HERE}?done=proposed", 303)


def _named(fields: dict[str, str], field: str) -> str | Named:
    """Who a field names: by a card number, or by the kind of document that was chosen beside it and a name."""
    value, system = fields.get(field, ""), fields.get(f"{field}-kind", "")
    return Named(Paper(system, value), fields.get(f"{field}-name", "")) if system else value


def _until(day: str) -> datetime | None:
    """The end of that day in China's civil time; nothing for nothing. Refusal `field-invalid`."""
    if not day:
        return None
    try:
        return datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), CIVIL)
    except (ValueError, OverflowError):
        raise Refusal("field-invalid", field="until", expected="a day, such as 2031-05-01") from None


async def approve(request: Request) -> Response:
    """Approve what somebody else proposed."""
    return await _decided(request, "approved", lambda who, removal, _: who.access.removals.approve(
        who.caller, removal, who.now
    ))  # fmt: skip


async def withdraw(request: Request) -> Response:
    """Withdraw a proposal."""
    return await _decided(request, "withdrawn", lambda who, removal, _: who.access.removals.withdraw(
        who.caller, removal, who.now
    ))  # fmt: skip


async def propose_undo(request: Request) -> Response:
    """Propose to undo one that stands."""
    return await _decided(request, "undo-proposed", lambda who, removal, reason: who.access.removals.propose_undo(
        who.caller, removal, reason, who.now
    ))  # fmt: skip


async def undo(request: Request) -> Response:
    """Undo one, as somebody else proposed."""
    return await _decided(request, "undone", lambda who, removal, _: who.access.removals.undo(
        who.caller, removal, who.now
    ))  # fmt: skip


async def _decided(request: Request, done: str, act: Callable[[SignedIn, str, str], Awaitable[object]]) -> Response:
    """One step of the removal that the form names, by `act(who, removal, reason)`; a refusal stands on the page."""
    who = await signed_in(request, "operator")
    fields = await checked_form(request, who)
    try:
        await act(who, fields.get("removal", ""), fields.get("reason", ""))
    except Refusal as refusal:
        return await _again(request, who, {}, refusal)
    return RedirectResponse(f"{_HERE}?done={done}", 303)


async def _again(request: Request, who: SignedIn, typed: dict[str, str], refusal: Refusal) -> Response:
    if refusal.code in ("right-needed", "step-up-needed"):
        raise refusal
    return await _shown(request, who, typed, refusal)


async def public_page(request: Request) -> Response:
    """How many stand on each legal basis, for everybody."""
    counts, least = await _public(request)
    return render(
        request, "counts.html", portal="layout", what="removals", counts=counts, least=least,
        bases=consent.REMOVAL_BASES,
    )  # fmt: skip


async def public_json(request: Request) -> Response:
    """The same for programs; null stands for some, but fewer than `least`."""
    counts, least = await _public(request)
    body = {"at": clock.now().isoformat(timespec="seconds"), "least": least, "removed": dict(counts)}
    return Response(orjson.dumps(body), media_type="application/json", headers={"cache-control": "max-age=60"})


async def _public(request: Request) -> tuple[dict[str, int | None], int]:
    access = access_of(request)
    least = access.settings.public_least
    return dict(await access.removals.public_counts(clock.now(), least)), least


def routes() -> list[Route]:
    """The routes of removals, the public count among them."""
    done = {"": propose, "/approve": approve, "/withdraw": withdraw, "/propose-undo": propose_undo, "/undo": undo}
    return [
        Route(_HERE, page(removals_page), methods=["GET"]),
        Route("/public/removals", page(public_page), methods=["GET"]),
        Route("/public/removals.json", page(public_json), methods=["GET"]),
        *(Route(f"{_HERE}{path}", page(handler), methods=["POST"]) for path, handler in done.items()),
    ]
