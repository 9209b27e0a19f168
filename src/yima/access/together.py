"""Single creates of many requests in one transaction: what takes a round trip or a commit is done once for all of them.

Only the plain ones: a resource that is no Patient, of an institution's own patient or of nobody, with no condition.
What is not plain, or would be refused, is left out before anything is written; it goes the way of `submit`, which says
why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yima import audit, consent, fhir, mpi, records
from yima.access.context import Context
from yima.access.place import Entry
from yima.access.submit import Outcome, encounter_of, event_of_submission, is_loose, origin_of, stricter
from yima.directory import Caller
from yima.runtime import ids
from yima.runtime.database import Connection
from yima.runtime.ids import SHELF, PersonId

_LOOSE: Final = re.compile(rb'"reference"\s*:\s*"(?:urn:|[A-Za-z]+\?)')


@dataclass(frozen=True, slots=True)
class Single:
    """One create on its own."""

    caller: Caller
    entry: Entry
    submission: str
    now: datetime
    request_id: str


@dataclass(slots=True)
class _Taken:
    """A create that will be carried out: in which home, about which Patient, and what decides its class."""

    single: Single
    home: PersonId
    patient: str
    encounter: str
    found: fhir.Found


async def create_together(cx: Context, c: Connection, singles: Sequence[Single]) -> list[Outcome | None]:
    """Carry out what is plain, in the caller's transaction; None for what has to be submitted by itself.

    What it raises undoes all: the caller submits each by itself.
    """
    taken: dict[int, _Taken] = {}
    for number, single in enumerate(singles):
        whose = await _whose(cx, c, single)
        if whose is not None:
            found = fhir.find(single.entry.resource)
            if not any(map(is_loose, found.references)):
                taken[number] = _Taken(single, *whose, encounter_of(single.entry.resource), found)
    if not taken:
        return [None] * len(singles)
    classes = await _classes(c, list(taken.values()))
    writes = [_write(t, cls) for t, cls in zip(taken.values(), classes, strict=True)]
    written = await records.create(c, cx.vault, writes, index_key=cx.index_key)
    await audit.append(c, [_event(t) for t in taken.values()])
    done = {n: Outcome(201, w.type, w.id, 1, w.content) for n, w in zip(taken, written, strict=True)}
    return [done.get(number) for number in range(len(singles))]


def is_plain(caller: Caller, entry: Entry, body: bytes) -> bool:
    """Whether a write may be tried together with others."""
    return (
        entry.method == "POST"
        and entry.type not in ("Patient", "Person")
        and not (entry.condition or caller.sandbox)
        and caller.may(entry.type, "c")
        and _LOOSE.search(body) is None
    )


async def _whose(cx: Context, c: Connection, single: Single) -> tuple[PersonId, str] | None:
    """The Patient that the resource is about and its home, or the shelf; None unless the patient is the institution's
    own, and both named by ids of the platform."""
    about = fhir.patient_references(single.entry.resource)[:1]
    if not about:
        return SHELF, ""
    patient = about[0].removeprefix("Patient/")
    home = ids.home_of(patient)
    if home is None:
        return None
    own = cx.registered.of(single.caller.institution)
    if patient not in own:
        if not await mpi.registered_by(c, patient, single.caller.institution):
            return None
        own.add(patient)
    return home, patient


async def _classes(c: Connection, taken: Sequence[_Taken]) -> list[str]:
    """As in `submit`: by its own content, or that of the encounter to which it belongs."""
    held: dict[tuple[int, str], str] = {}
    asked: dict[int, set[str]] = {}
    for t in taken:
        if t.encounter:
            asked.setdefault(t.single.caller.institution, set()).add(t.encounter)
    for institution, encounters in asked.items():
        found = await records.classes_of(c, "Encounter", sorted(encounters), institution)
        held |= {(institution, encounter): cls for encounter, cls in found.items()}
    return [
        stricter(
            consent.sensitivity(t.single.entry.resource, t.found.codings),
            held.get((t.single.caller.institution, t.encounter), ""),
        )
        for t in taken
    ]


def _write(t: _Taken, cls: str) -> tuple[records.Write, records.Origin]:
    entry = t.single.entry
    made = ids.new_resource_id(t.home)
    write = records.Write("create", t.home, entry.type, made, entry.resource, cls, patient=t.patient)
    return write, origin_of(t.single.caller, t.single.submission, t.single.now)


def _event(t: _Taken) -> audit.Event:
    single = t.single
    types = {single.entry.type: 1}
    return event_of_submission(
        single.caller, single.submission, single.now, single.request_id, (t.home, t.patient), types
    )
