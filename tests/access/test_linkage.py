"""What a bulk linkage may change: only what a registration would, undone by number, resumed where it ended."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from support import Institution, Platform, patient, resident_number
from yima import mpi
from yima.access import Access
from yima.cli import applying
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

arrow = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")
SYSTEM = Caller(kind="system", agent_id="cli")
STEWARD = Caller(kind="operator", agent_id="op-1", rights=frozenset({"steward"}))


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def clinic(platform: Platform) -> Institution:
    return await platform.institution("B")


@pytest.fixture
def access(platform: Platform) -> Access:
    return platform.access


async def twice(access: Access, hospital: Institution, clinic: Institution, born: str) -> tuple[int, int]:
    """Somebody with two persons: a Patient was split off by mistake."""
    said = patient(national=resident_number(born), birthDate=born)
    first, second = await hospital.create(said), await clinic.create(said)
    person = Platform.person_of(f"Patient/{first['id']}")
    assert Platform.person_of(f"Patient/{second['id']}") == person
    _, other = await access.stewards.split(SYSTEM, second["id"], reason="误拆", now=clock.now())
    return person, other


async def test_a_pair_is_merged_only_as_a_registration_would(
    access: Access, hospital: Institution, clinic: Institution
) -> None:
    one, other = await twice(access, hospital, clinic, "1971-01-01")
    with pytest.raises(Refusal, match="right-needed"):
        await access.linkage.weigh(STEWARD, one, other, link=True)
    assert (await access.linkage.weigh(SYSTEM, one, other, link=False)).kind == "review"
    assert (await access.linkage.weigh(SYSTEM, one, other, link=True)).kind == "merge"
    done = await access.linkage.apply(SYSTEM, one, other, link=True, reason="批量", now=clock.now())
    assert done.kind == "merge"
    assert done.number is not None
    again = await access.linkage.apply(SYSTEM, one, other, link=True, reason="批量", now=clock.now())
    assert (again.kind, again.why, again.number) == ("keep", "one-already", None)
    await access.stewards.undo(STEWARD, done.number, reason="看错", now=clock.now())
    assert (await access.linkage.weigh(SYSTEM, one, other, link=True)).kind == "merge"
    await access.stewards.keep_apart(STEWARD, one, other, reason="两个人", now=clock.now())
    kept = await access.linkage.apply(SYSTEM, one, other, link=True, reason="批量", now=clock.now())
    assert (kept.kind, kept.why) == ("keep", "never-same")


async def test_a_veto_stands_against_the_file_and_a_risk_waits_for_a_second_steward(
    access: Access, platform: Platform, hospital: Institution, clinic: Institution
) -> None:
    one, other = await twice(access, hospital, clinic, "1972-02-02")
    third, _ = await twice(access, hospital, clinic, "1972-02-03")
    vetoed = await access.linkage.apply(SYSTEM, one, third, link=True, reason="批量", now=clock.now())
    assert (vetoed.kind, vetoed.why) == ("keep", "other-number")
    await access.reviews.report_death(STEWARD, other, reason="家属报告已去世", now=clock.now())
    done = await access.linkage.apply(SYSTEM, one, other, link=True, reason="批量", now=clock.now())
    assert (done.kind, done.why) == ("propose", "deceased")
    proposals, _ = await access.reviews.proposals(STEWARD, clock.now())
    assert done.number in {proposal.number for proposal in proposals}
    assert (await access.linkage.apply(SYSTEM, one, other, link=True, reason="批量", now=clock.now())).number == (
        done.number
    ), "again is the same proposal"


async def test_a_number_in_dispute_merges_nobody_by_a_file(
    access: Access, hospital: Institution, clinic: Institution
) -> None:
    number = resident_number("1973-03-03")
    said = patient(national=number, birthDate="1973-03-03")
    first = await hospital.create(said)
    await access.stewards.freeze(STEWARD, mpi.RESIDENT_NUMBER, number, reason="两人共用", now=clock.now())
    second = await clinic.create(said)
    one, other = (Platform.person_of(f"Patient/{made['id']}") for made in (first, second))
    assert one != other
    found = await access.linkage.weigh(SYSTEM, one, other, link=True)
    assert (found.kind, found.why) == ("propose", "disputed")
    with pytest.raises(Refusal, match="second-person-needed"):
        await access.stewards.merge(STEWARD, other, one, reason="同一号码", now=clock.now())


async def test_from_export_to_changes_and_on_from_where_it_ended(
    access: Access, platform: Platform, hospital: Institution, clinic: Institution, tmp_path: Path
) -> None:
    one, other = await twice(access, hospital, clinic, "1973-03-03")
    out = tmp_path / "persons.parquet"
    count = await applying.export(access, out)
    assert out.stat().st_mode & 0o077 == 0
    table = arrow.parquet.read_table(out)
    rows = {row["record_id"]: row for row in table.to_pylist()}
    assert (len(rows), rows[ids.person_text(one)]["birth_date"]) == (count, "1973-03-03")
    assert len(rows[ids.person_text(one)]["id_no"]) == 18
    assert (await platform.log_of(one))[-1]["basis"] == "steward", "who is exported sees it"
    pairs = [{"record_id_l": ids.person_text(one), "record_id_r": ids.person_text(other), "proposal": "link"}]
    pairs += [{"record_id_l": "unknown", "record_id_r": ids.person_text(one), "proposal": "review"}]
    arrow.parquet.write_table(arrow.Table.from_pylist(pairs), tmp_path / "proposals.parquet")
    shares = list[float]()

    async def run(*, yes: bool) -> dict[str, int]:
        return await applying.apply(access, tmp_path, yes=yes, reason="批量", progress=lambda _, s: shares.append(s))

    assert await run(yes=False) == {"merge": 1, "keep": 1}
    assert shares == [0.5, 1.0]
    assert (await access.linkage.weigh(SYSTEM, one, other, link=True)).kind == "merge", "nothing was changed"
    assert await run(yes=True) == {"merge": 1, "keep": 1}
    assert await run(yes=True) == {"done before": 2}
    with (tmp_path / "applied.csv").open(encoding="utf-8", newline="") as file:
        number = next(int(row["number"]) for row in csv.DictReader(file) if row["kind"] == "merge")
    await access.stewards.undo(SYSTEM, number, reason="看错", now=clock.now())
