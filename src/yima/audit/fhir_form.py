"""An event as FHIR R4 AuditEvent, in the words of IHE Basic Audit Log Patterns (BALP) 1.1."""

from __future__ import annotations

from typing import Any, Final

from yima.audit.event import Event
from yima.runtime.ids import person_text

_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_REST: Final = "http://hl7.org/fhir/restful-interaction"
_PURPOSE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_ACTIONS: Final = {
    "submit": ("C", "transaction"), "read": ("R", "read"), "search": ("E", "search"), "scan": ("E", "operation"),
    "break-glass": ("R", "read"), "resolve": ("E", "operation"), "consent": ("U", "update"), "sign-in": ("E", "operation"),
}  # fmt: skip
_OUTCOMES: Final = {"ok": "0", "denied": "4", "failed": "8"}
_PURPOSES: Final = {
    "treatment": "TREAT", "emergency-treatment": "ETREAT", "payment": "HPAYMT", "own-request": "PATRQT", "public-health": "PUBHLTH",
}  # fmt: skip


def to_fhir(event: Event) -> dict[str, Any]:
    """The AuditEvent resource for one line of the log."""
    action, interaction = _ACTIONS[event.action]
    resource: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": event.event_id,
        "type": {"system": _DCM, "code": "110112" if event.action == "search" else "110100" if event.action == "sign-in" else "110106"},
        "subtype": [{"system": _REST, "code": interaction}, {"system": "urn:yima:audit-action", "code": event.action}],
        "action": action,
        "recorded": event.recorded.isoformat(timespec="milliseconds"),
        "outcome": _OUTCOMES[event.outcome],
        "outcomeDesc": event.basis or event.outcome,
        "agent": [_agent(event)],
        "source": {"observer": {"display": "Yima"}},
        "entity": [{
            "what": {"reference": f"Person/{person_text(event.person)}"},
            "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1", "display": "Person"},
            "detail": [{"type": key, "valueString": str(value)} for key, value in event.detail.items()],
        }],
    }  # fmt: skip
    if code := _PURPOSES.get(event.purpose):
        resource["purposeOfEvent"] = [{"coding": [{"system": _PURPOSE, "code": code}]}]
    if not resource["entity"][0]["detail"]:
        del resource["entity"][0]["detail"]
    return resource


def _agent(event: Event) -> dict[str, Any]:
    who: dict[str, Any] = {"display": " / ".join(filter(None, (event.agent_name, event.institution_name))) or event.agent}
    if event.agent_id:
        who["identifier"] = {"system": f"urn:yima:{event.agent}", "value": event.agent_id}
    agent: dict[str, Any] = {"who": who, "requestor": True}
    if event.terminal:
        agent["network"] = {"address": event.terminal, "type": "1"}
    return agent
