"""Random histories of merging, splitting, moving and undoing, with rows written in between, against a simple model: a
row is of its Patient, a Patient of one person, and persons are one until that is undone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import Institution, Platform, patient, resident_number
from yima import mpi
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.errors import Refusal

STEWARD = Caller(kind="system", agent_id="cli")
KINDS = ("merge", "split", "move", "undo", "write")
_marks = itertools.count()


@dataclass(slots=True)
class Model:
    """What ought to be."""

    link: dict[str, int] = field(default_factory=dict)
    """Patient -> person."""
    survivor: dict[int, int] = field(default_factory=dict)
    rows: dict[str, set[str]] = field(default_factory=dict)
    """Patient -> rows about it, itself among them."""
    acts: list[tuple[int, str, Any, int]] = field(default_factory=list)
    """Number, kind, person or Patient, and where that was before."""

    def root(self, person: int) -> int:
        while person in self.survivor:
            person = self.survivor[person]
        return person

    def of(self, person: int) -> dict[str, set[str]]:
        """The rows of whoever this person is, by Patient."""
        return {p: self.rows[p] for p, whose in self.link.items() if self.root(whose) == self.root(person)}


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@dataclass(slots=True)
class History:
    """A town of its own for each example: three Patients taken for one person, and one of somebody else."""

    platform: Platform
    hospital: Institution
    model: Model

    @classmethod
    async def begun(cls, platform: Platform, hospital: Institution) -> History:
        made = cls(platform, hospital, Model())
        one, other = resident_number(), resident_number("1971-01-01")
        for national, born in ((one, "1985-03-14"), (one, "1985-03-14"), (one, "1985-03-14"), (other, "1971-01-01")):
            stored = await hospital.create(patient(national=national, birthDate=born, name=[{"text": "王明芳"}]))
            made.model.link[stored["id"]] = Platform.person_of(f"Patient/{stored['id']}")
            made.model.rows[stored["id"]] = {stored["id"]}
            await made.write(stored["id"])
        return made

    async def write(self, about: str) -> None:
        text = {"text": f"{next(_marks)}"}
        row = {"resourceType": "Condition", "subject": {"reference": f"Patient/{about}"}, "code": text}
        self.model.rows[about].add((await self.hospital.create(row))["id"])

    async def step(self, kind: str, first: int, second: int) -> None:
        """One act; what is refused changes nothing, in the model neither."""
        m, acts = self.model, self.platform.access.stewards
        patients, now = sorted(m.link), clock.now()
        one = patients[first % len(patients)]
        persons = sorted(set(m.link.values()))
        person, other = persons[first % len(persons)], persons[second % len(persons)]
        try:
            if kind == "write":
                await self.write(one)
            elif kind == "merge":
                number = await acts.merge(STEWARD, person, other, reason="一人", now=now)
                m.survivor[person] = other
                m.acts.append((number, kind, person, 0))
            elif kind == "split":
                number, new = await acts.split(STEWARD, one, reason="两人", now=now)
                m.acts.append((number, kind, one, m.link[one]))
                m.link[one] = new
            elif kind == "move":
                number = await acts.move(STEWARD, one, other, reason="另一人", now=now)
                m.acts.append((number, kind, one, m.link[one]))
                m.link[one] = other
            elif m.acts:
                number, was, what, before = m.acts[second % len(m.acts)]
                await acts.undo(STEWARD, number, reason="看错", now=now)
                m.acts.remove((number, was, what, before))
                if was == "merge":
                    del m.survivor[what]
                else:
                    m.link[what] = before
        except Refusal as refusal:
            if refusal.code not in ("merge-impossible", "undo-impossible", "not-found"):
                raise

    async def check(self) -> None:
        """Everybody reads exactly their own rows and lines."""
        access, now = self.platform.access, clock.now()
        for person in set(self.model.link.values()):
            theirs = self.model.of(person)
            root = await mpi.root_of(access.database, person)
            assert root == self.model.root(person)
            me = Caller(kind="resident", agent_id="x", person=root, proved=clock.now())
            rows = await access.my_resources(me, now)
            assert {row.id for row in rows} == set().union(*theirs.values())
            assert {row.patient for row in rows} == set(theirs)
            lines = await access.access_log(me, now=clock.now(), limit=400)
            named = {str(line.detail["patient"]) for line in lines if "patient" in line.detail}
            assert named == set(theirs)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=9))
async def test_whatever_stewards_do_everybody_reads_exactly_their_own(
    platform: Platform, hospital: Institution, steps: list[tuple[str, int, int]]
) -> None:
    history = await History.begun(platform, hospital)
    before = dict(history.model.link)
    await history.check()
    for kind, first, second in steps:
        await history.step(kind, first, second)
        await history.check()
    for last in reversed(
        range(len(history.model.acts))
    ):  # last first, and all is as it began, but for what was written
        await history.step("undo", 0, last)
        await history.check()
    assert (history.model.link, history.model.survivor) == (before, {})
