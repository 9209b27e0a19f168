"""Clearing a test tenant: all that a sandbox wrote goes, and a line of the log says so. The operator's command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from yima import audit, directory, records
from yima.access.context import Context
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF

_BATCH: Final = 2000


class Clearing:
    """The door's part for `yima sandbox clear`; `Access.clearing`."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def clear(self, institution: int, now: datetime, *, told: Callable[[int], None]) -> int:
        """Remove all resources, versions and chosen ids of a sandbox; how many resources. `told` hears of each step.

        Refusal `field-invalid` unless all apps of the institution have matching `off`.
        """
        db = self._cx.database
        place = await directory.institution(db, institution)
        if place is None or not await directory.is_sandbox(db, institution):
            raise Refusal(
                "field-invalid", field="--institution", expected="an institution whose apps are all sandboxes"
            )
        total = 0
        while gone := await records.clear_sandbox(db, institution, _BATCH):
            total += gone
            told(total)
        event = audit.Event(
            person=SHELF, recorded=now, action="erase", outcome="ok", purpose="", basis="operator",
            agent="system", institution=institution, institution_name=place.name_zh, agent_id="yima sandbox clear",
            agent_name="yima sandbox clear", detail={"cleared": total},
        )  # fmt: skip
        await self._cx.appender.append(event)
        return total
