"""Exports: who wants which data for what; two organisations approve; everybody may read the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import consent, directory, exchange
from yima.access import EXPORT_BASES
from yima.exchange import Export
from yima.portals.layout import SignedIn, checked_form, page, render, signed_in
from yima.portals.layout.session import access_of
from yima.runtime.errors import Refusal

_PORTAL: Final = "operator"


@dataclass(frozen=True, slots=True)
class Row:
    """One export with the names of the institution and the two."""

    export: Export
    institution: directory.Institution | None
    approvers: str
    mine: bool
    """Approved by who looks: somebody of another organisation must, too."""


async def exports_page(request: Request) -> Response:
    """What waits, and what was decided."""
    return await _shown(request, await signed_in(request, "operator"), None)


async def _shown(request: Request, who: SignedIn, refusal: Refusal | None) -> Response:
    rows = await _rows(request, f"{who.caller.agent_id}")
    return render(
        request,
        "exports.html",
        portal=_PORTAL,
        status=refusal.status if refusal else 200,
        waiting=[r for r in rows if r.export.waits],
        decided=[r for r in rows if not r.export.waits],
        may=consent.may_work(who.caller, "export"),
        bases=EXPORT_BASES,
        caller=who.caller,
        refusal=refusal,
        done=request.query_params.get("done", ""),
        csrf=who.csrf,
    )


async def _rows(request: Request, viewer: str = "") -> list[Row]:
    access = access_of(request)
    places = {one.institution_id: one for one in await directory.institutions(access.database)}
    found = await exchange.exports(access)
    return [
        Row(
            one,
            places.get(one.institution_id),
            " · ".join(filter(None, (one.first_organisation, one.second_organisation))),
            one.first_approver == viewer,
        )
        for one in found
    ]


async def approve(request: Request) -> Response:
    """Approve as one of the two."""
    return await _decided(request, exchange.approve_export, "approved")


async def reject(request: Request) -> Response:
    """Say no."""
    return await _decided(request, exchange.reject_export, "rejected")


async def _decided(request: Request, decide: Any, word: str) -> Response:
    who = await signed_in(request, "operator")
    fields = await checked_form(request, who)
    try:
        await decide(who.access, who.caller, fields.get("export", ""), who.now)
    except Refusal as refusal:
        if refusal.code in ("right-needed", "step-up-needed"):
            raise
        return await _shown(request, who, refusal)
    return RedirectResponse(f"/operator/exports?done={word}", 303)


async def public_page(request: Request) -> Response:
    """Which data left in bulk, to whom, for what, approved by whom: for everybody."""
    rows = [row for row in await _rows(request) if row.export.approved]
    return render(request, "public_exports.html", portal=_PORTAL, rows=rows, bases=EXPORT_BASES)


async def public_json(request: Request) -> Response:
    """The same for programs."""
    body = {"exports": [_said(row) for row in await _rows(request) if row.export.approved]}
    return Response(orjson.dumps(body), media_type="application/json", headers={"cache-control": "max-age=60"})


def _said(row: Row) -> Mapping[str, Any]:
    export = row.export
    return {
        "to": row.institution.name_en if row.institution else "",
        "to_zh": row.institution.name_zh if row.institution else "",
        "reason": export.reason,
        "basis": export.legal_basis,
        "types": export.types,
        "deidentified": export.deidentified,
        "approved_by": [export.first_organisation, export.second_organisation],
        "approved": export.approved.isoformat(timespec="seconds") if export.approved else None,
        "persons": export.persons,
    }


def routes() -> list[Route]:
    """The routes of exports, the public list among them."""
    shown = {
        "/operator/exports": exports_page,
        "/public/exports": public_page,
        "/public/exports.json": public_json,
    }
    done = {"/operator/exports/approve": approve, "/operator/exports/reject": reject}
    return [
        *(Route(path, page(handler), methods=["GET"]) for path, handler in shown.items()),
        *(Route(path, page(handler), methods=["POST"]) for path, handler in done.items()),
    ]
