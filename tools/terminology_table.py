"""Write src/yima/terminology/data/r4.json.xz: the CodeSystems, ValueSets and ConceptMaps of FHIR R4 (4.0.1).

python tools/terminology_table.py <package>/dist/fhir/r4 src/yima/terminology/data/r4.json.xz

The folder is that of the official definitions, as for tools/fhir_tables (see its README.md for obtaining them):
valuesets.json, v3-codesystems.json, v2-tables.json, conceptmaps.json. They are in the public domain (CC0). Left out is
what no terminology operation reads (narratives, contacts, long definitions, stored expansions) and the words of systems
that are not HL7's to give away: of SNOMED CT, LOINC and other listed vocabularies only the codes are kept.
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]
FILES = ("valuesets.json", "v3-codesystems.json", "v2-tables.json", "conceptmaps.json")
TYPES = ("CodeSystem", "ValueSet", "ConceptMap")
DROPPED = {"text", "meta", "extension", "contact", "identifier", "expansion", "contained", "jurisdiction", "useContext",
           "publisher", "purpose", "immutable", "language", "_description"}  # fmt: skip
LONGEST_DEFINITION = 160
"""Characters; longer ones explain to people and would make up most of the file."""
LONGEST_DESCRIPTION = 300
OPEN = ("http://hl7.org/", "http://terminology.hl7.org/", "http://unitsofmeasure.org", "urn:iso:std:iso:3166",
        "urn:ietf:", "urn:iso-astm:", "http://example.com")  # fmt: skip
"""Beginnings of the systems whose displays are HL7's own or plain facts."""


def concept(row: Json) -> Json:
    """A concept of a code system with everything below it."""
    kept = {key: row[key] for key in ("code", "display", "designation", "property") if key in row}
    definition = row.get("definition", "")
    if definition and len(definition) <= LONGEST_DEFINITION and definition != row.get("display"):
        kept["definition"] = definition
    if "concept" in row:
        kept["concept"] = [concept(child) for child in row["concept"]]
    return kept


def include(row: Json) -> Json:
    """One include or exclude of a value set; displays only where they are free."""
    kept = {key: row[key] for key in ("system", "version", "filter", "valueSet") if key in row}
    free = row.get("system", "").startswith(OPEN) and row.get("system") != "http://hl7.org/fhir/sid/icd-10"
    if "concept" in row:
        fields = ("code", "display") if free else ("code",)
        kept["concept"] = [{key: one[key] for key in fields if key in one} for one in row["concept"]]
    return kept


def element(row: Json) -> Json:
    """One source code of a map, without extensions."""
    return {key: value for key, value in row.items() if key != "extension"}


def compact(resource: Json) -> Json:
    """A resource without what no operation reads."""
    kept = {key: value for key, value in resource.items() if key not in DROPPED}
    if len(kept.get("description", "")) > LONGEST_DESCRIPTION:
        del kept["description"]
    if "concept" in kept:
        kept["concept"] = [concept(row) for row in kept["concept"]]
    if "compose" in kept:
        parts = ("include", "exclude")
        kept["compose"] = {p: [include(r) for r in kept["compose"][p]] for p in parts if p in kept["compose"]}
    for group in kept.get("group", ()):
        group["element"] = [element(row) for row in group.get("element", ())]
    return kept


def main(folder: Path, target: Path) -> None:
    """Read the four bundles, write one compressed list."""
    bundles = [json.loads((folder / name).read_text(encoding="utf-8")) for name in FILES]
    found = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    kept = [compact(resource) for resource in found if resource["resourceType"] in TYPES and "url" in resource]
    kept.sort(key=lambda resource: (resource["resourceType"], resource["id"]))
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(lzma.compress(text.encode(), preset=9))
    sys.stdout.write(
        f"{len(kept)} resources, {len(text) / 1e6:.1f} MB, compressed {target.stat().st_size / 1e6:.2f} MB\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
