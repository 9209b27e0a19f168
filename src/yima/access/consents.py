"""Standing decisions as FHIR Consent: what an institution may know of them, and what a person says at its counter."""

from __future__ import annotations

from typing import Any

from yima import consent, directory, mpi
from yima.access.acting import decided_by_shower
from yima.access.choices import Choices
from yima.access.context import Context
from yima.access.decision import Asking, check_allowed, decide, log
from yima.access.naming import person_meant
from yima.access.scan import scanned_person
from yima.runtime import ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_TYPE = "Consent"


class Consents:
    """The door to decisions in FHIR's words."""

    def __init__(self, cx: Context, choices: Choices, base_url: str) -> None:
        self._cx, self._choices, self._base = cx, choices, base_url

    async def of_patient(self, asking: Asking, patient: str) -> list[dict[str, Any]]:
        """The decisions that count now for the person of a Patient, as far as they concern the caller; on the log.

        None of whom the caller may not name. Refusals: `scope-insufficient`, those of a visit.
        """
        check_allowed(asking, _TYPE, "search")
        person = await person_meant(self._cx, asking, patient.removeprefix("Patient/"))
        return (
            [] if person is None else await self._known(asking, person, f"Patient/{patient.removeprefix('Patient/')}")
        )

    async def read(self, asking: Asking, wanted: str) -> dict[str, Any] | None:
        """One of them by its id; None when there is none that the caller may know of."""
        check_allowed(asking, _TYPE, "read")
        home = ids.home_of(wanted)
        if home is None or await consent.said_by_id(self._cx.database, home, wanted) is None:
            return None
        person = await mpi.root_of(self._cx.database, home)
        found = await self._known(asking, person, f"Patient/{ids.person_text(person)}")
        return next((one for one in found if one["id"] == wanted), None)

    async def at_counter(self, asking: Asking, resource: dict[str, Any]) -> list[dict[str, Any]]:
        """What a person said at the counter of the asking institution, all or nothing; the decisions it became.

        The open visit of a scanned phone proves that the person is there, or somebody who may show the code: what opens
        is refused while one of those may not decide. Refusals: `consent-not-understood`, `visit-needed`,
        `visit-expired`, `code-assurance-too-low`, `mandate-needed`, `field-invalid`, `not-found`.
        """
        check_allowed(asking, _TYPE, "decide")
        asked = consent.from_fhir(resource)
        if not asking.visit:
            raise Refusal("visit-needed", field="Yima-Visit")
        person = await scanned_person(self._cx, asking.caller, asking.visit, asking.now)
        patient = consent.patient_of(resource).removeprefix(f"{self._base}/fhir/")
        named = await person_meant(self._cx, asking, patient.removeprefix("Patient/"))
        if named is None or named != await mpi.root_of(self._cx.database, person):
            raise Refusal("visit-needed", field="Consent.patient")
        numbers = await self._numbers({one.institution for one in asked})
        said = [one.standing(numbers[one.institution]) for one in asked]
        if any(one.permit for one in said) and not await decided_by_shower(self._cx, named, asking.now):
            raise Refusal("mandate-needed", field="Yima-Visit")
        agent = f"{asking.caller.kind}/{asking.caller.agent_id}"
        made = await self._choices.keep(asking, named, said, agent=agent)
        return [one for one in await self._known(asking, named, patient) if one["id"] in made]

    async def _numbers(self, codes: set[str]) -> dict[str, int]:
        """Institutions by the codes that a Consent names. Refusal `consent-not-understood` for one that is unknown."""
        places = await directory.institutions(self._cx.database) if codes - {""} else []
        known = {one.code: one.institution_id for one in places}
        if not codes - {""} <= set(known):
            raise Refusal("consent-not-understood", field="Consent.provision.actor.reference")
        return {"": 0} | {code: known[code] for code in codes if code}

    async def _known(self, asking: Asking, person: PersonId, patient: str) -> list[dict[str, Any]]:
        """As far as they concern the caller: all for the person, else what is about every institution or this one."""
        whole = await self._cx.lookups.whole(person)
        decision = await decide(self._cx, asking, whole, _TYPE)
        own = asking.caller.kind == "resident" and decision.basis == "own-record"
        if not own and not await self._names(asking, person, decision):
            return []
        found = await consent.decided(self._cx.database, sorted(whole.members), asking.now)
        if not own:
            found = [one for one in found if one.standing.institution in (0, asking.caller.institution)]
        codes = {
            number: place.code
            for number in {one.standing.institution for one in found if one.standing.institution}
            if (place := await directory.institution(self._cx.database, number))
        }
        await log(self._cx, asking, person, "read", "ok", decision, {"types": {_TYPE: len(found)}})
        return [
            consent.to_fhir(
                one, patient, codes.get(one.standing.institution, ""),
                f"{self._base}/resident/decisions/text/{one.wording or 'none'}", whole=own,
            )
            for one in found
        ]  # fmt: skip

    async def _names(self, asking: Asking, person: PersonId, decision: consent.Decision) -> bool:
        """Whether an institution may know of this person: in a visit there, also a refused one, or by a Patient of its
        own."""
        if asking.caller.kind == "resident" or not asking.caller.institution:
            return False
        if asking.visit:
            return decision.permit or decision.refusal == "consent-denied"
        links = await mpi.links_of(self._cx.database, person)
        return any(link.institution == asking.caller.institution for link in links)
