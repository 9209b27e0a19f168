"""Every answer about a person has its line, and every line its request: what was answered is noted at the edge of a
worker, and compared with the log, which is written by the door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import Institution, Platform, Stretches, bundle, entry
from yima import audit, oversight
from yima.audit import answered
from yima.portals.policy import TELLS
from yima.runtime import clock, ids, metrics

LATER = timedelta(minutes=6)


@pytest.fixture
async def owner(platform: Platform) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do everything."""
    connection = await asyncpg.connect(platform.database_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    await platform.access.privacy.reconcile(clock.now())  # from here on
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def record(hospital: Institution) -> dict[str, Any]:
    addresses = await hospital.submit()
    person = Platform.person_of(addresses[0])
    return {
        "patient": addresses[0],
        "id": addresses[0].partition("/")[2],
        "observation": addresses[2],
        "person": person,
        "visit": await hospital.visit(person),
    }


async def compared(platform: Platform, later: timedelta = timedelta()) -> audit.Reconciled:
    return await platform.access.privacy.reconcile(clock.now() + later)


async def alarms(platform: Platform) -> set[tuple[str, str, int]]:
    found = await oversight.alarms(platform.database, clock.now() - timedelta(hours=1))
    return {(alarm.kind, alarm.reader, alarm.persons) for alarm in found}


DISCLOSING = [
    "/fhir/{observation}", "/fhir/{observation}/_history/1", "/fhir/{observation}/_history",
    "/fhir/{patient}/$everything", "/fhir/{patient}/$summary", "/fhir/Observation?patient={patient}",
    "/fhir/Observation?patient={patient}&_summary=count", "/fhir?_type=Observation,Encounter&patient={patient}",
    "/fhir/Patient?_id={id}", "/fhir/{patient}/Observation",
    "/fhir/Observation/$lastn?patient={patient}", "/fhir/DocumentReference/$docref?patient={patient}",
    "/fhir/{observation}/$meta", "/fhir/AuditEvent?patient={patient}", "/fhir/Consent?patient={patient}",
    "/fhir/Provenance?target={observation}", "/fhir/Organization?name=A", "/record/{id}", "/record/{id}/timeline",
    "/record/{id}/stages", "/record/{id}/quality",
    "/fhir/Patient/$ihe-pix?sourceIdentifier=urn:hospital:a:mrn|none&targetSystem=urn:x",
]  # fmt: skip
"""What a hospital may ask of its own patient."""


async def test_whatever_is_answered_meets_its_line(
    platform: Platform, hospital: Institution, record: dict[str, Any]
) -> None:
    await compared(platform)
    well = 0
    for path in DISCLOSING:
        answer = await hospital.call("GET", path.format(**record))
        assert answer.status_code < 500
        well += answer.status_code == 200
    other = await platform.institution("B")
    for path in (*DISCLOSING[:4], "/fhir/Patient/nobody", "/health/ready", "/fhir/metadata", "/no/such/page"):
        await other.call("GET", path.format(**record))  # denied, or about nobody
    await hospital.call(
        "POST", "/fhir", bundle(*(entry(None, "GET", path[6:].format(**record)) for path in DISCLOSING[:2]))
    )
    twice = {"x_request_id": "an-id-used-twice"}
    assert [(await hospital.call("GET", DISCLOSING[0].format(**record), **twice)).status_code for _ in "ab"] == [
        200,
        200,
    ]
    await hospital.visit(record["person"])
    found = await compared(platform)
    assert found.holes == ()
    assert found.answers >= well + 3
    assert found.lines >= found.answers
    assert (await compared(platform, LATER)).holes == (), "nothing is left waiting"


async def test_pages_meet_their_lines_too(platform: Platform, hospital: Institution, record: dict[str, Any]) -> None:
    await compared(platform)
    told = 0
    for role, subject in (("resident", ids.person_text(record["person"])), ("clinician", str(hospital.practitioner))):
        ticket = platform.access.callers.ticket(role, subject)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(platform.app), base_url=platform.base) as browser:
            await browser.get(f"/dev/sign-in/{ticket}")
            for path in (row[4:] for row in TELLS if row.startswith(f"GET /{role}")):
                answer = await browser.get(path.format(handle=record["visit"]))
                assert answer.status_code < 500, path
                told += answer.status_code == 200
    found = await compared(platform)
    assert found.holes == ()
    assert found.answers == told
    assert told >= 9


async def test_an_answer_without_a_line_is_an_alarm(
    platform: Platform, hospital: Institution, record: dict[str, Any], owner: asyncpg.Connection
) -> None:
    """The owner of the database makes the log swallow the lines of one app, without an error."""
    await compared(platform)
    await owner.execute(
        "create function public.swallow() returns trigger language plpgsql as 'begin return null; end';"
        "create trigger swallow before insert on audit.event for each row"
        f" when (new.agent_id = '{hospital.client_id}') execute function public.swallow()"
    )
    for _ in range(3):
        answer = await hospital.call("GET", DISCLOSING[0].format(**record))
        assert answer.status_code == 200, "the door cannot know"
    await owner.execute("drop trigger swallow on audit.event; drop function public.swallow()")
    found = await compared(platform)
    assert [(hole.kind, hole.route, hole.count) for hole in found.holes] == [("no-line", "fhir_read.read", 1)] * 3
    assert ("no-line", "address/fhir_read.read", 3) in await alarms(platform)
    assert b'yima_log_holes_total{kind="no-line"} 3' in metrics.render()[0]
    assert (await compared(platform)).holes == ()


async def test_a_line_without_a_request_is_an_alarm_once_its_request_had_its_time(
    platform: Platform, record: dict[str, Any]
) -> None:
    await compared(platform)
    planted = audit.Event(
        person=record["person"], recorded=clock.now(), action="read", outcome="ok", agent="practitioner",
        agent_id="1", request_id="planted-by-somebody",
    )  # fmt: skip
    async with platform.database.transaction() as c:
        [line] = await audit.append(c, [planted])
    assert (await compared(platform)).holes == ()
    [hole] = (await compared(platform, LATER)).holes
    assert (hole.kind, hole.request_id, hole.line, hole.count) == ("no-answer", "planted-by-somebody", line, 1)
    assert ("no-answer", "log/lines", 1) in await alarms(platform)
    assert (await compared(platform, LATER)).holes == ()


async def test_a_worker_that_writes_later_than_another_compares_makes_no_hole(
    platform: Platform, hospital: Institution, record: dict[str, Any]
) -> None:
    await compared(platform)
    await hospital.call("GET", DISCLOSING[0].format(**record))
    async with platform.database.transaction() as c:  # another worker: it knows nothing of this one's requests yet
        early = await audit.reconcile(c, clock.now())
    assert (early.lines, early.answers, early.holes) == (1, 0, ())
    late = await compared(platform)
    assert (late.answers, late.holes) == (1, ())


# --- pure -------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REQUESTS = st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.integers(0, 3)), max_size=40)
"""Each an id (clients send one twice), whether it disclosed, and lines beside the one that a disclosure has."""


@given(REQUESTS, st.integers(1, 5), st.data())
def test_no_order_of_workers_makes_a_hole_and_every_lost_line_is_one(
    asked: list[tuple[int, bool, int]], workers: int, data: st.DataObject
) -> None:
    notes: list[list[str]] = [[] for _ in range(workers)]
    lines: dict[str, answered._Lines] = {}
    for number, disclosed, more in asked:
        data.draw(st.sampled_from(notes)).append(f"r{number} {'fhir_read.read' if disclosed else ''}")
        held = lines[f"r{number}"].number if f"r{number}" in lines else 0
        if held + disclosed + more:
            lines[f"r{number}"] = answered._Lines(held + disclosed + more, NOW, ids.new_resource_id(1))
    requests: dict[str, answered.Requests] = {}
    for entries in notes:
        answered.note(requests, entries)

    def holes(lines: dict[str, answered._Lines]) -> list[answered.Hole]:
        left = dict(lines)
        found = [*answered.without_line(requests.items(), left, NOW)]
        found += answered.without_answer(left, answered.late(tuple(left), left, NOW + LATER))
        assert not left
        return found

    assert holes(lines) == []
    exact = [number for number, one in requests.items() if one.disclosed and lines[number].number == one.disclosed]
    for number in exact:
        cut = lines | {number: lines[number]._replace(number=lines[number].number - 1)}
        [hole] = holes(cut)
        assert (hole.kind, hole.request_id, hole.count) == ("no-line", number, 1)


async def test_a_busy_minute_never_keeps_the_loop(
    platform: Platform, hospital: Institution, owner: asyncpg.Connection
) -> None:
    """Neither what was noted, nor the lines that wait for their requests, are gone through at one stretch."""
    answered_here = platform.access.answered
    await owner.execute(
        "insert into audit.event select 1, 'waits-' || n, $1, 'read', 'ok', 'treatment', 'own-submission',"
        " 'app', $2, '', '', '', '', '', '', '', '{}', 'waits-' || n from generate_series(0, 19999) n",
        clock.now(),
        hospital.number,
    )
    await compared(platform)
    for n in range(40_000):
        answered_here.note(f"came-{n}", "")
    loop = Stretches()
    with loop:
        assert not (await compared(platform)).holes
    for n in range(20_000):
        answered_here.note(f"waits-{n}", "fhir")
    with loop:
        assert not (await compared(platform)).holes
    assert loop.longest < 10_000, f"{loop.longest} calls at a stretch on the loop"
