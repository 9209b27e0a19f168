"""Who is meant: a caller names a Patient, an identifier or, within a visit, the person whose code was scanned."""

from __future__ import annotations

from yima import fhir, mpi
from yima.access import chosen
from yima.access.context import Context
from yima.access.decision import Asking, open_visit
from yima.access.guessing import check_guess
from yima.runtime import ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId


async def person_meant(cx: Context, asking: Asking, text: str) -> PersonId | None:
    """The person to whom a Patient is linked. Within a visit the scanned person's own id is understood as well (also of
    a person who was merged since), so that an institution can read before it has registered a Patient of its own."""
    home = ids.home_of(text)
    if home is None:
        home = await chosen.home_of(cx.database, asking.caller, "Patient", text)
    if home is not None:
        return await cx.lookups.person_of_patient(chosen.indexed(asking.caller, text))
    person = ids.person_from_text(text)
    if person is None or not asking.visit:
        return None
    visit, whole = await open_visit(cx, asking.visit, asking.now), await cx.lookups.whole(person)
    return whole.person if visit.person == whole.person and visit.institution == asking.caller.institution else None


async def named_person(
    cx: Context, asking: Asking, resource_type: str, query: fhir.Query
) -> tuple[PersonId | None, list[str] | None]:
    """The one person whose record is searched, None when the name means nobody this caller may know of; and, where
    Patients are searched, which of that person's are meant (None = all).

    Refusals: `person-not-named`, `search-value-invalid`, `guesses-limit`.
    """
    named: set[PersonId] = set()
    unknown = False
    own_ids = list(query.ids or ()) if resource_type == "Patient" else []
    for patient in [*query.patients, *own_ids]:
        person = await person_meant(cx, asking, patient.removeprefix("Patient/"))
        unknown |= person is None
        named |= {person} if person is not None else set()
    carriers = [i for i in own_ids if ids.person_from_text(i) is None] or None
    for system, value in query.patient_identifiers:
        if system is None:
            raise Refusal("search-value-invalid", field="identifier", expected="[system]|[value]")
        found = await mpi.find_patients(cx.database, cx.vault, system, value, asking.caller.institution)
        await check_guess(cx, asking, mpi.Identifier.of(system, value), found[0][1] if found else None)
        unknown |= not found
        named |= {person for _, person in found}
        carriers = [patient for patient, _ in found if carriers is None or patient in carriers]
    if len(named) > 1 or (not named and not unknown):
        raise Refusal("person-not-named", field=resource_type)
    return next(iter(named), None), carriers
