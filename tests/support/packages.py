"""FHIR packages made for tests."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

BASE = "http://hl7.org/fhir/StructureDefinition"


def package(*resources: dict[str, Any], name: str = "example.test", version: str = "1.0.0") -> bytes:
    """A `.tgz` with these resources."""
    files = {"package/package.json": {"name": name, "version": version}}
    files |= {f"package/{r['resourceType']}-{at}.json": r for at, r in enumerate(resources)}
    return packed({path: json.dumps(content).encode() for path, content in files.items()})


def packed(files: dict[str, bytes]) -> bytes:
    """A `.tgz` with these files."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(held.getvalue())


def definition(url: str, type_name: str, *elements: dict[str, Any], **of: Any) -> dict[str, Any]:
    """A StructureDefinition with a differential; an element's `id` is its path unless said."""
    rows = [{"id": e.get("id", e["path"]), **e} for e in elements]
    return {
        "resourceType": "StructureDefinition", "url": url, "name": "X", "status": "draft", "kind": "resource",
        "abstract": False,
        "type": type_name, "derivation": "constraint",
        "baseDefinition": f"{BASE}/{type_name}", "differential": {"element": rows},
    } | of  # fmt: skip
