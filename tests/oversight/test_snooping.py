"""Snoopers planted among honest work: what the watch finds of them, and whom it asks about for nothing."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from support.snoopers import DEPARTMENTS, City, Day, Doctor, Resident, residents, shares
from yima import audit, directory, oversight
from yima.access import Access
from yima.runtime import ids, settings
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore

LOOKS = int(os.environ.get("SNOOPING_LOOKS", "1500"))
SEED = int(os.environ.get("SNOOPING_SEED", "11"))
"""Points and thresholds were chosen on 11: other seeds say how well they do."""
BEGINS = datetime(2026, 3, 9, 16, tzinfo=UTC)  # midnight in China
NOW = BEGINS + timedelta(hours=23, minutes=30)
OLD = BEGINS - timedelta(days=200)
OFFICER = directory.Caller(kind="operator", agent_id="officer", rights=frozenset({"privacy"}))


@pytest.fixture(scope="module")
def access(db: Database, keys: FileKeyStore, tmp_path_factory: pytest.TempPathFactory) -> Access:
    data: Path = tmp_path_factory.mktemp("data")
    return Access(db, keys, settings.load({"data": data, "development": True}), "http://127.0.0.1:8420")


async def staffed(db: Database, random: Random, city: list[Resident]) -> list[Doctor]:
    """Three hospitals with twelve doctors in each; which resident a doctor is, is known of most."""
    staff = []
    for place in range(3):
        async with db.transaction() as c:
            number = await directory.register_institution(
                c,
                code=f"SN{place}",
                name_zh=f"医院{place}",
                name_en=f"Hospital {place}",
                kind="A100",
                area="999999",
            )
            for code in DEPARTMENTS:
                await directory.register_department(c, number, directory.Department(code, "科", "Department"))
            for n in range(12):
                me = city[place * 40 + n * 3]
                department = DEPARTMENTS[n % len(DEPARTMENTS)]
                said = directory.Practitioner(0, number, f"D{place}-{n}", me.name, "Dr", "医师", "Doctor", department)
                made = await directory.register_practitioner(c, said)
                if random.random() < 0.9:
                    await oversight.say_who(c, made, me.person)
                staff.append(Doctor(made, number, department, me))
    return staff


async def lived(access: Access, day: Day, people: list[Resident]) -> None:
    """Put the day into the log and the person index, as submissions and reads would have."""
    async with access.database.transaction() as c:
        await c.executemany(
            "insert into mpi.person (person_id, created, updated, name, latin_name, sex, birth_date, phone_key) "
            "values ($1, $2, $2, $3, '', 'female', '1980-01-01', $4)",
            [(p.person, OLD, p.name, p.household.to_bytes(8, "big")) for p in people],
        )
        await c.executemany(
            "insert into mpi.link (person_id, patient_id, home, institution_id, rule, created) "
            "values ($1, $2, $1, $3, 'new', $4)",
            [(person, f"{person}-{n}", place, OLD) for n, (person, place) in enumerate(day.registered)],
        )
        for person in day.vips:
            await oversight.mark(c, person, "vip", "system/test", OLD)
        await audit.append(c, day.events)


async def test_planted_snoopers_are_found(access: Access, capsys: pytest.CaptureFixture[str]) -> None:
    random = Random(SEED - 6)
    people = residents(random, max(1200, LOOKS), first=ids.new_person_id())
    staff = await staffed(access.database, random, people)
    day = City(SEED, people, staff, BEGINS).make(LOOKS, each=24)
    await lived(access, day, people)
    watched = await access.privacy.watch(NOW)
    listed = [f for f in (await access.privacy.board(OFFICER, NOW)).findings if f.state == "open"]
    found = {(f.reader, f.person) for f in listed}
    planted = set(day.snooped)
    told = {kind: (some, all_) for kind, some, all_ in shares(day, found)}
    recall, precision = len(found & planted) / len(planted), len(found & planted) / len(found)
    order = [(f.reader, f.person) in planted for f in listed]
    first = order[:50]
    enough = next((n for n in range(1, len(order) + 1) if sum(order[:n]) >= 0.8 * len(planted)), len(order))
    at_80 = sum(order[:enough]) / enough if enough else 0.0
    with capsys.disabled():
        print(  # noqa: T201  the figures of docs/privacy-officer.md
            f"\n{watched.looks} looks, {len(planted)} of them planted; {len(found)} on the list: recall {recall:.2f}, "
            f"precision {precision:.2f}; of the first {len(first)}: {sum(first) / len(first):.2f}; at recall 0.8: "
            f"{at_80:.2f}; {told}; {watched.alarms} alarms"
        )
    assert watched.looks > LOOKS * 0.9
    for kind in ("vip", "family", "colleague", "browser"):
        assert told[kind][0] >= 0.6 * told[kind][1], kind
    assert told["careful"][0] <= 0.2 * told["careful"][1], "nothing shows those; who says so has another log"
    assert recall >= 0.8
    assert precision >= (0.8 if LOOKS < 2000 else 0.5), "chance makes more honest oddities on a busy day"
    assert sum(first) >= 0.95 * len(first), "what stands first is worth the officer's morning"
    assert (await access.privacy.watch(NOW)).looks == 0, "no line is taken twice"


async def test_the_browser_is_an_alarm(access: Access) -> None:
    board = await access.privacy.board(OFFICER, NOW)
    alarm = max((a for a in board.alarms if a.kind == "bulk"), key=lambda a: a.persons)
    assert alarm.persons >= 40
    assert not alarm.stopped, "the setting is off"
