"""What an institution says of its own Patients' identity, and what it hears of it: merges in, changes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from yima import audit, mpi
from yima.access.context import Context
from yima.access.decision import Asking, check_scope, event_of
from yima.access.stewarding import card_holders, merge_now
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId


@dataclass(frozen=True, slots=True)
class Told:
    """What became of an institution's word that two of its Patients are one: `same` (they were already), `merged`, or
    `asked` (a steward decides)."""

    outcome: str
    person: PersonId
    """Whose the surviving Patient is now."""


class Feeds:
    """The door's part for identity feeds; `Access.feeds`."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def source_merge(self, asking: Asking, patient_id: str, survivor_id: str, now: datetime) -> Told:
        """One of the caller's Patients was replaced by another of them (Patient.link, IHE PMIR ITI-93).

        At once only where nobody else is concerned: every Patient of the person that goes is this institution's, no
        card is lost, and a steward would need no second. Otherwise it is a question for a steward, before others.
        Refusal `not-found` unless both Patients are the caller's.
        """
        check_scope(asking.caller, "Patient", "u")
        db, place = self._cx.database, asking.caller.institution
        for one in (patient_id, survivor_id):
            if not await mpi.registered_by(db, one, place):
                raise Refusal("not-found", field="Patient.link")
        async with db.transaction() as c:
            await mpi.hold(c)  # nobody is merged or moved from here on
            gone, stays = await mpi.person_of_patient(c, patient_id), await mpi.person_of_patient(c, survivor_id)
            if gone is None or stays is None:
                raise Refusal("not-found", field="Patient.link")
            if gone == stays:
                return Told("same", stays)
            await mpi.hold(c, gone, stays)  # nor registered as one of the two
            others = {institution for _, institution in await mpi.patients_of(c, gone)} - {place}
            carded = await card_holders(c, (gone, stays)) != {gone}
            if not others and carded and not await mpi.why_second(c, self._cx.vault, gone, stays):
                await merge_now(c, self._cx.vault, asking.caller, gone, stays, "Patient.link replaced-by", now)
                return Told("merged", stays)
            asked = await mpi.ask(c, gone, stays, place, mpi.SOURCE_SAYS, now)
            if asked is None:
                raise Refusal("merge-impossible", reason="a steward said that they are never one")
            detail = {"event": "source-merge"}
            lines = [event_of(asking, p, "resolve", "ok", "own-submission", detail) for p in sorted((gone, stays))]
            await audit.append(c, lines)
        return Told("asked", stays)

    async def changes(self, asking: Asking, after: int) -> mpi.Changes:
        """Which of the caller's Patients belong to another person since act number `after`; on each person's log."""
        check_scope(asking.caller, "Patient", "r")
        found = await mpi.changes(self._cx.database, asking.caller.institution, after)
        persons = sorted({change.person for change in found.changes})
        if persons:
            async with self._cx.database.transaction() as c:
                detail = {"event": "person-change"}
                lines = [event_of(asking, p, "resolve", "ok", "own-submission", detail) for p in persons]
                await audit.append(c, lines)
        return found
