"""Standing decisions as FHIR R4 Consent (scope patient-privacy), and such a Consent as decisions. Pure.

What is not understood to the last element is refused: half a consent is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import product
from typing import Any, Final

import msgspec

from yima.consent.decide import ITEM, Standing
from yima.consent.store import Said
from yima.runtime.errors import Refusal

_CODES: Final = "http://terminology.hl7.org/CodeSystem/"
SCOPE: Final = "patient-privacy"
INSTITUTION: Final = "urn:yima:institution"
"""System of the codes by which institutions are named in a Consent."""
_PURPOSES: Final = {"treatment": "TREAT", "emergency-treatment": "ETREAT", "public-health": "HRESCH"}
_LABELS: Final = {"hiv": "HIV", "std": "STD", "psychiatric": "PSY"}
_HEAD: Final = frozenset(
    {
        "resourceType", "id", "meta", "language", "text", "identifier", "status", "scope", "category", "patient",
        "dateTime", "performer", "organization", "sourceAttachment", "sourceReference", "policy", "policyRule",
        "verification", "provision",
    }
)  # fmt: skip
_PROVISION: Final = frozenset({"id", "type", "period", "actor", "purpose", "securityLabel", "data", "provision"})
_MOST: Final = 50


class Provision(msgspec.Struct, frozen=True):
    """One decision that a Consent asks for; the institution by its code, empty for every one."""

    cls: str
    permit: bool
    institution: str = ""
    purpose: str = ""
    resource: str = ""
    starts: datetime | None = None
    ends: datetime | None = None

    def standing(self, institution: int) -> Standing:
        """The same with the institution's number."""
        return Standing(self.cls, institution, self.permit, self.ends, self.starts, self.purpose, self.resource)


def is_privacy(resource: Mapping[str, Any]) -> bool:
    """Whether this is a Consent about who may see what; others (research, treatment) are kept as they are."""
    codings = _map(resource.get("scope")).get("coding")
    found = {_map(one).get("code") for one in codings} if isinstance(codings, list) else set()
    return resource.get("resourceType") == "Consent" and SCOPE in found


def to_fhir(said: Said, patient: str, institution: str, policy: str, *, whole: bool) -> dict[str, Any]:
    """The Consent for one decision. `institution`: its code; `whole` False leaves out which single item it is about."""
    standing = said.standing
    provision: dict[str, Any] = {"type": "permit" if standing.permit else "deny"}
    if period := {
        name: at.isoformat() for name, at in (("start", standing.starts), ("end", standing.ends)) if at is not None
    }:
        provision["period"] = period
    if standing.institution:
        role = {"coding": [{"system": f"{_CODES}v3-ParticipationType", "code": "IRCP"}]}
        provision["actor"] = [
            {"role": role, "reference": {"identifier": {"system": INSTITUTION, "value": institution}}}
        ]
    if standing.cls in _LABELS:
        provision["securityLabel"] = [{"system": f"{_CODES}v3-ActCode", "code": _LABELS[standing.cls]}]
    if standing.purpose:
        provision["purpose"] = [{"system": f"{_CODES}v3-ActReason", "code": _PURPOSES[standing.purpose]}]
    if standing.cls == ITEM:
        about = {"reference": standing.resource} if whole else {"display": "withheld"}
        provision["data"] = [{"meaning": "instance", "reference": about}]
    return {
        "resourceType": "Consent",
        "id": said.decision,
        "meta": {
            "versionId": "1",
            "lastUpdated": said.decided.isoformat(),
            "tag": [{"system": "urn:yima:made", "code": "computed"}],
        },
        "status": "active",
        "scope": {"coding": [{"system": f"{_CODES}consentscope", "code": SCOPE}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": patient},
        "dateTime": said.decided.isoformat(),
        "policy": [{"uri": policy}],
        "provision": provision,
    }


def from_fhir(resource: Mapping[str, Any]) -> list[Provision]:
    """The decisions that a Consent asks for: those of its provision, and of the exceptions nested in it.

    Refusal `consent-not-understood` naming the element: anything unknown, a status that is not active, an exception
    that would not be one here (a class within a record that is closed as a whole, say).
    """
    _only(resource, _HEAD, "Consent")
    if resource.get("status") != "active":
        raise _no("Consent.status")
    root = _map(resource.get("provision"))
    if not root:
        raise _no("Consent.provision")
    found = list(_decisions(root, {}, None, "Consent.provision"))
    if len(found) > _MOST:
        raise _no("Consent.provision")
    return found


def _decisions(
    node: Mapping[str, Any], above: Mapping[str, Any], permit_above: bool | None, path: str
) -> Iterator[Provision]:
    _only(node, _PROVISION, path)
    if node.get("type") not in ("permit", "deny"):
        raise _no(f"{path}.type")
    permit = node["type"] == "permit"
    said: dict[str, list[Any]] = {
        "institutions": [_institution(one, f"{path}.actor") for one in _list(node, "actor", path)],
        "purposes": [_code(one, _PURPOSES, "v3-ActReason", f"{path}.purpose") for one in _list(node, "purpose", path)],
        "subjects": [
            *[(cls, "") for cls in (
                _code(one, _LABELS, "v3-ActCode", f"{path}.securityLabel") for one in _list(node, "securityLabel", path)
            )],
            *[(ITEM, _instance(one, f"{path}.data")) for one in _list(node, "data", path)],
        ],
    }  # fmt: skip
    if _list(node, "securityLabel", path) and _list(node, "data", path):
        raise _no(f"{path}.data")  # both must hold in R4: a class of one item is not a decision here
    if permit_above is not None:
        _check_exception(said, above, (permit, permit_above), path)
    merged = {name: values or above.get(name, []) for name, values in said.items()}
    starts, ends = _period(node, path)
    if starts is None and ends is None:
        starts, ends = above.get("period", (None, None))
    for institution, purpose, (cls, resource) in product(
        merged["institutions"] or [""], merged["purposes"] or [""], merged["subjects"] or [("all", "")]
    ):
        yield Provision(cls, permit, institution, purpose, resource, starts, ends)
    nested = _list(node, "provision", path)
    if nested and permit_above is not None:
        raise _no(f"{path}.provision")
    for one in nested:
        yield from _decisions(_map(one), merged | {"period": (starts, ends)}, permit, f"{path}.provision")


def _check_exception(
    said: Mapping[str, list[Any]], above: Mapping[str, Any], permits: tuple[bool, bool], path: str
) -> None:
    """An exception says the opposite of something narrower, in the order in which decisions count here."""
    permit, permit_above = permits
    if permit == permit_above or not any(said.values()):
        raise _no(f"{path}.type")
    if any(values and above.get(name) for name, values in said.items()):
        raise _no(path)  # narrower than its own kind above: not looked into
    if said["subjects"] and not permit_above:
        raise _no(path)  # what is closed as a whole stays closed: "all" comes before a class or an item


def _institution(one: Any, path: str) -> str:
    actor = _map(one)
    _only(actor, frozenset({"id", "role", "reference"}), path)
    reference = _map(actor.get("reference"))
    identifier = _map(reference.get("identifier"))
    value = identifier.get("value")
    if "reference" in reference or identifier.get("system") != INSTITUTION or not isinstance(value, str) or not value:
        raise _no(f"{path}.reference")
    return value


def _code(one: Any, known: Mapping[str, str], system: str, path: str) -> str:
    coding = _map(one)
    for name, code in known.items():
        if (coding.get("system"), coding.get("code")) == (f"{_CODES}{system}", code):
            return name
    raise _no(path)


def _instance(one: Any, path: str) -> str:
    data = _map(one)
    reference = _map(data.get("reference")).get("reference")
    if data.get("meaning") != "instance" or not isinstance(reference, str) or not reference:
        raise _no(path)
    _only(data, frozenset({"id", "meaning", "reference"}), path)
    return reference


def _period(node: Mapping[str, Any], path: str) -> tuple[datetime | None, datetime | None]:
    if "period" not in node:
        return None, None
    period = _map(node["period"])
    _only(period, frozenset({"start", "end"}), f"{path}.period")
    try:
        starts = datetime.fromisoformat(period["start"]) if "start" in period else None
        ends = datetime.fromisoformat(period["end"]) if "end" in period else None
    except (TypeError, ValueError):
        raise _no(f"{path}.period") from None
    if any(at is not None and at.tzinfo is None for at in (starts, ends)):
        raise _no(f"{path}.period")  # a day without a zone begins and ends at different moments for different readers
    return starts, ends


def _list(node: Mapping[str, Any], name: str, path: str) -> list[Any]:
    value = node.get(name, [])
    if not isinstance(value, list):
        raise _no(f"{path}.{name}")
    return value


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _only(node: Mapping[str, Any], known: frozenset[str], path: str) -> None:
    if unknown := sorted(set(node) - known):
        raise _no(f"{path}.{unknown[0][:40]}")


def _no(field: str) -> Refusal:
    return Refusal("consent-not-understood", field=field)


def patient_of(resource: Mapping[str, Any]) -> str:
    """Whose consent it is: the reference of its patient, or nothing."""
    reference = _map(resource.get("patient")).get("reference")
    return reference if isinstance(reference, str) else ""
