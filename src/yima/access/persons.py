"""Person: the platform's identity as a resource, made of the links of the person index when it is asked for."""

from __future__ import annotations

from typing import Any, Final

from yima import mpi
from yima.access import chosen
from yima.access.context import Context
from yima.access.decision import (
    Asking,
    check_allowed,
    decide,
    log,
    nothing_there,
)
from yima.access.naming import person_meant
from yima.runtime.errors import Refusal
from yima.runtime.ids import person_from_text, person_text

_LEVELS: Final = {
    "scanned-code": "level4",
    "national-number": "level3",
    "local-number": "level3",
    "score": "level2",
    "new": "level2",
}
"""Rule of a link -> how sure it is (R4 valueset identity-assuranceLevel): by the person's own code, by documents or the
institution's own number, by likeness or as the first one."""


async def person_resource(cx: Context, asking: Asking, text: str, *, of_patient: bool) -> dict[str, Any]:
    """The Person whom a Patient or, within a visit, the person's own id names; with links to those Patients that the
    caller may see: all within a visit, else the institution's own. Asked by the id of somebody who was merged since:
    who that is now. No words about the person: those are the Patients'.

    Refusals: `not-found`, `scope-insufficient`, those of a visit.
    """
    check_allowed(asking, "Person", "search" if of_patient else "read")
    person = await person_meant(cx, asking, text)
    if person is None or (not of_patient and person_from_text(text) is None):
        raise await nothing_there(cx, asking)
    decision = await decide(cx, asking, await cx.lookups.whole(person), "Patient")
    only = decision.only_institution
    links = [
        link
        for link in await mpi.links_of(cx.database, person)
        if decision.permit and (only is None or link.institution == only)
    ]
    outcome = "ok" if links else "denied"
    await log(cx, asking, person, "read", outcome, decision, {"types": {"Person": 1 if links else 0}})
    if not links:
        raise Refusal("not-found")
    made = {
        "resourceType": "Person",
        "id": person_text(person),
        "meta": {"versionId": "1", "tag": [{"system": "urn:yima:made", "code": "computed"}]},
        "active": True,
    }
    if not of_patient and text != made["id"]:  # an id of before a merge: who it is now
        return made | {"id": text, "active": False, "link": [{"target": {"reference": f"Person/{made['id']}"}}]}
    shown = [(f"Patient/{chosen.shown(link.patient)}", _LEVELS.get(link.rule, "level3")) for link in links]
    return made | {"link": [{"target": {"reference": patient}, "assurance": level} for patient, level in shown]}
