"""GET /fhir/metadata: what this server does, generated from what it does."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from yima import __version__, fhir
from yima.access import SHARED_TYPES
from yima.api import terminology
from yima.api.answers import access_of, caller_of, fhir_answer
from yima.api.bodies import check_acceptable
from yima.runtime.errors import Refusal
from yima.runtime.settings import Settings
from yima.terminology import TYPES

INTERACTIONS: Final = ("read", "vread", "history-instance", "create", "update", "patch", "delete")
SEARCHABLE: Final = frozenset(fhir.COMPARTMENT_TYPES) | SHARED_TYPES | {"Patient", *TYPES}
"""A search names one patient, or asks the shared directory; other types can only be read by id."""
OPERATIONS: Final = {
    "Patient": {
        "everything": "",
        "export": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export",
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
_SYSTEM: Final = ("transaction", "batch", "search-system")
_RELEASED: Final = "2026-11-22"


async def metadata(request: Request) -> Response:
    """The CapabilityStatement; with `mode=terminology` the TerminologyCapabilities."""
    check_acceptable(request)
    mode = request.query_params.get("mode", "full")
    if mode == "terminology":
        return fhir_answer(request, await terminology.capabilities(request))
    if mode not in ("full", "normative"):
        raise Refusal("search-value-invalid", field="mode", expected="full, normative or terminology")
    access = access_of(request)
    caller = None
    with suppress(Refusal):  # whoever cannot be told is told what everybody may do
        caller = await caller_of(request)
    sandbox = caller is not None and caller.sandbox
    chooses = caller is not None and access.may_choose_ids(caller)
    made = statement(access.base_url, sandbox=sandbox, update_create=chooses)
    made["rest"][0]["documentation"] = _limits(access.settings)
    return fhir_answer(request, made)


_LIMITS: Final = (
    "Limits: {entries} entries in a Bundle (100 of them GETs); {body} bytes of body; {count} results on a page, "
    "{default} unless _count says; 100 parameters and 200 values in a list; chains of 4 references, 5 a search; 2,000 "
    "included resources; 20,000 resources of one record looked at for a rare parameter; nesting of 64 levels; 50,000 "
    "resources in $everything. A token alone shows what the caller's institution wrote; a visit (Yima-Visit) more. "
    "With a token this statement says what that caller may do."
)


def _limits(settings: Settings) -> str:
    return _LIMITS.format(
        entries=settings.max_bundle_entries,
        body=settings.max_body_bytes,
        count=settings.page_count_max,
        default=settings.page_count_default,
    )


@cache
def _reverse() -> dict[str, list[str]]:
    """Type -> the references of all types that may point to it, as _revinclude names them."""
    found: dict[str, list[str]] = {}
    for source in sorted(fhir.SEARCH):
        for param in fhir.SEARCH[source].values():
            for target in param.target if param.type == "reference" else ():
                found.setdefault(target, []).append(f"{source}:{param.name}")
    return found


def statement(base_url: str, *, sandbox: bool = False, update_create: bool = False) -> dict[str, Any]:
    """The CapabilityStatement of a deployment at `base_url`, for a sandbox or for everybody else.

    `update_create`: the caller may create by PUT under an id of its own choice.
    """
    types = {
        name: (*INTERACTIONS, "history-type", "search-type")
        if sandbox
        else ("read", "search-type")
        if name == "Person"
        else (*INTERACTIONS, "search-type")
        if name in SEARCHABLE
        else INTERACTIONS
        for name in sorted(fhir.SEARCH)
    }
    made = fhir.capability(
        f"{base_url}/fhir", __version__, _RELEASED, types,
        token_url=f"{base_url}/oauth/token", authorize_url=f"{base_url}/oauth/authorize",
        operations={name: OPERATIONS.get(name, {}) | _EVERYWHERE for name in types},
        system_operations={"export": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"},
        system_interactions=_SYSTEM + (("history-system",) if sandbox else ()),
        formats=("json", "xml", "application/fhir+json", "application/fhir+xml"),
    )  # fmt: skip
    for resource in made["rest"][0]["resource"]:
        if resource["type"] in TYPES:
            resource["searchParam"] = [p for p in resource["searchParam"] if p["name"] in terminology.SEARCHABLE]
        if resource["type"] == "AuditEvent" and not sandbox:
            kept = ("patient", "date", "agent", "outcome")
            resource["searchParam"] = [p for p in resource["searchParam"] if p["name"] in kept]
            resource["documentation"] = "A search is of the log about one person, which is computed."
        if resource["type"] == "Person" and not sandbox:
            resource["searchParam"] = [p for p in resource["searchParam"] if p["name"] in ("_id", "patient", "link")]
            resource["documentation"] = "Computed from the person index; written by nobody."
            continue
        resource |= {
            "readHistory": True,
            "updateCreate": update_create,
            "referencePolicy": ["literal", "logical", "local"],
            "conditionalUpdate": True,
            "conditionalDelete": "single",
        }
        resource["conditionalRead"] = "full-support"
        if resource.get("searchParam"):
            of = fhir.SEARCH[resource["type"]].values()
            resource["searchInclude"] = ["*", *(f"{resource['type']}:{p.name}" for p in of if p.type == "reference")]
            resource["searchRevInclude"] = _reverse().get(resource["type"], []) or ["Provenance:target"]
    made["patchFormat"] = ["application/json-patch+json", "application/fhir+json", "application/fhir+xml"]
    return made
