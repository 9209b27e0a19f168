"""A card is applied for, or closed, by an institution's system: the person is resolved as by any other submission.

An application is a Patient like any other; it goes through `submit`, so that matching, the card, the log and the record
are the same whichever way somebody was registered. Applying again gives the card that is there; applying on a cancelled
card restores it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima import audit, healthcode, mpi
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.place import Entry, Submitting
from yima.access.submit import submit
from yima.directory import Caller
from yima.runtime import ids, logs, metrics
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

_log = logs.get("gateway")
APPLICATION: Final = "urn:yima:gateway:application"
NEWBORN: Final = "urn:yima:gateway:newborn"
PATIENT_NUMBER: Final = "urn:yima:gateway:patid"
"""An institution's own numbers of what was applied for: keyed hashes, and the patient number that it bound itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mother:
    """Of whom a child without a document was born."""

    name: str
    system: str
    number: str
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What an institution says of who shall have a card. Numbers are in the clear here."""

    name: str
    sex: str = "unknown"
    """FHIR administrative-gender."""
    birth_date: str = ""
    document_type: str = ""
    """In the dialect of who applies; empty together with `number` for a child without a document."""
    system: str = ""
    number: str = ""
    phones: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    patient_number: str = ""
    """The institution's own number of its patient."""
    mother: Mother | None = None
    multiple_birth: int | None = None
    """Birth order of a twin, 0 when it is not known, None when single."""
    apply_mode: str = "window"


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of an application."""

    person: PersonId
    card: healthcode.Card
    national: healthcode.national.NationalCard
    made: bool
    """The card is new; False for one that was there."""


async def register(cx: Context, caller: Caller, application: Application, now: datetime) -> Registered:
    """Resolve the person, store the Patient, issue or restore the card, log it: one transaction.

    Refusals: those of `submit`, and of the life cycle for a card that cannot be restored (`card-deceased`).
    """

    async def work(c: Connection) -> Registered:
        patient = _patient(cx.vault, application)
        number = patient["identifier"][0]
        entry = Entry(
            method="PUT", type="Patient", condition=f"identifier={number['system']}|{number['value']}", resource=patient
        )
        outcome = (await submit(_submitting(cx, c, caller, now), [entry]))[0]
        person = await mpi.person_of_patient(c, outcome.id)
        if person is None:
            raise Refusal("internal")
        await _note_stranger(cx, c, caller, application, person, now)
        card = await _standing(cx, c, caller, person, application, now)
        national = await _national(cx, c, caller, person, application, now)
        return Registered(person, card, national, made=card.issued == now)

    return await cx.database.retry(work)


async def bind(cx: Context, caller: Caller, person: PersonId, patient_number: str, now: datetime) -> None:
    """Say that the institution's patient number is this person, whom it knows already.

    Refusal `identity-conflict` when the number is another person's there.
    """
    identity = await mpi.identity(cx.database, cx.vault, person)
    if identity is None:
        raise Refusal("card-not-found")
    known = Application(
        name=identity.name, sex=identity.sex, birth_date=identity.birth_date, multiple_birth=identity.multiple_birth
    )

    async def work(c: Connection) -> None:
        patient = _patient(cx.vault, known) | {"identifier": [_number(PATIENT_NUMBER, patient_number)]}
        entry = Entry(
            method="PUT", type="Patient", condition=f"identifier={PATIENT_NUMBER}|{patient_number}", resource=patient
        )
        outcome = (await submit(_submitting(cx, c, caller, now, scanned=person), [entry]))[0]
        if await mpi.person_of_patient(c, outcome.id) != person:
            raise Refusal("identity-conflict", field="patid")

    await cx.database.retry(work)


async def close(cx: Context, caller: Caller, person: PersonId, reason: str, now: datetime) -> healthcode.Card:
    """Cancel the person's card at an institution's word; it is on the person's log. Repeating it changes nothing."""
    act = healthcode.Act(actor=f"app/{caller.agent_id}", at=now, reason=reason)

    async def work(c: Connection) -> healthcode.Card:
        before = await healthcode.card_of(c, person)
        card = await healthcode.advance(c, person, "cancel", act)
        if card.status != before.status:
            await _log_card(c, caller, person, "cancel", now)
        return card

    return await cx.database.retry(work)


def _submitting(
    cx: Context, c: Connection, caller: Caller, now: datetime, scanned: PersonId | None = None
) -> Submitting:
    return Submitting(
        c,
        cx.vault,
        cx.keys,
        caller,
        ids.new_handle(),
        cx.index_key,
        cx.profile,
        now,
        logs.request_id.get(),
        scanned,
        ceiling=cx.ceiling,
    )


async def _standing(
    cx: Context, c: Connection, caller: Caller, person: PersonId, application: Application, now: datetime
) -> healthcode.Card:
    """The person's card: a cancelled one is restored, a temporary one becomes formal when a document was shown."""
    kind: healthcode.Kind = "formal" if application.number else "temporary"
    card = await healthcode.issue(c, cx.keys, person, now, cx.profile, kind)
    act = healthcode.Act(actor=f"app/{caller.agent_id}", at=now, reason=f"applied for: {application.apply_mode}")
    if card.status == "cancelled":
        card = await healthcode.advance(c, person, "restore", act)
        await _log_card(c, caller, person, "restore", now)
    if card.kind == "temporary" and application.number:
        card = await healthcode.advance(c, person, "formalise", act)
        await _log_card(c, caller, person, "formalise", now)
    return card


async def _national(
    cx: Context, c: Connection, caller: Caller, person: PersonId, application: Application, now: datetime
) -> healthcode.national.NationalCard:
    if not application.number:
        return await cx.national.temporary(c, person, name=application.name, now=now)
    document = document_key(cx.vault, application.system, application.number)
    await cx.national.keep_applicant(c, caller.institution, document, person)
    return await cx.national.give(
        c, person, document_type=application.document_type, system=application.system, number=application.number,
        name=application.name, now=now, members=(await mpi.whole_of(c, person)).members,
    )  # fmt: skip


async def _note_stranger(
    cx: Context, c: Connection, caller: Caller, application: Application, person: PersonId, now: datetime
) -> None:
    """A document number that came with another name: the answer does not say so, the holder's log and ours do."""
    if not application.number or not mpi.is_national(application.system):
        return
    holder = await mpi.person_of_document(c, cx.vault, application.system, application.number)
    if holder is None or holder == person:
        return
    asking = Asking(caller=caller, now=now)
    await audit.append(c, [event_of(asking, holder, "card", "denied", "document", {"event": "apply"})])
    metrics.gateway_strangers.inc()
    _log.warning("security: a document number with another name", app=caller.agent_id, institution=caller.institution)


async def _log_card(c: Connection, caller: Caller, person: PersonId, event: healthcode.Event, now: datetime) -> None:
    asking = Asking(caller=caller, now=now)
    await audit.append(c, [event_of(asking, person, "card", "ok", "own-submission", {"event": event})])


def document_key(vault: Vault, system: str, number: str) -> bytes:
    """The keyed hash by which an institution's own application for a document is found again."""
    return vault.blind("gateway/document", f"{system}|{number}")


def _patient(vault: Vault, said: Application) -> dict[str, Any]:
    """The application as a FHIR Patient. Its first identifier is the one by which the institution finds it again."""
    identifiers = []
    if said.mother:
        born = f"{said.mother.system}|{said.mother.number}|{said.birth_date}|{said.multiple_birth or 0}"
        identifiers.append(_number(NEWBORN, vault.steady("gateway/newborn", born).hex()))
    if said.number:
        # With the name: the same number with another name is another application, and is matched as a stranger's.
        held = f"{said.system}|{said.number}|{mpi.name_key(said.name)}"
        identifiers.append(_number(APPLICATION, vault.steady("gateway/application", held).hex()))
        identifiers.append(_number(said.system, said.number))
    if said.patient_number:
        identifiers.append(_number(PATIENT_NUMBER, said.patient_number))
    made: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": identifiers,
        "name": [{"use": "official", "text": said.name}],
        "gender": said.sex,
    }
    if said.birth_date:
        made["birthDate"] = said.birth_date
    if said.phones:
        made["telecom"] = [{"system": "phone", "value": phone} for phone in said.phones]
    if said.addresses:
        made["address"] = [{"text": address} for address in said.addresses]
    if said.multiple_birth:
        made["multipleBirthInteger"] = said.multiple_birth
    elif said.multiple_birth == 0:
        made["multipleBirthBoolean"] = True
    if said.mother:
        made["contact"] = [_mother(said.mother)]
    return made


def _mother(mother: Mother) -> dict[str, Any]:
    role = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}
    contact: dict[str, Any] = {"relationship": [{"coding": [role]}], "name": {"text": mother.name}}
    return contact | ({"telecom": [{"system": "phone", "value": mother.phone}]} if mother.phone else {})


def _number(system: str, value: str) -> dict[str, str]:
    return {"system": system, "value": value}
