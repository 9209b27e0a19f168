"""Stewards' acts and their undoing at size, with records in between: `YIMA_CYCLES=10000 pytest -s --timeout 0` it.

Every row that is kept of a small town (index, cards, records) is read before an act, before and after each record that
arrives, and after the undoing. At the end each row has to be byte for byte what it was, but for what the records that
arrived have changed at that moment; and those are found again with the person whom they named.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from support import Institution, Platform, patient, report, resident_number
from yima import mpi
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.ids import PersonId

CYCLES: Final = int(os.environ.get("YIMA_CYCLES", "12"))
A_TOWN: Final = 20
"""Cycles upon the same people; then others come, so that nobody's record grows for ever."""
STEWARD: Final = Caller(kind="system", agent_id="cli")
ACTS: Final = ("merge", "merge", "merge", "merge again", "split", "move", "freeze", "apart")
LATE: Final = ("finding", "new words", "elsewhere", "elsewhere without a number", "stranger")
BORN: Final = ("1961-01-01", "1962-02-02", "1973-03-03", "1984-04-04")
OF_PERSON: Final = (
    "mpi.person", "mpi.identifier", "mpi.link", "mpi.candidate_key", "mpi.profile", "mpi.carried", "mpi.former",
    "mpi.merged", "mpi.apart", "mpi.review", "healthcode.card", "healthcode.merged",
)  # fmt: skip
OF_HOME: Final = ("records.resource", "records.history")
ROWS: Final = " union all ".join(
    [f"select '{table}', t::text from {table} t where person_id = any($1)" for table in OF_PERSON]
    + [f"select '{table}', t::text from {table} t where home = any($1)" for table in OF_HOME]
    + ["select 'mpi.frozen', z::text from mpi.frozen z join mpi.identifier using (digest) where person_id = any($1)"]
)
Rows = Counter[tuple[str, str]]


@dataclass(slots=True)
class Resident:
    """Somebody of the town, as institutions know them."""

    person: PersonId
    says: dict[str, Any]
    patients: list[tuple[Institution, str]] = field(default_factory=list)


@dataclass(slots=True)
class Town:
    """Four residents, each a Patient at two hospitals."""

    platform: Platform
    hospitals: tuple[Institution, ...]
    rng: Random
    residents: list[Resident] = field(default_factory=list)
    others: set[PersonId] = field(default_factory=set)
    """Who came later."""
    parted: Resident | None = None
    """Of whom a Patient is just now split off or moved: what that one says meanwhile has a test of its own
    (tests/mpi/test_mpi_merge.py), since its words are sealed anew when it comes back."""
    alone: PersonId = 0
    """Who was split off."""
    later: dict[str, PersonId] = field(default_factory=dict)
    """Patients that arrived in this cycle, and whom they named."""

    @classmethod
    async def founded(cls, platform: Platform, hospitals: tuple[Institution, ...], rng: Random) -> Town:
        made = cls(platform, hospitals, rng)
        for born in BORN:
            says = patient(national=resident_number(born), birthDate=born, gender=rng.choice(("male", "female")))
            one = Resident(0, says)
            for hospital in hospitals[:2]:
                stored = await hospital.create(says | {"identifier": own_number(says, hospital, rng)})
                one.person = Platform.person_of(f"Patient/{stored['id']}")
                one.patients.append((hospital, stored["id"]))
                await finding(hospital, stored["id"], rng)
            made.residents.append(one)
        return made

    async def rows(self) -> Rows:
        """All that is kept of the town, each row as text."""
        persons = [*(one.person for one in self.residents), *self.others, self.alone]
        return Counter((table, row) for table, row in await self.platform.database.fetch(ROWS, persons))

    async def act(self, kind: str) -> list[int]:
        """One act of a steward, or two that go together; their numbers."""
        acts, now, why = self.platform.access.stewards, clock.now(), "试验"
        one, other, third = self.rng.sample(self.residents, 3)
        if kind.startswith("merge"):
            done = [await acts.merge(STEWARD, one.person, other.person, reason=why, now=now)]
            if kind == "merge again":
                done.append(await acts.merge(STEWARD, other.person, third.person, reason=why, now=now))
            return done
        if kind == "split":
            self.parted = one
            number, self.alone = await acts.split(STEWARD, one.patients[0][1], reason=why, now=now)
            return [number]
        if kind == "move":
            self.parted = one
            return [await acts.move(STEWARD, one.patients[0][1], other.person, reason=why, now=now)]
        if kind == "apart":
            return [await acts.keep_apart(STEWARD, one.person, other.person, reason=why, now=now)]
        number = one.says["identifier"][1]
        return [await acts.freeze(STEWARD, number["system"], number["value"], reason=why, now=now)]

    async def arrives(self, kind: str) -> None:
        """One record from an institution, of somebody of the town."""
        rng, one = self.rng, self.rng.choice([one for one in self.residents if one is not self.parted])
        hospital, known = rng.choice(one.patients)
        if kind == "finding":  # of whoever
            about = self.rng.choice([known for one in self.residents for known in one.patients])
            await finding(*about, rng)
        elif kind == "new words":
            stored = (await hospital.call("GET", f"/fhir/Patient/{known}")).json()
            stored["telecom"] = [{"system": "phone", "value": f"138{rng.randrange(10**8):08d}"}]
            answer = await hospital.call("PUT", f"/fhir/Patient/{known}", stored)
            assert answer.status_code == 200, answer.text
        else:
            says = one.says
            if kind == "stranger":
                says = patient(birthDate=rng.choice(BORN), gender="male")
            third, named = self.hospitals[2], own_number(says, self.hospitals[2], rng)
            if kind == "elsewhere without a number":
                named = named[:1]
            stored = await third.create(says | {"identifier": named})
            person = await mpi.person_of_patient(self.platform.database, stored["id"]) or 0
            held = Platform.person_of(f"Patient/{stored['id']}")
            self.others |= {person, held} - {one.person for one in self.residents}
            if kind.startswith("elsewhere"):
                self.later[stored["id"]] = one.person


def own_number(says: dict[str, Any], hospital: Institution, rng: Random) -> list[dict[str, str]]:
    """The identifiers of a Patient with the hospital's own number before the others."""
    own = {"system": f"urn:hospital:{hospital.code}:mrn", "value": f"N{rng.randrange(10**12)}"}
    return [own, *says["identifier"][1:]]


async def finding(hospital: Institution, about: str, rng: Random) -> None:
    """One more row about a Patient."""
    text = {"text": f"{rng.randrange(10**9)}"}
    await hospital.create({"resourceType": "Condition", "subject": {"reference": f"Patient/{about}"}, "code": text})


async def test_everything_is_as_it_was_but_for_what_arrived(platform: Platform) -> None:
    hospitals = (await platform.institution("A"), await platform.institution("B"), await platform.institution("C"))
    rng, counted = Random(20261123), Counter[str]()
    town = await Town.founded(platform, hospitals, rng)
    for cycle in range(CYCLES):
        if cycle and cycle % A_TOWN == 0:
            hospitals = tuple([replace(one, _token="") for one in hospitals])  # a token does not last for all cycles
            town = await Town.founded(platform, hospitals, rng)
        expected, kind, late = await town.rows(), ACTS[cycle % len(ACTS)], rng.randint(0, 3)
        numbers = await town.act(kind)
        for _ in range(late):
            what = rng.choice(LATE)
            before = await town.rows()
            await town.arrives(what)
            after = await town.rows()
            expected = expected - (before - after) + (after - before)
            counted[what] += 1
        for number in reversed(numbers):
            await platform.access.stewards.undo(STEWARD, number, reason="看错", now=clock.now())
        town.parted, town.alone = None, 0
        found = await town.rows()
        assert found == expected, (cycle, kind, expected - found, found - expected)
        for one, whose in (await mpi.persons_of_patients(platform.database, list(town.later))).items():
            # Under a number in dispute, and from then on without any, it may be somebody new, who is asked about.
            theirs = whose == town.later[one]
            assert theirs or whose in town.others, (cycle, kind)
            counted["with whom it named" if theirs else "new, and asked about"] += 1
        town.later.clear()
        counted[kind] += 1
    report("unmerge-cycles", {"cycles": CYCLES, "equal to the byte": CYCLES} | dict(sorted(counted.items())))
