"""The resident's offline credentials: what was given out, until when, and how to end one in two taps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import healthcode
from yima.portals.layout import checked_form, page, render, signed_in
from yima.runtime.errors import Refusal

_PORTAL: Final = "resident"
_ADDRESS: Final = "/resident/credentials"


@dataclass(frozen=True, slots=True)
class Shown:
    """One credential on the page."""

    place: str
    """`list-index`: which one a button means. It says nothing to anybody else."""
    kind: str
    issued: datetime
    expires: datetime
    revoked: datetime | None


def shown(found: Sequence[healthcode.trust.Credential]) -> list[Shown]:
    """What the page lists: those that work first, each group newest first; without those that a newer one replaced."""
    listed = [one for one in found if one.reason != "replaced"]
    rows = [Shown(f"{one.ref.list}-{one.ref.index}", one.kind, one.issued, one.expires, one.revoked) for one in listed]
    return sorted(rows, key=lambda row: row.revoked is not None)


async def credentials_page(request: Request) -> Response:
    """The list."""
    who = await signed_in(request, _PORTAL)
    rows = shown(await who.access.my_credentials(who.caller, who.now))
    ended = next((row for row in rows if row.revoked and row.place == request.query_params.get("ended")), None)
    return render(request, "credentials.html", portal=_PORTAL, tab="code", credentials=rows, ended=ended, csrf=who.csrf)


async def end(request: Request) -> Response:
    """End one of them. Refusals `field-invalid`, `not-found`."""
    who = await signed_in(request, _PORTAL)
    place = (await checked_form(request, who)).get("credential", "")
    parts = place.split("-")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise Refusal("field-invalid", field="credential", expected="one of the list")
    await who.access.revoke_my_credential(who.caller, healthcode.trust.StatusRef(int(parts[0]), int(parts[1])), who.now)
    return RedirectResponse(f"{_ADDRESS}?ended={place}", 303)


def routes() -> list[Route]:
    """The page and its one button."""
    return [
        Route(_ADDRESS, page(credentials_page), methods=["GET"]),
        Route(_ADDRESS, page(end), methods=["POST"]),
    ]
