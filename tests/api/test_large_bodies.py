"""While a large body is worked on, the worker's other requests are answered: the loop has none of the long work."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from support import Institution, Platform, Stretches, bundle, entry, observation, patient
from yima import fhir

MOST = 20_000
"""Calls of functions at a stretch: twice what is left to the loop here, a tenth of what the whole work would be."""


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("L")


@pytest.fixture(scope="module")
async def subject(hospital: Institution) -> str:
    return f"Patient/{(await hospital.create(patient(hospital.code, number='large')))['id']}"


def _transaction(subject: str, told: str = "plainly") -> tuple[str, bytes, dict[str, str]]:
    """Told in different ways, so that none is a resend."""
    entries = [entry(observation(subject, note=[{"text": told}])) for _ in range(1500)]
    return "/fhir", fhir.encode(bundle(*entries)), {}


def _packed(subject: str) -> tuple[str, bytes, dict[str, str]]:
    path, body, headers = _transaction(subject, "packed")
    return path, gzip.compress(body), headers | {"content_encoding": "gzip"}


def _narrative(subject: str) -> tuple[str, bytes, dict[str, str]]:
    rows = "<tr><td class='v'>120 g/L</td></tr>" * 40_000
    text = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><table>{rows}</table></div>'}
    return "/fhir/Observation", fhir.encode(observation(subject, text=text)), {}


def _as_xml(subject: str) -> tuple[str, bytes, dict[str, str]]:
    path, body, headers = _transaction(subject, "in XML")
    return path, fhir.to_xml(fhir.parse(body)), headers | {"content_type": "application/fhir+xml"}


def _validated(subject: str) -> tuple[str, bytes, dict[str, str]]:
    return "/fhir/Bundle/$validate", _transaction(subject)[1], {}


def _asked(subject: str) -> tuple[str, bytes, dict[str, str]]:
    more = [{"name": "x", "part": [{"name": "y", "valueString": "z"}] * 10}] * 10_000
    rows = [{"name": "resource", "resource": patient("L")}, *more]
    return "/fhir/Patient/$match", fhir.encode({"resourceType": "Parameters", "parameter": rows}), {}


@pytest.mark.parametrize("made", [_transaction, _packed, _narrative, _as_xml, _validated, _asked])
async def test_the_loop_has_none_of_the_long_work(
    platform: Platform, hospital: Institution, subject: str, made: Callable[[str], Any]
) -> None:
    path, body, headers = made(subject)
    with Stretches() as loop:
        answer = await hospital.call("POST", path, body, **headers)
    assert answer.status_code in (200, 201), answer.text[:500]
    assert loop.longest < MOST, f"{loop.longest} calls at a stretch on the loop"


async def test_an_answer_in_xml_is_written_beside_the_loop(hospital: Institution, subject: str) -> None:
    made = await hospital.call("POST", *_narrative(subject)[:2])
    address, wanted = f"/fhir/Observation/{made.json()['id']}", {"accept": "application/fhir+xml"}
    with Stretches() as loop:
        answer = await hospital.call("GET", address, **wanted)
    assert answer.headers["content-type"].startswith(wanted["accept"])
    assert len(answer.content) == int(answer.headers["content-length"]) > 1_000_000
    assert fhir.parse_xml(answer.content)["id"] == made.json()["id"]
    assert loop.longest < MOST, f"{loop.longest} calls at a stretch on the loop"
    asked = await hospital.call("HEAD", address, **wanted)
    assert (asked.status_code, asked.headers["content-length"]) == (200, answer.headers["content-length"])
