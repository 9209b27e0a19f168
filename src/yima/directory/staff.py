"""A member of the staff as every room knows a caller."""

from __future__ import annotations

from yima.directory.caller import Caller
from yima.directory.register import institution, practitioner
from yima.runtime.database import Database
from yima.runtime.errors import Refusal


async def staff_caller(db: Database, subject: str) -> Caller:
    """Who works under this number, as it stands now. Refusals `sign-in-needed` for nobody, `institution-suspended`."""
    staff = await practitioner(db, int(subject)) if subject.isdigit() else None
    place = await institution(db, staff.institution_id) if staff else None
    if staff is None or place is None:
        raise Refusal("sign-in-needed")
    if staff.status != "active" or place.status != "active":
        raise Refusal("institution-suspended")
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
