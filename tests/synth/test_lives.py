"""Lives a clinician would believe."""

import itertools
from collections import defaultdict
from datetime import date, datetime

import pytest

from yima.synth import AS_OF, RECORDS_FROM, city, visits
from yima.synth.body import BOYS, GIRLS
from yima.synth.days import age_on, months_on

from .conftest import Json, Told

PLAUSIBLE = {
    "8480-6": (60, 215), "8462-4": (34, 125), "8867-4": (45, 185), "8310-5": (35.5, 40.5), "2708-6": (75, 100),
    "29463-7": (1.6, 130), "8302-2": (42, 200), "39156-5": (12, 40), "4548-4": (4, 13), "14771-0": (3.3, 24),
    "14682-9": (15, 500), "62238-1": (10, 130), "718-7": (50, 185), "6690-2": (2, 25), "777-3": (90, 400),
    "22748-8": (0.8, 6.6), "24467-3": (100, 1000), "9843-4": (30, 54), "20150-9": (0.4, 3), "8339-4": (1900, 4400),
}  # fmt: skip


def _code(resource: Json) -> str:
    return str(resource["code"]["coding"][0]["code"])


def test_values_are_plausible(town: Told) -> None:
    seen = set()
    for _, resource in town.resources("Observation"):
        for part in [resource, *resource.get("component", [])]:
            limits = PLAUSIBLE.get(_code(part))
            if limits and "valueQuantity" in part:
                seen.add(_code(part))
                assert limits[0] <= part["valueQuantity"]["value"] <= limits[1], part
    assert len(seen) >= 17


def test_diastolic_is_below_systolic(town: Told) -> None:
    for _, resource in town.resources("Observation"):
        if "component" in resource:
            high, low = (c["valueQuantity"]["value"] for c in resource["component"])
            assert 15 <= high - low <= 110


def test_no_visit_outside_life_or_records(town: Told) -> None:
    for visit in town.visits:
        resident = town.city.by_key[visit.resident]
        start = town.started(visit).date()
        assert max(RECORDS_FROM, resident.born) <= start <= visit.at.date() < AS_OF
        assert resident.died is None or visit.at.date() <= resident.died


def test_the_dead_have_a_last_record_that_says_so(sixty: Told) -> None:
    dead = next(r for r in sixty.city.residents if r.died)
    last = [p for v, p in sixty.resources("Patient") if v.resident == dead.key][-1]
    assert last["deceasedDateTime"] == str(dead.died)


def test_men_are_not_pregnant(town: Told) -> None:
    for visit, resource in town.resources("Encounter", "Condition"):
        code = _code(resource) if "code" in resource else resource["reasonCode"][0]["coding"][0]["code"]
        if code[0] == "O" or code in {"Z34.9", "Z35.9", "Z39.2"}:
            resident = town.city.by_key[visit.resident]
            assert resident.sex == "female"
            assert 18 <= age_on(resident.born, visit.at.date()) <= 46


def test_no_xray_and_no_nsaid_in_pregnancy(town: Told) -> None:
    births = {(c.mother, c.born) for c in town.city.residents if c.mother}
    for visit, resource in town.resources("DiagnosticReport"):
        if resource["code"]["coding"][0]["code"] == "36643-5":
            day = visit.at.date()
            assert not any(m == visit.resident and 0 <= (b - day).days <= 270 for m, b in births)


def test_vaccines_come_at_their_age_and_in_order(town: Told) -> None:
    ages = {"19": (0, 1), "08": (0, 9), "03": (8, 21), "129": (8, 28), "192": (36, 76), "169": (18, 21), "178": (4, 52)}
    doses: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for visit, shot in town.resources("Immunization"):
        code = shot["vaccineCode"]["coding"][0]["code"]
        resident = town.city.by_key[visit.resident]
        day = date.fromisoformat(shot["occurrenceDateTime"][:10])
        if code in ages and resident.born >= RECORDS_FROM:
            assert ages[code][0] <= months_on(resident.born, day) <= ages[code][1], code
            doses[visit.resident, code].append(
                (shot["occurrenceDateTime"], shot["protocolApplied"][0]["doseNumberPositiveInt"])
            )
    assert len(doses) > 100
    for given in doses.values():
        assert [n for _, n in sorted(given)] == sorted(n for _, n in given)


def test_children_grow(town: Told) -> None:
    heights: dict[str, list[float]] = defaultdict(list)
    for visit, resource in town.resources("Observation"):
        if _code(resource) == "8302-2" and age_on(town.city.by_key[visit.resident].born, visit.at.date()) < 6:
            heights[visit.resident].append(resource["valueQuantity"]["value"])
    assert heights
    for series in heights.values():
        assert all(after > before - 1 for before, after in itertools.pairwise(series))


@pytest.mark.parametrize("curve", [BOYS, GIRLS])
def test_growth_curves_rise(curve: tuple[tuple[float, ...], ...]) -> None:
    for column in (0, 1, 2, 3):
        values = [row[column] for row in curve]
        assert values == sorted(values)


def test_children_get_no_adult_medicine(town: Told) -> None:
    for visit, resource in town.resources("MedicationRequest"):
        if age_on(town.city.by_key[visit.resident].born, visit.at.date()) < 12:
            name = resource["medicationCodeableConcept"]["text"]
            assert not any(word in name for word in ("缓释", "左氧氟沙星", "阿司匹林", "塞来昔布", "氨氯地平")), name


def test_the_allergic_get_no_penicillin_afterwards(town: Told) -> None:
    allergic = {v.resident: v.at for v, a in town.resources("AllergyIntolerance") if "青霉素" in a["code"]["text"]}
    assert allergic
    for visit, resource in town.resources("MedicationRequest"):
        if visit.resident in allergic and visit.at > allergic[visit.resident]:
            assert not resource["medicationCodeableConcept"]["coding"][0]["code"].startswith("J01C")


def test_treatment_lowers_blood_pressure(town: Told) -> None:
    """The first reading of the hypertensive is high, the later ones on average much lower."""
    readings: dict[str, list[int]] = defaultdict(list)
    found: dict[str, str] = {}
    for visit, resource in town.resources("Condition", "Observation"):
        if resource["resourceType"] == "Condition" and _code(resource) == "I10":
            found.setdefault(visit.resident, visit.key)
        elif visit.resident in found and "component" in resource:
            readings[visit.resident].append(resource["component"][0]["valueQuantity"]["value"])
    firsts = [series[0] for series in readings.values() if len(series) > 6]
    lasts = [sum(series[-4:]) / 4 for series in readings.values() if len(series) > 6]
    assert sum(firsts) / len(firsts) > 150
    assert sum(lasts) / len(lasts) < 145


def test_consent_classes_have_records(sixty: Told) -> None:
    codes = {_code(r) for _, r in sixty.resources("Condition")}
    assert {"F20.0", "F32.1", "B24", "A51.3"} <= codes
    departments = {r["serviceType"]["coding"][0]["code"] for _, r in sixty.resources("Encounter")}
    assert {"1500", "1600", "1300"} <= departments


def test_size_of_a_life() -> None:
    made = city(400, 11)
    told = list(visits(made))
    resources = sum(len(v.bundle["entry"]) for v in told)
    assert 8 <= len(told) / 400 <= 19
    assert 5 <= resources / len(told) <= 11


def test_nobody_is_in_two_places_at_once(town: Told) -> None:
    free: dict[str, datetime] = {}
    for visit in town.visits:
        assert visit.resident not in free or town.started(visit) >= free[visit.resident]
        free[visit.resident] = visit.at


def test_an_institution_lists_a_chronic_illness_once(town: Told) -> None:
    listed = set()
    for visit, condition in town.resources("Condition"):
        if condition["category"][0]["coding"][0]["code"] == "problem-list-item":
            place = (visit.resident, visit.institution, _code(condition))
            assert place not in listed
            listed.add(place)
    assert listed
