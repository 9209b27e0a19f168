"""Acts of residents that give access wait for what takes it away from the same person, and it for them.

A request that was under way when somebody's sign-in was ended could else leave an invitation, a session or an app's
grant behind, which nobody would end any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from yima import authentication, consent
from yima.access.context import Context
from yima.directory import Caller, EndedBy
from yima.runtime import ids
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId


async def hold_person(c: Connection, person: PersonId) -> None:
    """Wait until nobody else gives, or takes away, what opens this person's record; until the transaction ends."""
    await consent.hold(c, person)


async def hold_giver(c: Connection, caller: Caller) -> None:
    """The same for a resident in whose session something is given. Refusal `sign-in-needed` when it has ended since the
    request began."""
    if caller.kind != "resident":
        raise Refusal("sign-in-needed")
    await hold_person(c, caller.person)
    await check_stands(c, caller)


async def check_stands(c: Connection, caller: Caller) -> None:
    """Refusal `sign-in-needed` when the session that asks has ended. Who has none is somebody by other means."""
    if caller.session:
        await authentication.check_session(c, caller.session)


async def take_sign_ins(
    cx: Context, c: Connection, members: Iterable[PersonId], by: EndedBy, now: datetime
) -> tuple[bool, dict[str, int]]:
    """End every session, passkey and provider of a person, under all numbers, and the apps let in there: whether there
    was one to sign in by, and how many apps, for the person's line. A number that is confirmed stays so."""
    persons = sorted(members)
    ended = [await authentication.remove_account(c, "resident", ids.person_text(one)) for one in persons]
    apps = await cx.sign_in.grants.end_all(c, persons, by, now)
    return any(ended), {"apps_ended": apps} if apps else {}
