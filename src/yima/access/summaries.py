"""The International Patient Summary of a person, as far as the asker may see: decided and logged like any read."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima import fhir, mpi, records
from yima.access.context import Context
from yima.access.decision import SHARED_TYPES, Asking, sight_of
from yima.access.overviews import RecordView, Seen, person_of, tell, within_sight
from yima.directory import Caller
from yima.records.overview import Text
from yima.records.summary import Frame, Section, document, references, sections
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, person_text

_CUSTODIAN: Final = Text("Yima 一码健康档案平台", "Yima health record platform")
_MOST_SHARED: Final = 200
"""Organizations, practitioners and medicines that come along."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary as sections for a page and as a document (FHIR Bundle), and the view it was made from."""

    view: RecordView
    sections: tuple[Section, ...]
    bundle: dict[str, Any]


async def summary(cx: Context, asking: Asking, person: PersonId, base: str, lang: str, patient: str = "") -> Summary:
    """Of a person, in a language (zh or en); in the first step of a break-glass the emergency set. Refusals as
    `overviews.open_record`."""
    seen = await within_sight(cx, asking, person, "summary", emergency_set=True)
    found = sections(seen.overview)
    sight, homes = sight_of(seen.decision, seen.whole), seen.whole.homes
    registered = await mpi.patients_of(cx.database, person)
    wanted = [f"Patient/{one}" for one, _ in registered] + references(found)
    rows = await records.these(cx.database, cx.vault, homes, wanted, sight)
    patients = [row for row in rows if row.type == "Patient"]
    about = _about(patients, patient) or _stated(seen.identity)
    bodies = {f"{row.type}/{row.id}": fhir.parse(row.content) for row in rows if row.type != "Patient"}
    bodies |= await _shared(cx, bodies.values())
    frame = Frame(
        base=base,
        lang=lang,
        now=asking.now,
        custodian=_CUSTODIAN.get(lang),
        withheld=tuple(Text(one.zh, one.en) for one in seen.withheld),
        own_only=seen.decision.only_institution is not None,
    )
    bundle = document(frame, about, found, bodies)
    event = await tell(cx, asking, _counted(seen, bundle), {"summary": True})
    view = RecordView(
        person, seen.identity, seen.overview, seen.withheld, seen.decision, event, asking.now, asking.visit
    )
    return Summary(view, found, bundle)


def _about(patients: Sequence[records.Stored], asked: str) -> dict[str, Any] | None:
    """The Patient that was asked for, else the one that was written last of those that say who this is."""
    if not patients:
        return None
    bodies = {row.id: fhir.parse(row.content) for row in patients}
    if asked in bodies:
        return bodies[asked]
    telling = [row for row in patients if bodies[row.id].get("name") and bodies[row.id].get("birthDate")]
    return bodies[max(telling or patients, key=_written).id]


def _written(row: records.Stored) -> tuple[datetime, str]:
    return row.updated, row.id


def _stated(identity: mpi.Identity) -> dict[str, Any]:
    """A Patient of what the person index knows, where no registration is within sight."""
    made: dict[str, Any] = {"resourceType": "Patient", "id": person_text(identity.person)}
    if name := identity.name or identity.latin_name:
        made["name"] = [{"text": name}]
    if identity.sex:
        made["gender"] = identity.sex
    if identity.birth_date:
        made["birthDate"] = identity.birth_date
    return made


async def _shared(cx: Context, bodies: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the resources refer to on the shared shelf."""
    named: dict[str, None] = {}
    for body in bodies:
        for _, _, reference in fhir.references(body):
            kind, _, identity = reference.partition("/")
            if kind in SHARED_TYPES and identity and "/" not in identity:
                named.setdefault(reference)
    pairs = [reference.partition("/") for reference in list(named)[:_MOST_SHARED]]
    found = await asyncio.gather(*(cx.reader.read(kind, identity) for kind, _, identity in pairs))
    return {f"{row.type}/{row.id}": fhir.parse(row.content) for row in found if row and not row.deleted}


def _counted(seen: Seen, bundle: dict[str, Any]) -> Seen:
    """The same with the counts of what the document holds: that is what was shown."""
    counts = Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])
    shown = {kind: counts[kind] for kind in seen.counts if counts[kind]}
    return Seen(seen.whole, seen.identity, seen.decision, seen.overview, shown, seen.withheld)


class Summaries:
    """The door to summaries."""

    def __init__(self, cx: Context, base_url: str) -> None:
        self._cx = cx
        self._base = f"{base_url}/fhir"

    async def of_patient(self, asking: Asking, patient: str, lang: str) -> Summary:
        """Of the person to whom a Patient is linked. Refusals as `overviews.open_patient`."""
        person = await person_of(self._cx, asking, patient, "summary")
        return await summary(self._cx, asking, person, self._base, lang, patient)

    async def of_identifier(self, asking: Asking, system: str, value: str, lang: str) -> Summary:
        """Of the Patient that the asking institution calls so. Refusals as `of_patient`."""
        found = await mpi.find_patients(self._cx.database, self._cx.vault, system, value, asking.caller.institution)
        if not found:
            raise Refusal("not-found", field="identifier")
        return await self.of_patient(asking, found[0][0], lang)

    async def of_person(self, caller: Caller, person: PersonId, *, visit: str, lang: str, now: datetime) -> Summary:
        """Of oneself, of whom one may act for, or in a visit of whom was scanned. Refusals as `open_record`."""
        purpose = "own-request" if caller.kind == "resident" else ""  # that of the visit
        asking = Asking(caller=caller, now=now, purpose=purpose, visit=visit)
        return await summary(self._cx, asking, person, self._base, lang)
