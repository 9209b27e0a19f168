"""A consultation as a FHIR R4 transaction bundle."""

from uuid import NAMESPACE_URL, UUID, uuid5

from yima.synth.facts import Allergy, Consultation, Drug, Measure, Operation, Pressure, Problem, Report, Shot
from yima.synth.people import Resident
from yima.synth.registration import Registration
from yima.synth.terms import tests
from yima.synth.terms.departments import DEPARTMENTS
from yima.synth.terms.departments import SYSTEM as DEPARTMENT

from . import clinical
from .frame import Frame
from .patient import patient, patient_system
from .shape import HL7, Json, coding, concept, hl7, instant

NAMESPACE = uuid5(NAMESPACE_URL, "urn:yima:synth")

_CLASS = {"AMB": "ambulatory", "IMP": "inpatient encounter", "EMER": "emergency"}
_VISIT = {"O": "门诊", "I": "住院", "E": "急诊", "H": "体检", "T": "其他"}


class _Entries:
    """The growing bundle: gives each resource its deterministic urn:uuid."""

    def __init__(self, key: str) -> None:
        self.namespace: UUID = uuid5(NAMESPACE, key)
        self.list: list[Json] = []

    def name(self, part: str) -> str:
        """The urn:uuid of a named part of this bundle."""
        return f"urn:uuid:{uuid5(self.namespace, part)}"

    def post(self, resource: Json) -> str:
        """Add a resource to create; answers its full url."""
        full = self.name(str(len(self.list)))
        self.list.append(
            {"fullUrl": full, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
        )
        return full


def bundle(key: str, contact: Consultation, resident: Resident, written: Registration, mother: Resident | None) -> Json:
    """The transaction an institution sends for one contact. ``key`` names all its uuids."""
    entries = _Entries(key)
    who, encounter = entries.name("patient"), entries.name("encounter")
    frame = Frame(contact, who, encounter)
    institution = contact.institution
    subject = patient(resident, institution, written, mother, today=contact.end.date(), died=contact.died)
    url = f"Patient?identifier={patient_system(institution)}|{written.number}"
    entries.list.append({"fullUrl": who, "resource": subject, "request": {"method": "PUT", "url": url}})
    visit = _encounter(key, frame)
    entries.list.append({"fullUrl": encounter, "resource": visit, "request": {"method": "POST", "url": "Encounter"}})
    diagnoses = _facts(entries, frame)
    if diagnoses:
        visit["diagnosis"] = [
            {"condition": {"reference": full}, "use": hl7("diagnosis-role", "DD", "Discharge diagnosis"), "rank": rank}
            for rank, full in enumerate(diagnoses, 1)
        ]
    return {"resourceType": "Bundle", "type": "transaction", "timestamp": instant(contact.end), "entry": entries.list}


def _facts(entries: _Entries, frame: Frame) -> list[str]:
    """Add every fact; answers the urls of the diagnoses in order."""
    diagnoses: list[str] = []
    for fact in frame.contact.facts:
        match fact:
            case Problem():
                diagnoses.append(entries.post(clinical.problem(frame, fact)))
            case Measure():
                entries.post(clinical.measure(frame, fact))
            case Pressure():
                entries.post(clinical.pressure(frame, fact))
            case Drug():
                entries.post(clinical.drug(frame, fact))
            case Allergy():
                entries.post(clinical.allergy(frame, fact))
            case Shot():
                entries.post(clinical.shot(frame, fact))
            case Operation():
                entries.post(clinical.operation(frame, fact))
            case Report():
                _report(entries, frame, fact)
    return diagnoses


def _report(entries: _Entries, frame: Frame, fact: Report) -> None:
    """The order where there was one, the results, and the report that gathers them."""
    loinc, chinese, english, section = tests.REPORTS[fact.kind]
    code = concept(tests.SYSTEM, loinc, english, fact.title or chinese)
    basis = entries.post(_order(frame, code)) if fact.ordered else None
    results = [entries.post(clinical.measure(frame, result)) for result in fact.results]
    shape: Json = {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "category": [hl7("v2-0074", section)],
        "code": code,
        "subject": frame.patient,
        "encounter": frame.encounter,
        "effectiveDateTime": instant(frame.after(fact.hours)),
        "issued": instant(frame.after(fact.hours + 1)),
        "performer": [frame.organization],
    }
    if basis:
        shape["basedOn"] = [{"reference": basis}]
    if results:
        shape["result"] = [{"reference": full} for full in results]
    if fact.conclusion:
        shape["conclusion"] = fact.conclusion
    entries.post(shape)


def _order(frame: Frame, code: Json) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "status": "completed",
        "intent": "order",
        "code": code,
        "subject": frame.patient,
        "encounter": frame.encounter,
        "authoredOn": instant(frame.after(0.2)),
        "requester": frame.doctor,
    }


def _encounter(key: str, frame: Frame) -> Json:
    contact = frame.contact
    code = contact.institution.code
    chinese, english = DEPARTMENTS[contact.department]
    shape: Json = {
        "resourceType": "Encounter",
        "identifier": [{"system": f"urn:yima:synth:institution:{code}:encounter", "value": key.partition(":")[2]}],
        "status": "finished",
        "class": coding(HL7 + "v3-ActCode", contact.kind, _CLASS[contact.kind]),
        "type": [{"coding": [coding("urn:yima:visit-type", contact.visit_type)], "text": _VISIT[contact.visit_type]}],
        "serviceType": concept(DEPARTMENT, contact.department, english, chinese),
        "subject": frame.patient,
        "participant": [{"type": [hl7("v3-ParticipationType", "ATND", "attender")], "individual": frame.doctor}],
        "period": {"start": instant(contact.at), "end": instant(contact.end)},
        "serviceProvider": frame.organization,
    }
    if frame.reasons:
        shape["reasonCode"] = frame.reasons
    if contact.kind == "IMP":
        outcome = ("exp", "Expired") if contact.died else ("home", "Home")
        shape["hospitalization"] = {"dischargeDisposition": hl7("discharge-disposition", *outcome)}
    return shape
