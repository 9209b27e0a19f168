"""/fhir/metadata and the tests know one another: nothing is offered that no test names, and none names what is not."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from support import Institution, Platform

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import fhir_docs


async def _offered(at: Institution) -> set[str]:
    answer = await at.call("GET", "/fhir/metadata")
    assert answer.status_code == 200
    return fhir_docs.capabilities_of(answer.json())


async def test_each_capability_has_a_test_that_names_it(platform: Platform) -> None:
    everybody = await _offered(await platform.institution("A"))
    offered = everybody | await _offered(await platform.institution("X", matching="off"))
    named = set(fhir_docs.sentences())
    assert offered - named == set(), "offered, and no test names it"
    assert named - offered == set(), "named by a test, and not offered"
    groups = "|".join(fhir_docs.GROUPS.values())
    assert not [name for name in offered if not re.fullmatch(groups, name)], "in no group of the page"
    assert {"history-type", "history-system"}.isdisjoint(everybody), "of a sandbox only"


def test_the_page_is_current() -> None:
    text = fhir_docs.PAGE.read_text(encoding="utf-8")
    assert text == fhir_docs.page(fhir_docs.sentences(), text), "run python tools/fhir_docs.py"


@pytest.mark.parametrize(
    ("change", "lost", "new"),
    [
        ({"format": ["json"]}, "format xml", None),
        ({"patchFormat": ["text/odd"]}, "patchFormat application/json-patch+json", "patchFormat text/odd"),
    ],
)
async def test_a_change_of_the_statement_would_be_seen(
    platform: Platform, change: dict[str, Any], lost: str, new: str | None
) -> None:
    """A capability that comes or goes changes what the tests must name."""
    said = (await platform.client.get("/fhir/metadata")).json()
    before, after = fhir_docs.capabilities_of(said), fhir_docs.capabilities_of(said | change)
    assert lost in before - after
    assert new is None or new in after - before
