"""What a scanned code opens, and what stays closed: visits, printed codes, consent, emergencies, purposes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from town import PSYCHIATRIC, Town, build

from support import (
    Platform,
    assert_refused,
    observation,
)
from yima import consent
from yima.consent import Standing
from yima.directory import Caller
from yima.runtime import clock, ids


@pytest.fixture(scope="module")
async def town(platform: Platform) -> Town:
    return await build(platform)


# --- with the person's consent: the code was scanned -----------------------------------------------------------------


async def test_a_visit_opens_the_union(town: Town) -> None:
    visit = await town.b.visit(town.sam_at_a.person)
    assert (await town.b.call("GET", f"/fhir/{town.sam_at_a.observation}", visit=visit)).status_code == 200
    for asked in (town.sam_at_a, town.sam_at_b):
        whole = await town.b.call("GET", f"/fhir/{asked.patient}/$everything", visit=visit)
        kinds = sorted(e["resource"]["resourceType"] for e in whole.json()["entry"])
        assert kinds.count("Patient") == 2
        assert kinds.count("Observation") == 2
        found = await town.b.call("GET", f"/fhir/Observation?patient={asked.patient}", visit=visit)
        assert found.json()["total"] == 2


async def test_in_a_visit_the_scanned_person_may_be_named_by_id(town: Town) -> None:
    """An institution that never registered Ann reads her record after her scan, by the id that the scan gave it."""
    ann = ids.person_text(town.ann.person)
    visit = await town.b.visit(town.ann.person)
    whole = await town.b.call("GET", f"/fhir/Patient/{ann}/$everything", visit=visit)
    assert whole.status_code == 200
    patients = await town.b.call("GET", f"/fhir/Patient?_id={ann}", visit=visit)
    assert [e["resource"]["id"] for e in patients.json()["entry"]] == [town.ann.patient.removeprefix("Patient/")]
    assert (await town.b.call("GET", f"/fhir/Observation?patient={ann}", visit=visit)).json()["total"] == 1
    # Without the visit, or in a visit of somebody else, the id names nobody.
    other = await town.b.visit(town.bob.person)
    for handle in ("", other):
        assert (await town.b.call("GET", f"/fhir/Patient/{ann}/$everything", visit=handle)).status_code == 404
        found = await town.b.call("GET", f"/fhir/Observation?patient={ann}", visit=handle)
        assert found.json().get("total", 0) == 0


async def test_closed_classes_stay_closed_in_a_visit(town: Town) -> None:
    """A's psychiatric notes are not for B; B's own stay its own, with a visit as without."""
    visit = await town.b.visit(town.sam_at_a.person)
    hidden = town.sam_at_a.condition
    for way in (f"/fhir/{hidden}", f"/fhir/{hidden}/_history", f"/fhir/{hidden}/_history/1"):
        assert_refused(await town.b.call("GET", way, visit=visit), 404, "not-found")
    own = town.sam_at_b.condition.partition("/")[2]
    found = (await town.b.call("GET", f"/fhir/Condition?patient={town.sam_at_a.patient}", visit=visit)).json()
    assert [e["resource"]["id"] for e in found["entry"]] == [own]
    count = await town.b.call("GET", f"/fhir/Condition?patient={town.sam_at_a.patient}&_summary=count", visit=visit)
    assert count.json()["total"] == 1
    whole = (await town.b.call("GET", f"/fhir/{town.sam_at_a.patient}/$everything", visit=visit)).json()
    assert [e["resource"]["id"] for e in whole["entry"] if "F32" in str(e["resource"])] == [own]
    encounters = (await town.b.call("GET", f"/fhir/Encounter?patient={town.sam_at_a.patient}", visit=visit)).json()
    assert encounters["total"] == 3, "the encounter of A's psychiatric notes is not counted either"


async def test_what_joins_a_closed_encounter_later_is_closed_too(town: Town) -> None:
    sad = (await town.a.call("GET", f"/fhir/{town.sam_at_a.condition}")).json()["encounter"]["reference"]
    late = await town.a.create(observation(town.sam_at_a.patient, encounter={"reference": sad}))
    visit = await town.b.visit(town.sam_at_a.person)
    assert_refused(await town.b.call("GET", f"/fhir/Observation/{late['id']}", visit=visit), 404, "not-found")
    assert (await town.a.call("GET", f"/fhir/Observation/{late['id']}")).status_code == 200


async def test_a_class_given_later_covers_earlier_versions(town: Town) -> None:
    made = await town.a.create(
        {"resourceType": "Condition", "subject": {"reference": town.sam_at_a.patient}, "code": {"text": "?"}}
    )
    address = f"/fhir/Condition/{made['id']}"
    visit = await town.b.visit(town.sam_at_a.person)
    assert (await town.b.call("GET", address, visit=visit)).status_code == 200
    assert (await town.a.call("PUT", address, made | {"code": PSYCHIATRIC})).status_code == 200
    for way in (address, f"{address}/_history", f"{address}/_history/1", f"{address}/_history/2"):
        assert_refused(await town.b.call("GET", way, visit=visit, if_none_match='W/"1"'), 404, "not-found")


async def test_the_resident_may_open_a_class_and_close_everything(platform: Platform, town: Town) -> None:
    async def say(cls: str, permit: bool) -> None:
        async with platform.database.transaction() as c:
            await consent.put(c, town.sam_at_a.person, Standing(cls, 0, permit), agent="resident", now=clock.now())

    visit = await town.b.visit(town.sam_at_a.person)
    address = f"/fhir/{town.sam_at_a.condition}"
    await say("psychiatric", permit=True)
    assert (await town.b.call("GET", address, visit=visit)).status_code == 200
    await say("psychiatric", permit=False)
    assert_refused(await town.b.call("GET", address, visit=visit), 404, "not-found")
    await say("all", permit=False)
    for way in (
        f"/fhir/{town.sam_at_a.observation}",
        f"/fhir/Observation?patient={town.sam_at_a.patient}",
        f"/fhir/{town.sam_at_a.patient}/$everything",
    ):
        assert_refused(await town.b.call("GET", way, visit=visit), 403, "consent-denied")
    assert (await town.a.call("GET", f"/fhir/{town.sam_at_a.observation}")).status_code == 200  # what A wrote itself
    await say("all", permit=True)
    assert (await town.b.call("GET", f"/fhir/{town.sam_at_a.observation}", visit=visit)).status_code == 200


async def test_a_visit_is_good_for_that_person_at_that_institution(platform: Platform, town: Town) -> None:
    visit = await town.b.visit(town.sam_at_a.person)
    other = await platform.institution("C")
    for by, of in ((town.b, town.ann), (other, town.sam_at_a), (town.a, town.sam_at_b)):
        assert_refused(await by.call("GET", f"/fhir/{of.observation}", visit=visit), 404, "not-found")
        assert_refused(await by.call("GET", f"/fhir/{of.patient}/$everything", visit=visit), 404, "not-found")
        assert_refused(
            await by.call("GET", f"/fhir/Observation?patient={of.patient}", visit=visit), 403, "visit-needed"
        )


@pytest.mark.parametrize(
    "handle",
    ["x", "0" * 31, "0000000001-00000000000000000000", "0000000001.00000000000000000000", "é" * 31, "' or 1=1 --"],
)
async def test_a_handle_that_was_never_given_out(town: Town, handle: str) -> None:
    assert_refused(await town.b.call("GET", f"/fhir/{town.bob.observation}", visit=handle), 403, "visit-needed")


async def test_a_printed_code_identifies_only(platform: Platform, town: Town) -> None:
    answer = await town.b.scan(await platform.static(town.sam_at_a.person))
    assert answer.json()["assurance"] == "static"
    visit = answer.json()["visit"]
    for way in (
        f"/fhir/{town.sam_at_a.observation}",
        f"/fhir/Observation?patient={town.sam_at_a.patient}",
        f"/fhir/{town.sam_at_a.patient}/$everything",
    ):
        assert_refused(await town.b.call("GET", way, visit=visit), 403, "code-assurance-too-low")


async def test_a_visit_ends(platform: Platform, town: Town) -> None:
    visit = await town.b.visit(town.sam_at_a.person)
    later = clock.now() + timedelta(hours=9)
    clock.set_source(lambda: later)
    try:
        fresh = await platform.database.fetch(
            "update directory.token set expires = expires + interval '1 day' returning 1"
        )
        assert fresh
        assert_refused(
            await town.b.call("GET", f"/fhir/{town.sam_at_a.observation}", visit=visit), 403, "visit-expired"
        )
    finally:
        clock.set_source(None)


async def test_a_page_of_a_visit_is_not_a_page_without_it(town: Town) -> None:
    visit = await town.b.visit(town.sam_at_a.person)
    page = await town.b.call("GET", f"/fhir/Observation?patient={town.sam_at_a.patient}&_count=1", visit=visit)
    onward = next(link["url"] for link in page.json()["link"] if link["relation"] == "next")
    assert_refused(await town.b.call("GET", onward), 404, "not-found")
    assert (await town.b.call("GET", onward, visit=visit)).status_code == 200


async def test_an_emergency_opens_all_but_the_closed_classes(town: Town, platform: Platform) -> None:
    handle = await town.b.break_glass(town.ann.person)
    assert (await town.b.call("GET", f"/fhir/{town.ann.observation}", visit=handle)).status_code == 200
    assert_refused(await town.b.call("GET", f"/fhir/{town.ann.condition}", visit=handle), 404, "not-found")
    assert_refused(await town.a.call("GET", f"/fhir/{town.bob.observation}", visit=handle), 404, "not-found")
    ann = Caller(kind="resident", agent_id=ids.person_text(town.ann.person), person=town.ann.person)
    log = await platform.access.access_log(ann, now=clock.now())
    assert "昏迷送来，无人陪同" in [line.detail.get("reason") for line in log if line.action == "break-glass"]


async def test_purposes_are_a_closed_list(town: Town) -> None:
    for purpose in ("gate", "marketing", "", "treatment ", "x" * 5000):
        answer = await town.a.call("GET", f"/fhir/{town.ann.observation}", yima_purpose=purpose)
        assert_refused(answer, 403, "purpose-not-allowed")
        assert "treatment" in answer.text  # says what is allowed


async def test_submissions_in_a_visit_do_not_wait_for_each_other(town: Town) -> None:
    """More at once than there are connections: each reads its visit on the connection it has."""
    visit = await town.a.visit(town.ann.person)
    sent = [town.a.call("POST", "/fhir/Observation", observation(town.ann.patient), visit=visit) for _ in range(24)]
    answers = await asyncio.wait_for(asyncio.gather(*sent), 60)
    assert {answer.status_code for answer in answers} == {201}
