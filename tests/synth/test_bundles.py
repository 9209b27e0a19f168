"""Every visit is a FHIR R4 transaction that a server can take."""

import re
from datetime import date
from typing import Any

import orjson
import pytest

from yima.fhir import parse, validate
from yima.synth import AS_OF
from yima.synth.registration import patient_number
from yima.synth.terms import diagnoses, drugs, procedures, tests

from .conftest import Json, Told

LOINC = re.compile(r"^\d{1,5}-\d$")
ICD10 = re.compile(r"^[A-Z]\d\d(\.\d)?$")
ATC = re.compile(r"^[A-V]\d\d[A-Z]{1,2}(\d\d)?$")
UCUM = {
    *("mm[Hg]", "/min", "Cel", "%", "kg", "cm", "kg/m2", "g", "mmol/L", "umol/L", "mL/min/{1.73_m2}", "U/L", "mg/g"),
    *("10*9/L", "g/L", "mg/L", "ng/mL", "[pH]", "L", "m[IU]/L", "mg/dL", "U/mL", "/uL", "{copies}/mL", "{titer}"),
    *("{score}", "wk", "d"),
}


def _walk(value: Any) -> Any:
    yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _walk(part)


def test_every_bundle_is_json_and_comes_back(town: Told) -> None:
    for visit in town.visits:
        assert orjson.loads(orjson.dumps(visit.bundle)) == visit.bundle


def test_nothing_is_empty(sixty: Told) -> None:
    for visit in sixty.visits:
        assert all(part not in ({}, [], "", None) for part in _walk(visit.bundle))


def test_references_resolve_inside_the_bundle(town: Told) -> None:
    for visit in town.visits:
        urls = [entry["fullUrl"] for entry in visit.bundle["entry"]]
        assert len(urls) == len(set(urls))
        for part in _walk(visit.bundle):
            if isinstance(part, dict) and "reference" in part:
                assert part["reference"] in urls


def test_full_urls_are_unique_in_the_city(town: Told) -> None:
    urls = [entry["fullUrl"] for visit in town.visits for entry in visit.bundle["entry"]]
    assert len(urls) == len(set(urls))


def test_keys_are_unique_and_stable(town: Told) -> None:
    keys = [visit.key for visit in town.visits]
    assert len(keys) == len(set(keys))
    assert all(visit.key.startswith(visit.institution) for visit in town.visits)


def test_one_patient_by_the_institutions_own_number(town: Told) -> None:
    for visit in town.visits:
        first, *rest = visit.bundle["entry"]
        system = f"urn:yima:synth:institution:{visit.institution}:patient"
        assert first["request"] == {"method": "PUT", "url": f"Patient?identifier={system}|{visit.patient}"}
        assert first["resource"]["identifier"][0]["value"] == visit.patient
        for entry in rest:
            assert entry["request"] == {"method": "POST", "url": entry["resource"]["resourceType"]}
            assert entry["resource"]["resourceType"] != "Patient"


def test_codes_have_the_shape_of_their_system(town: Told) -> None:
    shapes = {
        tests.SYSTEM: LOINC,
        diagnoses.SYSTEM: ICD10,
        drugs.SYSTEM: ATC,
        procedures.SYSTEM: re.compile(r"^\d\d\.\d{1,2}$"),
    }
    for visit in town.visits:
        for part in _walk(visit.bundle):
            if isinstance(part, dict) and part.get("system") in shapes and "code" in part:
                assert shapes[part["system"]].match(part["code"]), part


@pytest.mark.parametrize("code", sorted({t.loinc for t in tests.ALL.values()} | {r[0] for r in tests.REPORTS.values()}))
def test_loinc_check_digits(code: str) -> None:
    """LOINC ends in a Luhn (mod 10) digit, so most slips of the pen show."""
    digits, check = code.split("-")
    total = 0
    for place, figure in enumerate(reversed(digits)):
        value = int(figure) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    assert (10 - total % 10) % 10 == int(check)


def test_quantities_are_ucum(town: Told) -> None:
    for _, resource in town.resources("Observation"):
        for quantity in (p["valueQuantity"] for p in _walk(resource) if isinstance(p, dict) and "valueQuantity" in p):
            assert quantity["code"] in UCUM
            assert quantity["system"] == tests.UCUM
            assert len(str(quantity["value"]).partition(".")[2]) <= 2


def test_blood_pressure_is_a_panel(town: Told) -> None:
    panels = [r for _, r in town.resources("Observation") if r["code"]["coding"][0]["code"] == "85354-9"]
    assert panels
    for panel in panels:
        assert [c["code"]["coding"][0]["code"] for c in panel["component"]] == ["8480-6", "8462-4"]
        assert "valueQuantity" not in panel


def test_institutions_and_staff_are_logical_references(town: Told) -> None:
    codes = {i.code: i for i in town.city.institutions}
    for visit, encounter in town.resources("Encounter"):
        assert encounter["serviceProvider"]["identifier"] == {
            "system": "urn:yima:institution",
            "value": visit.institution,
        }
        department = encounter["serviceType"]["coding"][0]["code"]
        staff = {p.id for p in codes[visit.institution].staff[department]}
        assert encounter["participant"][0]["individual"]["identifier"]["value"] in staff


def test_patient_slips_are_a_few_percent(town: Told) -> None:
    """What an institution wrote differs from the truth, but seldom, and always in the same way."""
    written: dict[tuple[str, str], Json] = {}
    for visit, patient in town.resources("Patient"):
        written[visit.institution, visit.patient] = patient
    truth = {}
    for resident in town.city.residents:
        for institution in town.city.institutions:
            truth[institution.code, patient_number(resident, institution)] = resident
    pairs = [(patient, truth[place]) for place, patient in written.items() if place in truth]
    names = sum(patient["name"][0]["text"] != resident.name.text for patient, resident in pairs)
    births = sum(patient["birthDate"] != resident.born.isoformat() for patient, resident in pairs)
    phones = sum("telecom" not in patient for patient, _ in pairs)
    numbered = sum(len(patient["identifier"]) > 1 for patient, _ in pairs)
    assert 0 < names / len(pairs) < 0.05
    assert 0 < births / len(pairs) < 0.04
    assert 0.02 < phones / len(pairs) < 0.12
    assert numbered / len(pairs) > 0.9


def test_patient_numbers_are_unique_in_an_institution(town: Told) -> None:
    owner: dict[tuple[str, str], str] = {}
    for visit in town.visits:
        assert owner.setdefault((visit.institution, visit.patient), visit.resident) == visit.resident


def test_newborns_carry_their_mother(sixty: Told) -> None:
    baby = next(r for r in sixty.city.residents if "newborn" in r.special)
    patients = [p for v, p in sixty.resources("Patient") if v.resident == baby.key]
    assert patients
    for patient in patients:
        contact = patient["contact"][0]
        assert contact["relationship"][0]["coding"][0]["code"] == "MTH"
        assert contact["extension"][0]["valueIdentifier"]["value"]
        assert patient["name"][0]["text"].endswith("之女")
        assert [i["type"]["coding"][0]["code"] for i in patient["identifier"]] == ["MR"]


def test_twins_say_so(sixty: Told) -> None:
    orders = {p.get("multipleBirthInteger") for _, p in sixty.resources("Patient")}
    assert {1, 2} <= orders


def test_births_are_not_after_the_visit(town: Told) -> None:
    for visit, patient in town.resources("Patient"):
        assert date.fromisoformat(patient["birthDate"]) <= visit.at.date() <= AS_OF


def test_every_resource_is_valid_r4(sixty: Told) -> None:
    """The language room finds nothing to refuse (it reads bytes: decimals must keep their digits)."""
    for visit in sixty.visits:
        for entry in visit.bundle["entry"]:
            validate(parse(orjson.dumps(entry["resource"])))
