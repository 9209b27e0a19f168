"""`yima population`: a base of every quality, once and again; changes of a life; cards; coverage; killed and resumed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.makers import resident_number
from yima import healthcode, mpi
from yima.access import Access
from yima.cli.population import Report, load
from yima.cli.population.run import Options
from yima.directory import Caller
from yima.runtime import clock, settings
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

HEADER = ("记录号", "姓名", "性别", "出生日期", "证件号码", "联系电话", "行政区划代码", "住址", "户号", "与户主关系")
SYSTEM = Caller(kind="system", agent_id="test")
_GIVEN = "明芳伟敏静丽强磊军洋艳勇杰娟涛超霞平刚桂英玉兰凤洁梅琳云莲真环雪荣爱妹"


def name() -> str:
    return secrets.choice("赵钱孙李周吴郑王冯陈") + "".join(secrets.choice(_GIVEN) for _ in range(2))


def row(**also: str) -> dict[str, str]:
    """A row about somebody new; a man when the number says so."""
    number = resident_number("1985-03-14")
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
