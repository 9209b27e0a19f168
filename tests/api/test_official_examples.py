"""R4's official examples, where somebody has them: `YIMA_FHIR_EXAMPLES` names the folder with the JSON files of the
package hl7.fhir.r4.examples. Each is put into a sandbox under its own id and must come back exact but for meta.

They are not in the repository: fetched data stays out of it. docs/validation.md says how to get them.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support import Institution, Platform, code_of, report

XML = "application/fhir+xml"
THEIRS = {
    "field-missing": 13,
    "field-invalid": 1,
    "rule-broken": 5,
    "reference-unresolved": 4,
}
"""Refused for mistakes of their own, told in docs/fhir.md: no resource of R4, or about a patient on another server."""


def _examples() -> list[Path]:
    folder = os.environ.get("YIMA_FHIR_EXAMPLES")
    if not folder:
        pytest.skip("*** THE OFFICIAL EXAMPLES WERE NOT TRIED: YIMA_FHIR_EXAMPLES names no folder ***")
    paths = [p for p in Path(folder).glob("*.json") if p.name != "package.json" and not p.name.startswith(".")]
    return sorted(paths, key=lambda p: (not p.name.startswith(("Patient-", "Organization-")), p.name))


def _bytes(path: Path) -> bytes:
    return path.read_bytes()


def _exact(body: bytes) -> dict[str, Any]:
    """What was sent or came back, numbers with their digits, without what the server sets."""
    tree: dict[str, Any] = json.loads(body, parse_float=Decimal)
    meta = {k: v for k, v in tree.pop("meta", {}).items() if k not in ("versionId", "lastUpdated", "source")}
    return tree | ({"meta": meta} if meta else {})


def _absent(paths: list[Path]) -> set[str]:
    """The ids of Patients that examples are about and none of them is."""
    named = {
        one for path in paths for one in re.findall(r'"reference": ?"Patient/([A-Za-z0-9.-]{1,64})"', path.read_text())
    }
    return named - {path.stem.removeprefix("Patient-") for path in paths if path.name.startswith("Patient-")}


def _address(path: Path) -> str:
    """As it calls itself; one file has no id, one is named otherwise than what it holds."""
    tree = json.loads(_bytes(path))
    return f"/fhir/{tree['resourceType']}/{tree.get('id', 'without')}"


@pytest.fixture(scope="module")
async def sandbox(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Institution]:
    """A sandbox where bodies may be as large as the largest of them (24 MB)."""
    platform = await Platform.start(database_url, tmp_path_factory.mktemp("platform"), max_body_bytes=64 << 20)
    yield await platform.institution("X", matching="off")
    await platform.stop()


@pytest.mark.timeout(1800)
async def test_each_is_accepted_and_comes_back_exact(sandbox: Institution) -> None:
    """Or is refused for a mistake of its own."""
    paths = _examples()
    for number in _absent(paths):
        await sandbox.call("PUT", f"/fhir/Patient/{number}", {"resourceType": "Patient", "id": number})
    told: dict[str, list[str]] = defaultdict(list)
    accepted = [path for path in paths if await _is_accepted(sandbox, path, told)]
    changed = [path.name for path in accepted if not await _is_exact(sandbox, path)]
    in_xml = accepted[::20]
    changed += [f"{path.name} in XML" for path in in_xml if not await _is_exact_in_xml(sandbox, path)]
    refused = {code: len(names) for code, names in sorted(told.items())}
    report("official-examples", {"accepted": len(accepted), "in XML": len(in_xml), "refused": refused})
    assert not changed, changed[:20]
    assert refused == THEIRS, told


async def _is_accepted(sandbox: Institution, path: Path, told: dict[str, list[str]]) -> bool:
    """Puts an example; of a refusal the code and the example's name are told."""
    answer = await sandbox.call("PUT", _address(path), _bytes(path))
    if answer.status_code not in (200, 201):
        told[code_of(answer)].append(f"{path.name}: {answer.json()['issue'][0].get('expression')}")
    return answer.status_code in (200, 201)


async def _is_exact(sandbox: Institution, path: Path) -> bool:
    back = await sandbox.call("GET", _address(path))
    return back.status_code == 200 and _exact(back.content) == _exact(_bytes(path))


async def _is_exact_in_xml(sandbox: Institution, path: Path) -> bool:
    """Read as XML, deleted, put as that XML, and read as JSON."""
    xml = await sandbox.call("GET", _address(path), accept=XML)
    await sandbox.call("DELETE", _address(path))
    again = await sandbox.call("PUT", _address(path), xml.content, content_type=XML)
    return again.status_code in (200, 201) and await _is_exact(sandbox, path)
