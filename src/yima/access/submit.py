"""Submit: the person is resolved, the record is stored, the card is issued, the log is written. One transaction.

The half of the product's sentence that begins "an institution submits". Everything here happens in the transaction that
the caller opened; what it raises undoes all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from yima import audit, consent, fhir, healthcode, mpi, records
from yima.access import chosen
from yima.access.decision import Asking, event_of
from yima.access.place import Entry, Placed, Submitting, place
from yima.directory import Caller
from yima.runtime.beside import beside
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_FINDING: Final = 256
"""Bytes whose reading takes as long as looking for what one entry names (`beside`)."""
_LOOSE_END: Final = re.compile(r"urn:uuid:|urn:oid:|[A-Za-z]+\?")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry. `content` is the stored JSON, empty after a deletion."""

    status: int
    type: str
    id: str
    version: int
    content: bytes
    written: bool = True
    """False when a conditional create found what it would have created."""


async def submit(s: Submitting, entries: Sequence[Entry]) -> list[Outcome]:
    """Carry out all entries, or none. Outcomes in the order of the entries.

    Refusals: `scope-insufficient`, `identity-conflict`, `reference-unresolved`, `condition-ambiguous`, `not-found`,
    `precondition-failed`; each names the field.
    """
    _check_scopes(s.caller, entries)
    # 1 Every Patient gets its person, every resource its home and id.
    order, addresses = await place(s, entries)
    # 2 References inside the submission become references to what is stored.
    found = await beside(len(order) * _FINDING, partial(_linked, order, addresses))
    # 3 Store, link, issue.
    outcomes = await _store(s, order, found)
    for p in order:
        if p.resolution and p.said:
            here = chosen.indexed(s.caller, p.id)
            await mpi.link(s.c, s.vault, p.resolution, p.said, s.source, here, now=s.now, home=p.home)
            await _card(s, p.resolution, p.said)
    # 4 The log, in the same transaction.
    if order:
        await audit.append(s.c, _events(s, order))
    return outcomes


def _linked(order: Sequence[Placed], addresses: Mapping[str, str]) -> list[fhir.Found]:
    """What each entry names, its references as they are here. Refusal `reference-unresolved`."""
    found = [p.entry.found or fhir.find(p.entry.resource) for p in order]
    for p, names in zip(order, found, strict=True):
        fhir.relink(p.entry.resource, addresses, names)
        if any(map(is_loose, names.references)):
            _refuse_loose_ends(p.entry)
    return found


async def _card(s: Submitting, resolution: mpi.Resolution, said: mpi.Registration) -> None:
    """The card of whom a Patient registers: made, made formal by a first document, ended by a death."""
    if resolution.created:
        await healthcode.issue(s.c, s.keys, resolution.person, s.now, s.profile, kind_of_card(said))
    if concerns_card(resolution, said):
        await follow_card(s.c, s.caller, resolution.person, said, s.now)


def kind_of_card(said: mpi.Registration) -> healthcode.Kind:
    """Of a new person: temporary for who has neither a document nor a name of their own."""
    national = any(number.national for number in said.identifiers)
    return "temporary" if not national and mpi.is_placeholder(said.name) else "formal"


def concerns_card(resolution: mpi.Resolution, said: mpi.Registration) -> bool:
    """Whether a registration may change the card that stands: a death, or a document of somebody known."""
    if said.deceased:
        return True
    return not resolution.created and resolution.new_numbers and any(number.national for number in said.identifiers)


async def follow_card(c: Connection, caller: Caller, person: PersonId, said: mpi.Registration, now: datetime) -> None:
    """What a registration does to a card that stands: a document makes a temporary one formal, a death ends it. Who was
    loaded from a base without a card has none."""
    try:
        card = await healthcode.card_of(c, person)
    except Refusal:
        return
    act = healthcode.Act(actor=f"{caller.kind}/{caller.agent_id}", at=now)
    events: list[healthcode.Event] = []
    national = any(number.national for number in said.identifiers)
    if national and card.kind == "temporary" and card.status not in ("cancelled", "deceased"):
        events.append("formalise")
    if said.deceased and card.status not in ("deceased", "merged"):
        events.append("report-death")
    for event in events:
        after = await healthcode.advance(c, person, event, act)
        detail = {"event": event, "was": card.status, "became": after.status}
        asking = Asking(caller=caller, now=now)
        await audit.append(c, [event_of(asking, person, "card", "ok", "own-submission", detail)])


def _check_scopes(caller: Caller, entries: Sequence[Entry]) -> None:
    verbs = {"POST": "c", "PUT": "u", "DELETE": "d"}
    for entry in entries:
        if entry.type == "Person" and not caller.sandbox:  # made of the person index, by nobody's hand
            raise Refusal("method-not-allowed", field=entry.path or entry.type)
        verb = verbs[entry.method]
        if not caller.may(entry.type, verb):
            raise Refusal("scope-insufficient", field=entry.path or entry.type, expected=f"system/{entry.type}.{verb}")


# --- storing ---------------------------------------------------------------------------------------------------------


async def _store(s: Submitting, order: Sequence[Placed], found: Sequence[fhir.Found]) -> list[Outcome]:
    classes = await _classes(s, order, found)
    writes = [
        records.Write(p.method, p.home, p.entry.type, p.id, p.entry.resource, cls, p.entry.if_match, p.patient)
        for p, cls in zip(order, classes, strict=True)
        if p.method != "none"
    ]
    origin = origin_of(s.caller, s.submission, s.now)
    written = iter(await records.transact(s.c, s.vault, writes, origin, index_key=s.index_key, ceiling=s.ceiling))
    return [_found(p) if p.method == "none" else _outcome(p, next(written)) for p in order]


def origin_of(caller: Caller, submission: str, now: datetime) -> records.Origin:
    """The submission, as the store wants to know it."""
    source = f"urn:yima:institution:{caller.institution_code}#{submission}"
    return records.Origin(
        institution=caller.institution, source=source, submission=submission, now=now, sandbox=caller.sandbox
    )


def is_loose(reference: Mapping[str, Any]) -> bool:
    """Whether a Reference still points into a submission, or is a search."""
    return _LOOSE_END.match(reference["reference"]) is not None


def _refuse_loose_ends(entry: Entry) -> None:
    """Refusal `reference-unresolved` naming the reference that found nothing."""
    for node, path, _ in fhir.references(entry.resource):
        if is_loose(node):
            raise Refusal("reference-unresolved", field=entry.at(path))


async def _classes(s: Submitting, order: Sequence[Placed], found: Sequence[fhir.Found]) -> list[str]:
    """The sensitive class of each entry. What belongs to an encounter stored earlier is as closed as that encounter."""
    resources, urls = [p.entry.resource for p in order], [f"{p.entry.type}/{p.id}" for p in order]
    codings = [names.codings for names in found]
    classes = await beside(len(order) * _FINDING, partial(consent.propagate, resources, urls, codings))
    encounters = [encounter_of(p.entry.resource) for p in order]
    here = {p.id for p in order if p.entry.type == "Encounter"}
    earlier = {i for i in encounters if i and i not in here}
    if not earlier:
        return classes
    held = {row.id: row.cls for row in await s.by_id("Encounter", sorted(earlier))}
    return [stricter(cls, held.get(encounter, "")) for cls, encounter in zip(classes, encounters, strict=True)]


def encounter_of(resource: Mapping[str, Any]) -> str:
    """The id of the encounter that a resource belongs to; empty for none."""
    named = resource.get("encounter") or resource.get("context")
    reference = named.get("reference", "") if isinstance(named, dict) else ""
    return reference.removeprefix("Encounter/") if reference.startswith("Encounter/") else ""


def stricter(one: str, other: str) -> str:
    """The stricter of two classes."""
    return next((code for code in consent.CLASSES if code in (one, other)), consent.ORDINARY)


def _found(p: Placed) -> Outcome:
    """What a conditional create found instead: given back as it stood. A conditional delete found nothing."""
    if (row := p.stands) is None:
        return Outcome(204, p.entry.type, "", 0, b"", written=False)
    return Outcome(200, row.type, row.id, row.version, row.content, written=False)


def _outcome(p: Placed, written: records.Written) -> Outcome:
    p.patient = written.patient  # a deletion learns here whom it was about
    status = 204 if p.method == "delete" else 201 if written.created else 200
    return Outcome(status, written.type, written.id, written.version, written.content)


def _events(s: Submitting, order: Sequence[Placed]) -> list[audit.Event]:
    """One line per Patient touched: which types of resource came in, how many."""
    counts: dict[tuple[PersonId, str], dict[str, int]] = {}
    for p in order:
        types = counts.setdefault((p.home, p.patient), {})
        types[p.entry.type] = types.get(p.entry.type, 0) + 1
    return [
        event_of_submission(s.caller, s.submission, s.now, s.request_id, whose, types)
        for whose, types in sorted(counts.items())
    ]


def event_of_submission(
    caller: Caller, submission: str, now: datetime, request_id: str, whose: tuple[PersonId, str],
    types: Mapping[str, int],
) -> audit.Event:  # fmt: skip
    """The log line of what a submission wrote about one Patient. Like the resources it lies in their home, and names
    the Patient: it is read by whose that is."""
    home, patient = whose
    about = {"patient": patient} if patient else {}
    return audit.Event(
        person=home, recorded=now, action="submit", outcome="ok", purpose="treatment", basis="own-submission",
        agent=caller.kind, institution=caller.institution, institution_name=caller.institution_zh,
        agent_id=caller.agent_id, agent_name=caller.name_zh, submission=submission, detail={"types": types} | about,
        request_id=request_id,
    )  # fmt: skip
