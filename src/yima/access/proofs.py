"""A line of the log with its proof: for the person whom it concerns, and for who runs the platform."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from yima.audit.proof import LineProof, Log
from yima.runtime import ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId


async def proven_line(log: Log, event_id: str, now: datetime, of: Sequence[PersonId] | None = None) -> LineProof:
    """The line, its place in the tree and the signed head. `of`: whose lines the caller may see; None is the operator.

    Refusals: `not-found` (also for another person's line), `line-not-sealed`.
    """
    if of is not None and ids.home_of(event_id) not in of:
        raise Refusal("not-found", field="line")
    found = await log.prove(event_id, now)
    return LineProof(**found.to_json(), key=log.verifier.text(), line=await log.line(event_id))
