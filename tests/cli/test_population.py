"""`yima population`: bases of every quality, once and again; changes of a life; cards; coverage; killed and resumed."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import gzip
import io
import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from stdnum.cn import ric

from yima import healthcode, mpi
from yima.access import Access
from yima.cli.population import Report, load
from yima.cli.population.run import Options
from yima.cli.population.state import CHUNK, State
from yima.directory import Caller
from yima.runtime import clock, ids, settings
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

HEADER = ("记录号", "姓名", "性别", "出生日期", "证件号码", "联系电话", "行政区划代码", "住址", "户号", "与户主关系")
SYSTEM = Caller(kind="system", agent_id="test")
_GIVEN = "明芳伟敏静丽强磊军洋艳勇杰娟涛超霞平刚桂英玉兰凤洁梅琳云莲真环雪荣爱妹"


def name() -> str:
    return secrets.choice("赵钱孙李周吴郑王冯陈") + "".join(secrets.choice(_GIVEN) for _ in range(2))


_sequence = itertools.count()


def resident_number() -> str:
    """A number of somebody born on 1985-03-14, never the same twice."""
    digits = "{:06d}19850314{:03d}".format(*divmod(900_000_000 + next(_sequence), 1000))
    return digits + str(ric.calc_check_digit(f"{digits}0"))


def row(**also: str) -> dict[str, str]:
    """A row about somebody new; a man when the number says so."""
    number = resident_number()
    made = {
        "记录号": secrets.token_hex(6), "姓名": name(), "性别": "男" if int(number[16]) % 2 else "女",
        "出生日期": "19850314", "证件号码": number, "联系电话": f"129{secrets.randbelow(10**8):08d}",
        "行政区划代码": "600102", "住址": f"钟楼路{secrets.randbelow(900)}号", "户号": secrets.token_hex(4),
        "与户主关系": "户主",
    }  # fmt: skip
    return made | also


def table(*rows: dict[str, str], separator: str = ",") -> str:
    out = io.StringIO()
    titles = list(dict.fromkeys([*HEADER, *(title for one in rows for title in one)]))
    writer = csv.DictWriter(out, titles, delimiter=separator, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@dataclass
class Base:
    """A platform and files of a population base."""

    access: Access
    url: str
    files: Path
    last: Report = field(default_factory=Report)

    async def load(self, content: str | bytes, file: str = "base.csv", **options: Any) -> Report:
        body = content.encode() if isinstance(content, str) else content
        path = self.files / file
        path.write_bytes(gzip.compress(body) if file.endswith(".gz") else body)
        self.last = await load(self.access, self.url, [path], Options(**{"processes": 1} | options))
        return self.last

    def rejects(self) -> list[tuple[int, str, str]]:
        """(line, code, field) of what was refused in the last load."""
        if self.last.rejects is None:
            return []
        assert self.last.rejects.stat().st_mode & 0o777 == 0o600
        found = [json.loads(line) for line in self.last.rejects.read_text().splitlines()]
        assert all(one["mend"] and one["reason"] for one in found)
        return [(one["line"], one["code"], one["field"]) for one in found]

    async def holder(self, number: str) -> PersonId:
        found = await mpi.person_of_document(self.access.database, self.access.vault, mpi.RESIDENT_NUMBER, number)
        assert found is not None
        return found

    async def person(self, called: str) -> PersonId:
        """The only person of that name."""
        persons = [row["person_id"] for row in await self.access.database.fetch("select person_id from mpi.person")]
        found = await mpi.identities(self.access.database, self.access.vault, persons)
        (person,) = [one.person for one in found.values() if one.name == called]
        return person

    async def card(self, number: str) -> str:
        return (await healthcode.card_of(self.access.database, await self.holder(number))).status

    async def count(self, what: str, *arguments: object) -> int:
        return int((await self.access.database.fetchrow(f"select count(*) from {what}", *arguments))[0])


@pytest.fixture(scope="module")
async def access(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Access]:
    chosen = {"data": tmp_path_factory.mktemp("population"), "development": True}
    opened = await Access.open(database_url, settings.load(chosen), "http://x")
    yield opened
    await opened.close()


@pytest.fixture
def base(access: Access, database_url: str, tmp_path: Path) -> Base:
    return Base(access, database_url, tmp_path)


async def test_a_base_becomes_persons_with_cards_and_again_changes_nothing(base: Base) -> None:
    rows = [row() for _ in range(60)]
    made = await base.load(table(*rows), issue_cards=True)
    assert (made.fates, made.cards, made.refused) == ({"new": 60}, 60, 0)
    assert await base.card(rows[0]["证件号码"]) == "pre-issued"
    person = await base.holder(rows[0]["证件号码"])
    log = await base.access.database.fetch("select action, basis, detail from audit.event where person_id = $1", person)
    assert [(line["action"], line["basis"]) for line in log] == [("submit", "population-register")]
    persons, lines = await base.count("mpi.person"), await base.count("audit.event")
    again = await base.load(table(*rows), issue_cards=True)
    assert (again.fates, again.cards) == ({"unchanged": 60}, 0)
    assert (await base.count("mpi.person"), await base.count("audit.event")) == (persons, lines)


BAD = (
    ("wrong check digit", {"证件号码": "600102198503140009"}, "field-invalid", "id_no"),
    ("a day that never was", {"出生日期": "1985-02-30"}, "field-invalid", "birth_date"),
    ("a day that has not come", {"出生日期": "2999-01-01", "证件号码": ""}, "field-invalid", "birth_date"),
    ("two readings of a day", {"出生日期": "1985114", "证件号码": ""}, "field-invalid", "birth_date"),
    ("a number that tells another day", {"出生日期": "1986-03-14"}, "field-invalid", "birth_date"),
    ("name and number swapped", {"姓名": resident_number(), "证件号码": "王明"}, "field-invalid", "name"),
    ("two people in one field", {"姓名": "张伟、李娜"}, "field-invalid", "name"),
    ("characters lost on the way", {"姓名": "\ufffd\ufffd"}, "field-invalid", "name"),
    ("no name", {"姓名": " "}, "field-missing", "name"),
    ("a name of 60 KB", {"姓名": "王" * 20_000}, "field-invalid", "name"),
    ("a name of 1 MB", {"姓名": "王" * 350_000}, "body-too-large", ""),
    ("a sex that is none", {"性别": "7"}, "field-invalid", "sex"),
    ("a document that is none", {"证件类型": "42"}, "field-invalid", "id_type"),
    ("a status that is none", {"人员状态": "?"}, "field-invalid", "status"),
    ("a change on no day", {"变更类型": "死亡", "变更日期": "2026"}, "field-invalid", "change_date"),
    ("a control character", {"住址": "a\x00b"}, "field-invalid", "line"),
)


async def test_what_cannot_be_is_refused_with_line_column_and_mend_and_stops_nothing(base: Base) -> None:
    good = row()
    said = table(*(row(**also) for _, also, _, _ in BAD), good)
    done = await base.load(said)
    assert base.rejects() == [(line, code, field) for line, (_, _, code, field) in enumerate(BAD, 2)]
    assert (done.fates, done.refused) == ({"new": 1}, len(BAD))
    assert await base.holder(good["证件号码"])
    assert not await base.count("mpi.person where name like '%张伟%'")


async def test_the_sex_of_a_number_contradicts_the_row(base: Base) -> None:
    one = row()
    one["性别"] = "女" if one["性别"] == "男" else "男"
    await base.load(table(one))
    assert base.rejects() == [(2, "field-invalid", "sex")]


async def test_lines_that_are_no_rows(base: Base) -> None:
    good, head = row(), ",".join(HEADER).encode()
    gbk = ",".join(row(姓名="王芳").values()).encode("gb18030")
    body = b"\n".join([head, b'"never closed', gbk, b"", b",".join([b"x"] * 30), table(good).splitlines()[1].encode()])
    done = await base.load(body)
    assert base.rejects() == [(n, "field-invalid", "line") for n in (2, 3, 5)]
    assert done.fates == {"new": 1}


@pytest.mark.parametrize("header", ["", "a,b,c\n1,2,3", "姓名,name\n王明,王明"])
async def test_a_header_that_says_too_little_or_two_things(base: Base, header: str) -> None:
    with pytest.raises(Refusal, match="field-"):
        await base.load(header)


async def test_a_pipe_is_no_base_and_a_foreign_state_is_none(base: Base) -> None:
    state, pipe = base.access.settings.data / "population.json", base.files / "pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(Refusal, match="field-invalid"):
        await asyncio.wait_for(load(base.access, base.url, [pipe], Options()), 10)
    for foreign in ("[]", "null", '{"a": 1}', '{"a": {"below": 1, "also": 5}}', "\x00"):
        state.write_text(foreign)
        assert (await base.load(table(row()), resume=True)).fates == {"new": 1}, foreign


async def test_one_load_at_a_time(base: Base) -> None:
    """Two would each write what it knows of both files into one state file."""
    state = base.access.settings.data / "population.json"
    with contextlib.closing(State(state, resume=False)), pytest.raises(Refusal, match="load-running"):
        await base.load(table(row()))
    assert (await base.load(table(row()))).fates == {"new": 1}


async def test_gb18030_tabs_gzip_english_titles_and_titles_of_ones_own(base: Base) -> None:
    one, other, third = row(姓名="王㐂"), row(), row()
    await base.load(table(one, separator="\t").encode("gb18030"), "base.tsv.gz")
    identity = await mpi.identity(base.access.database, base.access.vault, await base.holder(one["证件号码"]))
    assert identity
    assert identity.name == "王㐂"
    english = f"\ufeffID No,Name,Birth-Date\n{other['证件号码']},{other['姓名']},\n"
    assert (await base.load(english)).fates == {"new": 1}
    told = await mpi.identity(base.access.database, base.access.vault, await base.holder(other["证件号码"]))
    assert told
    assert told.birth_date == "1985-03-14"
    assert told.sex == ("male" if int(other["证件号码"][16]) % 2 else "female")
    own = f"甲,乙\n{third['姓名']},{third['证件号码']}\n"
    assert (await base.load(own, columns={"name": "甲", "id_no": "乙"})).fates == {"new": 1}
    with pytest.raises(Refusal, match="field-invalid"):
        await base.load(own, columns={"name": "丙"})


async def test_duplicates_and_somebody_elses_number(base: Base) -> None:
    one = row()
    twice = one | {"记录号": secrets.token_hex(6), "户号": ""}
    thief = one | {"记录号": secrets.token_hex(6), "姓名": "欧阳不同", "联系电话": "", "住址": "", "户号": ""}
    assert (await base.load(table(one, one, twice))).fates == {"new": 1, "found": 1, "unchanged": 1}
    holder = await base.holder(one["证件号码"])
    assert (await base.load(table(thief))).fates == {"review": 1}
    assert await base.holder(one["证件号码"]) == holder
    identity = await mpi.identity(base.access.database, base.access.vault, holder)
    assert identity
    assert identity.name == one["姓名"]
    assert await base.count("mpi.review where candidate = $1 and state = 'open'", holder) == 1
    assert (await base.load(table(thief))).fates == {"unchanged": 1}


async def test_a_person_whom_an_institution_registered_is_found(base: Base) -> None:
    one = row()
    said = mpi.registration({
        "name": [{"text": one["姓名"]}], "birthDate": "1985-03-14",
        "identifier": [{"system": mpi.RESIDENT_NUMBER, "value": one["证件号码"]}],
    })  # fmt: skip
    async with base.access.database.transaction() as c:
        found = await mpi.resolve(c, base.access.vault, said, mpi.Source(77), now=clock.now())
    assert (await base.load(table(one))).fates == {"found": 1}
    assert await base.holder(one["证件号码"]) == found.person


async def test_deaths_names_numbers_and_moves(base: Base) -> None:
    one = row(姓名="王小明")
    await base.load(table(one), issue_cards=True)
    person, number, db = await base.holder(one["证件号码"]), one["证件号码"], base.access.database
    # another name, under the number of before and a row of its own
    renamed = one | {"记录号": "", "姓名": "李大江", "曾用名": "王小明", "变更类型": "更名", "变更日期": "2026-01-05"}
    assert (await base.load(table(renamed))).fates == {"found": 1}
    identity = await mpi.identity(db, base.access.vault, person)
    assert identity
    assert identity.name == "李大江"
    # who says another former name is a stranger
    stranger = renamed | {"姓名": "赵别人", "曾用名": "周不对"}
    assert (await base.load(table(stranger))).fates == {"review": 1}
    # another household: the old one ends
    moved = one | {
        "姓名": "李大江",
        "户号": "H-2",
        "行政区划代码": "600103",
        "变更类型": "迁入",
        "变更日期": "2026-02-01",
    }
    assert (await base.load(table(moved))).fates == {"found": 1}
    # another resident number is a steward's decision
    other = moved | {"证件号码": resident_number(), "变更类型": "证件变更", "原证件号码": number,
                     "变更日期": "2026-02-02", "性别": ""}  # fmt: skip
    assert (await base.load(table(other))).fates == {"review": 1}
    dead = one | {"姓名": "李大江", "户号": "H-2", "变更类型": "死亡", "变更日期": "2026-03-01"}
    await base.load(table(dead), issue_cards=True)
    assert await base.card(number) == "deceased"
    homes, changes = await base.access.population.of_person(SYSTEM, person, clock.now())
    assert {str(h.until) for h in homes if h.person == person} == {"2026-02-01", "2026-03-01"}
    assert [(c.kind, str(c.happened)) for c in changes] == [
        ("name", "2026-01-05"), ("moved-in", "2026-02-01"), ("death", "2026-03-01")
    ]  # fmt: skip
    said = [line["detail"] for line in await db.fetch("select detail from audit.event where person_id = $1", person)]
    assert any("report-death" in detail for detail in said)


async def test_a_number_in_dispute_renames_nobody(base: Base) -> None:
    one = row(姓名="王小明")
    await base.load(table(one))
    person, number = await base.holder(one["证件号码"]), one["证件号码"]
    await base.access.stewards.freeze(SYSTEM, mpi.RESIDENT_NUMBER, number, reason="两人共用", now=clock.now())
    told = one | {"记录号": "", "姓名": "李大江", "曾用名": "王小明", "变更类型": "更名", "变更日期": "2026-01-05"}
    assert (await base.load(table(told))).fates == {"review": 1}
    identity = await mpi.identity(base.access.database, base.access.vault, person)
    assert identity
    assert identity.name == "王小明"


async def test_rows_of_somebody_merged_are_theirs_again_when_that_is_undone(base: Base) -> None:
    one, other = row(姓名="诸葛一位", 证件号码="", 户号="H-7"), row(证件号码="", 姓名="司马另一", 户号="H-8")
    await base.load(table(one, other), issue_cards=True)
    access, now = base.access, clock.now()
    rows = {p: k for k, p in [(k, await base.person(k)) for k in (one["姓名"], other["姓名"])]}
    gone, stays = rows
    done = await access.stewards.merge(SYSTEM, gone, stays, reason="看似一人", now=now)
    assert (await base.load(table(one | {"行政区划代码": "600103"}))).fates == {"found": 1}
    await access.stewards.undo(SYSTEM, done, reason="看错", now=now)
    for person, household in ((gone, "H-7"), (stays, "H-8")):
        homes, _ = await access.population.of_person(SYSTEM, person, now)
        assert [h.person for h in homes] == [person], household
        assert await base.count("mpi.population_entry where person_id = $1", person) == 1
    areas = [(await mpi.living(access.database, access.vault, person - 1, 1))[0].area for person in (gone, stays)]
    assert areas == ["600103", "600102"]


async def test_an_older_word_does_not_take_the_place_of_a_newer_one(base: Base) -> None:
    one = row()
    new = one | {"行政区划代码": "600103", "变更类型": "迁入", "变更日期": "2026-02-01"}
    old = one | {"行政区划代码": "600121", "变更类型": "迁入", "变更日期": "2020-02-01"}
    await base.load(table(new))
    await base.load(table(old))
    person, access = await base.holder(one["证件号码"]), base.access
    (found,) = await mpi.living(access.database, access.vault, person - 1, 1)
    assert (found.person, found.area, found.here) == (person, "600103", True)


async def _with_a_patient(base: Base, one: dict[str, str]) -> None:
    """An institution registers the person of a row."""
    said = mpi.registration({
        "name": [{"text": one["姓名"]}],
        "identifier": [{"system": mpi.RESIDENT_NUMBER, "value": one["证件号码"]}],
    })  # fmt: skip
    async with base.access.database.transaction() as c:
        source, now = mpi.Source(78), clock.now()
        found = await mpi.resolve(c, base.access.vault, said, source, now=now)
        patient = ids.new_resource_id(found.person)
        await mpi.link(c, base.access.vault, found, said, source, patient, now=now)


async def test_coverage_says_who_lacks_what_and_nothing_of_few(base: Base) -> None:
    county, gone = [row(行政区划代码="620101") for _ in range(30)], [row(行政区划代码="620101") for _ in range(5)]
    few = [row(行政区划代码="620102") for _ in range(4)]
    await base.load(table(*county[:12]), issue_cards=True)
    await base.load(table(*county[12:], *few, *(one | {"人员状态": "迁出"} for one in gone)))
    for one in county[:18]:
        await _with_a_patient(base, one)
    assert await base.access.population.count(SYSTEM, clock.now()) >= 34
    city = await base.access.population.coverage(SYSTEM, "6201")
    shown = {one.key: (one.persons, one.no_card, one.no_record, one.neither) for one in city.by_area}
    assert shown == {"620101": (30, 20, 10, 10), "620102": (None, None, None, None)}
    assert (city.total.persons, city.least) == (30, 10), "34 people, rounded: the four cannot be computed"
    assert [(one.key, one.persons) for one in city.by_age] == [("18", 30)]
    assert {one.key for one in city.by_sex} == {"male", "female"}
    everywhere = await base.access.population.coverage(SYSTEM, "")
    assert "62" in {one.key for one in everywhere.by_area}
    for area in ("6", "62x1", "６２"):
        with pytest.raises(Refusal, match="field-invalid"):
            await base.access.population.coverage(SYSTEM, area)
    with pytest.raises(Refusal, match="right-needed"):
        await base.access.population.coverage(Caller(kind="app", agent_id="x"), "")


@pytest.mark.parametrize(
    ("birth", "band"),
    [("2026-11-22", 0), ("2025-11-23", 1), ("2019-11-24", 1), ("2019-11-23", 7), ("1946", 80), ("", -1)],
)
def test_age_bands(birth: str, band: int) -> None:
    assert mpi.age_band(birth, date(2026, 11, 23)) == band


async def test_killed_and_resumed_everybody_is_there_once(base: Base) -> None:
    size = 2 * CHUNK + 50
    rows = [row() for _ in range(size)]
    path, data = base.files / "large.csv", base.access.settings.data
    path.write_text(table(*rows))
    entries, persons = "mpi.population_entry", "(select distinct person_id from mpi.population_entry) as t"
    before = await base.count(entries), await base.count(persons)
    line = [sys.executable, "-m", "yima", "population", "load", str(path), "--processes", "1", "--data", str(data)]
    environment = os.environ | {"YIMA_DATABASE_URL": base.url}
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, env=environment)  # noqa: ASYNC220  only started here
    while await base.count(entries) <= before[0] + CHUNK and process.poll() is None:  # noqa: ASYNC110  another process
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert CHUNK < await base.count(entries) - before[0] < size
    done = await load(base.access, base.url, [path], Options(processes=1, resume=True))
    assert done.skipped >= CHUNK
    assert done.skipped + done.rows == size
    assert await base.count(entries) - before[0] == await base.count(persons) - before[1] == size
