"""What every page of the desk shows."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from yima import consent, healthcode
from yima.portals.clinician import view
from yima.portals.layout import SignedIn


async def desk(request: Request, who: SignedIn) -> dict[str, Any]:
    """Who works here, at which terminal, at which step."""
    terminals = await who.access.my_terminals(who.caller)
    known = [terminal.terminal_id for terminal in terminals]
    chosen, step = request.cookies.get("yima_terminal", ""), request.cookies.get("yima_step", "")
    return {
        "caller": who.caller,
        "grounds": consent.GROUNDS,
        "csrf": who.csrf,
        "terminals": terminals,
        "terminal": chosen if chosen in known else (known[0] if known else ""),
        "steps": view.steps(),
        "step": step if step in healthcode.STEPS else "010102",
    }
