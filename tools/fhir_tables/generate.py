"""Write src/yima/fhir/data/*.json from the official FHIR R4 (4.0.1) definitions. See README.md for obtaining them.

python tools/fhir_tables/generate.py <package>/dist/fhir/r4 src/yima/fhir/data
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from expressions import Elements, Place, places, resolve, split_top, steps_of
from rules import rules

Json = dict[str, Any]
BASES = ("Resource", "DomainResource", "Element", "BackboneElement")
LARGEST_VALUESET = 300  # codes; larger ones belong to terminology, not to structure
MANY_TARGETS = 100  # "any resource type" is written out in the definitions
RESOURCE_PARAMS = ("_id", "_lastUpdated", "_profile", "_security", "_source", "_tag")
FHIRPATH_STRING = "http://hl7.org/fhirpath/System.String"
LICENCE = "Derived from the HL7 FHIR R4 (4.0.1) definitions, which are in the public domain (CC0)."


class Tables:
    """The two tables, built step by step from the definitions in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kinds: dict[str, Json] = {}
        self.definitions: list[Json] = []
        self.valuesets: dict[str, dict[str, list[str]]] = {}
        self._terms = {r["url"]: r for r in self._resources("valuesets.json", "v3-codesystems.json", "v2-tables.json")}

    def _resources(self, *names: str) -> list[Json]:
        bundles = (json.loads((self.folder / name).read_text(encoding="utf-8")) for name in names)
        return [e["resource"] for bundle in bundles for e in bundle["entry"] if "url" in e["resource"]]

    # --- structure ------------------------------------------------------------------------------------------
    def structure(self) -> None:
        """Every data type, backbone element and resource with its elements."""
        r4 = set(_codes(self._terms["http://hl7.org/fhir/resource-types"]["concept"]))
        for sd in self._resources("profiles-types.json", "profiles-resources.json"):
            if sd["resourceType"] != "StructureDefinition" or sd.get("derivation") == "constraint":
                continue
            # The package carries SubscriptionStatus of R4B as well.
            if sd["kind"] == "complex-type" or (sd["kind"] == "resource" and sd["name"] in r4):
                self._type(sd)
                self.definitions.append(sd)

    def _type(self, sd: Json) -> None:
        base = sd.get("baseDefinition", "").rsplit("/", 1)[-1]
        self._row(sd["name"], base, sd["kind"] == "resource" and not sd["abstract"])
        for element in sd["snapshot"]["element"][1:]:
            path: str = element["path"]
            parent, name = path.rsplit(".", 1)
            codes = [t["code"] for t in element.get("type", [])]
            if codes and codes[0] in ("BackboneElement", "Element"):
                self._row(path, codes[0], False)
                codes = [path]
            owner = element["base"]["path"].split(".")[0]
            if owner in BASES and owner != sd["name"]:
                continue  # inherited: written once, at the base type
            self.kinds[parent]["elements"][name] = self._element(element, codes)

    def _row(self, name: str, base: str, is_resource: bool) -> None:
        self.kinds[name] = {"base": base, **({"resource": True} if is_resource else {}), "elements": {}}

    def _element(self, element: Json, codes: list[str]) -> str:
        if "contentReference" in element:
            codes = [element["contentReference"].removeprefix("#")]
        if codes == [FHIRPATH_STRING]:
            codes = {"Resource.id": ["id"], "Extension.url": ["uri"]}.get(element["path"], ["string"])
        binding = element.get("binding", {})
        bound = ""
        if binding.get("strength") == "required" and set(codes) & {"code", "Coding", "CodeableConcept"}:
            bound = self._valueset(binding["valueSet"].split("|")[0])
        # A tilde marks what belongs to a summary (R4 elementdefinition.html, isSummary).
        cardinality = f"{element['min']}..{element['max']}{'~' if element.get('isSummary') else ''}"
        return " ".join(filter(None, (cardinality, "|".join(codes), bound)))

    # --- value sets -----------------------------------------------------------------------------------------
    def _valueset(self, url: str) -> str:
        """Name of an enumerable value set, or '' when it is open, filtered or large."""
        name = url.rsplit("/", 1)[-1]
        if name not in self.valuesets:
            codes = self._expand(url)
            if not codes or sum(map(len, codes.values())) > LARGEST_VALUESET:
                return ""
            self.valuesets[name] = codes
        return name

    def _expand(self, url: str) -> dict[str, list[str]] | None:
        compose = self._terms.get(url, {}).get("compose", {})
        if "exclude" in compose:
            return None
        found: dict[str, list[str]] = {}
        for include in compose.get("include", []):
            codes = self._include(include)
            if codes is None:
                return None
            for system, values in codes.items():
                found.setdefault(system, []).extend(v for v in values if v not in found.get(system, ()))
        return found

    def _include(self, include: Json) -> dict[str, list[str]] | None:
        if "filter" in include:
            return None
        if "valueSet" in include:
            merged: dict[str, list[str]] = {}
            for url in include["valueSet"]:
                merged.update(self._expand(url) or {})
            return merged or None
        if "concept" in include:
            return {include["system"]: [c["code"] for c in include["concept"]]}
        system = self._terms.get(include["system"], {})
        if system.get("content") != "complete":
            return None
        return {include["system"]: list(_codes(system.get("concept", [])))}

    # --- search ---------------------------------------------------------------------------------------------
    def elements(self) -> Elements:
        """Elements with those of the base types folded in."""

        def all_of(name: str) -> dict[str, str]:
            kind = self.kinds.get(name)
            return {**all_of(kind["base"]), **kind["elements"]} if kind else {}

        return {name: all_of(name) for name in self.kinds}

    def search(self) -> dict[str, dict[str, Json]]:
        """Type -> parameter -> {type, paths, target} or {type: composite, parts}."""
        elements = self.elements()
        defined = {r["url"]: r for r in self._resources("search-parameters.json") if r["version"] == "4.0.1"}
        types = sorted(name for name, kind in self.kinds.items() if kind.get("resource"))
        table: dict[str, dict[str, Json]] = {name: {} for name in types}
        for sp in sorted(defined.values(), key=lambda r: str(r["code"])):
            for base in sp["base"]:
                if base == "Resource" and sp["code"] in RESOURCE_PARAMS:
                    for name in types:
                        own = {**sp, "expression": sp["expression"].replace("Resource", name, 1)}
                        table[name][sp["code"]] = _param(own, name, elements, defined)
                elif base in table:
                    table[base][sp["code"]] = _param(sp, base, elements, defined)
        for base, params in table.items():
            for code in [
                c for c, p in params.items() if p["type"] == "special" or not (p.get("paths") or p.get("parts"))
            ]:
                sys.stderr.write(f"left out: {base}.{code}\n")
                del params[code]
        return table

    def compartment(self) -> dict[str, list[str]]:
        """Type -> search parameters that put a resource into a patient's compartment (R4 CompartmentDefinition)."""
        # Not compartmentdefinition-patient.json: that copy in the package is altered (it adds Task).
        [official] = [
            r
            for r in self._resources("profiles-resources.json")
            if r["resourceType"] == "CompartmentDefinition" and r["id"] == "patient"
        ]
        return {row["code"]: row["param"] for row in official["resource"] if "param" in row}


def _codes(concepts: list[Json]) -> list[str]:
    return [code for c in concepts for code in (c["code"], *_codes(c.get("concept", [])))]


def _param(sp: Json, base: str, elements: Elements, defined: dict[str, Json]) -> Json:
    kind: str = sp["type"]
    if kind == "composite":
        return {"type": kind, "parts": _parts(sp, base, elements, defined)}
    found = [p for p in places(sp.get("expression", ""), base, elements) if p.type != "Resource"]
    target = sp.get("target", [])
    short = {"target": ["*"] if len(target) > MANY_TARGETS else target} if target else {}
    return {"type": kind, "paths": [p.row() for p in found], **short}


def _parts(sp: Json, base: str, elements: Elements, defined: dict[str, Json]) -> list[Json]:
    parts = []
    for term in split_top(sp["expression"], "|"):
        steps = steps_of(term)
        if steps[0][1] != base:
            continue
        for context in resolve(steps[1:], Place((), base), elements):
            of = []
            for component in sp["component"]:
                found = [
                    place.row()
                    for union in split_top(component["expression"], "|")
                    for place in resolve(steps_of(union), Place((), context.type), elements, base)
                ]
                of.append([defined[component["definition"]]["type"], found])
            if all(rows for _, rows in of):
                parts.append({"at": ".".join(context.keys), "of": of})
    return parts


def _write(path: Path, sections: dict[str, Any]) -> None:
    """One line per row, so that a new version of the definitions shows as a readable difference."""
    lines = []
    for section, rows in sections.items():
        if isinstance(rows, str):
            lines.append(f"{json.dumps(section)}: {json.dumps(rows)}")
        else:
            inner = ",\n".join(f" {json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in rows.items())
            lines.append(f"{json.dumps(section)}: {{\n{inner}\n}}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main(source: str, target: str) -> None:
    """Write structure.json, search.json and rules.json."""
    tables = Tables(Path(source))
    tables.structure()
    search = tables.search()
    _write(Path(target, "structure.json"), {"licence": LICENCE, "types": tables.kinds, "valuesets": tables.valuesets})
    _write(Path(target, "rules.json"), {"licence": LICENCE, "rules": rules(tables.definitions)})
    _write(Path(target, "search.json"), {"licence": LICENCE, "search": search, "compartment": tables.compartment()})


if __name__ == "__main__":
    main(*sys.argv[1:])
