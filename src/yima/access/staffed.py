"""Practitioner resources of the register's own staff: computed when they are asked for, so that `fhirUser` leads
somewhere. What institutions submit as Practitioner stands beside them."""

from __future__ import annotations

from typing import Any, Final

from yima import directory
from yima.access.context import Context
from yima.access.decision import Asking, check_allowed
from yima.runtime.errors import Refusal

_BEFORE: Final = "staff-"
_STAFF_SYSTEM: Final = "urn:yima:staff"


def staff_id(number: int) -> str:
    """The id of a member of the staff as a Practitioner."""
    return f"{_BEFORE}{number}"


def is_staff_id(text: str) -> bool:
    """Whether this names one of the register's own staff."""
    return text.startswith(_BEFORE) and text.removeprefix(_BEFORE).isdigit() and len(text) < 16


async def staff_resource(cx: Context, asking: Asking, text: str) -> dict[str, Any]:
    """The Practitioner: the name, and the institution as an identifier. Refusals `not-found`, `scope-insufficient`."""
    check_allowed(asking, "Practitioner", "read")
    found = await directory.practitioner(cx.database, int(text.removeprefix(_BEFORE)))
    place = await directory.institution(cx.database, found.institution_id) if found else None
    if found is None or place is None:
        raise Refusal("not-found")
    value = f"{place.code}/{found.code}"
    return {
        "resourceType": "Practitioner",
        "id": text,
        "meta": {"versionId": "1", "tag": [{"system": "urn:yima:made", "code": "computed"}]},
        "identifier": [{"system": _STAFF_SYSTEM, "value": value, "assigner": {"display": place.name_zh}}],
        "active": found.status == "active",
        "name": [{"text": name} for name in (found.name_zh, found.name_en) if name],
    }
