"""A hospital and a patient with a year of values, for the tests of searching."""

from __future__ import annotations

import pytest

from support import Institution, Platform, encounter, observation, patient, resident_number


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def number() -> str:
    return resident_number()


@pytest.fixture(scope="module")
async def ann(hospital: Institution, number: str) -> str:
    """A patient with twelve months of glucose, one of them preliminary, and a potassium; her id."""
    made = await hospital.create(patient(number="ann", national=number))
    subject = f"Patient/{made['id']}"
    for month in range(1, 13):
        status = "preliminary" if month == 12 else "final"
        await hospital.create(observation(subject, value=4 + month / 10, date=f"2025-{month:02d}-15", status=status))
    potassium = {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]}
    await hospital.create(observation(subject, date="2025-07-01T23:30:00+08:00", code=potassium))
    await hospital.create(encounter(subject))
    return str(made["id"])
