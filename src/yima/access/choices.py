"""What residents decide about their record, finer than the switches: by institution, purpose, period and single item.

A decision is kept for everybody who is read as the person: of what was decided before a merge, the newest counts for
each. Undoing the merge leaves it with both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from yima import audit, consent, mpi, records
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.residents import everybody, own
from yima.consent import Said, Standing
from yima.directory import Caller
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_MOST_ITEMS = 500
"""Single items that one person can hold back: each is looked at with every read."""


class Choices:
    """The door to standing decisions."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def of_mine(self, caller: Caller, now: datetime) -> list[Said]:
        """Every decision of the resident that counts now or will."""
        return await consent.decided(self._cx.database, await everybody(self._cx, caller), now)

    async def decide(
        self, caller: Caller, said: Sequence[Standing], now: datetime, *, withdrawn: bool = False
    ) -> list[str]:
        """Decide, or take back, all or nothing; it counts from the next request on. The ids of the decisions.

        What opens asks for a proof of just now: a yes, and taking back a no. Refusals: `field-invalid`, `not-found` for
        an item that is not in the resident's own record, `too-costly`, `assurance-too-low`, `step-up-needed`.
        """
        person = own(caller)
        if await self._opens(caller, said, now, withdrawn):
            caller.check_giving(now)
        asking = Asking(caller=caller, now=now, purpose="own-request")
        return await self.keep(asking, person, said, agent="resident", withdrawn=withdrawn)

    async def _opens(self, caller: Caller, said: Sequence[Standing], now: datetime, withdrawn: bool) -> bool:
        """Whether something may be open afterwards, or for longer, that was not: what is taken back is what stands,
        not only what the asker calls it."""
        if any(one.permit is not withdrawn for one in said):
            return True
        persons = await everybody(self._cx, caller)
        return withdrawn and await consent.is_refused(self._cx.database, persons, said, now)

    async def keep(
        self, asking: Asking, person: PersonId, said: Sequence[Standing], *, agent: str, withdrawn: bool = False
    ) -> list[str]:
        """Keep decisions of a person, all or none, with a log line for each; their ids."""
        whole = await mpi.whole_of(self._cx.database, person)
        await self._check(whole, said, asking.now, withdrawn)
        made: list[str] = []
        async with self._cx.database.transaction() as c:
            for one in said:
                kept = {
                    member: await consent.put(
                        c, member, one, agent=agent, now=asking.now, withdrawn=withdrawn, visit=asking.visit
                    )
                    for member in sorted({person, *whole.members})
                }
                made.append(kept[person])
            basis = "own-record" if agent == "resident" else "visit"
            lines = [
                event_of(asking, person, "consent", "ok", basis, _detail(one, withdrawn)) for one in said
            ]  # fmt: skip
            await audit.append(c, lines)
        return made

    async def _check(self, whole: mpi.Whole, said: Sequence[Standing], now: datetime, withdrawn: bool) -> None:
        items = [one.resource for one in said if one.cls == consent.ITEM]
        if not items:
            return
        named, sight = [text for text in items if text.count("/") == 1], records.Sight(patients=whole.patients)
        rows = await records.these(self._cx.database, self._cx.vault, whole.homes, named, sight) if named else []
        here = {f"{row.type}/{row.id}" for row in rows if row.type != "Patient"}
        if not set(items) <= here:
            raise Refusal("not-found", field="resource")
        if not withdrawn:
            held = {
                one.resource
                for one in await consent.standing_of(self._cx.database, sorted(whole.members), now)
                if one.resource
            }
            if len(held | set(items)) > _MOST_ITEMS:
                raise Refusal("too-costly", field="resource", limit=f"{_MOST_ITEMS} single items")


def _detail(said: Standing, withdrawn: bool) -> dict[str, Any]:
    """What the log says of a decision; the words of an item are not in it, only its address."""
    told: dict[str, Any] = {"class": said.cls, "permit": said.permit}
    if said.institution:
        told["institution"] = said.institution
    told |= {name: value for name in ("purpose", "resource") if (value := getattr(said, name))}
    told |= {name: value.isoformat() for name in ("starts", "ends") if (value := getattr(said, name)) is not None}
    return told | ({"withdrawn": True} if withdrawn else {})
