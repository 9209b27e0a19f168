"""One FHIR resource per clinical fact."""

from datetime import date, timedelta

from yima.synth.days import AS_OF
from yima.synth.facts import Allergy, Drug, Measure, Operation, Pressure, Problem, Shot
from yima.synth.terms import diagnoses, drugs, procedures, tests, vaccines
from yima.synth.terms.tests import Test

from .frame import Frame
from .shape import HL7, Json, coding, concept, day, doctor, hl7, instant, number, organization

SHOWN: dict[str, str] = {"{score}": "分", "{titer}": "", "{copies}/mL": "拷贝/mL", "Cel": "℃", "[pH]": ""}


def problem(frame: Frame, fact: Problem) -> Json:
    """Condition: chronic ones on the problem list, others as encounter diagnosis."""
    chinese, english = diagnoses.ICD10[fact.icd10]
    category = (
        ("problem-list-item", "Problem List Item") if fact.chronic else ("encounter-diagnosis", "Encounter Diagnosis")
    )
    status = "resolved" if fact.resolved or _healed(frame, fact) else "active"
    verification = "provisional" if fact.suspected else "confirmed"
    shape: Json = {
        "resourceType": "Condition",
        "clinicalStatus": hl7("condition-clinical", status),
        "verificationStatus": hl7("condition-ver-status", verification),
        "category": [hl7("condition-category", *category)],
        "code": concept(diagnoses.SYSTEM, fact.icd10, english, chinese),
        "subject": frame.patient,
        "encounter": frame.encounter,
        "onsetDateTime": day(fact.onset or _began(frame, fact)),
        "recordedDate": instant(frame.at),
        "asserter": frame.doctor,
    }
    if fact.resolved and frame.inpatient:
        shape["abatementDateTime"] = day(frame.end.date())
    if fact.note:
        shape["note"] = [{"text": fact.note}]
    return shape


def _healed(frame: Frame, fact: Problem) -> bool:
    """Seen from AS_OF, what was no chronic illness is over after two months.

    A source system would say so later in an update; the city sends its last word at once.
    """
    return not fact.chronic and (AS_OF - frame.at.date()).days > 60


def _began(frame: Frame, fact: Problem) -> date:
    """An acute illness began a day or two before somebody went to see a doctor about it."""
    before = 2 if fact.icd10[0] in "AJLN" and not fact.chronic and frame.contact.kind == "AMB" else 0
    return frame.at.date() - timedelta(days=before)


def measure(frame: Frame, fact: Measure) -> Json:
    """Observation of one test."""
    test = tests.ALL[fact.test]
    shape = _observation(frame, test, fact.hours)
    if isinstance(fact.value, str):
        shape["valueCodeableConcept"] = {"text": fact.value}
        if fact.abnormal is not None:
            shape["interpretation"] = [_interpretation("POS" if fact.abnormal else "NEG")]
        return shape
    shape["valueQuantity"] = quantity(test, fact.value)
    _range(shape, test, fact.value)
    return shape


def _observation(frame: Frame, test: Test, hours: float) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [hl7("observation-category", test.category)],
        "code": concept(tests.SYSTEM, test.loinc, test.english, test.chinese),
        "subject": frame.patient,
        "encounter": frame.encounter,
        "effectiveDateTime": instant(frame.after(hours)),
        "performer": [frame.organization],
    }


def quantity(test: Test, value: float) -> Json:
    """A UCUM Quantity with as many digits as the laboratory prints."""
    shown = SHOWN.get(test.unit, test.unit)
    shape: Json = {"value": number(value, test.digits), "system": tests.UCUM, "code": test.unit}
    if shown:
        shape["unit"] = shown
    return shape


def _range(shape: Json, test: Test, value: float) -> None:
    """Add the printed reference range and what the value means against it."""
    if test.low is None and test.high is None:
        return
    printed: Json = {}
    if test.low is not None:
        printed["low"] = quantity(test, test.low)
    if test.high is not None:
        printed["high"] = quantity(test, test.high)
    shape["referenceRange"] = [printed]
    shown = number(value, test.digits)
    low = test.low is not None and shown < test.low
    high = test.high is not None and shown > test.high
    shape["interpretation"] = [_interpretation("L" if low else "H" if high else "N")]


_MEANING = {"L": "Low", "H": "High", "N": "Normal", "POS": "Positive", "NEG": "Negative"}


def _interpretation(code: str) -> Json:
    return hl7("v3-ObservationInterpretation", code, _MEANING[code])


def pressure(frame: Frame, fact: Pressure) -> Json:
    """The blood pressure panel with its two components."""
    shape = _observation(frame, tests.BLOOD_PRESSURE, fact.hours)
    shape["component"] = [
        _component(tests.VITALS["systolic"], fact.systolic),
        _component(tests.VITALS["diastolic"], fact.diastolic),
    ]
    return shape


def _component(test: Test, value: int) -> Json:
    shape: Json = {
        "code": concept(tests.SYSTEM, test.loinc, test.english, test.chinese),
        "valueQuantity": quantity(test, value),
    }
    _range(shape, test, value)
    return shape


def drug(frame: Frame, fact: Drug) -> Json:
    """MedicationRequest with the dosage a pharmacist would read aloud."""
    medicine = drugs.MEDICINES[fact.medicine]
    written = frame.after(fact.hours)
    runs_out = written.date() + timedelta(days=fact.days)
    shape: Json = {
        "resourceType": "MedicationRequest",
        "status": "active" if runs_out >= AS_OF else "completed",
        "intent": "order",
        "category": [hl7("medicationrequest-category", "inpatient" if frame.inpatient else "outpatient")],
        "medicationCodeableConcept": concept(drugs.SYSTEM, medicine.atc, medicine.english, medicine.text),
        "subject": frame.patient,
        "encounter": frame.encounter,
        "authoredOn": instant(written),
        "requester": frame.doctor,
        "dosageInstruction": [_dosage(fact)],
        "dispenseRequest": {"expectedSupplyDuration": _days(fact.days)},
    }
    if frame.reasons:
        shape["reasonCode"] = frame.reasons[:1]
    return shape


def _days(count: int) -> Json:
    return {"value": count, "unit": "天", "system": tests.UCUM, "code": "d"}


def _dosage(fact: Drug) -> Json:
    frequency, period, unit, words = _rhythm(fact.per_day)
    amount = f"{fact.dose:g}{fact.unit}"
    text = f"{fact.route}，每次{amount}，{words}" + (f"，{fact.note}" if fact.note else "")
    return {
        "text": text,
        "timing": {"repeat": {"frequency": frequency, "period": period, "periodUnit": unit}},
        "route": {"text": fact.route},
        "doseAndRate": [{"doseQuantity": {"value": number(fact.dose, 3), "unit": fact.unit}}],
    }


def _rhythm(per_day: float) -> tuple[int, int, str, str]:
    if per_day >= 1:
        times = round(per_day)
        return times, 1, "d", f"1日{times}次"
    every = round(1 / per_day)
    return (1, 1, "wk", "每周1次") if every == 7 else (1, every, "d", f"每{every}日1次")


def allergy(frame: Frame, fact: Allergy) -> Json:
    """AllergyIntolerance with its reaction."""
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": hl7("allergyintolerance-clinical", "active"),
        "verificationStatus": hl7("allergyintolerance-verification", "confirmed"),
        "type": "allergy",
        "category": [fact.category],
        "criticality": fact.criticality,
        "code": {"coding": _allergen(fact), "text": fact.substance},
        "patient": frame.patient,
        "encounter": frame.encounter,
        "onsetDateTime": day(fact.onset),
        "recordedDate": instant(frame.at),
        "reaction": [{"manifestation": [{"text": fact.reaction}], "severity": fact.severity}],
    }


def _allergen(fact: Allergy) -> list[Json]:
    atc = {"penicillins": "J01C"}.get(fact.english)
    system, code = (drugs.SYSTEM, atc) if atc else ("urn:yima:synth:allergen", fact.english.replace(" ", "-"))
    return [coding(system, code, fact.english)]


def shot(frame: Frame, fact: Shot) -> Json:
    """Immunization with lot and dose number."""
    vaccine = vaccines.VACCINES[fact.vaccine]
    shape: Json = {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": concept(vaccines.SYSTEM, vaccine.cvx, vaccine.english, vaccine.chinese),
        "patient": frame.patient,
        "encounter": frame.encounter,
        "occurrenceDateTime": instant(frame.after(0.2)),
        "primarySource": True,
        "lotNumber": fact.lot,
        "route": concept(HL7 + "v3-RouteOfAdministration", *_ROUTES[vaccine.route]),
        "performer": [{"actor": frame.doctor}],
        "protocolApplied": [
            {
                "targetDisease": [{"text": vaccine.disease}],
                "doseNumberPositiveInt": fact.dose,
                "seriesDosesPositiveInt": vaccine.doses,
            }
        ],
    }
    if fact.site != "PO":
        shape["site"] = concept(HL7 + "v3-ActSite", *_SITES[fact.site])
    return shape


_ROUTES = {
    "IM": ("IM", "Injection, intramuscular", "肌内注射"),
    "SC": ("SQ", "Injection, subcutaneous", "皮下注射"),
    "ID": ("IDINJ", "Injection, intradermal", "皮内注射"),
    "PO": ("PO", "Swallow, oral", "口服"),
}
_SITES = {
    "LA": ("LA", "left arm", "左上臂"),
    "RA": ("RA", "right arm", "右上臂"),
    "LT": ("LT", "left thigh", "左大腿前外侧"),
    "RT": ("RT", "right thigh", "右大腿前外侧"),
}


def operation(frame: Frame, fact: Operation) -> Json:
    """Procedure that was carried out."""
    chinese, english = procedures.ICD9[fact.icd9]
    shape: Json = {
        "resourceType": "Procedure",
        "status": "completed",
        "code": concept(procedures.SYSTEM, fact.icd9, english, chinese),
        "subject": frame.patient,
        "encounter": frame.encounter,
        "performedDateTime": instant(frame.after(fact.hours)),
        "performer": [
            {"actor": doctor(frame.contact.practitioner), "onBehalfOf": organization(frame.contact.institution)}
        ],
    }
    if fact.site:
        shape["bodySite"] = [{"text": fact.site}]
    if fact.note:
        shape["note"] = [{"text": fact.note}]
    return shape
