"""fhirclient, the Python client of the SMART project, against a real server: signs in, writes, reads and searches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException

from support import Institution, Platform, observation, patient, report, serving, visit_bundle
from yima.runtime.keys import FileKeyStore


@pytest.fixture(scope="module")
async def sandbox(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Institution]:
    """A sandbox at `yima serve` in a process of its own."""
    data = tmp_path_factory.mktemp("serving")
    FileKeyStore(data / "keys.json").secret("warm")
    with serving(data, YIMA_DATABASE_URL=database_url) as running:
        platform = await Platform.attach(running.base, database_url, data)
        yield await platform.institution("smart", matching="off")
        await platform.stop()


def _told(answer: dict[str, Any]) -> Any:
    """What the server answered to a write, as the client's own class, which checks names and types."""
    return {"Patient": Patient, "Observation": Observation, "Bundle": Bundle}[answer["resourceType"]](answer)


def _used(institution: Institution) -> dict[str, int]:
    """What a program would do with it. The client waits for each answer, so this runs in a thread."""
    settings = {
        "app_id": institution.client_id,
        "api_base": f"{institution.platform.base}/fhir",
        "jwt_token": institution.assertion(),
        "scope": "system/*.cruds",
    }
    smart = FHIRClient(settings=settings)
    assert not smart.prepare(), "reads /fhir/metadata, finds the token endpoint and has no token yet"
    smart.authorize()
    assert smart.ready

    who = _told(
        Patient(patient(number="smart", name=[{"family": "Fhirclient", "given": ["Ada"]}])).create(smart.server)
    )
    assert (who.name[0].family, who.meta.versionId) == ("Fhirclient", "1")
    values = [Observation(observation(f"Patient/{who.id}", value=v)).create(smart.server) for v in (4.1, 5.2, 6.3)]
    first = Observation.read(values[0]["id"], smart.server)
    assert (first.valueQuantity.value, first.subject.resolved(Patient).id) == (4.1, who.id)

    high = list(Observation.where({"patient": who.id, "value-quantity": "gt5"}).perform_resources_iter(smart.server))
    assert sorted(one.valueQuantity.value for one in high) == [5.2, 6.3]
    paged = list(Observation.where({"patient": who.id, "_count": "2"}).perform_resources_iter(smart.server))
    assert len(paged) == 3, "over two pages"
    found = list(Patient.where({"family": "fhirclient"}).perform_resources_iter(smart.server))
    assert [one.id for one in found] == [who.id]

    who.gender = "other"
    assert _told(who.update(smart.server)).meta.versionId == "2"
    assert Patient.read(who.id, smart.server).gender == "other"
    done = Bundle(visit_bundle(institution.code)).create(smart.server)
    assert {entry.response.status for entry in _told(done).entry} == {"201 Created"}
    first.delete()
    with pytest.raises(Exception, match="410"):
        Observation.read(first.id, smart.server)
    with pytest.raises(FHIRNotFoundException):
        Observation.read("never-was", smart.server)
    return {"created": 4, "in a transaction": len(done["entry"]), "found": len(high) + len(paged) + len(found)}


@pytest.mark.capability("create", "read", "update", "delete", "transaction", "search-type")
async def test_it_signs_in_writes_reads_searches_and_deletes(sandbox: Institution) -> None:
    report("fhirclient", await asyncio.to_thread(_used, sandbox))
