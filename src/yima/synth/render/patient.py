"""The Patient of one institution, as it wrote the person down."""

from datetime import date

from yima.synth.days import add_months
from yima.synth.institutions import Institution
from yima.synth.names import Name
from yima.synth.people import Resident
from yima.synth.places import CITY_NAME
from yima.synth.registration import Registration

from .shape import HL7, Json, coding, organization

IDENTIFIERS: dict[str, tuple[str, str, str]] = {
    "resident_number": ("urn:oid:2.16.156.10011.1.3", "NI", "居民身份证"),
    "passport": ("urn:yima:id:passport", "PPN", "护照"),
    "permit_hk_mo": ("urn:yima:id:permit-hk-mo", "PPN", "港澳居民来往内地通行证"),
    "permit_tw": ("urn:yima:id:permit-tw", "PPN", "台湾居民来往大陆通行证"),
}
"""Document kind: identifier system, HL7 table 0203 type, Chinese name."""

DOCUMENT_SYSTEMS: dict[str, str] = {kind: row[0] for kind, row in IDENTIFIERS.items()}
"""Document kind: FHIR identifier system."""

AREA = "urn:yima:area"
ETHNICITY = "urn:yima:ethnicity"
NATIONALITY = "http://hl7.org/fhir/StructureDefinition/patient-nationality"
REPRESENTATION = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
CONTACT_IDENTIFIER = "urn:yima:contact-identifier"


def patient_system(institution: Institution) -> str:
    """The identifier system of an institution's own patient numbers."""
    return f"urn:yima:synth:institution:{institution.code}:patient"


def patient(
    resident: Resident,
    institution: Institution,
    written: Registration,
    mother: Resident | None,
    *,
    today: date,
    died: bool,
) -> Json:
    """A Patient resource: identifiers, name, demographics, and the mother for a child."""
    shape: Json = {
        "resourceType": "Patient",
        "identifier": [_own_number(institution, written), *map(_document, written.documents)],
        "active": True,
        "name": _names(written),
        "gender": resident.sex,
        "birthDate": written.born.isoformat(),
        "address": [_address(resident, written)],
        "managingOrganization": organization(institution),
    }
    extensions = _extensions(resident)
    if extensions:
        shape["extension"] = extensions
    if written.phone:
        shape["telecom"] = [{"system": "phone", "value": written.phone, "use": "mobile"}]
    if resident.birth_order is not None and today < add_months(resident.born, 72):
        shape["multipleBirthInteger"] = resident.birth_order
    if mother is not None and today < add_months(resident.born, 12 * 14):
        shape["contact"] = [_mother(mother, today=today, born=resident.born)]
    if died and resident.died is not None:
        shape["deceasedDateTime"] = resident.died.isoformat()
    return shape


def _own_number(institution: Institution, written: Registration) -> Json:
    return {
        "use": "usual",
        "type": {"coding": [coding(HL7 + "v2-0203", "MR", "Medical record number")], "text": "院内患者号"},
        "system": patient_system(institution),
        "value": written.number,
        "assigner": {"display": institution.chinese},
    }


def _document(document: tuple[str, str]) -> Json:
    system, kind, text = IDENTIFIERS[document[0]]
    return {
        "use": "official",
        "type": {"coding": [coding(HL7 + "v2-0203", kind)], "text": text},
        "system": system,
        "value": document[1],
    }


def _names(written: Registration) -> list[Json]:
    name = written.name
    latin_text = not name.text or name.text.isascii()
    chosen = [_name(name.text, name.family, name.given, "" if latin_text else "IDE")]
    if written.pinyin and not latin_text:
        chosen.append(_name(name.latin, name.latin_family, name.latin_given, "SYL"))
    return chosen


def _name(text: str, family: str, given: str, representation: str) -> Json:
    shape: Json = {"use": "official", "text": text}
    if family:
        shape["family"] = family
    if given:
        shape["given"] = given.split(" ") if representation != "IDE" else [given]
    if representation:
        shape["extension"] = [{"url": REPRESENTATION, "valueCode": representation}]
    return shape


def _address(resident: Resident, written: Registration) -> Json:
    district = resident.address.district
    return {
        "use": "home",
        "text": written.address,
        "city": CITY_NAME,
        "district": district.name,
        "country": "CN",
        "extension": [{"url": AREA, "valueCode": district.code}],
    }


def _extensions(resident: Resident) -> list[Json]:
    found: list[Json] = []
    if resident.ethnicity:
        found.append({"url": ETHNICITY, "valueCode": resident.ethnicity})
    if resident.country != "CHN":
        country = {"coding": [coding("urn:iso:std:iso:3166", resident.country)]}
        found.append({"url": NATIONALITY, "extension": [{"url": "code", "valueCodeableConcept": country}]})
    return found


def _mother(mother: Resident, *, today: date, born: date) -> Json:
    """The mother as contact; for a newborn with her number, which is all a ward knows for sure."""
    shape: Json = {
        "relationship": [{"coding": [coding(HL7 + "v3-RoleCode", "MTH", "mother")], "text": "母亲"}],
        "name": _mother_name(mother.name),
        "telecom": [{"system": "phone", "value": mother.phone, "use": "mobile"}],
        "gender": "female",
    }
    if mother.documents and (today - born).days < 60:
        kind, value = mother.documents[0].kind, mother.documents[0].value
        shape["extension"] = [{"url": CONTACT_IDENTIFIER, "valueIdentifier": _document((kind, value))}]
    return shape


def _mother_name(name: Name) -> Json:
    shape: Json = {"text": name.text, "given": [name.given]}
    if name.family:
        shape["family"] = name.family
    return shape
