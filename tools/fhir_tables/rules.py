"""The rules of R4 (`constraint` of the StructureDefinitions): which type each is for, and what it asks."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

ELSEWHERE = {
    "ele-1": "by the shapes of objects",
    "ext-1": "by the shapes of objects",
    "dom-2": "by the type of contained resources",
    "dom-3": "by a walk over references",
    "ref-1": "by a walk over references",
    "txt-1": "by the type xhtml",
    "txt-2": "by the type xhtml",
}
"""Rules that `validation.py` checks without an expression."""
MENDED = {
    (
        "Period",
        "per-1",
    ): "start.hasValue().not() or end.hasValue().not() or (start.lowBoundary() <= end.highBoundary())",
    ("Task", "inv-1"): "lastModified.exists().not() or authoredOn.exists().not() or "
    "lastModified.highBoundary() >= authoredOn.lowBoundary()",
    ("MedicationDispense", "mdd-1"): "whenHandedOver.empty() or whenPrepared.empty() or "
    "whenHandedOver.highBoundary() >= whenPrepared.lowBoundary()",
    ("RiskAssessment.prediction", "ras-2"): "probability.ofType(decimal).empty() or probability.ofType(decimal) <= 100",
    ("Questionnaire.item.enableWhen", "que-7"): "operator = 'exists' implies (answer is boolean)",
}
"""Rules whose R4 expression does not say what their words say. The first three have no answer for times of different
precision (R5 words per-1 as here), ras-2 none without a probability; in que-7, `Boolean` is not FHIR's type."""


def rules(definitions: list[Json]) -> dict[str, list[list[str]]]:
    """Type or backbone element -> [key, severity, expression, words]."""
    table: dict[str, list[list[str]]] = {}
    for definition in definitions:
        elements = definition["snapshot"]["element"]
        name = definition["name"]
        for element in elements:
            for row in element.get("constraint", ()):
                if _is_own(row, element["path"], name):
                    _add(table, element, name, row)
    return {name: sorted(rows) for name, rows in sorted(table.items())}


def _is_own(row: Json, path: str, name: str) -> bool:
    if row["key"] in ELSEWHERE or "expression" not in row:
        return False
    if row["key"].startswith("dom-"):
        return path == "DomainResource"
    # A rule of a type comes again wherever an element is of that type; `source` says whose it is.
    source = row.get("source", "").rsplit("/", 1)[-1]
    return "." not in path or source in ("", name)


def _add(table: dict[str, list[list[str]]], element: Json, name: str, row: Json) -> None:
    path: str = element["path"]
    expression = MENDED.get((path, row["key"]), row["expression"])
    types = [t["code"] for t in element.get("type", ())]
    if "%resource" in expression and path != name:
        path, expression = name, f"{path.removeprefix(name + '.')}.all({expression})"
    elif path != name and types[:1] not in (["BackboneElement"], ["Element"]):
        path, _, last = path.rpartition(".")
        expression = f"{last.removesuffix('[x]')}.all({expression})"
    table.setdefault(path, []).append([row["key"], row["severity"], expression, row["human"]])
