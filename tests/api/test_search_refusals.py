"""What a search may not do: range over people, cost too much, mean what it does not say."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from support import Institution, Platform, assert_refused, patient
from yima.api import capability

FORM = "application/x-www-form-urlencoded"
NATIONAL = "urn:oid:2.16.156.10011.1.3"


UNNAMED = [
    "Observation?code=1558-6",
    "Observation",
    "Patient?name=张",
    "Patient",
    "Condition?_lastUpdated=gt2020",
    "Encounter?_count=1000",
]


@pytest.mark.parametrize("query", UNNAMED)
@pytest.mark.capability("search-type")
async def test_nobody_searches_across_people(hospital: Institution, query: str) -> None:
    assert_refused(await hospital.call("GET", f"/fhir/{query}"), 403, "person-not-named")


async def test_nor_in_two_records_at_once(hospital: Institution, ann: str) -> None:
    other = await hospital.create(patient())
    for query in (f"patient={ann},{other['id']}", f"patient={ann}&subject=Patient/{other['id']}"):
        answer = await hospital.call("GET", f"/fhir/Observation?{query}")
        assert answer.status_code in (400, 403) or answer.json()["total"] == 0


WRONG = [
    ("nonsense=1", "search-parameter-unknown"),
    ("_sort=value", "search-parameter-unknown"),
    ("_sort=date;drop table records.resource", "search-parameter-unknown"),
    ("_sort=(select 1)", "search-parameter-unknown"),
    ("date:above=1", "search-parameter-unknown"),
    ("code:exact=1", "search-parameter-unknown"),
    ("_has:Observation:patient:code=1", "search-parameter-unknown"),
    ("_filter=x", "search-parameter-unknown"),
    ("_text=x", "search-parameter-unknown"),
    ("_query=x", "search-parameter-unknown"),
    ("date=yesterday", "search-value-invalid"),
    ("date=2025-13-45", "search-value-invalid"),
    ("date=", "search-value-invalid"),
    ("_count=-1", "search-value-invalid"),
    ("_count=x", "search-value-invalid"),
    ("_count=1e9", "search-value-invalid"),
    ("_summary=all", "search-value-invalid"),
    ("_total=maybe", "search-value-invalid"),
    ("value-quantity=NaN", "search-value-invalid"),
    ("value-quantity=1e99999", "search-value-invalid"),
    ("code=%00", "search-value-invalid"),
    ("%00=1", "search-value-invalid"),
    ("_lastUpdated=x", "search-value-invalid"),
    ("code=a,,b", "search-value-invalid"),
]


@pytest.mark.parametrize(("query", "code"), WRONG, ids=[query for query, _ in WRONG])
@pytest.mark.capability("search-type")
async def test_what_a_search_does_not_know_is_refused(hospital: Institution, ann: str, query: str, code: str) -> None:
    answer = await hospital.call("GET", f"/fhir/Observation?patient={ann}&{query}")
    assert_refused(answer, 400, code)


async def test_leniently_only_unknown_parameters_are_ignored(hospital: Institution, ann: str) -> None:
    url = f"/fhir/Observation?patient={ann}"
    answer = await hospital.call("GET", f"{url}&nonsense=1", prefer="handling=lenient")
    assert answer.json()["total"] == 13
    for query in ("date:above=1", "date=yesterday", "_include=Observation:status"):
        assert (await hospital.call("GET", f"{url}&{query}", prefer="handling=lenient")).status_code == 400


COSTLY = {
    "10,000 values": "code=" + ",".join(map(str, range(10_000))),
    "1,000 parameters": "&".join("code=1" for _ in range(1000)),
}


@pytest.mark.parametrize("case", COSTLY)
@pytest.mark.capability("search-type")
async def test_a_search_stays_affordable(hospital: Institution, ann: str, case: str) -> None:
    assert_refused(await hospital.call("GET", f"/fhir/Observation?patient={ann}&{COSTLY[case]}"), 400, "too-costly")
    form = f"patient={ann}&{COSTLY[case]}".encode()
    answer = await hospital.call("POST", "/fhir/Observation/_search", form, content_type=FORM)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "value",
    [
        "' or 1=1 --",
        "1'; drop table records.resource; --",
        '"; select pg_sleep(9)',
        "\\",
        "%",
        "${jndi:ldap://x}",
        "a|b|c|d",
    ],
)
async def test_sql_in_a_value_is_only_a_value(platform: Platform, hospital: Institution, ann: str, value: str) -> None:
    for name in (
        "code",
        "status",
        "patient",
        "_id",
        "date",
        "_sort",
        "_count",
        "encounter",
        "value-string",
        "identifier",
        "subject:identifier",
    ):
        answer = await hospital.call("GET", f"/fhir/Observation?patient={ann}&{name}={quote(value)}")
        assert answer.status_code in (200, 400), (name, answer.text)
        if answer.status_code == 200:
            assert answer.json()["total"] == 0, name
    assert (await platform.counts())["records.resource"] >= 15


async def test_post_search_takes_forms_only(hospital: Institution, ann: str) -> None:
    url = "/fhir/Observation/_search"
    assert_refused(
        await hospital.call("POST", url, {"patient": ann}, content_type="application/json"),
        415,
        "unsupported-media-type",
    )
    assert_refused(await hospital.call("POST", url, b"patient=%ff", content_type=FORM), 422, "field-invalid")
    assert_refused(await hospital.call("POST", url, b"a=1&" * 50_000, content_type=FORM), 413, "body-too-large")
    both = await hospital.call("POST", f"{url}?patient={ann}", b"code=2823-3", content_type=FORM)
    assert both.json()["total"] == 1


@pytest.mark.capability(
    "searchParam string",
    "searchParam token",
    "searchParam date",
    "searchParam reference",
    "searchParam quantity",
    "searchParam number",
    "searchParam uri",
    "searchParam composite",
)
async def test_what_the_statement_lists_works(hospital: Institution, ann: str) -> None:
    """Every search parameter of every searchable type is understood: an answer, or a word about the value; never a
    5xx."""
    unknown = []
    for resource in capability.statement("http://127.0.0.1:8420")["rest"][0]["resource"]:
        name = resource["type"]
        if name not in (
            "Patient",
            "Observation",
            "Condition",
            "Encounter",
            "MedicationRequest",
            "Organization",
            "Claim",
            "Immunization",
        ):
            continue
        who = {"Patient": f"_id={ann}", "Organization": ""}.get(name, f"patient={ann}")
        for param in resource["searchParam"]:
            sample = {"date": "2025", "number": "1", "quantity": "1", "reference": "Patient/x"}.get(param["type"], "x")
            sample = "x$x" if param["type"] == "composite" else "urn:x|x" if param["name"] == "identifier" else sample
            answer = await hospital.call("GET", f"/fhir/{name}?{who}&{param['name']}={sample}")
            assert answer.status_code in (200, 400, 403), (name, param, answer.text)
            if answer.status_code == 400 and "search-parameter-unknown" in answer.text:
                unknown.append(f"{name}.{param['name']}")
    assert unknown == []
