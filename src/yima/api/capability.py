"""GET /fhir/metadata: what this server does, generated from what it does."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from yima import __version__, fhir
from yima.access import SHARED_TYPES
from yima.api import terminology
from yima.api.answers import access_of, fhir_answer
from yima.api.bodies import check_acceptable
from yima.runtime.errors import Refusal
from yima.terminology import TYPES

INTERACTIONS: Final = ("read", "vread", "history-instance", "create", "update", "patch", "delete")
SEARCHABLE: Final = frozenset(fhir.COMPARTMENT_TYPES) | SHARED_TYPES | {"Patient", *TYPES}
"""A search names one patient, or asks the shared directory; other types can only be read by id."""
OPERATIONS: Final = {
    "Patient": {
        "everything": "",
        "match": "",
        "ihe-pix": "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix",
        "summary": "http://hl7.org/fhir/uv/ips/OperationDefinition/summary",
    },
    "Observation": {"lastn": ""},
    **{kind: dict.fromkeys(names, "") for kind, names in terminology.OPERATIONS.items()},
    "DocumentReference": {"docref": "http://hl7.org/fhir/us/core/OperationDefinition/docref"},
}
"""Type -> operation -> canonical of its definition, '' for HL7's own."""
_EVERYWHERE: Final = {
    name: f"http://hl7.org/fhir/OperationDefinition/Resource-{name}"
    for name in ("validate", "meta", "meta-add", "meta-delete")
}
_RELEASED: Final = "2026-11-22"


async def metadata(request: Request) -> Response:
    """The CapabilityStatement; with `mode=terminology` the TerminologyCapabilities."""
    check_acceptable(request)
    mode = request.query_params.get("mode", "full")
    if mode == "terminology":
        return fhir_answer(request, await terminology.capabilities(request))
    if mode not in ("full", "normative"):
        raise Refusal("search-value-invalid", field="mode", expected="full, normative or terminology")
    return fhir_answer(request, statement(access_of(request).base_url))


def statement(base_url: str) -> dict[str, Any]:
    """The CapabilityStatement of a deployment at `base_url`."""
    types = {
        name: (*INTERACTIONS, "search-type") if name in SEARCHABLE else INTERACTIONS for name in sorted(fhir.SEARCH)
    }
    made = fhir.capability(
        f"{base_url}/fhir", __version__, _RELEASED, types,
        token_url=f"{base_url}/oauth/token",
        operations={name: OPERATIONS.get(name, {}) | _EVERYWHERE for name in types},
        formats=("json", "xml", "application/fhir+json", "application/fhir+xml"),
    )  # fmt: skip
    for resource in made["rest"][0]["resource"]:
        if resource["type"] in TYPES:
            resource["searchParam"] = [p for p in resource["searchParam"] if p["name"] in terminology.SEARCHABLE]
        resource |= {
            "readHistory": True,
            "updateCreate": False,
            "conditionalUpdate": True,
            "conditionalDelete": "single",
        }
        resource["conditionalRead"] = "full-support"
    return made
