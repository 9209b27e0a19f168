"""Small FHIR shapes that every resource uses."""

from datetime import date, datetime, timedelta
from typing import Any

from yima.runtime.civil import CIVIL
from yima.synth.institutions import Institution, Practitioner

Json = dict[str, Any]

HL7 = "http://terminology.hl7.org/CodeSystem/"
INSTITUTION = "urn:yima:institution"
PRACTITIONER = "urn:yima:synth:practitioner"


def coding(system: str, code: str, display: str = "") -> Json:
    """A Coding; the display is the English one of the code system."""
    return {"system": system, "code": code, "display": display} if display else {"system": system, "code": code}


def concept(system: str, code: str, display: str, text: str = "") -> Json:
    """A CodeableConcept: English display in the coding, Chinese text beside it."""
    shape: Json = {"coding": [coding(system, code, display)]}
    if text:
        shape["text"] = text
    return shape


def hl7(table: str, code: str, display: str = "") -> Json:
    """A CodeableConcept of one HL7 terminology table."""
    return {"coding": [coding(HL7 + table, code, display)]}


def instant(moment: datetime) -> str:
    """A FHIR dateTime in China Standard Time, to the second."""
    return moment.astimezone(CIVIL).isoformat(timespec="seconds")


def later(moment: datetime, hours: float, latest: datetime) -> datetime:
    """A moment some hours on, but not after the contact's end."""
    return min(moment + timedelta(hours=hours), latest)


def day(value: date) -> str:
    """A FHIR date."""
    return value.isoformat()


def organization(institution: Institution) -> Json:
    """A logical reference to an institution: its code, never a literal id."""
    return {
        "type": "Organization",
        "identifier": {"system": INSTITUTION, "value": institution.code},
        "display": institution.chinese,
    }


def doctor(practitioner: Practitioner) -> Json:
    """A logical reference to a member of staff."""
    return {
        "type": "Practitioner",
        "identifier": {"system": PRACTITIONER, "value": practitioner.id},
        "display": practitioner.name.text,
    }


def number(value: float, digits: int) -> float | int:
    """A JSON number with so many digits after the point, whole ones as integers."""
    return round(value) if digits == 0 else round(value, digits)
