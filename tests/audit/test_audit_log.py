"""The log: written with what it tells of, durable before it returns, never changed, readable as FHIR."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from yima import audit, fhir
from yima.audit import ACTIONS, Appender, Event, Whose, append, of_person, to_fhir
from yima.runtime import ids
from yima.runtime.database import Database

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def event(person: int = 1, **facts: Any) -> Event:
    return Event(**({"person": person, "recorded": NOW, "action": "read", "outcome": "ok"} | facts))


FULL = Event(
    person=ids.new_person_id(),
    recorded=NOW,
    action="break-glass",
    outcome="ok",
    purpose="emergency-treatment",
    basis="break-glass",
    agent="practitioner",
    institution=7,
    institution_name="县医院",
    agent_id="12",
    agent_name="陈医生",
    department="2000",
    terminal="ER-1",
    visit="v",
    submission="s",
    detail={"types": {"Observation": 2}, "reason": "车祸昏迷需了解过敏史", "download": True},
    request_id="r-1",
)


async def log_of(db: Database, person: int) -> list[Event]:
    return await of_person(db, Whose(frozenset({person})), before=NOW + timedelta(days=1), limit=10_000)


async def test_a_line_comes_back_as_it_was_written(db: Database) -> None:
    async with db.transaction() as c:
        [name] = await append(c, [FULL])
    assert await log_of(db, FULL.person) == [replace(FULL, event_id=name)]
    assert ids.home_of(name) == FULL.person, "the id carries the person's shard key"


async def test_a_line_is_undone_with_what_it_tells_of(db: Database) -> None:
    person = ids.new_person_id()

    async def undone() -> None:
        async with db.transaction() as c:
            await append(c, [event(person)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await undone()
    assert await log_of(db, person) == []


async def test_nothing_to_log_writes_nothing(db: Database) -> None:
    async with db.transaction() as c:
        assert await append(c, []) == []


UNKNOWN = [{"action": "peek"}, {"outcome": "maybe"}, {"action": ""}]


@pytest.mark.parametrize("facts", UNKNOWN)
async def test_words_outside_the_closed_lists_are_a_mistake_of_ours(db: Database, facts: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="the log knows no"):
        await Appender(db).append(event(**facts))


async def test_the_appender_answers_after_the_line_is_durable_for_everybody(db: Database) -> None:
    appender = Appender(db)
    people = [ids.new_person_id() for _ in range(300)]

    async def one(person: int, turn: int) -> str:
        name = await appender.append(event(person, request_id=f"r{turn}"))
        seen = await log_of(db, person)  # on another connection: only what is committed is seen there
        assert [line.event_id for line in seen] == [name]
        assert seen[0].request_id == f"r{turn}"
        return name

    names = await asyncio.gather(*(one(person, turn) for turn, person in enumerate(people)))
    assert [ids.home_of(name) for name in names] == people, "each caller gets the id of its own line"


async def test_many_lines_share_few_commits(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = audit.log.append  # type: ignore[attr-defined]  # the module behind the face, to count its statements

    async def counted(c: Any, events: Sequence[Event]) -> list[str]:
        sizes.append(len(events))
        return await real(c, events)  # type: ignore[no-any-return]

    monkeypatch.setattr(audit.log, "append", counted)  # type: ignore[attr-defined]
    appender = Appender(db)
    await asyncio.gather(*(appender.append(event(5)) for _ in range(500)))
    assert sum(sizes) == 500
    assert len(sizes) <= 5


async def test_a_line_that_cannot_be_written_refuses_its_own_caller_only(db: Database) -> None:
    appender, person = Appender(db), ids.new_person_id()
    good = [appender.append(event(person, request_id=str(n))) for n in range(20)]
    bad = [appender.append(event(person, visit="a\x00b")), appender.append(event(person, action="peek"))]
    results = await asyncio.gather(*good, *bad, return_exceptions=True)
    assert [isinstance(result, Exception) for result in results] == [False] * 20 + [True] * 2
    assert {line.request_id for line in await log_of(db, person)} == {str(n) for n in range(20)}


async def test_no_answer_when_the_log_cannot_be_written(database_url: str) -> None:
    closed = await Database.connect(database_url, size=1)
    await closed.close()
    with pytest.raises(asyncpg.InterfaceError):
        await Appender(closed).append(event())


FORBIDDEN = [
    "update audit.event set outcome = 'ok'",
    "delete from audit.event",
    "truncate audit.event",
    "drop table audit.event",
    "alter table audit.event add column x text",
    "create rule gone as on insert to audit.event do instead nothing",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_application_can_only_insert_and_select(db: Database, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)


async def test_a_log_is_read_newest_first_and_paging_by_time_misses_nothing(db: Database) -> None:
    person = ids.new_person_id()
    times = [NOW + (n // 4) * SECOND for n in range(30)]  # four lines at each moment
    async with db.transaction() as c:
        names = await append(c, [event(person, recorded=at) for at in times])
    read: list[Event] = []
    before = NOW + timedelta(days=1)
    while page := await of_person(db, Whose(frozenset({person})), before=before, limit=5):
        read += page
        before = page[-1].recorded
    assert sorted(line.event_id for line in read) == sorted(names)
    assert [line.recorded for line in read] == sorted(times, reverse=True)


async def test_the_log_of_merged_persons_is_one_and_of_others_none(db: Database) -> None:
    one, two, other = (ids.new_person_id() for _ in range(3))
    async with db.transaction() as c:
        await append(c, [event(one), event(two), event(other)])
    both = await of_person(db, Whose(frozenset({one, two})), before=NOW + SECOND, limit=10)
    assert {line.person for line in both} == {one, two}
    assert await of_person(db, Whose(frozenset({one})), before=NOW, limit=10) == []


@pytest.mark.parametrize("action", sorted(ACTIONS))
@pytest.mark.parametrize("outcome", ["ok", "denied", "failed"])
def test_every_line_is_a_valid_audit_event(action: str, outcome: str) -> None:
    for line in (FULL, event(), event(0), event(purpose="unheard-of")):
        shown = to_fhir(replace(line, action=action, outcome=outcome, event_id=audit.new_event_id(line.person)))
        fhir.validate(shown)
        assert fhir.parse(fhir.encode(shown)) == shown


def test_an_audit_event_says_who_what_whose_why() -> None:
    shown = to_fhir(replace(FULL, event_id="e"))
    assert shown["purposeOfEvent"][0]["coding"][0]["code"] == "ETREAT"
    assert shown["agent"][0]["who"]["display"] == "陈医生 / 县医院"
    assert shown["agent"][0]["who"]["identifier"] == {"system": "urn:yima:practitioner", "value": "12"}
    assert shown["agent"][0]["network"]["address"] == "ER-1"
    person, request = shown["entity"]
    assert person["what"]["reference"] == f"Person/{ids.person_text(FULL.person)}"
    assert {d["type"]: d["valueString"] for d in person["detail"]}["types"] == '{"Observation":2}'
    assert request["what"]["identifier"]["value"] == "r-1"
    assert "entity" not in to_fhir(event(0)), "where no person is concerned none is named"


WHOLE = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cc",)), min_size=1, max_size=20
)


@given(
    st.dictionaries(TEXT, st.one_of(TEXT, WHOLE, st.booleans(), st.none(), st.dictionaries(TEXT, WHOLE)), max_size=4)
)
def test_any_detail_can_be_shown(detail: dict[str, Any]) -> None:
    shown = to_fhir(event(detail={key.strip() or "k": value for key, value in detail.items()}, event_id="e"))
    fhir.validate(shown)


def test_a_line_has_no_place_for_identity_data() -> None:
    words = {field.name for field in fields(Event)}
    assert not words & {"name", "number", "identifier", "phone", "birth_date", "content", "person_name"}
