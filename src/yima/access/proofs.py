"""A line of the log with its proof: for the person whom it concerns, and for who runs the platform."""

from __future__ import annotations

from datetime import datetime

from yima.access.context import Context
from yima.access.residents import own_line
from yima.audit.proof import LineProof, Log
from yima.directory import Caller
from yima.runtime.errors import Refusal


async def proven_line(cx: Context, log: Log, event_id: str, now: datetime, caller: Caller | None) -> LineProof:
    """The line, its place in the tree and the signed head. `caller`: a resident; None is who runs the platform.

    Refusals: `not-found` (also for another person's line), `line-not-sealed`.
    """
    if caller is not None and await own_line(cx, caller, event_id) is None:
        raise Refusal("not-found", field="line")
    found = await log.prove(event_id, now)
    return LineProof(**found.to_json(), key=log.verifier.text(), line=await log.line(event_id))
