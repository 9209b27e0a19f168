"""Erasing reaches the receipts too: an answer kept for resends may repeat what was erased."""

from __future__ import annotations

from datetime import datetime

from yima.access import Access, Erased
from yima.directory import Caller
from yima.exchange.receipts import SQL


async def approve_erasure(access: Access, caller: Caller, erasure: str, now: datetime) -> Erased:
    """Approve an erasure and carry it out; with it go the kept answers of the submissions that brought the content. A
    resend of one is still recognised, changes nothing, and is told `erased`.

    Refusals of `access.erasing.Erasures.approve`.
    """
    async with access.database.transaction() as c:
        erased = await access.erasures.approve(c, caller, erasure, now)
        await c.execute(SQL.forget_answers, list(erased.submissions))
    return erased
