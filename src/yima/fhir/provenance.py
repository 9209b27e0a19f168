"""Provenance of a version, computed from what is stored of it (R4 provenance.html): nothing is written for it."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any, Final

from yima.fhir.tables import TYPES

_OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_AGENT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_SOURCE: Final = re.compile(rb'"source":"urn:yima:institution:([^"#]{1,64})#([^"]{1,64})"').search
_ID: Final = re.compile(r"([A-Za-z0-9\-.]{1,51})\.(\d{3})\.(\d{1,8})").fullmatch


@cache
def _numbers() -> dict[str, str]:
    return {name: f"{number:03d}" for number, name in enumerate(sorted(TYPES))}


def provenance_id(resource_type: str, resource_id: str, version: int) -> str | None:
    """The id of a version's Provenance; it names the version. None where the resource's own id leaves no room."""
    made = f"{resource_id}.{_numbers()[resource_type]}.{version}"
    return made if _ID(made) else None


def version_meant(provenance: str) -> tuple[str, str, int] | None:
    """(type, id, version) that such an id names; None for an id of another form."""
    match = _ID(provenance)
    names = sorted(TYPES)
    if match is None or int(match[2]) >= len(names):
        return None
    return names[int(match[2])], match[1], int(match[3])


def provenance(
    resource_type: str, resource_id: str, version: int, *, updated: datetime, deleted: bool, content: bytes
) -> dict[str, Any] | None:
    """Who wrote this version, when, with which submission. None where `provenance_id` is None.

    `content` is the resource as stored, whose meta.source names institution and submission; a deletion keeps that of
    the version before, so that it names the institution only.
    """
    made = provenance_id(resource_type, resource_id, version)
    if made is None:
        return None
    said = _SOURCE(content)
    institution, submission = (said[1].decode(), said[2].decode()) if said else ("unknown", "")
    operation = "DELETE" if deleted else "CREATE" if version == 1 else "UPDATE"
    moment = updated.isoformat(timespec="milliseconds")
    found: dict[str, Any] = {
        "resourceType": "Provenance",
        "id": made,
        "meta": {"versionId": "1", "lastUpdated": moment, "tag": [{"system": "urn:yima:made", "code": "computed"}]},
        "target": [{"reference": f"{resource_type}/{resource_id}/_history/{version}"}],
        "recorded": moment,
        "activity": {"coding": [{"system": _OPERATION, "code": operation}]},
        "agent": [
            {
                "type": {"coding": [{"system": _AGENT, "code": "author"}]},
                "who": {
                    "type": "Organization",
                    "identifier": {"system": "urn:yima:institution", "value": institution},
                },
            }
        ],
    }
    if submission and not deleted:
        what = {"identifier": {"system": "urn:yima:submission", "value": submission}}
        found["entity"] = [{"role": "source", "what": what}]
    return found
