"""Single creates of many requests in one transaction: what takes a round trip or a commit is done once for all of them.

Only the plain ones: a resource of an institution's own patient or of nobody, with no condition; and Patients of whom no
other in the transaction speaks, that are not there yet. What is not plain, or would be refused, is left out before
anything is written; it goes the way of `submit`, which says why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yima import audit, consent, fhir, healthcode, mpi, records
from yima.access.context import Context
from yima.access.place import Entry
from yima.access.submit import (
    Outcome,
    concerns_card,
    encounter_of,
    event_of_submission,
    follow_card,
    is_loose,
    kind_of_card,
    origin_of,
    stricter,
)
from yima.directory import Caller
from yima.runtime import ids
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
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
    id: str
    patient: str
    found: fhir.Found

    @property
    def encounter(self) -> str:
        """To which it belongs; empty for none."""
        return encounter_of(self.single.entry.resource)


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A Patient that is plain so far."""

    single: Single
    said: mpi.Registration
    found: fhir.Found

    @property
    def source(self) -> mpi.Source:
        """Who registers."""
        return mpi.Source(self.single.caller.institution, self.single.caller.matching)


class Busy:
    """Somebody holds what a create needs: it has to be submitted by itself, and waits there."""


BUSY: Final = Busy()
Together = Outcome | Busy | None
"""What became of a create; None for one that has to be submitted by itself."""


async def create_together(cx: Context, c: Connection, singles: Sequence[Single]) -> list[Together]:
    """Carry out what is plain and has to wait for nobody, in the caller's transaction.

    What it raises undoes all: the caller submits each by itself.
    """
    taken: dict[int, _Taken] = {}
    for number, single in enumerate(singles):
        whose = await _whose(cx, c, single)
        if whose is not None:
            found = fhir.find(single.entry.resource)
            if not any(map(is_loose, found.references)):
                home, patient = whose
                taken[number] = _Taken(single, home, ids.new_resource_id(home), patient, found)
    return await _created(cx, c, taken, len(singles), wait=False)


async def register_together(cx: Context, c: Connection, singles: Sequence[Single]) -> list[Together]:
    """`create_together` of Patients: persons are resolved, records written, cards issued, log lines written, each by
    one statement for all, or for all that have nothing in common. A Patient that is there already by its own number
    goes by itself."""
    arrived = {n: one for n, single in enumerate(singles) if (one := _arrived(single)) is not None}
    if not arrived:
        return [None] * len(singles)
    places, now = list(arrived), max(one.single.now for one in arrived.values())
    links, taken = dict[int, mpi.Link](), dict[int, _Taken]()
    asked = [(mpi.Asked(one.said), one.source) for one in arrived.values()]
    async for found in mpi.resolve_new(c, cx.vault, asked, now=now):
        new = {places[at]: resolution for at, resolution in found.items()}
        for number, resolution in new.items():
            one, made = arrived[number], ids.new_resource_id(resolution.side)
            links[number] = mpi.Link(resolution, one.said, one.source, made)
            taken[number] = _Taken(one.single, resolution.side, made, made, one.found)
        await mpi.link_many(c, cx.vault, [links[number] for number in new], now=now)
    outcomes = await _created(cx, c, taken, len(singles), wait=True)
    await _cards(cx, c, links, singles, now)
    return outcomes


def _arrived(single: Single) -> _Arrived | None:
    """A Patient as the index takes it; None for one that it would refuse, or that still points somewhere else."""
    found = fhir.find(single.entry.resource)
    if any(map(is_loose, found.references)):
        return None
    try:
        return _Arrived(single, mpi.registration(single.entry.resource), found)
    except Refusal:
        return None


async def _cards(
    cx: Context, c: Connection, links: Mapping[int, mpi.Link], singles: Sequence[Single], now: datetime
) -> None:
    """As `submit` does for one: cards for new persons, and what a registration does to a card that stands."""
    made: dict[healthcode.Kind, list[PersonId]] = {}
    for one in links.values():
        if one.resolution.created:
            made.setdefault(kind_of_card(one.said), []).append(one.resolution.person)
    for kind, persons in made.items():
        await healthcode.issue_many(c, cx.keys, persons, now, cx.profile, kind)
    for number, one in links.items():
        if concerns_card(one.resolution, one.said):
            await follow_card(c, singles[number].caller, one.resolution.person, one.said, now)


async def _created(
    cx: Context, c: Connection, taken: Mapping[int, _Taken], count: int, *, wait: bool
) -> list[Together]:
    """The rows and the log lines of what is taken; the outcome of each of `count` singles."""
    if not taken:
        return [None] * count
    classes = await _classes(c, list(taken.values()))
    writes = [_write(t, cls) for t, cls in zip(taken.values(), classes, strict=True)]
    written = dict(
        zip(
            taken,
            await records.create(c, cx.vault, writes, index_key=cx.index_key, ceiling=cx.ceiling, wait=wait),
            strict=True,
        )
    )
    if events := [_event(t) for n, t in taken.items() if written[n]]:
        await audit.append(c, events)
    done = {n: Outcome(201, w.type, w.id, 1, w.content) if w else BUSY for n, w in written.items()}
    return [done.get(number) for number in range(count)]


def is_plain(caller: Caller, entry: Entry, body: bytes) -> bool:
    """Whether a write may be tried together with others."""
    return (
        entry.method == "POST"
        and entry.type != "Person"
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
    encounters = {t.encounter for t in taken} - {""}
    held = await records.classes_of(c, "Encounter", sorted(encounters)) if encounters else {}
    return [
        stricter(
            consent.sensitivity(t.single.entry.resource, t.found.codings),
            held.get((t.single.caller.institution, t.encounter), ""),
        )
        for t in taken
    ]


def _write(t: _Taken, cls: str) -> tuple[records.Write, records.Origin]:
    entry = t.single.entry
    write = records.Write("create", t.home, entry.type, t.id, entry.resource, cls, patient=t.patient)
    return write, origin_of(t.single.caller, t.single.submission, t.single.now)


def _event(t: _Taken) -> audit.Event:
    single = t.single
    types = {single.entry.type: 1}
    return event_of_submission(
        single.caller, single.submission, single.now, single.request_id, (t.home, t.patient), types
    )
