"""fhirpy, a third-party client library, against a real server: all 24 Synthea bundles in, unchanged, and out again."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from support import SYNTHEA, Institution, Platform, patient, report, resident_number, serving
from yima.runtime.keys import FileKeyStore

pytestmark = pytest.mark.skipif(
    not SYNTHEA.is_dir(), reason="NO SYNTHEA BUNDLES: ../shared/data/synthea-r4 is not there"
)


@dataclass
class Loaded:
    """What was sent, what was answered, and how long it took."""

    institution: Institution
    client: AsyncFHIRClient
    sent: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    bytes: int
    seconds: float


@pytest.fixture(scope="module")
async def live(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """`yima serve` in a process of its own."""
    data = tmp_path_factory.mktemp("serving")
    FileKeyStore(data / "keys.json").secret("warm")
    with serving(data, YIMA_DATABASE_URL=database_url) as running:
        platform = await Platform.attach(running.base, database_url, data)
        yield platform
        await platform.stop()


@pytest.fixture(scope="module")
async def loaded(live: Platform) -> Loaded:
    """All bundles, submitted through fhirpy by one institution, one after the other."""
    institution = await live.institution("synthea")
    client = AsyncFHIRClient(f"{live.base}/fhir", authorization=f"Bearer {await institution.token()}")
    texts = [gzip.decompress(path.read_bytes()) for path in sorted(SYNTHEA.glob("*.json.gz"))]
    sent = [json.loads(text) for text in texts]
    began = time.perf_counter()
    answers = [await client.execute("", method="POST", data=bundle) for bundle in sent]
    return Loaded(institution, client, sent, answers, sum(map(len, texts)), time.perf_counter() - began)


def _addresses(answer: dict[str, Any]) -> list[str]:
    return [entry["response"]["location"].partition("/_history")[0] for entry in answer["entry"]]


def _bare(resource: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A resource without id and meta of the server, its references by the names given."""

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: names.get(v, v) if k == "reference" and isinstance(v, str) else walk(v) for k, v in node.items()}
        return [walk(item) for item in node] if isinstance(node, list) else node

    bare = {key: walk(value) for key, value in resource.items() if key not in ("id", "meta")}
    own = {k: v for k, v in resource.get("meta", {}).items() if k not in ("versionId", "lastUpdated", "source")}
    return bare | ({"meta": own} if own else {})


@pytest.mark.capability("transaction")
async def test_all_bundles_are_accepted_unchanged(loaded: Loaded, record_property: Any) -> None:
    resources = sum(len(bundle["entry"]) for bundle in loaded.sent)
    for bundle, answer in zip(loaded.sent, loaded.answers, strict=True):
        assert answer["type"] == "transaction-response"
        assert [entry["response"]["status"] for entry in answer["entry"]] == ["201 Created"] * len(bundle["entry"])
    assert (len(loaded.sent), resources) == (24, 7395)
    figures = {"bundles": 24, "resources": resources, "bytes": loaded.bytes, "seconds": round(loaded.seconds, 2)}
    report("fhirpy", figures)
    record_property("figures", json.dumps(figures))


@pytest.mark.capability("transaction", "read")
async def test_every_resource_comes_back_as_it_was(loaded: Loaded) -> None:
    """Digit by digit: numbers are compared as they are written."""
    http = loaded.institution.platform.client
    headers = {"authorization": f"Bearer {await loaded.institution.token()}"}
    compared = 0
    for bundle, answer in zip(loaded.sent, loaded.answers, strict=True):
        addresses = _addresses(answer)
        names = {entry["fullUrl"]: address for entry, address in zip(bundle["entry"], addresses, strict=True)}
        exact = json.loads(json.dumps(bundle), parse_float=Decimal)
        patient = next(a for a in addresses if a.startswith("Patient/"))
        whole = json.loads(
            (await http.get(f"/fhir/{patient}/$everything", headers=headers)).content, parse_float=Decimal
        )
        got = {f"{e['resource']['resourceType']}/{e['resource']['id']}": e["resource"] for e in whole["entry"]}
        for entry, address in zip(exact["entry"], addresses, strict=True):
            if address not in got:  # organizations and practitioners lie on the shared shelf
                got[address] = json.loads(
                    (await http.get(f"/fhir/{address}", headers=headers)).content, parse_float=Decimal
                )
            assert _bare(got[address], {}) == _bare(entry["resource"], names), address
            compared += 1
        assert len(got) == len(addresses), "nothing else is in the record"
    assert compared == 7395


async def test_fhirpy_reads_and_searches_by_patient(loaded: Loaded) -> None:
    client = loaded.client
    for bundle, answer in list(zip(loaded.sent, loaded.answers, strict=True))[:6]:
        patient = next(a for a in _addresses(answer) if a.startswith("Patient/"))
        read = await client.reference("Patient", patient.partition("/")[2]).to_resource()
        said = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
        assert read["name"] == said["name"]
        for kind in ("Observation", "Condition", "Immunization", "Claim"):
            wanted = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]
            found = await client.resources(kind).search(patient=patient).limit(40).fetch_all()
            assert len(found) == len(wanted), kind
        number = said["identifier"][0]
        mine = await client.resources("Patient").search(identifier=f"{number['system']}|{number['value']}").fetch()
        assert [p["id"] for p in mine] == [patient.partition("/")[2]]


async def test_fhirpy_writes_single_resources(loaded: Loaded) -> None:
    client = loaded.client
    patient = client.resource("Patient", name=[{"text": "赵敏"}], identifier=[{"system": "urn:f", "value": "1"}])
    await patient.save()
    patient["gender"] = "female"
    await patient.save()
    assert patient["meta"]["versionId"] == "2"
    seen = client.resource(
        "Observation",
        status="final",
        code={"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        subject=patient.to_reference(),
    )
    await seen.save()
    assert await client.resources("Observation").search(patient=patient.id, code="8867-4").count() == 1
    await seen.delete()
    with pytest.raises(ResourceNotFound):
        await client.reference("Observation", seen.id).to_resource()
    with pytest.raises(OperationOutcome):
        await client.resource("Patient", gender="x").save()


async def test_match_asked_by_fhirpy(live: Platform) -> None:
    home, desk = await live.institution("home"), await live.institution("desk", rights=("demographics",))
    known = await home.create(patient(home.code, national=resident_number()))
    for institution, whole in ((home, True), (desk, False)):
        token = await institution.token()
        client = AsyncFHIRClient(f"{live.base}/fhir", authorization=f"Bearer {token}")
        who = {key: known[key] for key in ("resourceType", "identifier", "name", "gender", "birthDate", "telecom")}
        asked = client.resource("Parameters", parameter=[{"name": "resource", "resource": who}])
        answer = await client.execute("Patient/$match", method="POST", data=asked.serialize())
        (entry,) = answer["entry"]
        assert entry["search"]["extension"][0]["valueCode"] == "certain"
        assert (entry["resource"]["id"] == known["id"], "telecom" in entry["resource"]) == (whole, whole)


async def test_a_resend_of_everything_changes_nothing(live: Platform, loaded: Loaded) -> None:
    before = await live.counts()
    for bundle, answer in zip(loaded.sent, loaded.answers, strict=True):
        assert await loaded.client.execute("", method="POST", data=bundle) == answer
    assert await live.counts() == before
