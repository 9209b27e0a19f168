"""The CapabilityStatement, made from what is offered (R4 capabilitystatement.html) and the search table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from yima.fhir.parameters import SEARCH, SearchParam

_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_DEFINITION: Final = "http://hl7.org/fhir/OperationDefinition/"
_MODIFIERS: Final = {
    "string": ":missing :exact :contains",
    "token": ":missing :not :text :of-type :in :not-in :above :below",
    "reference": ":missing :identifier :[type]",
    "uri": ":missing :above :below",
    "date": ":missing",
    "number": ":missing",
    "quantity": ":missing",
}
"""Search parameter type -> its modifiers; R4's statement has no other place for them than a documentation."""


def capability(  # noqa: PLR0913  each is one independent fact of the deployment, all but four by keyword
    base_url: str,
    version: str,
    software_date: str,
    types: Mapping[str, Sequence[str]],
    *,
    token_url: str,
    authorize_url: str = "",
    operations: Mapping[str, Mapping[str, str]] | None = None,
    system_interactions: Sequence[str] = ("transaction", "batch"),
    system_operations: Mapping[str, str] | None = None,
    formats: Sequence[str] = ("json",),
) -> dict[str, Any]:
    """The statement for a server at `base_url`.

    `types`: resource type -> interaction codes (read, vread, create, search-type, ..). `operations`: type -> operation
    name (without $) -> canonical of its definition ('' for the one HL7 defines). `software_date`: a FHIR dateTime.
    """
    uris = [{"url": "token", "valueUri": token_url}]
    uris += [{"url": "authorize", "valueUri": authorize_url}] if authorize_url else []
    security = {
        "extension": [{"url": _OAUTH_URIS, "extension": uris}],
        "cors": False,
        "service": [
            {
                "coding": [{"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}],
                "text": "SMART App Launch, Backend Services",
            }
        ],
    }
    rest = {
        "mode": "server",
        "security": security,
        "resource": [_resource(name, types[name], (operations or {}).get(name, {})) for name in sorted(types)],
        "interaction": [{"code": code} for code in system_interactions],
        "operation": _operations("", system_operations or {}),
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": software_date,
        "kind": "instance",
        "software": {"name": "Yima", "version": version, "releaseDate": software_date},
        "implementation": {"description": "Yima: one code, one record, for every resident", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": list(formats),
        "rest": [_filled(rest)],
    }


def _resource(name: str, interactions: Sequence[str], operations: Mapping[str, str]) -> dict[str, Any]:
    searchable = "search-type" in interactions
    params = [_param(p) for p in SEARCH[name].values()] if searchable else []
    return _filled(
        {
            "type": name,
            "interaction": [{"code": code} for code in interactions],
            "versioning": "versioned",
            "conditionalCreate": "create" in interactions,
            "searchParam": params,
            "operation": _operations(name, operations),
        }
    )


def _param(param: SearchParam) -> dict[str, str]:
    said = {"name": param.name, "type": param.type}
    return said | {"documentation": _MODIFIERS[param.type]} if param.type in _MODIFIERS else said


def _operations(type_name: str, operations: Mapping[str, str]) -> list[dict[str, Any]]:
    prefix = _DEFINITION + (f"{type_name}-" if type_name else "")
    return [{"name": name, "definition": url or prefix + name} for name, url in sorted(operations.items())]


def _filled(tree: dict[str, Any]) -> dict[str, Any]:
    """Without empty arrays, which FHIR does not allow."""
    return {key: value for key, value in tree.items() if value != []}
