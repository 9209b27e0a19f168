"""The document Bundle (FHIR R4 documents; IPS 2.0.0 Bundle-uv-ips): a Composition, a Patient, what the sections name.

Resources are copies of what is stored, with their ids: their addresses are those of the record. A copy differs in three
things: its subject is the one Patient of the document, elements that IPS asks for and the sender left out say that the
value is unknown, and a sender's narrative is left out (that of the sections is ours).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Final

from yima.records.overview import Text
from yima.records.summary.chapters import COMPOSITION_PROFILE, Section

_BUNDLE_PROFILE: Final = "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_EMPTY: Final = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
_REDACTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}
_OID: Final = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
_TITLE: Final = Text("国际患者摘要", "International Patient Summary")
_WITHHELD: Final = Text("有内容未予显示：", "Something is withheld: ")
_OWN_ONLY: Final = Text(
    "本摘要仅含请求机构自己上报的内容。", "This summary holds only what the asking institution submitted itself."
)
_SUBJECTS: Final = ("subject", "patient")
_WANTED: Final[dict[str, tuple[str, ...]]] = {
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod"),
    "Procedure": (
        "performedDateTime", "performedPeriod", "performedString", "performedAge", "performedRange",
    ),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveTiming", "effectiveInstant"),
    "DeviceUseStatement": ("timingDateTime", "timingPeriod", "timingTiming"),
}  # fmt: skip
"""Elements of which IPS asks for one: the first is said to be unknown where none is there."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the sections. `base` is the FHIR address, `lang` zh or en; `withheld` names classes."""

    base: str
    lang: str
    now: datetime
    custodian: str
    withheld: tuple[Text, ...] = ()
    own_only: bool = False


def document(
    frame: Frame, patient: Mapping[str, Any], found: Sequence[Section], resources: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The Bundle. `patient` is the Patient it is about, `resources` by `Type/id`: those of the sections, and what they
    refer to on the shelf. What a section names and is not among them is left out of it."""
    subject = f"Patient/{patient['id']}"
    identity = uuid.uuid5(_OID, f"{frame.base}/{subject}/{frame.now.isoformat()}")
    custodian = {"resourceType": "Organization", "id": f"{uuid.uuid5(_OID, frame.base)}", "name": frame.custodian}
    bodies = [
        _composition(frame, str(identity), subject, custodian["id"], found, resources),
        _patient(patient),
        custodian,
        *(_copy(body, subject) for body in resources.values() if body["resourceType"] != "Patient"),
    ]
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": str(identity),
        "meta": {"profile": [_BUNDLE_PROFILE]},
        "language": _language(frame),
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{identity}"},
        "type": "document",
        "timestamp": frame.now.isoformat(timespec="milliseconds"),
        "entry": [
            {"fullUrl": f"{frame.base}/{body['resourceType']}/{body['id']}", "resource": body} for body in bodies
        ],
    }
    if frame.withheld or frame.own_only:
        bundle["meta"]["security"] = [_REDACTED]
    return bundle


def _composition(
    frame: Frame,
    identity: str,
    subject: str,
    custodian: str,
    found: Sequence[Section],
    resources: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    at = frame.now.isoformat(timespec="milliseconds")
    party = {"reference": f"Organization/{custodian}", "display": frame.custodian}
    notices = [_WITHHELD.get(frame.lang) + _and(frame, frame.withheld)] if frame.withheld else []
    notices += [_OWN_ONLY.get(frame.lang)] if frame.own_only else []
    made: dict[str, Any] = {
        "resourceType": "Composition",
        "id": identity,
        "meta": {"profile": [COMPOSITION_PROFILE]},
        "language": _language(frame),
        "text": _narrative("".join(f"<p>{escape(line)}</p>" for line in (_TITLE.get(frame.lang), *notices))),
        "status": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": "60591-5", "display": "Patient summary Document"}]},
        "subject": {"reference": subject},
        "date": at,
        "author": [party],
        "title": _TITLE.get(frame.lang),
        "confidentiality": "N",
        "attester": [{"mode": "official", "time": at, "party": party}],
        "custodian": party,
        "section": [_section(frame, section, resources) for section in found],
    }
    if frame.withheld or frame.own_only:
        made["meta"]["security"] = [_REDACTED]
    return made


def _section(frame: Frame, section: Section, resources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "title": section.title.get(frame.lang),
        "code": {"coding": [{"system": "http://loinc.org", "code": section.code}]},
        "text": _narrative(_table(frame, section)),
    }
    entries = [{"reference": source} for source in section.sources if source in resources]
    if entries:
        made["entry"] = entries
    else:
        made["emptyReason"] = {
            "coding": [{"system": _EMPTY, "code": section.empty or "unavailable"}],
            "text": section.note.get(frame.lang) or section.title.get(frame.lang),
        }
    return made


def _table(frame: Frame, section: Section) -> str:
    if not section.lines:
        return f"<p>{escape(section.note.get(frame.lang))}</p>"
    head = "".join(f"<th>{escape(cell.get(frame.lang))}</th>" for cell in section.heads)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell.get(frame.lang))}</td>" for cell in line) + "</tr>"
        for line in section.lines
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _narrative(inside: str) -> dict[str, str]:
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'}


def _copy(body: Mapping[str, Any], subject: str) -> dict[str, Any]:
    made = {key: value for key, value in body.items() if key != "text"}
    for name in _SUBJECTS:
        if isinstance(made.get(name), dict) and str(made[name].get("reference", "")).startswith("Patient/"):
            made[name] = {"reference": subject}
    wanted = _WANTED.get(body["resourceType"], ())
    if wanted and not any(name in made for name in (*wanted, *(f"_{name}" for name in wanted))):
        made[f"_{wanted[0]}"] = _unknown()
    return made


def _patient(body: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in body.items() if key != "text"}
    if "birthDate" not in made:
        made.setdefault("_birthDate", _unknown())
    if not made.get("name"):
        made["name"] = [{"text": "?"}]
    return made


def _unknown() -> dict[str, Any]:
    return {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}


def _and(frame: Frame, names: Sequence[Text]) -> str:
    return ("、" if frame.lang == "zh" else ", ").join(name.get(frame.lang) for name in names)


def _language(frame: Frame) -> str:
    return "zh-CN" if frame.lang == "zh" else "en"
