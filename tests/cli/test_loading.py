"""`yima load`: exports of other servers, Bundles and submissions, good and bad, once and again."""

from __future__ import annotations

import gzip
import json
import secrets
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.makers import observation, patient, resident_number
from yima.access import Access
from yima.cli import bulk, registering
from yima.records.content import content_of
from yima.runtime import settings
from yima.runtime.errors import Refusal

PLACE = "K1"


@dataclass
class Loading:
    """A platform to load into, and files to load."""

    access: Access
    url: str
    files: Path

    async def load(self, *names: str, **options: Any) -> bulk.Report:
        chosen = {"institution": PLACE, "resume": False, "processes": 1} | options
        return await bulk.load(self.access, self.url, [self.files / name for name in names or (".",)], **chosen)

    def write(self, name: str, *rows: Any) -> None:
        body = b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)
        (self.files / name).write_bytes(gzip.compress(body) if name.endswith(".gz") else body)

    async def stored(self, kind: str, mark: str) -> list[dict[str, Any]]:
        """The stored resources of a type that hold a mark, oldest first."""
        rows = await self.access.database.fetch(
            "select home, type, id, version, deleted, content, (select k.wrap from records.key k where k.home = r.home)"
            " as wrap from records.resource r where type = $1 order by id", kind,
        )  # fmt: skip
        contents = (content_of(self.access.vault, row) for row in rows)
        return [json.loads(content) for content in contents if mark.encode() in content]

    async def counts(self) -> tuple[int, int, int]:
        row = await self.access.database.fetchrow(
            "select (select count(*) from records.resource), (select count(*) from records.history),"
            " (select count(*) from mpi.person)"
        )
        return tuple(row)

    def rejects(self, report: bulk.Report) -> list[dict[str, Any]]:
        assert report.rejects
        assert report.rejects.stat().st_mode & 0o777 == 0o600
        return [json.loads(line) for line in report.rejects.read_text().splitlines()]


@pytest.fixture(scope="module")
async def access(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Access]:
    chosen = {"data": tmp_path_factory.mktemp("loading"), "development": True, "max_body_bytes": 65536}
    opened = await Access.open(database_url, settings.load(chosen), "http://x")
    await registering.institution(opened, PLACE, ("甲", "A"), "A100", "000000")
    yield opened
    await opened.close()


@pytest.fixture
def loading(access: Access, database_url: str, tmp_path: Path) -> Loading:
    return Loading(access, database_url, tmp_path)


def export(loading: Loading, mark: str, *, size: int = 3, suffix: str = ".ndjson") -> int:
    """A bulk export of another server: a file a type, ids of its own; how many resources."""
    people = [
        patient(id=f"{mark}-p{i}", generalPractitioner=[{"reference": f"Practitioner/{mark}-d"}]) for i in range(size)
    ]
    visits = [
        {
            "resourceType": "Encounter", "id": f"{mark}-e{i}", "status": "finished", "class": {"code": "AMB"},
            "subject": {"reference": f"Patient/{mark}-p{i}"},
            "reasonReference": [{"reference": f"Condition/{mark}-elsewhere"}],
        }
        for i in range(size)
    ]  # fmt: skip
    found = [
        observation(
            f"Patient/{mark}-p{i}", id=f"{mark}-o{i}{j}", note=[{"text": mark}], value=float(f"{i}.{j}"),
            encounter={"reference": f"Encounter/{mark}-e{i}"}, performer=[{"reference": f"Practitioner/{mark}-d"}],
        )
        for i in range(size)
        for j in range(2)
    ]  # fmt: skip
    loading.write(f"Encounter{suffix}", *visits)
    loading.write(f"Observation{suffix}", *found)
    loading.write(f"Patient{suffix}", *people)
    loading.write(
        f"Practitioner{suffix}", {"resourceType": "Practitioner", "id": f"{mark}-d", "name": [{"text": mark}]}
    )
    return size * 4 + 1


@pytest.fixture
def mark() -> str:
    """Words that no other test's resources hold."""
    return f"m{secrets.token_hex(6)}"


@pytest.mark.parametrize(("suffix", "processes"), [(".ndjson", 1), (".ndjson.gz", 2)])
async def test_an_export_of_another_server_loads_whole(
    loading: Loading, mark: str, suffix: str, processes: int
) -> None:
    count = export(loading, mark, suffix=suffix)
    report = await loading.load(processes=processes)
    assert (report.resources, report.refused, report.rejects) == (count, 0, None)
    (doctor,) = await loading.stored("Practitioner", mark)
    found = await loading.stored("Observation", mark)
    assert len(found) == 6
    for one in found:
        home = one["id"].split("-")[0]
        assert one["subject"]["reference"].startswith(f"Patient/{home}-")
        assert one["encounter"]["reference"].startswith(f"Encounter/{home}-")
        assert one["performer"][0]["reference"] == f"Practitioner/{doctor['id']}"
        visit_id = one["encounter"]["reference"].partition("/")[2]
        (visit,) = await loading.stored("Encounter", visit_id)
        assert visit["subject"] == one["subject"]
        assert visit["reasonReference"] == [{"reference": f"Condition/{mark}-elsewhere"}]  # not in the load: as it was
        (person,) = await loading.stored("Patient", one["subject"]["reference"].partition("/")[2])
        assert person["generalPractitioner"] == one["performer"]


async def test_loading_again_changes_nothing_and_resuming_sends_nothing(loading: Loading, mark: str) -> None:
    count = export(loading, mark)
    await loading.load()
    before = await loading.counts()
    again = await loading.load()
    assert (again.resources, again.skipped, again.refused) == (count, 0, 0)
    resumed = await loading.load(resume=True)
    assert (resumed.resources, resumed.skipped) == (0, count)
    assert await loading.counts() == before


@pytest.mark.parametrize("grown", [False, True])
async def test_what_was_stored_and_not_noted_is_not_stored_twice(loading: Loading, mark: str, grown: bool) -> None:
    """Killed between the answer of the platform and the note of it; then with the same files, or with more."""
    count = export(loading, mark)
    await loading.load()
    rows, versions, people = await loading.counts()
    with sqlite3.connect(loading.access.settings.data / "load.sqlite") as state:
        state.execute("update resource set digest = null")
    if grown:
        more = observation(f"Patient/{mark}-p0", id=f"{mark}-new", note=[{"text": mark}])
        loading.write("Later.ndjson", more)
    report = await loading.load(resume=True)
    assert (report.resources, report.refused) == (count + grown, 0)
    assert await loading.counts() == (rows + grown, versions, people)


async def test_a_changed_line_is_a_new_version_each_time(loading: Loading, mark: str) -> None:
    export(loading, mark, size=1)
    lines = (loading.files / "Observation.ndjson").read_bytes()
    changed = lines.replace(b'"final"', b'"amended"')
    for number, body in enumerate((lines, changed, lines, changed), start=1):
        (loading.files / "Observation.ndjson").write_bytes(body)
        await loading.load(resume=True)
        stored = await loading.stored("Observation", mark)
        assert {one["meta"]["versionId"] for one in stored} == {str(number)}
        assert {one["status"] for one in stored} == {"final" if body is lines else "amended"}


BAD = [
    (b'{"resourceType": "Observation", ', "json-malformed", ""),
    (b"[1, 2]", "json-malformed", ""),
    (b"\xff\xfe", "json-malformed", ""),
    (b'{"id": "x"}', "resource-type-unknown", "resourceType"),
    (b'{"resourceType": "Nothing"}', "resource-type-unknown", "resourceType"),
    (b'{"resourceType": "Organization", "name": "A", "name": "B"}', "json-duplicate-key", "$"),
    (b'{"resourceType": "Observation", "status": "final"}', "field-missing", "Observation.code"),
    (b'{"resourceType": "Organization", "active": "yes"}', "field-invalid", "Organization.active"),
    (b'{"resourceType": "Organization", "wrong": 1}', "field-unknown", "Organization.wrong"),
    (json.dumps(observation("Patient/nobody")).encode(), "reference-unresolved", "Observation"),
    (json.dumps(observation({"x": 1})).encode(), "field-invalid", "Observation.subject.reference"),  # type: ignore[arg-type]
    (b'{"resourceType": "Bundle", "type": "collection"}', "field-invalid", "Bundle.type"),
    (b'{"institution": "NOWHERE", "key": "", "bundle": {"resourceType": "Bundle"}}', "field-invalid", "Bundle.type"),
    (b'{"institution": 1, "key": "", "bundle": 2}', "field-missing", "institution"),
    (b'{"resourceType": "Organization", "name": "' + b"x" * 70_000 + b'"}', "body-too-large", ""),
]


async def test_bad_lines_are_named_and_stop_nothing(loading: Loading, mark: str) -> None:
    good = [observation(f"Patient/{mark}-p", id=f"{mark}-{i}", note=[{"text": mark}]) for i in range(3)]
    rows = [patient(id=f"{mark}-p"), good[0], *(body for body, _, _ in BAD), b"", good[1], good[2]]
    loading.write("mixed.ndjson", *rows)
    report = await loading.load()
    assert (report.resources, report.refused) == (4, len(BAD))
    assert len(await loading.stored("Observation", mark)) == 3
    rejects = sorted(loading.rejects(report), key=lambda row: row["line"])
    first = {row["line"]: row for row in reversed(rejects)}
    assert [(first[n]["code"], first[n]["field"]) for n in sorted(first)] == [(code, field) for _, code, field in BAD]
    assert sorted(first) == list(range(3, 3 + len(BAD)))
    assert all(row["reason"] and row["mend"] and row["file"].endswith("mixed.ndjson") for row in rejects)
    assert first[9]["content"] == BAD[6][0].decode()


async def test_a_resource_twice_in_a_load(loading: Loading, mark: str) -> None:
    one = {"resourceType": "Organization", "id": mark, "name": mark}
    loading.write("a.ndjson", one, one, one | {"name": f"{mark}-2"})
    report = await loading.load()
    assert (report.resources, report.skipped, report.refused) == (1, 1, 1)
    assert [o["name"] for o in await loading.stored("Organization", mark)] == [mark]


async def test_bombs_are_given_up_and_cut_files_keep_what_came(loading: Loading, mark: str) -> None:
    good = json.dumps({"resourceType": "Organization", "id": mark, "name": mark}).encode()
    (loading.files / "bomb.ndjson.gz").write_bytes(gzip.compress(good + b"\n" + b"a" * 8_000_000))
    (loading.files / "empty.ndjson.gz").write_bytes(gzip.compress(b"\n" * 1_000_000))
    (loading.files / "bomb.json.gz").write_bytes(gzip.compress(b" " * 8_000_000))
    other = [json.dumps({"resourceType": "Organization", "id": f"{mark}-{i}", "name": mark}) for i in range(400)]
    (loading.files / "cut.ndjson.gz").write_bytes(gzip.compress("\n".join(other).encode())[:-20])
    (loading.files / "no.ndjson.gz").write_bytes(b"not gzip")
    report = await loading.load()
    codes = {Path(row["file"]).name: row["code"] for row in loading.rejects(report)}
    assert codes == {
        "bomb.ndjson.gz": "body-too-large", "empty.ndjson.gz": "body-too-large", "bomb.json.gz": "body-too-large",
        "cut.ndjson.gz": "json-malformed", "no.ndjson.gz": "json-malformed",
    }  # fmt: skip
    stored = {o["name"] for o in await loading.stored("Organization", mark)}
    assert stored == {mark}
    assert report.resources > 1


async def test_bundles_and_submissions(loading: Loading, mark: str) -> None:
    def bundle(kind: str, *resources: dict[str, Any]) -> dict[str, Any]:
        entries = [{"resource": r, "request": {"method": "POST", "url": r["resourceType"]}} for r in resources]
        return {"resourceType": "Bundle", "type": kind, "entry": entries}

    house = {"resourceType": "Organization", "name": mark}
    loading.write("one.json", bundle("transaction", house))
    loading.write(
        "many.ndjson", bundle("transaction", house | {"alias": ["a"]}), bundle("transaction", house | {"alias": ["b"]})
    )
    loading.write("partly.ndjson", bundle("batch", house | {"alias": ["c"]}, observation("Patient/nobody")))
    loading.write("sent.ndjson", {"institution": PLACE, "key": mark, "bundle": bundle("transaction", house)})
    report = await loading.load()
    assert (report.submissions, report.refused) == (4, 1)
    (reject,) = loading.rejects(report)
    assert (reject["code"], reject["field"]) == ("reference-unresolved", "Bundle.entry[1]")
    assert len(await loading.stored("Organization", mark)) == 5
    resumed = await loading.load(resume=True)
    assert (resumed.submissions, resumed.skipped, resumed.refused) == (0, 4, 1)
    assert len(await loading.stored("Organization", mark)) == 5


@pytest.mark.parametrize(
    ("name", "institution", "field"),
    [
        ("a.ndjson", None, "--institution"),
        ("a.ndjson", "NOWHERE", "--institution"),
        ("a.txt", PLACE, "PATH"),
        ("dir", PLACE, "PATH"),
    ],
)
async def test_what_cannot_begin(loading: Loading, name: str, institution: str | None, field: str) -> None:
    (loading.files / "dir").mkdir()
    if name != "dir":
        loading.write(name, {"resourceType": "Organization", "name": "x"})
    with pytest.raises(Refusal) as refused:
        await loading.load(name, institution=institution)
    assert refused.value.field == field


async def test_neither_the_state_nor_the_report_holds_numbers_of_people(
    loading: Loading, mark: str, capfd: pytest.CaptureFixture[str]
) -> None:
    number = resident_number()
    loading.write("p.ndjson", patient(id=mark, national=number), patient(national=number, wrong=1))
    report = await loading.load()
    assert (report.resources, report.refused) == (1, 1)
    said = capfd.readouterr()
    assert number not in said.out + said.err
    data = loading.access.settings.data
    assert number.encode() not in b"".join(f.read_bytes() for f in data.glob("load.sqlite*"))
