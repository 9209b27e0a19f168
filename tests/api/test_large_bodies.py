"""While a large body is worked on, the worker's other requests are answered: the loop has none of the long work."""

from __future__ import annotations

import asyncio
import gc
import gzip
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support import Institution, Platform, bundle, entry, observation, patient
from yima import fhir


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("L")


@pytest.fixture(scope="module")
async def subject(hospital: Institution) -> str:
    return f"Patient/{(await hospital.create(patient(hospital.code, number='large')))['id']}"


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """Its stretches are pytest's own: it has more objects than a worker."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


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
    stretches, over = [0.0], asyncio.Event()

    async def neighbour() -> None:
        while not over.is_set():
            before = time.thread_time()
            await asyncio.sleep(0.001)
            stretches.append(time.thread_time() - before)

    beside, whole = asyncio.create_task(neighbour()), time.process_time()
    answer = await hospital.call("POST", path, body, **headers)
    whole = time.process_time() - whole
    over.set()
    await beside
    assert answer.status_code in (200, 201), answer.text[:500]
    # CPU times of one process, one beside the other: no machine is too slow for them.
    assert max(stretches) < whole / 8, f"{max(stretches):.3f} of {whole:.3f} s at a stretch on the loop"
