"""Submit: the person is resolved, the record is stored, the card is issued, the log is written. One transaction.

The half of the product's sentence that begins "an institution submits". Everything here happens in the transaction that
the caller opened; what it raises undoes all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qsl

from yima import audit, consent, fhir, healthcode, mpi, records
from yima.directory import Caller
from yima.runtime import ids
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF, PersonId
from yima.runtime.keys import KeyStore, Vault

_LOOSE_END = re.compile(rb'"reference":"(?:urn:uuid:|[A-Za-z]+\?)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One write that an institution asks for (an entry of a Bundle, or a single REST interaction)."""

    method: Literal["POST", "PUT", "DELETE"]
    type: str
    id: str = ""
    """The resource id of the address, for PUT and DELETE by id."""
    condition: str = ""
    """The search of a conditional PUT, or the If-None-Exist of a conditional POST; without a leading question mark."""
    full_url: str = ""
    resource: dict[str, Any] = field(default_factory=dict)
    if_match: int | None = None
    path: str = ""
    """Where the resource stands in what was sent, e.g. `Bundle.entry[3].resource`; empty for a single resource."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry. `content` is the stored JSON, empty when nothing was written."""

    status: int
    type: str
    id: str
    version: int
    content: bytes


@dataclass(slots=True)
class _Placed:
    """An entry on its way: where it goes, and for a Patient whose it is."""

    entry: Entry
    method: Literal["create", "update", "delete", "none"]
    home: PersonId
    id: str
    said: mpi.Registration | None = None
    resolution: mpi.Resolution | None = None


@dataclass(frozen=True, slots=True)
class Submitting:
    """What stays the same for one submission."""

    c: Connection
    vault: Vault
    keys: KeyStore
    caller: Caller
    submission: str
    index_key: bytes
    profile: str
    """Crypto family of the cards issued for new persons: INTL or SM."""
    now: datetime
    request_id: str = ""
    own_patients: set[str] = field(default_factory=set)
    """Patients found to be the submitter's own, so that each is asked for once."""

    @property
    def source(self) -> mpi.Source:
        """The submitting institution, as the master person index wants to know it."""
        return mpi.Source(self.caller.institution, self.caller.matching)


async def submit(s: Submitting, entries: Sequence[Entry]) -> list[Outcome]:
    """Carry out all entries, or none. Outcomes in the order of the entries.

    Refusals: `scope-insufficient`, `identity-conflict`, `reference-unresolved`, `condition-ambiguous`, `not-found`,
    `precondition-failed`; each names the field.
    """
    _check_scopes(s.caller, entries)
    # 1 Persons first: every Patient gets its person, so that every other resource can find its home.
    placed = {i: await _place_patient(s, e) for i, e in enumerate(entries) if e.type == "Patient"}
    addresses = {e.full_url: f"Patient/{p.id}" for i, e in enumerate(entries) if e.full_url and (p := placed.get(i))}
    s.own_patients.update(p.id for p in placed.values())
    # 2 Everything else goes to the home of the patient it is about.
    for i, entry in enumerate(entries):
        if i not in placed:
            await _name_patients(s, entry, addresses)
            placed[i] = await _place(s, entry, addresses)
    order = [placed[i] for i in range(len(entries))]
    # 3 References inside the submission become references to what is stored.
    addresses |= {p.entry.full_url: f"{p.entry.type}/{p.id}" for p in order if p.entry.full_url}
    for p in order:
        fhir.rewrite(p.entry.resource, addresses)
    # 4 Store, link, issue.
    outcomes = await _store(s, order)
    for p in order:
        if p.resolution and p.said:
            await mpi.link(s.c, s.vault, p.resolution, p.said, s.source, p.id, now=s.now)
            if p.resolution.created:
                await healthcode.issue(s.c, s.keys, p.resolution.person, s.now, s.profile)
    # 5 The log, in the same transaction.
    await audit.append(s.c, _events(s, order))
    return outcomes


def _check_scopes(caller: Caller, entries: Sequence[Entry]) -> None:
    verbs = {"POST": "c", "PUT": "u", "DELETE": "d"}
    for entry in entries:
        verb = verbs[entry.method]
        if not caller.may(entry.type, verb):
            raise Refusal("scope-insufficient", field=entry.path or entry.type, expected=f"system/{entry.type}.{verb}")


# --- placing ---------------------------------------------------------------------------------------------------------


async def _place_patient(s: Submitting, entry: Entry) -> _Placed:
    if entry.method == "DELETE":
        return await _place_by_id(s, entry, {})
    if entry.id and not await _own_patient(s, entry.id):
        raise Refusal("not-found", field=entry.path or "Patient.id")
    said = mpi.registration(entry.resource)
    resolution = await mpi.resolve(s.c, s.vault, said, s.source, now=s.now, patient_id=entry.id or None)
    if resolution.patient_id is None:
        return _Placed(entry, "create", resolution.person, ids.new_resource_id(resolution.person), said, resolution)
    keep = entry.method == "POST" and bool(entry.condition)
    home = ids.home_of(resolution.patient_id) or SHELF
    return _Placed(entry, "none" if keep else "update", home, resolution.patient_id, said, resolution)


async def _name_patients(s: Submitting, entry: Entry, addresses: dict[str, str]) -> None:
    """Find out which Patients an entry names by identifier; `addresses` learns where they are."""
    for reference in fhir.patient_references(entry.resource, addresses):
        if reference.startswith("Patient?"):
            patient = await _conditional_patient(s, reference)
            if patient is None:
                raise Refusal("reference-unresolved", field=_at(entry, entry.type))
            addresses[reference] = f"Patient/{patient}"


async def _place(s: Submitting, entry: Entry, addresses: Mapping[str, str]) -> _Placed:
    if entry.id:
        return await _place_by_id(s, entry, addresses)
    home = await _home(s, entry, addresses)
    if entry.condition:
        found = await _matching(s, entry, home)
        if found:
            return _Placed(entry, "none" if entry.method == "POST" else "update", home, found)
    return _Placed(entry, "create", home, ids.new_resource_id(home))


async def _place_by_id(s: Submitting, entry: Entry, addresses: Mapping[str, str]) -> _Placed:
    home = ids.home_of(entry.id)
    if home is None:
        raise Refusal("not-found", field=entry.path or f"{entry.type}.id")
    if entry.method == "PUT" and await _home(s, entry, addresses) != home:
        raise Refusal("field-invalid", field=_at(entry, entry.type), expected="the same patient as before: a resource never moves")
    return _Placed(entry, "delete" if entry.method == "DELETE" else "update", home, entry.id)


async def _home(s: Submitting, entry: Entry, addresses: Mapping[str, str]) -> PersonId:
    """The home of the patient a resource is about; the shelf when it is about none. Only the institution's own count."""
    for reference in fhir.patient_references(entry.resource, addresses):
        patient = reference.rpartition("Patient/")[2].split("/_history/")[0]
        if patient not in s.own_patients and not await _own_patient(s, patient):
            raise Refusal("reference-unresolved", field=_at(entry, entry.type))
        s.own_patients.add(patient)
        return ids.home_of(patient) or SHELF
    return SHELF


async def _conditional_patient(s: Submitting, reference: str) -> str | None:
    named = dict(parse_qsl(reference.partition("?")[2])).get("identifier", "")
    system, _, value = named.rpartition("|")
    found = await mpi.find_patients(s.c, s.vault, system, value, s.caller.institution) if value else []
    if len({patient for patient, _ in found}) > 1:
        raise Refusal("condition-ambiguous", field="Patient?identifier")
    return found[0][0] if found else None


async def _own_patient(s: Submitting, patient: str) -> bool:
    """Whether this institution registered the Patient. Others' Patients are as unknown as those that do not exist."""
    person = await mpi.person_of_patient(s.c, patient)
    return person is not None and (patient, s.caller.institution) in await mpi.patients_of(s.c, person)


async def _matching(s: Submitting, entry: Entry, home: PersonId) -> str | None:
    """The one resource of this institution in that home which meets the condition, or None."""
    query = fhir.compile_query(entry.type, parse_qsl(entry.condition, keep_blank_values=True), key=s.index_key, now=s.now)
    sight = records.Sight(only_institution=s.caller.institution)
    page = await records.search(s.c, [home], entry.type, query, sight, offset=0, count=2)
    if len(page.rows) > 1:
        raise Refusal("condition-ambiguous", field=entry.path or entry.type)
    return page.rows[0].id if page.rows else None


# --- storing ---------------------------------------------------------------------------------------------------------


async def _store(s: Submitting, order: Sequence[_Placed]) -> list[Outcome]:
    classes = consent.propagate([p.entry.resource for p in order], [f"{p.entry.type}/{p.id}" for p in order])
    writes = [
        records.Write(p.method, p.home, p.entry.type, p.id, p.entry.resource, cls, p.entry.if_match)
        for p, cls in zip(order, classes, strict=True)
        if p.method != "none"
    ]
    source = f"urn:yima:institution:{s.caller.institution_code}#{s.submission}"
    written = iter(
        await records.transact(
            s.c, writes, institution=s.caller.institution, source=source, submission=s.submission, index_key=s.index_key,
            now=s.now,
        )
    )
    outcomes = [_outcome(p, None if p.method == "none" else next(written)) for p in order]
    for p, outcome in zip(order, outcomes, strict=True):
        # Looked for in the bytes: walking every resource again only to find nothing would cost more than storing it.
        if _LOOSE_END.search(outcome.content):
            _refuse_loose_ends(p.entry)
    return outcomes


def _refuse_loose_ends(entry: Entry) -> None:
    """Refusal `reference-unresolved` naming the reference that points into a submission, or is a search, and found nothing."""
    for _, path, reference in fhir.references(entry.resource):
        if reference.startswith("urn:uuid:") or "?" in reference:
            raise Refusal("reference-unresolved", field=_at(entry, path))


def _outcome(p: _Placed, written: records.Written | None) -> Outcome:
    if written is None:
        return Outcome(200, p.entry.type, p.id, 0, b"")
    status = 204 if p.method == "delete" else 201 if written.created else 200
    return Outcome(status, written.type, written.id, written.version, written.content)


def _events(s: Submitting, order: Sequence[_Placed]) -> list[audit.Event]:
    """One line per person touched: which types of resource came in, how many."""
    counts: dict[PersonId, dict[str, int]] = {}
    for p in order:
        person = p.resolution.person if p.resolution else p.home
        types = counts.setdefault(person, {})
        types[p.entry.type] = types.get(p.entry.type, 0) + 1
    return [
        audit.Event(
            person=person, recorded=s.now, action="submit", outcome="ok", purpose="treatment", basis="own-submission",
            agent=s.caller.kind, institution=s.caller.institution, institution_name=s.caller.institution_zh,
            agent_id=s.caller.agent_id, agent_name=s.caller.name_zh, submission=s.submission, detail={"types": types},
            request_id=s.request_id,
        )
        for person, types in sorted(counts.items())
    ]  # fmt: skip


def _at(entry: Entry, path: str) -> str:
    """A path inside a resource as the sender knows it: `Bundle.entry[3].resource.subject` instead of `Observation.subject`."""
    if not entry.path:
        return path
    return entry.path + path.removeprefix(entry.type)
