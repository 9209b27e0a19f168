"""A whole platform for the pages: the real application on a database of its own, with part of a synthetic city."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from portal_place import Place

from support import Platform
from yima import directory, mpi, synth
from yima.access import Access
from yima.cli import city, loading
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

RESIDENTS = 40


@pytest.fixture(scope="module")
async def place(platform: Platform) -> Place:
    """The application with two residents of the city's cast and every institution."""
    access = platform.access
    made = synth.city(RESIDENTS, 7)
    await city.register(access, platform.keys, made)
    full = next(r for r in made.residents if "hypertension" in r.special)
    sensitive = next(r for r in made.residents if "psychiatric" in r.special)
    wanted = {full.key, sensitive.key}
    visits = [v for v in synth.visits(made) if v.resident in wanted]
    await loading.load(access, [loading.Item(v.institution, v.key, orjson.dumps(v.bundle)) for v in visits])
    staff = await directory.practitioners(access.database)
    second = next(p for p in staff if p.institution_id != staff[0].institution_id)
    return Place(
        platform,
        await _person(access, full),
        await _person(access, sensitive),
        full.documents[0].value,
        str(staff[0].practitioner_id),
        str(second.practitioner_id),
    )


async def _person(access: Access, resident: synth.Resident) -> str:
    document = resident.documents[0]
    system = synth.DOCUMENT_SYSTEMS[document.kind]
    person = await mpi.person_of_document(access.database, access.vault, system, document.value)
    assert person is not None
    return ids.person_text(person)


@pytest.fixture(scope="module")
async def history(place: Place) -> None:
    """Things that happened to `full`: a visit, a second use of the same code elsewhere, an emergency access."""
    access, now = place.access, clock.now()
    person = ids.person_from_text(place.full) or 0
    doctor, other = await place.caller(place.doctor), await place.caller(place.other_doctor)
    at = now - timedelta(minutes=20)
    code = place.platform.dynamic(person, at)
    terminal, elsewhere = await place.terminal(place.doctor), await place.terminal(place.other_doctor)
    scan = await access.scan(doctor, code, terminal=terminal, step="010102", purpose="treatment", now=at)
    await access.open_record(doctor, person, purpose="treatment", visit=scan.visit, now=at + timedelta(minutes=11))
    with pytest.raises(Refusal, match="code-already-used"):
        await access.scan(
            other, code, terminal=elsewhere, step="010101", purpose="treatment", now=at + timedelta(seconds=20)
        )
    await access.glass.open(
        other, person, ground="unconscious", reason="昏迷送入急诊，需要过敏史", terminal=elsewhere, now=now
    )
