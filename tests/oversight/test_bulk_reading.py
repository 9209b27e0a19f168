"""Who reads many persons within an hour: an alarm, and where the deployment wants that, an end to it at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

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
    assert staff.status == ("suspended" if stopped else "active")
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


async def test_an_app_is_measured_against_its_own_habit(access: Access, place: int) -> None:
    """A busy hospital's system reads thousands an hour; three times its busiest hour of four weeks is odd."""
    usual = CEILING * 10 + 150
    yesterday = NOW - timedelta(hours=20)
    await alarms_of(access, "app/busy", reads("app", "busy", place, usual, yesterday), yesterday)
    found = await alarms_of(access, "app/busy", reads("app", "busy", place, 2 * usual))
    assert {one.persons for one in found} == {usual}, "only the first such hour, of which nothing was known"
