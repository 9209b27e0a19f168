"""Write src/yima/fhir/data/ucum.json: prefixes and unit atoms of UCUM, from the official ucum-essence.xml.

python tools/ucum_table.py ucum-essence.xml src/yima/fhir/data/ucum.json

The file comes from https://github.com/ucum-org/ucum. A row of a unit is [number, unit it is made of, name, flags]:
m metric (takes prefixes), a arbitrary, f a function of another unit (its name stands in place of the number's unit as
`function|unit`).
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET  # nosec: a file chosen by a developer
from pathlib import Path

NS = "{http://unitsofmeasure.org/ucum-essence}"
SOURCE = "Derived from the Unified Code for Units of Measure (UCUM), copyright Regenstrief Institute, Inc.; see NOTICE."


def name_of(node: ET.Element) -> str:
    """The first name of a unit or prefix."""
    return "".join(node.find(f"{NS}name").itertext()).strip()


def row(node: ET.Element) -> list[str]:
    """One derived unit."""
    value = node.find(f"{NS}value")
    function = value.find(f"{NS}function")
    flags = "m" * (node.get("isMetric") == "yes") + "a" * (node.get("isArbitrary") == "yes")
    if function is None:
        return [value.get("value"), value.get("Unit"), name_of(node), flags]
    of = function.get("Unit")
    return [function.get("value"), f"{function.get('name')}|{of}", name_of(node), flags + "f"]


def main(source: Path, target: Path) -> None:
    """Read the XML, write the table."""
    root = ET.parse(source).getroot()  # noqa: S314  a file chosen by a developer, not by a client
    table = {
        "licence": SOURCE,
        "version": root.get("version"),
        "prefixes": {p.get("Code"): p.find(f"{NS}value").get("value") for p in root.iter(f"{NS}prefix")},
        "prefix_names": {p.get("Code"): name_of(p) for p in root.iter(f"{NS}prefix")},
        "base": {b.get("Code"): name_of(b) for b in root.iter(f"{NS}base-unit")},
        "units": {u.get("Code"): row(u) for u in root.iter(f"{NS}unit")},
    }
    lines = ",\n".join(f"{json.dumps(k)}:{json.dumps(v, ensure_ascii=False)}" for k, v in table.items())
    target.write_text(f"{{{lines}}}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
