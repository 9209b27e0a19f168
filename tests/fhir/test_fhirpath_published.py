"""The published FHIRPath and FHIRPath Patch cases, where somebody has them: `YIMA_FHIR_CASES` names a copy of the
repository fhir-test-cases.

They are not in the repository: fetched data stays out of it. docs/validation.md says how to get them.
"""

from __future__ import annotations

import os
import re
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

DIFFERENT = {
    "testPlusDate19": "a tenth of a second is cut off there; FHIRPath adds seconds with their decimals (N1, 6.6.7)",
    "testFHIRPathAsFunction21": "as() of several elements is a mistake there; R4's own rules use it so (dom-3)",
}
"""Cases where we differ on purpose."""
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
    for group in ET.parse(folder / "fhirpath" / "tests-fhir-r4.xml").getroot().iter("group"):  # noqa: S314  a file of ours
        counts = groups.setdefault(group.get("name", ""), Counter())
        for case in group.iter("test"):
            said = _outcome(folder, case)
            counts[said.split(":")[0].split(" ")[0] if said.startswith("FAILED") else said] += 1
            if said.startswith("FAILED") and case.get("name") not in DIFFERENT:
                failed.append(
                    f"{group.get('name')} {case.get('name')}: {(case.findtext('expression') or '')[:90]} -- {said}"
                )
    report("fhirpath by group", {name: dict(counts) for name, counts in groups.items()})
    report("fhirpath", dict(sum(groups.values(), Counter())))
    assert failed == []


def test_patches() -> None:
    """Every published case of FHIRPath Patch."""
    passed, failed = 0, []
    text = (_folder() / "patch" / "fhir-patch-tests.xml").read_text(encoding="utf-8")
    for case in re.findall(r"<case .*?</case>", text, re.S):
        before, patch = _inside(case, "input"), _inside(case, "diff")
        assert before is not None
        assert patch is not None
        try:
            after: dict[str, Any] | None = fhir.fhirpath_patch(before, patch)
        except Refusal:
            after = None
        wanted = _inside(case, "output")
        same = _quoted(after) == _quoted(wanted)
        passed += same
        failed += [] if same else [f"{case[:60]}: {after} for {wanted}"]
    report("fhirpath patch", {"passed": passed, "failed": len(failed)})
    assert failed == []
    assert passed > 20, "hardly any case"


def _inside(case: str, name: str) -> dict[str, Any] | None:
    found = re.search(rf"<{name}>\s*(<.*>)\s*</{name}>", case, re.S)
    return fhir.parse_xml(found[1].encode()) if found else None


def _quoted(resource: dict[str, Any] | None) -> dict[str, Any] | None:
    """With quotation marks in the narrative as they are: the file escapes them in some places, XML needs it in none."""
    if resource is None or "div" not in resource.get("text", {}):
        return resource
    return resource | {"text": resource["text"] | {"div": resource["text"]["div"].replace("&quot;", '"')}}
