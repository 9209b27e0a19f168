"""The synthetic records of Synthea that lie beside the repository on the project's machines."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from yima import fhir

SYNTHEA = Path(__file__).resolve().parents[3] / "shared" / "data" / "synthea-r4"


@pytest.fixture(scope="session")
def bundles() -> list[bytes]:
    """The 24 Bundles as bytes; skips the test where they are absent."""
    found = sorted(SYNTHEA.glob("*.json.gz"))
    if not found:
        pytest.skip("the Synthea sample data are not beside this repository")
    return [gzip.decompress(path.read_bytes()) for path in found]


@pytest.fixture(scope="session")
def resources(bundles: list[bytes]) -> list[dict[str, Any]]:
    """All resources of all Bundles. Do not change them."""
    return [entry["resource"] for body in bundles for entry in fhir.parse(body)["entry"]]
