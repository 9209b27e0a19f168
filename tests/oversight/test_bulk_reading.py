"""Who reads many persons within an hour: an alarm, and where the deployment wants that, an end to it at once."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from yima import audit, directory, oversight
from yima.access import Access
from yima.runtime import ids, settings
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore

CEILING = 25
NOW = datetime(2026, 3, 9, 8, 30, tzinfo=UTC)
OFFICER = directory.Caller(kind="operator", agent_id="officer", rights=frozenset({"privacy"}))


@pytest.fixture(scope="module")
async def access(db: Database, keys: FileKeyStore, tmp_path_factory: pytest.TempPathFactory) -> Access:
    said = {"data": tmp_path_factory.mktemp("bulk"), "bulk_read_ceiling": CEILING, "bulk_read_stop": True}
    return Access(db, keys, settings.load(said, environment={}, directory=Path("/nowhere")), "http://127.0.0.1:8420")


@pytest.fixture(scope="module")
async def place(db: Database) -> int:
    async with db.transaction() as c:
        return await directory.register_institution(
            c, code="BULK", name_zh="医院", name_en="Hospital", kind="A100", area="999999"
        )


async def doctor(db: Database, place: int, code: str) -> str:
    async with db.transaction() as c:
        said = directory.Practitioner(0, place, code, "王", "Wang", "医师", "Doctor", "0300")
        return str(await directory.register_practitioner(c, said))


def reads(kind: str, reader: str, place: int, many: int, at: datetime = NOW) -> list[audit.Event]:
    """One read of each of so many persons, within a few minutes."""
    return [
        audit.Event(
            person=ids.new_person_id(), recorded=at + timedelta(seconds=n % 300), action="read", outcome="ok",
            basis="visit" if kind == "practitioner" else "own-submission", agent=kind, institution=place,
            agent_id=reader, department="0300",
        )
        for n in range(many)
    ]  # fmt: skip


async def alarms_of(
    access: Access, reader: str, events: list[audit.Event], at: datetime = NOW
) -> list[oversight.Alarm]:
    async with access.database.transaction() as c:
        await audit.append(c, events)
    await access.privacy.watch(at + timedelta(minutes=10))
    return [one for one in (await access.privacy.board(OFFICER, NOW)).alarms if one.reader == reader]


@pytest.mark.parametrize(("many", "stopped"), [(CEILING, False), (CEILING + 1, True)])
async def test_staff_above_the_ceiling_are_stopped(access: Access, place: int, many: int, stopped: bool) -> None:
    number = await doctor(access.database, place, f"D{many}")
    found = await alarms_of(access, f"practitioner/{number}", reads("practitioner", number, place, many))
    assert [(one.kind, one.persons, one.stopped) for one in found] == ([("bulk", many, True)] if stopped else [])
    staff = await directory.practitioner(access.database, int(number))
    assert staff is not None
    assert staff.status == ("stopped" if stopped else "active")
    board = await access.glass_desk.board(OFFICER, NOW)
    causes = [(one.cause, one.number, one.by) for one in board.stops if one.practitioner == int(number)]
    assert causes == ([("bulk", many, "platform")] if stopped else []), "begun again by two people only"


async def test_reading_on_is_one_alarm_an_hour_and_one_stop(access: Access, place: int) -> None:
    number = await doctor(access.database, place, "D-on")
    for _ in range(2):
        found = await alarms_of(access, f"practitioner/{number}", reads("practitioner", number, place, CEILING + 1))
    assert len(found) == 1
    board = await access.glass_desk.board(OFFICER, NOW)
    assert len([one for one in board.stops if one.practitioner == int(number)]) == 1


@pytest.mark.parametrize(("name", "many", "alarm"), [("at", CEILING * 10, False), ("above", CEILING * 10 + 1, True)])
async def test_an_app_has_ten_times_the_room_and_is_never_stopped(
    access: Access, place: int, name: str, many: int, alarm: bool
) -> None:
    found = await alarms_of(access, f"app/{name}", reads("app", name, place, many))
    assert [(one.persons, one.stopped) for one in found] == ([(many, False)] if alarm else [])


async def test_what_an_officer_explains_is_usual(access: Access, place: int) -> None:
    """A busy hospital's system reads thousands an hour: asked about once, then twice as many are nothing new."""
    usual, hour = CEILING * 10 + 150, timedelta(hours=1)
    for n in range(3):
        at = NOW - (20 - n) * hour
        (alarm,) = await alarms_of(access, "app/busy", reads("app", "busy", place, usual + n, at), at)
    assert alarm.persons == usual, "one waits: nearly the same is no second"
    verdict = {"decision": "explained", "reason": "夜间对账任务，已与信息科核实", "follows": "nothing"}
    await access.privacy.decide_alarm(OFFICER, alarm.alarm_id, verdict, NOW)
    found = await alarms_of(access, "app/busy", reads("app", "busy", place, 2 * usual))
    assert [one.persons for one in found if one.decided is None] == []
    found = await alarms_of(access, "app/busy", reads("app", "busy", place, 4 * usual, NOW + hour), NOW + hour)
    assert [(one.persons, one.usual) for one in found if one.decided is None] == [(4 * usual, usual + 2)]


async def test_an_institution_counts_as_a_whole(access: Access) -> None:
    """Four apps and six doctors of a small clinic, each within its own room, see more than such a clinic has."""
    async with access.database.transaction() as c:
        clinic = await directory.register_institution(
            c, code="SMALL", name_zh="诊所", name_en="Clinic", kind="D212", area="999999"
        )
    lines = [one for n in range(4) for one in reads("app", f"small-{n}", clinic, 45)]
    for n in range(6):
        number = await doctor(access.database, clinic, f"S{n}")
        lines += reads("practitioner", number, clinic, 20)
    assert await alarms_of(access, f"institution/{clinic}", lines) == [], "three hundred are what it may"
    one = lines[0].person
    again = [msgspec.structs.replace(line, person=one) for line in reads("app", "small-4", clinic, 50)]
    assert await alarms_of(access, f"institution/{clinic}", again) == [], "somebody known is nobody new"
    (found,) = await alarms_of(access, f"institution/{clinic}", reads("app", "small-5", clinic, 1))
    assert (found.persons, found.institution, found.stopped) == (301, clinic, False)
    board = await access.privacy.board(OFFICER, NOW)
    assert {a.reader for a in board.alarms if a.institution == clinic} == {f"institution/{clinic}"}


async def test_who_reads_a_tenth_more_each_week_is_found(access: Access, keys: FileKeyStore, place: int) -> None:
    """Week by week through the watch: found before the ceiling, and never three times the four weeks before."""
    roomy = dataclasses.replace(access.settings, bulk_read_ceiling=60)
    watching = Access(access.database, keys, roomy, access.base_url)
    number = await doctor(access.database, place, "D-slow")
    counts = list[int]()
    found = list[oversight.Alarm]()
    while not found:
        counts.append(round(12 * 1.1 ** max(0, len(counts) - 5)))
        at = NOW + timedelta(weeks=len(counts))
        lines = reads("practitioner", number, place, counts[-1], at)
        found = await alarms_of(watching, f"practitioner/{number}", lines, at)
    assert [one.persons for one in found] == [counts[-1]]
    assert counts[-1] <= 50, "and not sixty"
    assert all(now < 3 * max(counts[n : n + 4]) for n, now in enumerate(counts[4:])), "the habit of before follows"
