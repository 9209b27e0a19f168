"""What residents see of their offline credentials, and how they end one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from yima import audit, healthcode
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.residents import everybody
from yima.directory import Caller
from yima.runtime.errors import Refusal


async def credentials(cx: Context, caller: Caller, now: datetime) -> Sequence[healthcode.trust.Credential]:
    """The resident's credentials that have not expired, newest first; revoked ones among them say so."""
    found = [
        one
        for person in await everybody(cx, caller)
        for one in await healthcode.trust.credentials_of(cx.database, person, now)
    ]
    return sorted(found, key=lambda one: one.issued, reverse=True)


async def revoke(cx: Context, caller: Caller, ref: healthcode.trust.StatusRef, now: datetime) -> None:
    """End one's own credential, for good: it is in the status list from now on, and on the resident's log.

    Refusal `not-found` when it is not theirs, has expired or was revoked before.
    """
    found = next((one for one in await credentials(cx, caller, now) if one.ref == ref), None)
    if found is None:
        raise Refusal("not-found", field="credential")
    person = found.person
    asking = Asking(caller=caller, now=now, purpose="own-request")
    async with cx.database.transaction() as c:
        if not await healthcode.trust.revoke_credential(c, person, ref, now, "holder"):
            raise Refusal("not-found", field="credential")
        detail = {"kind": found.kind, "revoked": True}
        await audit.append(c, [event_of(asking, person, "credential", "ok", "own-record", detail)])
