"""Emergency accesses in a real database, played with by Hypothesis and compared with a model after every move."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from support import be_humans
from yima import consent, directory, oversight
from yima.access import Access
from yima.directory import Caller
from yima.runtime import ids, settings
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore

MOST, WITHIN, WRONG, LASTS = 3, timedelta(hours=24), 2, timedelta(hours=1)
BEGINS = datetime.fromisoformat("2026-03-09T08:00:00+00:00")
WORDS = "昏迷送来，无人陪同"


@dataclass
class Case:
    """What the model knows of one."""

    handle: str
    opened: datetime
    ends: datetime
    wide: bool = False
    state: Literal["waiting", "asked", "answered", "justified", "unjustified"] = "waiting"


class Glasses(RuleBasedStateMachine):
    """One doctor, two officers, one clock. Nothing explains anything: no care is ever submitted here."""

    access: Access
    institution: int
    count = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).count += 1
        self.now, self.cases, self.causes = BEGINS, [], {}  # type: ignore[var-annotated]
        self.number = self.run(self._doctor())
        self.doctor = Caller(
            kind="practitioner", agent_id=str(self.number), institution=self.institution, proved=BEGINS
        )

    runner: asyncio.Runner

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def code(self, work: Coroutine[Any, Any, Any]) -> str:
        try:
            self.run(work)
        except Refusal as refusal:
            return refusal.code
        return ""

    async def _doctor(self) -> int:
        async with self.access.database.transaction() as c:
            said = directory.Practitioner(0, self.institution, f"M{self.count}", "王", "Wang", "医师", "Doctor", "0300")
            return await directory.register_practitioner(c, said)

    async def _person(self) -> int:
        person = ids.new_person_id()
        await self.access.database.execute(
            "insert into mpi.person (person_id, created, updated, sex) values ($1, $2, $2, 'female')", person, BEGINS
        )
        return person

    def officer(self, n: int) -> Caller:
        return Caller(kind="operator", agent_id=f"officer-{n}", rights=frozenset({"privacy"}), proved=self.now)

    def tick(self, **by: float) -> None:
        self.now += timedelta(**by)
        self.doctor = replace(self.doctor, proved=self.now)

    def stopped(self, cause: str) -> None:
        """What stands open ends with it, and does not come back."""
        self.causes.setdefault(cause, None)
        for one in self.cases:
            one.ends = min(one.ends, self.now)

    @rule(hours=st.sampled_from([0.1, 0.9, 5, 25, 24 * 8]))
    def wait(self, hours: float) -> None:
        self.tick(hours=hours)

    @rule()
    def open(self) -> None:
        """Opened, unless as many lately have no verdict in their favour; then access ends."""
        self.tick(seconds=1)
        lately = [one for one in self.cases if one.opened >= self.now - WITHIN and one.state != "justified"]
        asked = {"ground": "unconscious", "reason": WORDS, "terminal": "", "now": self.now}
        person = self.run(self._person())
        if self.causes or len(lately) >= MOST:
            assert self.code(self.access.glass.open(self.doctor, person, **asked)) == "break-glass-stopped"
            if not self.causes:
                self.stopped("glass-unexplained")
        else:
            handle = self.run(self.access.glass.open(self.doctor, person, **asked))
            self.cases.append(Case(handle, self.now, self.now + LASTS))

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def widen(self, data: st.DataObject) -> None:
        """Only while it stands; a second time changes nothing."""
        one = data.draw(st.sampled_from(self.cases))
        self.tick(seconds=1)
        said = self.code(
            self.access.glass.widen(self.doctor, one.handle, ground="transfer", reason=WORDS, now=self.now)
        )
        assert said == ("" if self.now < one.ends else "visit-expired")
        one.wide = one.wide or not said

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), act=st.sampled_from(["ask", "answer", "justified", "unjustified"]))
    def review(self, data: st.DataObject, act: str) -> None:
        """Asked and asked again until it is judged; answered when asked; judged once."""
        one = data.draw(st.sampled_from(self.cases))
        self.tick(seconds=1)
        desk, decided = self.access.glass_desk, one.state in ("justified", "unjustified")
        if act == "ask":
            said, may = self.code(desk.ask(self.officer(1), one.handle, WORDS, self.now)), not decided
            after = "asked"
        elif act == "answer":
            said = self.code(self.access.glass.answer(self.doctor, one.handle, WORDS, self.now))
            may, after = one.state == "asked", "answered"
        else:
            said, may, after = (
                self.code(desk.judge(self.officer(1), one.handle, act, WORDS, self.now)),
                not decided,
                act,
            )
        assert said == ("" if may else "not-found"), (one.state, act)
        if may:
            one.state = after  # type: ignore[assignment]
            wrong = sum(case.state == "unjustified" for case in self.cases)
            if act == "unjustified" and wrong >= WRONG:
                self.stopped("glass-unjustified")

    @precondition(lambda self: self.causes)
    @rule(data=st.data(), who=st.integers(1, 2), act=st.sampled_from(["propose", "lift"]))
    def lifting(self, data: st.DataObject, who: int, act: str) -> None:
        """Proposed once, lifted by the other."""
        cause = data.draw(st.sampled_from(sorted(self.causes)))
        number = next(one.stop for one in self.run(self._stops()) if one.cause == cause)
        proposed = self.causes[cause]
        if act == "propose":
            said = self.code(self.access.glass_desk.propose_lifting(self.officer(who), number, WORDS, self.now))
            assert said == ("" if proposed is None else "not-found")
            self.causes[cause] = who if proposed is None else proposed
            return
        said = self.code(self.access.glass_desk.lift(self.officer(who), number, self.now))
        assert said == ("not-found" if proposed is None else "second-person-needed" if proposed == who else "")
        if not said:
            del self.causes[cause]

    async def _stops(self) -> list[Any]:
        found = await oversight.stops(self.access.database, self.now, self.institution)
        return [one for one in found if one.practitioner == self.number and one.lifted is None]

    @invariant()
    def access_stands_just_as_long_as_nothing_stops_it(self) -> None:
        staff = self.run(directory.practitioner(self.access.database, self.number))
        assert (staff.status == "stopped") == bool(self.causes)
        assert {one.cause for one in self.run(self._stops())} == set(self.causes)

    @invariant()
    def every_one_is_before_the_officer_and_opens_what_it_says(self) -> None:
        db = self.access.database
        held = {one.handle: one.state for one in self.run(oversight.glasses_of(db, [self.number], BEGINS))}
        assert held == {one.handle: one.state for one in self.cases}
        opened = self.run(consent.emergencies(db, list(held)))
        assert {one.handle: opened[one.handle].widened is not None for one in self.cases} == {
            one.handle: one.wide for one in self.cases
        }


@pytest.fixture
def machine(database_url: str, tmp_path: Path) -> Any:
    """The machine with a database, an institution and a loop of its own."""
    with asyncio.Runner() as runner:
        chosen = settings.load(
            {"data": tmp_path, "development": True, "glass_unexplained": MOST, "glass_unjustified": WRONG},
            environment={}, directory=tmp_path,
        )  # fmt: skip
        database = runner.run(Database.connect(database_url, size=2))
        access = Access(database, FileKeyStore(tmp_path / "keys.json"), chosen, "http://127.0.0.1:8420")

        async def place() -> int:
            async with database.transaction() as c:
                return await directory.register_institution(
                    c, code="GLASS", name_zh="医院", name_en="Hospital", kind="A100", area="999999"
                )

        runner.run(be_humans(database, access.vault, "officer-1", "officer-2"))
        Glasses.access, Glasses.runner, Glasses.institution = access, runner, runner.run(place())
        yield Glasses
        runner.run(database.close())


def test_whatever_happens_in_whatever_order(machine: Any) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=how(
            max_examples=6,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
