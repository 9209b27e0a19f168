"""An event as FHIR R4 AuditEvent, in the words of IHE Basic Audit Log Patterns (BALP) 1.1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from yima.audit.event import Event
from yima.runtime.ids import person_text

_CODES: Final = "http://terminology.hl7.org/CodeSystem/"
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_REST: Final = "http://hl7.org/fhir/restful-interaction"
_ACTIONS: Final = {
    "submit": ("C", "transaction"),
    "read": ("R", "read"),
    "search": ("E", "search"),
    "scan": ("E", "operation"),
    "break-glass": ("R", "read"),
    "resolve": ("E", "operation"),
    "consent": ("U", "update"),
    "sign-in": ("E", "operation"),
    "use": ("C", "operation"),
    "share": ("E", "operation"),
    "credential": ("U", "update"),
    "card": ("U", "update"),
    "mandate": ("U", "update"),
    "erase": ("D", "delete"),
    "export": ("R", "operation"),
    "review": ("E", "operation"),
    "app": ("U", "update"),
}
_OUTCOMES: Final = {"ok": "0", "denied": "4", "failed": "8"}
_PURPOSES: Final = {
    "treatment": "TREAT",
    "emergency-treatment": "ETREAT",
    "payment": "HPAYMT",
    "own-request": "PATRQT",
    "public-health": "PUBHLTH",
}
ROLES: Final = "urn:yima:role"
"""Code system of the roles of the table of permissions (`consent.ROLES`)."""
_ROLES: Final = {
    "app": "institution-system", "resident": "resident", "terminal": "terminal", "operator": "operator",
    "system": "platform",
}  # fmt: skip
"""Kind of agent -> the role it has where its line does not name a narrower one."""
_OF_BASIS: Final = {
    ("app", "audit"): "auditor", ("app", "demographics"): "demographics", ("operator", "steward"): "steward",
    ("operator", "privacy-officer"): "privacy-officer", ("resident", "guardian"): "guardian",
    ("resident", "mandate"): "agent",
}  # fmt: skip
"""Kind of agent and reason of the decision -> the role that this was done in."""
_AUTHENTICATION: Final = {"system": _DCM, "code": "110114", "display": "User Authentication"}
_RESTFUL: Final = {"system": f"{_CODES}audit-event-type", "code": "rest", "display": "RESTful Operation"}


def to_fhir(event: Event) -> dict[str, Any]:
    """The AuditEvent resource for one line of the log (BALP: a RESTful operation on a patient)."""
    action, interaction = _ACTIONS[event.action]
    resource: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": event.event_id,
        "type": _AUTHENTICATION if event.action == "sign-in" else _RESTFUL,
        "subtype": [
            {"system": _REST, "code": interaction},
            {"system": "urn:yima:audit-action", "code": event.action},
        ],
        "action": action,
        "recorded": event.recorded.isoformat(timespec="milliseconds"),
        "outcome": _OUTCOMES[event.outcome],
        "outcomeDesc": event.basis or event.outcome,
        "agent": [_agent(event)],
        "source": {"observer": {"display": "Yima"}},
    }
    if purpose := _purpose(event):
        resource["purposeOfEvent"] = purpose
    if entities := list(_entities(event)):
        resource["entity"] = entities
    return resource


def _entities(event: Event) -> Iterator[dict[str, Any]]:
    """Whose record, with the details; and, as BALP has it, the request by which log lines of one request are joined."""
    said = {key: _text(value) for key, value in event.detail.items() if key != "patient"}
    details = [{"type": key, "valueString": text} for key, text in said.items() if text]
    if event.person:
        patient = event.detail.get("patient")
        entity: dict[str, Any] = {
            "what": {"reference": f"Patient/{patient}" if patient else f"Person/{person_text(event.person)}"},
            "type": {"system": f"{_CODES}audit-entity-type", "code": "1", "display": "Person"},
            "role": {"system": f"{_CODES}object-role", "code": "1", "display": "Patient"},
        }
        yield entity | ({"detail": details} if details else {})
    if event.request_id:
        yield {
            "what": {"identifier": {"value": event.request_id}},
            "type": {
                "system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
                "code": "XrequestId",
            },
        }


def _role(event: Event) -> str:
    """In which role of the table it was done; of lines that do not say, what the kind of agent alone tells."""
    said = event.detail.get("role")
    if isinstance(said, str):
        return said
    if event.agent == "resident" and event.detail.get("app"):
        return "residents-app"
    return _OF_BASIS.get((event.agent, event.basis)) or _ROLES.get(event.agent, "")


def _purpose(event: Event) -> list[dict[str, Any]]:
    code = _PURPOSES.get(event.purpose)
    return [{"coding": [{"system": f"{_CODES}v3-ActReason", "code": code}]}] if code else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _agent(event: Event) -> dict[str, Any]:
    """Who did it, with the role of the table of permissions in which they did (BALP: `agent.role`), and for what."""
    who: dict[str, Any] = {
        "display": " / ".join(filter(None, (event.agent_name, event.institution_name))) or event.agent
    }
    if event.agent_id:
        who["identifier"] = {"system": f"urn:yima:{event.agent}", "value": event.agent_id}
    agent: dict[str, Any] = {"who": who, "requestor": True}
    if role := _role(event):
        agent["role"] = [{"coding": [{"system": ROLES, "code": role}]}]
    if purpose := _purpose(event):
        agent["purposeOfUse"] = purpose
    if event.terminal:
        agent["network"] = {"address": event.terminal, "type": "1"}
    return agent
