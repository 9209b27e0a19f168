"""docs/one-request.md is true: every function it names exists, and a real request calls them in that order."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest
from conftest import Deployment
from house import ROOT

from yima.runtime import clock

PAGE = (ROOT / "docs" / "one-request.md").read_text(encoding="utf-8")
SUBMISSION, SCAN, DISCLOSURE, LOG = "a", "b1", "b2", "b3"


def steps(part: str) -> list[str]:
    """The functions named by the numbered steps of a part, in order; `yima.` left out as on the page."""
    body = re.search(rf"^<!-- trace: {part} -->$(.*?)^<!-- end -->$", PAGE, re.MULTILINE | re.DOTALL)
    assert body, f"docs/one-request.md has no part {part}"
    return re.findall(r"^\d+\. `([\w.]+)`", body[1], re.MULTILINE)


def function(step: str) -> Any:
    """What a step names: the module is the longest importable beginning of it."""
    parts = step.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(["yima", *parts[:cut]]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            found = getattr(found, name)
        return found
    raise AssertionError(f"no module in {step}")


@contextmanager
def traced() -> Iterator[list[str]]:
    """The functions of the package in the order in which each was first called."""
    order: list[str] = []
    seen: set[object] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code not in seen:
            seen.add(frame.f_code)
            name = str(frame.f_globals.get("__name__", ""))
            if name.startswith("yima."):
                order.append(f"{name.removeprefix('yima.')}.{frame.f_code.co_qualname}")

    sys.setprofile(note)
    try:
        yield order
    finally:
        sys.setprofile(None)


def assert_order(part: str, called: list[str]) -> None:
    """Every step of the part was called, each for the first time after the one before it."""
    wanted = steps(part)
    assert len(wanted) > 3
    missing = [step for step in wanted if step not in called]
    assert not missing, f"named on the page, never called: {missing}"
    assert wanted == sorted(wanted, key=called.index)


@pytest.mark.parametrize("part", [SUBMISSION, SCAN, DISCLOSURE, LOG])
def test_every_step_exists(part: str) -> None:
    for step in steps(part):
        assert callable(function(step)), step


BUNDLE = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {
            "fullUrl": "urn:uuid:8f1d2c1e-0000-4000-8000-000000000001",
            "resource": {
                "resourceType": "Patient",
                "identifier": [{"system": "urn:yima:test:h1", "value": "P-0001"}],
                "name": [{"text": "陈一一"}],
                "gender": "female",
                "birthDate": "1990-02-03",
            },
            "request": {"method": "POST", "url": "Patient"},
        },
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
                "subject": {"reference": "urn:uuid:8f1d2c1e-0000-4000-8000-000000000001"},
                "effectiveDateTime": "2026-11-20T08:00:00+08:00",
                "valueQuantity": {"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
            },
            "request": {"method": "POST", "url": "Observation"},
        },
    ],
}


@pytest.fixture(scope="module")
async def submitted(deployment: Deployment) -> tuple[str, list[str], str]:
    """The token, what the submission called, and the Patient it made."""
    token = await deployment.token()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    with traced() as called:
        answer = await deployment.client.post("/fhir", json=BUNDLE, headers=headers)
    assert answer.status_code == 200, answer.text
    patient = str(answer.json()["entry"][0]["response"]["location"].split("/")[1])
    return token, called, patient


def test_a_submission(submitted: tuple[str, list[str], str]) -> None:
    assert_order(SUBMISSION, submitted[1])


async def test_a_scan_a_disclosure_and_the_access_log(
    deployment: Deployment, submitted: tuple[str, list[str], str]
) -> None:
    token, _, patient = submitted
    access, client = deployment.app.state.access, deployment.client
    person, now = patient[:10], datetime.now(UTC)
    session = access.session("resident", person, now)
    resident = await access.caller("resident", session, now)
    code = (await access.my_card(resident, clock.now())).dynamic_text
    headers = {"Authorization": f"Bearer {token}"}

    with traced() as called:
        scan = await client.post("/code/verify", json={"code": code, "terminal": deployment.terminal}, headers=headers)
    assert scan.status_code == 200, scan.text
    assert_order(SCAN, called)

    with traced() as called:
        record = await client.get(
            f"/fhir/Patient/{patient}/$everything", headers=headers | {"Yima-Visit": scan.json()["visit"]}
        )
    assert record.status_code == 200, record.text
    assert record.json()["total"] == 2
    assert_order(DISCLOSURE, called)

    with traced() as called:
        page = await client.get("/resident/log", headers={"Cookie": f"yima_resident={session}"})
    assert page.status_code == 200
    assert "一码县医院" in page.text
    assert_order(LOG, called)
