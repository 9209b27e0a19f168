"""Are the cards as they should be, and does each holder know? For what is done past the application, by who owns the
database: found hourly and by `yima card verify`, told to the holder and to the privacy officer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from yima import audit, healthcode, oversight
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.directory import Caller
from yima.healthcode import Oddity
from yima.runtime.database import Connection

_SINCE: Final = timedelta(days=120)
_CALLER: Final = Caller(kind="system", agent_id="card-verification", name_zh="平台自查", name_en="Platform's own check")


async def verify_cards(cx: Context, now: datetime) -> list[Oddity]:
    """Check every card; a line on the log of each holder concerned, once a day, and one alarm an hour for all."""
    async with cx.database.transaction() as c:
        await c.execute("set transaction isolation level repeatable read")
        found = await healthcode.oddities(c)
        approved = await healthcode.approved_since(c, now - _SINCE)
        logged = await audit.logged_at(c, "card", approved)
        found += [Oddity(person, "unlogged") for person, at in approved if (person, at) not in logged]
        await _tell(c, found, now)
    return found


async def _tell(c: Connection, found: list[Oddity], now: datetime) -> None:
    """The holders, who know nothing of it yet, and the desk of the privacy officer."""
    if not found:
        return
    today = f"card-verification/{healthcode.day_of(now)}"
    told = await oversight.to_tell(c, [(one.person, today) for one in found], now, even_unwanted=True)
    asking = Asking(caller=_CALLER, now=now, purpose="")
    lines = [event_of(asking, person, "card", "ok", "verification", {"event": "changed-outside"}) for person, _ in told]
    await audit.append(c, lines)
    hour = now.replace(minute=0, second=0, microsecond=0)
    persons = len({one.person for one in found})
    await oversight.raise_alarm(
        c, oversight.Alarm(0, "unlogged", "database/owner", 0, now, hour, persons, 0, "", stopped=False)
    )
