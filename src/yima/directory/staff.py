"""A member of the staff as every room knows a caller."""

from __future__ import annotations

from typing import Final

from yima.directory.caller import Caller
from yima.directory.register import institution, practitioner
from yima.runtime.database import Database
from yima.runtime.errors import Refusal

_TOO_LONG: Final = 10
"""Digits that no number of the register has; so many may not fit the column."""


async def staff_caller(db: Database, subject: str) -> Caller:
    """Who works under this number, as it stands now. Refusals `sign-in-needed` for nobody, `account-suspended`, and
    `institution-suspended`, which names it and says since when: only who has proved who they are comes here."""
    is_number = subject.isascii() and subject.isdigit() and len(subject) < _TOO_LONG
    staff = await practitioner(db, int(subject)) if is_number else None
    place = await institution(db, staff.institution_id) if staff else None
    if staff is None or place is None:
        raise Refusal("sign-in-needed")
    if place.status != "active":
        since = place.suspended.isoformat() if place.suspended else ""
        raise Refusal("institution-suspended", name_zh=place.name_zh, name_en=place.name_en, since=since)
    if staff.status != "active":
        raise Refusal("account-suspended")
    return Caller(
        kind="practitioner",
        agent_id=subject,
        name_zh=staff.name_zh,
        name_en=staff.name_en,
        institution=place.institution_id,
        institution_code=place.code,
        institution_zh=place.name_zh,
        institution_en=place.name_en,
        department=staff.department,
        role=staff.role,
    )
