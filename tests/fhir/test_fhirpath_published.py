"""The published FHIRPath and FHIR Patch cases, where somebody has them: `YIMA_FHIR_CASES` names a copy of the repository
fhir-test-cases.

They are not in the repository: fetched data stays out of it. docs/validation.md says how to get them.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from support import report
from yima import fhir
from yima.fhir import fhirpath
from yima.runtime.errors import Refusal

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


def _folder() -> Path:
    folder = os.environ.get("YIMA_FHIR_CASES")
    if not folder:
        pytest.skip("*** THE PUBLISHED CASES WERE NOT TRIED: YIMA_FHIR_CASES names no folder ***")
    return Path(folder, "r4")


@cache
def _resource(folder: Path, name: str) -> dict[str, Any]:
    path = next(p for p in (folder / name, folder / "examples" / name, folder / "fhirpath" / name) if p.exists())
    body = path.read_bytes()
    return fhir.parse_xml(body) if path.suffix == ".xml" else fhir.parse(body)


def _said(items: list[Any]) -> list[str]:
    return [str(fhirpath.to_string(item)) for item in items]


def _outcome(folder: Path, case: ET.Element) -> str:
    expression = case.find("expression")
    assert expression is not None
    wanted = [("".join(o.itertext())).removeprefix("@").removeprefix("T") for o in case.findall("output")]
    tree = _resource(folder, case.get("inputfile", "patient-example.xml"))
    wrong = expression.get("invalid")
    node = fhirpath.root(tree)
    context = fhirpath.Context(resource=node, container=node, now=NOW)
    try:
        found = fhirpath.compile_expression(expression.text or "").evaluate(node, context)
    except Refusal as refusal:
        if wrong in ("syntax", "execution", "semantic", "true"):
            return "passed"
        unknown = refusal.code == "expression-invalid"
        return "not supported" if unknown else f"FAILED {refusal}"
    if wrong == "semantic":
        return "not supported"  # mistakes of type before anything is evaluated are not looked for
    if wrong:
        return f"FAILED: no mistake seen, {_said(found)}"
    if case.get("predicate") == "true":
        found = [bool(found)] if not (len(found) == 1 and isinstance(found[0], bool)) else found
    said = _said(found)
    return (
        "passed"
        if [s.removeprefix("@").removeprefix("T") for s in said] == wanted or _close(said, wanted)
        else f"FAILED: {said} for {wanted}"
    )


def _close(said: list[str], wanted: list[str]) -> bool:
    try:
        return [float(s) for s in said] == [float(w) for w in wanted]
    except ValueError:
        return False


def test_expressions() -> None:
    """Passed, failed and not supported, by group of the published file."""
    folder = _folder()
    groups: dict[str, Counter[str]] = {}
    failed = []
    for group in ET.parse(folder / "fhirpath" / "tests-fhir-r4.xml").getroot().iter("group"):
        counts = groups.setdefault(group.get("name", ""), Counter())
        for case in group.iter("test"):
            said = _outcome(folder, case)
            counts[said.split(":")[0].split(" ")[0] if said.startswith("FAILED") else said] += 1
            if said.startswith("FAILED"):
                failed.append(
                    f"{group.get('name')} {case.get('name')}: {(case.findtext('expression') or '')[:90]} -- {said}"
                )
    report("fhirpath by group", {name: dict(counts) for name, counts in groups.items()})
    report("fhirpath", dict(sum(groups.values(), Counter())))
    assert failed == []
