"""Whatever a resource looks like, the overview is built: mutilated resources, and real Synthea records."""

import copy
import gzip
import json
from datetime import UTC, date, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yima.records.overview import Overview, overview

TODAY = date(2026, 3, 1)
SYNTHEA = Path(__file__).resolve().parents[4] / "shared/data/synthea-r4"

WHOLE: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p",
        "birthDate": "2024-02-29",
        "gender": "female",
        "deceasedBoolean": False,
        "name": [{"use": "official", "family": "王", "given": ["芳"]}],
        "contact": [{"relationship": [{"text": "母"}]}],
    },
    {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "AMB"},
        "type": [{"text": "产检"}],
        "period": {"start": "2026-01-01T08:00:00+08:00", "end": "2026-01-01T09:00:00Z"},
        "serviceType": {"text": "产科"},
        "serviceProvider": {"reference": "Organization/o", "display": "县医院"},
        "reasonCode": [{"text": "x"}],
        "diagnosis": [{"condition": {"reference": "Condition/c"}}],
        "participant": [{"individual": {"display": "d"}}],
    },
    {
        "resourceType": "Condition",
        "id": "c",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "onsetDateTime": "2025",
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10"}]},
        "severity": {"text": "severe"},
        "encounter": {"reference": "Encounter/e"},
        "abatementPeriod": {"end": "2026-02"},
    },
    {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "code": {"text": "青霉素"},
        "criticality": "high",
        "reaction": [{"severity": "severe", "manifestation": [{"coding": [{"code": "271807003"}]}]}],
    },
    {
        "resourceType": "Observation",
        "id": "b",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "effectivePeriod": {"start": "2026-01-01"},
        "interpretation": [{"coding": [{"code": "H"}]}],
        "component": [
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
                "valueQuantity": {"value": Decimal("142"), "unit": "mmHg", "code": "mm[Hg]"},
                "referenceRange": [{"low": {"value": 90}, "high": {"value": 139}}],
            }
        ],
    },
    {
        "resourceType": "Observation",
        "id": "l",
        "code": {"coding": [{"system": "http://loinc.org", "code": "11778-8"}]},
        "effectiveDateTime": "2026-01-01",
        "valueDateTime": "2026-08-01",
    },
    {
        "resourceType": "Observation",
        "id": "r",
        "code": {"coding": [{"system": "http://loinc.org", "code": "883-9"}]},
        "effectiveDateTime": "2026-01-01",
        "valueCodeableConcept": {"coding": [{"code": "112144000"}], "text": "A型"},
    },
    {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "authoredOn": "2025-05-05",
        "medicationReference": {"reference": "#x"},
        "contained": [{"id": "x", "code": {"text": "氨氯地平"}}],
        "dispenseRequest": {"expectedSupplyDuration": {"value": 30, "code": "d"}, "numberOfRepeatsAllowed": 3},
        "dosageInstruction": [
            {
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "route": {"text": "口服"},
                "doseAndRate": [{"doseQuantity": {"value": 2, "unit": "tablet"}}],
                "asNeededBoolean": True,
            }
        ],
    },
    {
        "resourceType": "Immunization",
        "id": "i",
        "status": "completed",
        "occurrenceDateTime": "2024-03-01",
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "19"}]},
        "protocolApplied": [{"doseNumberPositiveInt": 1}],
    },
    {
        "resourceType": "Procedure",
        "id": "q",
        "status": "completed",
        "code": {"coding": [{"code": "66348005"}]},
        "performedPeriod": {"start": "2025-01-01"},
        "performer": [{"actor": {"reference": "Organization/o"}}],
    },
    {
        "resourceType": "DiagnosticReport",
        "id": "d",
        "category": [{"coding": [{"code": "RAD"}]}],
        "conclusion": "正常",
        "code": {"text": "胸片"},
        "issued": "2026-01-01T00:00:00.123-05:00",
        "meta": {"source": "urn:yima:o#1"},
    },
    {
        "resourceType": "DocumentReference",
        "id": "f",
        "date": "2026",
        "context": {"encounter": [{"reference": "Encounter/e"}]},
    },
    {"resourceType": "Organization", "id": "o", "name": "县人民医院"},
]

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**5000),
    st.sampled_from(
        [
            "",
            " ",
            "x",
            "0000",
            "2024-13-45",
            "9999-12-31T23:59:59-14:00",
            "0001-01-01T00:00:00+14:00",
            "2026-02-30",
            "2024-01-01T24:00:00",
            "2024-06-30T23:59:60Z",
            "#",
            "/",
            "Encounter/",
            "urn:uuid:",
            "I10",
            "\ud800",
        ]
    ),
    st.sampled_from(
        [Decimal("1E+999999"), Decimal("-1E-999999"), Decimal("NaN"), Decimal("Infinity"), float("inf"), 1.5]
    ),
    st.sampled_from(
        [
            [],
            {},
            [[]],
            [None],
            [{}],
            {"coding": "x"},
            {"coding": [None]},
            {"coding": [{"code": []}]},
            {"value": {}},
            {"reference": 5},
            {"start": []},
            [{"text": {}}],
            {"text": "高血压"},
        ]
    ),
    st.text(max_size=8),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


ALL_PLACES = places(WHOLE)


def mutilate(path: tuple[Any, ...], odd: Any, delete: bool, into: Any) -> None:
    for step in path[:-1]:
        try:
            into = into[step]
        except (KeyError, IndexError, TypeError):
            return
    if not isinstance(into, (dict, list)):
        return
    try:
        if delete:
            del into[path[-1]]
        else:
            into[path[-1]] = odd
    except (KeyError, IndexError, TypeError):
        return


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(ALL_PLACES), ODD, st.booleans()), min_size=1, max_size=6))
def test_mutilated_resources_never_raise(cuts: list[tuple[tuple[Any, ...], Any, bool]]) -> None:
    record = copy.deepcopy(WHOLE)
    for path, odd, delete in cuts:
        mutilate(path, odd, delete, record)
    assert isinstance(overview(record, TODAY), Overview)


def test_each_place_survives_each_oddity() -> None:
    """Systematic: one odd value at every place (Hypothesis combines several)."""
    for path in ALL_PLACES:
        for odd in (None, 0, "x", [], {}, [{}], {"x": 1}, Decimal("1E+999999"), True, "9999-12-31T23:59:59-14:00"):
            record = copy.deepcopy(WHOLE)
            mutilate(path, odd, False, record)
            overview(record, TODAY)


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-12)), timezone(timedelta(hours=14))]
)
def test_any_zone(zone: timezone) -> None:
    assert overview(WHOLE, TODAY, zone=zone).episodes


def test_order_of_resources_does_not_matter() -> None:
    one, other = overview(WHOLE, TODAY), overview(list(reversed(WHOLE)), TODAY)
    assert (one.tags, one.basics, one.problems, one.episodes[0]) == (
        other.tags,
        other.basics,
        other.problems,
        other.episodes[0],
    )


def records() -> list[Path]:
    return sorted(SYNTHEA.glob("*.json.gz")) if SYNTHEA.is_dir() else []


@pytest.mark.skipif(not records(), reason="Synthea R4 bundles are not at ../shared/data/synthea-r4")
def test_synthea_records_give_a_sensible_overview() -> None:
    seen: set[str] = set()
    for path in records():
        with gzip.open(path) as file:
            bundle = json.load(file, parse_float=Decimal)
        found = overview([entry["resource"] for entry in bundle["entry"]], date(2021, 4, 1))
        assert found.basics.names
        assert found.basics.age_years is not None
        assert found.episodes
        assert all(one.title and one.institution for one in found.episodes if one.sources[0].startswith("Encounter/"))
        assert sum(one.count for one in found.activities) == len(found.episodes)
        assert all(len(one.points) > 1 for one in found.trends)
        days = [one.start for one in found.episodes if one.start]
        assert days == sorted(days, reverse=True)
        seen |= {tag.code for tag in found.tags}
    assert {"hypertension", "diabetes", "allergy", "elderly", "pregnancy", "long-term-medicine"} <= seen
