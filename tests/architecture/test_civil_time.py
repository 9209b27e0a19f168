"""A day is the place's, whatever the hour: nothing takes the day of UTC, and China's offset is written once.

Between midnight and eight in the morning in Beijing the day of UTC is yesterday's: a limit by the day, an age or a
page's "today" taken from it is wrong for a third of each day, and a test of it passes or fails by the hour.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRONG = {
    "the day of a UTC moment": re.compile(
        r"\b(?:now|moment|expires|recorded)\b[^.]*\.date\(\)|\b(?:date|datetime)\.today\("
    ),
    "a second civil time": re.compile(r"timezone\(timedelta\(hours=8\)"),
}
PROPER = {
    "src/yima/runtime/civil.py": "where it is written",
    "src/yima/fhir/fhirpath/functions.py": "FHIRPath's today() is the day of the moment that it is given",
    "src/yima/cli/population/worker.py": "tomorrow of UTC is no earlier than today anywhere",
    "src/yima/mpi/resolve.py": "tomorrow of UTC is no earlier than today anywhere",
}


@pytest.mark.parametrize("what", WRONG)
def test_days_are_of_one_civil_time(what: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sorted((ROOT / "src").rglob("*.py"))
        if str(file.relative_to(ROOT)) not in PROPER
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if WRONG[what].search(line)
    ]
    assert not found


def test_the_exceptions_are_needed() -> None:
    assert all(any(one.search((ROOT / file).read_text()) for one in WRONG.values()) for file in PROPER)
