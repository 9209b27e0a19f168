"""docs/one-request.md is true: every function it names exists, and a real request calls them in that order."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from house import ROOT

from support import Institution, Platform
from yima.runtime import clock, ids

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


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    """The institution that submits and scans; it has signed in already."""
    registered = await platform.institution()
    await registered.token()
    return registered


@pytest.fixture(scope="module")
async def submission(hospital: Institution) -> tuple[list[str], str]:
    """What a submission calls, and the Patient it made."""
    with traced() as called:
        stored = await hospital.submit()
    return called, next(address for address in stored if address.startswith("Patient/"))


def test_a_submission(submission: tuple[list[str], str]) -> None:
    assert_order(SUBMISSION, submission[0])


async def test_a_scan_a_disclosure_and_the_access_log(
    platform: Platform, hospital: Institution, submission: tuple[list[str], str]
) -> None:
    patient = submission[1]
    person = platform.person_of(patient)

    with traced() as called:
        visit = await hospital.visit(person)
    assert_order(SCAN, called)

    with traced() as called:
        record = await hospital.call("GET", f"/fhir/{patient}/$everything", visit=visit)
    assert record.status_code == 200, record.text
    assert record.json()["total"] > 1
    assert_order(DISCLOSURE, called)

    session = platform.access.callers.session("resident", ids.person_text(person), clock.now())
    with traced() as called:
        page = await platform.client.get("/resident/log", headers={"Cookie": f"yima_resident={session}"})
    assert page.status_code == 200
    assert hospital.code in page.text
    assert_order(LOG, called)
