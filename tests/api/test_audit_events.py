"""AuditEvent: who may read which lines of whom, by date, agent and outcome, in pages; each with where its proof is."""

from __future__ import annotations

from typing import Any

import pytest
import town as the_town
from town import Town

from support import Institution, Platform, assert_refused
from yima import audit
from yima.consent import ROLES
from yima.runtime import clock


@pytest.fixture(scope="module")
async def town(platform: Platform) -> Town:
    made = await the_town.build(platform)
    visit = await made.b.visit(made.sam_at_b.person)
    for _ in range(3):
        await made.b.call("GET", f"/fhir/{made.sam_at_a.observation}", visit=visit)
    await made.a.call("GET", f"/fhir/{made.sam_at_a.observation}")
    return made


async def ask(at: Institution, question: str, visit: str = "") -> dict[str, Any]:
    answer = await at.call("GET", f"/fhir/AuditEvent?{question}", visit=visit)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def lines(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in found.get("entry", [])]


async def test_an_institution_sees_its_own_doings_only(town: Town) -> None:
    for at, patient in ((town.a, town.sam_at_a.patient), (town.b, town.sam_at_b.patient)):
        found = lines(await ask(at, f"patient={patient}&_count=500"))
        assert found
        said = {one["agent"][0]["who"]["identifier"]["value"] for one in found}
        assert said == {at.client_id}
    for unknown in (town.bob.patient, "nobody"):
        for _ in range(2):
            assert (await ask(town.a, f"patient={unknown}"))["total"] == 0


async def test_an_auditor_sees_all_of_the_person(platform: Platform, town: Town) -> None:
    auditor = await platform.institution("U", rights=("audit",))
    found = lines(await ask(auditor, f"patient={town.sam_at_a.patient}&_count=500"))
    said = {one["agent"][0]["who"]["identifier"]["value"] for one in found}
    assert {town.a.client_id, town.b.client_id} <= said
    again = lines(await ask(auditor, f"patient={town.sam_at_a.patient}&agent={auditor.client_id}"))
    assert len(again) == 1, "the search before this one is a line itself"
    assert again[0]["outcomeDesc"] == "audit"
    assert (await auditor.call("GET", f"/fhir/AuditEvent/{found[-1]['id']}")).json()["id"] == found[-1]["id"]
    assert_refused(await auditor.call("GET", f"/fhir/{town.sam_at_a.observation}"), 404, "not-found")


async def test_by_date_outcome_and_agent_in_pages(town: Town) -> None:
    patient = town.sam_at_b.patient
    whole = lines(await ask(town.b, f"patient={patient}&_count=500"))
    moments = [one["recorded"] for one in whole]
    assert moments == sorted(moments, reverse=True)
    page, seen = await ask(town.b, f"patient={patient}&_count=3"), []
    while True:
        seen += [one["id"] for one in lines(page)]
        onward = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not onward:
            break
        page = (await town.b.call("GET", onward[0].removeprefix(town.b.platform.base))).json()
    known = {one["id"] for one in whole}
    assert [one for one in seen if one in known] == [one["id"] for one in whole]
    assert_refused(await town.a.call("GET", onward[0] if onward else "/fhir/AuditEvent?_cursor=x"), 404, "not-found")
    assert (await ask(town.b, f"patient={patient}&date=lt2020-01-01"))["total"] == 0
    assert (await ask(town.b, f"patient={patient}&date=ge2020-01-01&outcome=0&_count=0"))["total"] >= len(whole)
    assert (await ask(town.b, f"patient={patient}&outcome=8"))["total"] == 0
    assert (await ask(town.b, f"patient={patient}&agent=nobody"))["total"] == 0


async def test_each_line_says_where_its_proof_is(town: Town) -> None:
    one = lines(await ask(town.a, f"patient={town.sam_at_a.patient}&_count=1"))[0]
    [extension] = [e for e in one["extension"] if e["url"].endswith("/audit-proof")]
    proof = await town.a.platform.client.get(extension["valueUrl"].removeprefix(town.a.platform.base))
    assert proof.status_code == 200
    assert isinstance(proof.json()["position"], int)
    assert (await town.a.call("GET", f"/fhir/AuditEvent/{one['id']}")).json() == one
    assert_refused(await town.b.call("GET", f"/fhir/AuditEvent/{one['id']}"), 404, "not-found")


async def test_each_line_says_in_which_role_and_for_what(platform: Platform, town: Town) -> None:
    def said(one: dict[str, Any]) -> tuple[str, str]:
        [agent] = one["agent"]
        [role] = agent["role"][0]["coding"]
        assert role["system"] == "urn:yima:role"
        assert role["code"] in ROLES
        assert agent.get("purposeOfUse") == one.get("purposeOfEvent")
        return role["code"], agent["purposeOfUse"][0]["coding"][0]["code"] if "purposeOfUse" in agent else ""

    found = lines(await ask(town.b, f"patient={town.sam_at_b.patient}&_count=500"))
    assert {said(one) for one in found} == {("institution-system", "TREAT")}
    auditor = await platform.institution("V", rights=("audit",))
    for _ in range(2):
        found = lines(await ask(auditor, f"patient={town.sam_at_a.patient}&agent={auditor.client_id}"))
    assert {said(one) for one in found} == {("auditor", "TREAT")}


ROLE_OF = [
    ("practitioner", "visit", {"role": "primary-nurse"}, "primary-nurse"),
    ("practitioner", "visit", {}, None),
    ("resident", "own-record", {}, "resident"),
    ("resident", "own-record", {"app": "a", "app_name": "A"}, "residents-app"),
    ("resident", "guardian", {}, "guardian"),
    ("resident", "mandate", {}, "agent"),
    ("operator", "steward", {}, "steward"),
    ("operator", "two-people", {}, "operator"),
    ("terminal", "dynamic", {}, "terminal"),
    ("system", "verification", {}, "platform"),
]


@pytest.mark.parametrize(("agent", "basis", "detail", "role"), ROLE_OF)
def test_the_role_of_a_line(agent: str, basis: str, detail: dict[str, str], role: str | None) -> None:
    event = audit.Event(person=1, recorded=clock.now(), action="read", outcome="ok", agent=agent, basis=basis,
                        detail=detail, event_id="1")  # fmt: skip
    [found] = audit.to_fhir(event)["agent"]
    assert [one["coding"][0]["code"] for one in found.get("role", [])] == ([role] if role else [])
    assert role is None or role in ROLES


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ("", 403, "person-not-named"),
        ("date=2026", 403, "person-not-named"),
        ("patient={p}&patient={p}", 403, "person-not-named"),
        ("patient={p}&outcome=5", 400, "search-value-invalid"),
        ("patient={p}&date=gestern", 400, "search-value-invalid"),
        ("patient={p}&date=ne2026-01-01", 400, "search-value-invalid"),
        ("patient={p}&_count=-1", 400, "search-value-invalid"),
        ("patient={p}&source=x", 400, "search-parameter-unknown"),
        ("_cursor=AAAA", 404, "not-found"),
    ],
)
async def test_what_is_no_question(town: Town, question: str, status: int, code: str) -> None:
    asked = question.format(p=town.sam_at_a.patient)
    assert_refused(await town.a.call("GET", f"/fhir/AuditEvent?{asked}"), status, code)


async def test_without_the_scope(town: Town) -> None:
    token = await town.a.token(scope="system/Observation.rs")
    answer = await town.a.call("GET", f"/fhir/AuditEvent?patient={town.sam_at_a.patient}", token=token)
    assert_refused(answer, 403, "scope-insufficient")
