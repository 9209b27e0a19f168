"""Placing: before anything is written, every entry of a submission gets its home, its id and what is to happen to
it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import parse_qsl

from yima import fhir, mpi, records
from yima.access import chosen
from yima.directory import Caller
from yima.runtime import ids
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF, PersonId
from yima.runtime.keys import KeyStore, Vault

SQL = Queries(__package__)
_SLICE: Final = 100
"""Entries placed in one turn of the loop: a few milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One write that an institution asks for (an entry of a Bundle, or a single REST interaction)."""

    method: Literal["POST", "PUT", "DELETE"]
    type: str
    id: str = ""
    """The resource id of the address, for PUT and DELETE by id."""
    condition: str = ""
    """The search of a conditional PUT or DELETE, or the If-None-Exist of a POST; without a question mark."""
    full_url: str = ""
    resource: dict[str, Any] = field(default_factory=dict)
    """Changed while it is submitted: references become those of what is stored."""
    if_match: int | None = None
    """The version the writer started from; 0 for none at all (If-None-Match: *)."""
    path: str = ""
    """Where the resource stands in what was sent, e.g. `Bundle.entry[3].resource`; empty for a single resource."""
    given: str = ""
    """The id for a POST that the platform itself chose beforehand (a bulk load, whose resources name one another across
    transactions); it counts only when it lies in the resource's home. Never what a client says."""

    found: fhir.Found | None = None
    """What the resource names, where that is known already."""

    def at(self, path: str) -> str:
        """A path inside the resource as the sender knows it: `Bundle.entry[3].resource.subject` for
        `Observation.subject`."""
        return self.path + path.removeprefix(self.type) if self.path else path


@dataclass(slots=True)
class Placed:
    """An entry on its way: where it goes, and for a Patient whose it is."""

    entry: Entry
    method: Literal["create", "update", "delete", "none"]
    home: PersonId
    id: str
    patient: str = ""
    """The Patient it is about, as the person index knows it; empty on the shelf, and of a deletion until it is done."""
    said: mpi.Registration | None = None
    resolution: mpi.Resolution | None = None
    stands: records.Stored | None = None
    """What a conditional create found, and so leaves as it is."""


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
    scanned: PersonId | None = None
    """Whose own code the institution scanned for this visit, where the submission came with a visit."""
    may_choose: bool = False
    """Whether this caller's PUT of an id that does not exist creates it."""
    conditional: bool = True
    """Whether references that are searches may stand in the resources; looking for them costs a walk through each."""
    ceiling: records.Ceiling | None = None
    """The most that this institution may have in one person's record; None for a sandbox, which has nobody's."""
    own_patients: set[str] = field(default_factory=set)
    """Patients found to be the submitter's own, so that each is asked for once."""
    homes: dict[str, PersonId] = field(default_factory=dict)
    """Patient -> its home, looked for once."""
    found: dict[str, str] = field(default_factory=dict)
    """References that are searches for other things than Patients -> what they mean."""

    @property
    def source(self) -> mpi.Source:
        """The submitting institution, as the master person index wants to know it."""
        return mpi.Source(self.caller.institution, self.caller.matching)

    async def stored(
        self, resource_type: str, homes: Sequence[PersonId] | None, query: fhir.Query, most: int, patient: str = ""
    ) -> list[records.Stored]:
        """What this institution itself has stored in these homes (None: a sandbox, anywhere) and a search matches;
        about one Patient, where one is named."""
        patients = frozenset({patient}) if patient else None
        sight = records.Sight(only_institution=self.caller.institution, patients=patients)
        page = await records.search(
            self.c, self.vault, homes, resource_type, query, sight, records.Wanted(count=most, total=False)
        )
        return list(page.rows)

    async def by_id(self, resource_type: str, wanted: Sequence[str]) -> list[records.Stored]:
        """Those of these resources that this institution has stored."""
        scope = chosen.scope_of(self.caller)
        homes = set((await records.located(self.c, scope, [(resource_type, i) for i in wanted])).values())
        query = replace(fhir.compile_query(resource_type, []), ids=list(wanted))
        return await self.stored(resource_type, sorted(homes), query, len(wanted)) if homes else []

    async def home_of(self, resource_type: str, resource_id: str) -> PersonId | None:
        """Where a resource of this id lies, or None."""
        return await chosen.home_of(self.c, self.caller, resource_type, resource_id)


async def place(s: Submitting, entries: Sequence[Entry]) -> tuple[list[Placed], dict[str, str]]:
    """Place all entries, in their order; and by which addresses they speak of each other -> where that is now.

    Patients come first, so that every other resource can find its home.

    Refusals: `identity-conflict`, `reference-unresolved`, `condition-ambiguous`, `not-found`, `field-invalid`.
    """
    await _lock_conditions(s, entries)
    placed = {i: await _place_patient(s, e) for i, e in enumerate(entries) if e.type == "Patient"}
    _refuse_doubled_patients(list(placed.values()))
    s.own_patients.update(p.id for p in placed.values())
    s.homes.update((p.id, p.home) for p in placed.values())
    patients = dict(pair for p in placed.values() for pair in _names(p))
    for i, entry in enumerate(entries):
        if i not in placed:
            placed[i] = await _place(s, entry, patients)
        if i % _SLICE == _SLICE - 1:  # what is known already is not asked for, so that nobody else had a turn
            await asyncio.sleep(0)
    order = [placed[i] for i in range(len(entries))]
    _refuse_doubled(order)
    return order, patients | s.found | dict(pair for p in order for pair in _names(p))


def _names(p: Placed) -> list[tuple[str, str]]:
    """What an entry is called inside the submission, with what it is called here.

    An entry whose fullUrl is an address, `http://his/fhir/Patient/7`, is also meant by `Patient/7` (R4 bundle.html,
    section 2.36.4 "Resolving references in Bundles").
    """
    url, here = p.entry.full_url, f"{p.entry.type}/{p.id}"
    if not url:
        return []
    before, _, tail = url.rpartition(f"/{p.entry.type}/")
    return [(url, here), (f"{p.entry.type}/{tail}", here)] if before and tail and "/" not in tail else [(url, here)]


async def _lock_conditions(s: Submitting, entries: Sequence[Entry]) -> None:
    """Two submissions with the same condition or chosen id go one after the other, or both would find nothing and
    create."""
    # As it is read, not as it is written: `|` and `%7C`, or another order, are the same condition.
    texts = {
        f"{s.caller.institution}/{e.type}?{sorted(parse_qsl(e.condition, keep_blank_values=True))}"
        for e in entries
        if e.condition
    }
    if s.may_choose:
        scope = chosen.scope_of(s.caller)
        texts |= {f"{scope}/{e.type}/{e.id}" for e in entries if e.id and ids.home_of(e.id) is None}
    if texts:
        keys = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True) for text in texts]
        await s.c.execute(SQL.lock, sorted(keys))


# --- patients --------------------------------------------------------------------------------------------------------


async def _place_patient(s: Submitting, entry: Entry) -> Placed:
    if entry.method == "DELETE":
        return await _place(s, entry, {})
    home = await s.home_of("Patient", entry.id) if entry.id else None
    if home is not None and not await _own_patient(s, entry.id):
        raise Refusal("not-found", field=entry.path or "Patient.id")
    meant, new = (entry.id, "") if home is not None else ("", entry.id)
    if entry.condition and (row := await _patient_by_condition(s, entry.condition, entry.at("Patient"))):
        if entry.method == "POST":
            return Placed(entry, "none", row.home, row.id, row.patient, stands=row)
        meant, home = row.id, row.home
        _refuse_other_id(entry, row.id)
    elif entry.condition and entry.method == "PUT":
        new = str(entry.resource.get("id") or "")
    if new:
        _refuse_choice(s, entry, new)
    said = mpi.registration(entry.resource)
    if s.caller.sandbox:  # nobody's numbers: a sandbox finds its Patients by searching, and every create makes one
        said = replace(said, identifiers=())
    again = new if new and s.caller.sandbox and await _own_patient(s, new) else ""  # cleared, but still in the index
    patient = chosen.indexed(s.caller, meant or again) if meant or again else None
    resolution = await mpi.resolve(s.c, s.vault, said, s.source, now=s.now, patient_id=patient, scanned=s.scanned)
    if new:
        await records.choose(s.c, chosen.scope_of(s.caller), "Patient", new, resolution.side)
        return Placed(entry, "create", resolution.side, new, chosen.indexed(s.caller, new), said, resolution)
    if resolution.patient_id is None:
        made = ids.new_resource_id(resolution.side)
        return Placed(entry, "create", resolution.side, made, made, said, resolution)
    known = meant or chosen.shown(resolution.patient_id)
    home = home if home is not None else await s.home_of("Patient", known)
    return Placed(entry, "update", home or SHELF, known, chosen.indexed(s.caller, known), said, resolution)


def _refuse_choice(s: Submitting, entry: Entry, wanted: str) -> None:
    """Update as create (R4 http.html, section 3.1.0.4.1), for who may and with an id that the platform does not make.

    Refusals `not-found` (the platform's own kind of id), `update-create-off`, `precondition-failed`.
    """
    if ids.home_of(wanted) is not None:
        raise Refusal("not-found", field=entry.path or f"{entry.type}.id")
    if not s.may_choose:
        raise Refusal("update-create-off", field=entry.path or f"{entry.type}.id")
    if entry.if_match:
        raise Refusal("precondition-failed")


def _refuse_other_id(entry: Entry, found: str) -> None:
    """A conditional update whose body names another id than the one found (R4 http.html, section 3.1.0.4.3)."""
    if entry.method == "PUT" and entry.resource.get("id", found) != found:
        raise Refusal("id-mismatch", field=entry.at(f"{entry.type}.id"))


async def _patient_by_condition(s: Submitting, condition: str, field_path: str) -> records.Stored | None:
    """The institution's own Patient that a search by identifier (or _id) names, or None.

    Refusals: `condition-ambiguous`, `field-invalid` when the search names no one patient.
    """
    if s.caller.sandbox:
        return await _matching(s, "Patient", condition, _NOBODYS, field_path)
    query = _query(s, "Patient", condition)
    if not query.ids and not query.patient_identifiers:
        raise Refusal("field-invalid", field=field_path, expected="a condition by identifier, [system]|[value]")
    wanted = list(query.ids or ())
    for system, value in query.patient_identifiers:
        if system is None:
            raise Refusal("search-value-invalid", field=field_path, expected="identifier=[system]|[value]")
        found = [p for p, _ in await mpi.find_patients(s.c, s.vault, system, value, s.caller.institution)]
        wanted = [p for p in found if query.ids is None or p in query.ids]
    keys = [("Patient", i) for i in wanted]
    homes = set((await records.located(s.c, chosen.scope_of(s.caller), keys)).values())
    rows = await s.stored("Patient", sorted(homes), replace(query, ids=wanted), 2) if homes else []
    if len(rows) > 1:
        raise Refusal("condition-ambiguous", field=field_path)
    return rows[0] if rows else None


def _refuse_doubled_patients(placed: Sequence[Placed]) -> None:
    """Two entries with the same patient number are one patient: which of the two was meant cannot be known."""
    seen: dict[tuple[str, str], Placed] = {}
    for p in placed:
        for number in p.said.identifiers if p.said else ():
            before = seen.setdefault((number.system, number.value), p)
            if (
                before is not p
                and before.resolution
                and p.resolution
                and before.resolution.person == p.resolution.person
            ):
                raise Refusal(
                    "field-invalid", field=p.entry.at("Patient.identifier"), expected="each patient once in a Bundle"
                )


async def _own_patient(s: Submitting, patient: str) -> bool:
    """Whether this institution registered the Patient. Others' Patients are as unknown as those that do not exist."""
    return await mpi.registered_by(s.c, chosen.indexed(s.caller, patient), s.caller.institution)


# --- everything else -------------------------------------------------------------------------------------------------


async def _place(s: Submitting, entry: Entry, patients: dict[str, str]) -> Placed:
    if entry.id:
        return await _place_by_id(s, entry, patients)
    if entry.method == "DELETE":
        return await _place_by_condition(s, entry)
    whose = await _whose(s, entry, patients)
    if entry.condition:
        found = await _matching(s, entry.type, entry.condition, whose, entry.at(entry.type))
        if found:
            _refuse_other_id(entry, found.id)
            method: Literal["none", "update"] = "none" if entry.method == "POST" else "update"
            return Placed(entry, method, found.home, found.id, found.patient, stands=found)
        if entry.method == "PUT" and entry.resource.get("id"):
            return await _chosen(s, entry, whose, str(entry.resource["id"]))
    fits = entry.given.startswith(f"{ids.person_text(whose.home)}-")
    made = entry.given if fits else ids.new_resource_id(whose.home)
    return Placed(entry, "create", whose.home, made, whose.patient)


async def _place_by_id(s: Submitting, entry: Entry, patients: dict[str, str]) -> Placed:
    home = await s.home_of(entry.type, entry.id)
    if entry.method == "DELETE":
        if home is None:
            raise Refusal("not-found", field=entry.path or f"{entry.type}.id")
        return Placed(entry, "delete", home, entry.id)
    whose = await _whose(s, entry, patients)
    if home is None:
        return await _chosen(s, entry, whose, entry.id)
    if whose.home != home and not s.caller.sandbox:  # nobody's: it stays where it is, and is found by searching all
        expected = "the same patient as before: a resource never moves"
        raise Refusal("field-invalid", field=entry.at(entry.type), expected=expected)
    return Placed(entry, "update", home, entry.id, whose.patient)


async def _chosen(s: Submitting, entry: Entry, whose: _Whose, wanted: str) -> Placed:
    """A resource that begins under the id its sender chose."""
    _refuse_choice(s, entry, wanted)
    home = whose.home
    if home == SHELF and s.caller.sandbox:
        home = ids.sandbox_shelf(s.caller.institution)
    await records.choose(s.c, chosen.scope_of(s.caller), entry.type, wanted, home)
    return Placed(entry, "create", home, wanted, whose.patient)


async def _place_by_condition(s: Submitting, entry: Entry) -> Placed:
    """What a conditional delete means (R4 http.html, section 3.1.0.7.1): one resource of this institution, or none."""
    field_path, whose = entry.at(entry.type), _NOBODYS
    if entry.type == "Patient":
        found = await _patient_by_condition(s, entry.condition, field_path)
    else:
        query = _query(s, entry.type, entry.condition)
        if query.patients or query.patient_identifiers:
            named = [f"_id={p.removeprefix('Patient/')}" for p in query.patients]
            named += [f"identifier={system}|{value}" for system, value in query.patient_identifiers]
            patient = await _patient_by_condition(s, named[0], field_path) if len(named) == 1 else None
            whose = _Whose(patient.home, patient.patient) if patient else _NOBODYS
        elif entry.type in fhir.COMPARTMENT_TYPES and not s.caller.sandbox:
            raise Refusal("person-not-named", field=entry.type)
        found = await _matching(s, entry.type, entry.condition, whose, field_path)
    return Placed(entry, "delete", found.home, found.id) if found else Placed(entry, "none", SHELF, "")


def _query(s: Submitting, resource_type: str, condition: str) -> fhir.Query:
    """A condition as a search. Chains are not followed: what a condition means must not hang on other resources."""
    query = fhir.compile_query(
        resource_type,
        parse_qsl(condition, keep_blank_values=True),
        key=s.vault.hashes.asked_tokens,
        now=s.now,
        across=s.caller.sandbox,
    )
    if query.chains or query.has or query.coded:
        raise Refusal("search-parameter-unknown", field=condition.partition("=")[0][:64], type=resource_type)
    if not query.asks:
        raise Refusal("field-missing", field=resource_type, expected="a condition that names what is meant")
    return query


class _Whose(NamedTuple):
    """The Patient that a resource is about, as the person index knows it, and where that lies."""

    home: PersonId
    patient: str


_NOBODYS: Final = _Whose(SHELF, "")


async def _whose(s: Submitting, entry: Entry, patients: dict[str, str]) -> _Whose:
    """The Patient a resource is about; nobody's when it is about none. Only the institution's own count."""
    whose = _NOBODYS
    for reference in fhir.patient_references(entry.resource, patients)[:1]:
        patient = reference.rpartition("Patient/")[2].split("/_history/")[0]
        if "?" in reference:
            row = await _patient_by_condition(s, reference.partition("?")[2], entry.at(entry.type))
            patient = row.id if row else ""
            patients[reference] = f"Patient/{patient}"
        if "://" in reference:  # of another server; what lies here is referred to as lying here
            raise Refusal("reference-unresolved", field=entry.at(entry.type))
        if patient not in s.own_patients and not (patient and await _own_patient(s, patient)):
            raise Refusal("reference-unresolved", field=entry.at(entry.type))
        s.own_patients.add(patient)
        if (known := s.homes.get(patient)) is None:
            known = s.homes[patient] = await s.home_of("Patient", patient) or SHELF
        whose = _Whose(known, chosen.indexed(s.caller, patient))
    if s.conditional:
        await _resolve_searches(s, entry, whose, patients)
    return whose


async def _resolve_searches(s: Submitting, entry: Entry, whose: _Whose, patients: dict[str, str]) -> None:
    """References that are searches: for the institution's own Patients, in the same record, or on the shelf."""
    for _, path, reference in fhir.references(entry.resource):
        wanted, mark, condition = reference.partition("?")
        if not mark or wanted not in fhir.TYPES or reference in patients or reference in s.found:
            continue
        if wanted == "Patient":
            found = await _patient_by_condition(s, condition, entry.at(path))
        else:
            where = whose if wanted in fhir.COMPARTMENT_TYPES else _NOBODYS
            found = await _matching(s, wanted, condition, where, entry.at(path))
        if found is None:
            raise Refusal("reference-unresolved", field=entry.at(path))
        (patients if wanted == "Patient" else s.found)[reference] = f"{wanted}/{found.id}"


async def _matching(
    s: Submitting, resource_type: str, condition: str, whose: _Whose, field_path: str
) -> records.Stored | None:
    """The one resource of this institution about that Patient which meets the condition, or None."""
    query = _query(s, resource_type, condition)
    homes, patient = (None, "") if s.caller.sandbox else ([whose.home], whose.patient)
    rows = await s.stored(resource_type, homes, query, 2, patient)
    if len(rows) > 1:
        raise Refusal("condition-ambiguous", field=field_path)
    return rows[0] if rows else None


def _refuse_doubled(order: Sequence[Placed]) -> None:
    """A resource is written by one entry of a transaction at most (FHIR R4 http.html, section 3.1.0.11.2)."""
    seen: set[tuple[str, str]] = set()
    for p in order:
        if p.method != "none" and (p.entry.type, p.id) in seen:
            raise Refusal(
                "field-invalid", field=p.entry.at(p.entry.type), expected="each resource once in a transaction"
            )
        seen.add((p.entry.type, p.id))
