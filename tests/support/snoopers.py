"""A day of a small city's staff looking at records, with the snoopers known: what the watch is measured against.

Pure, from a seed. Honest work is made awkward on purpose: consultations from other departments, emergencies that are
submitted hours later or never, callers asked about by phone, the wrong person looked up. So are the snoopers: some look
where nothing shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from yima.audit import Event

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰涛明超霞平刚桂"
DEPARTMENTS = ("0300", "0400", "0500", "0700", "2000")


@dataclass(frozen=True)
class Resident:
    person: int
    name: str
    household: int


@dataclass(frozen=True)
class Doctor:
    number: int
    institution: int
    department: str
    me: Resident


@dataclass
class Day:
    """Lines of the log, old registrations (person, institution), and who snooped on whom: (reader, person) -> kind."""

    events: list[Event] = field(default_factory=list)
    registered: list[tuple[int, int]] = field(default_factory=list)
    snooped: dict[tuple[str, int], str] = field(default_factory=dict)
    honest: set[tuple[str, int]] = field(default_factory=set)
    vips: list[int] = field(default_factory=list)


def residents(random: Random, many: int, first: int) -> list[Resident]:
    """People in households of one to four, who share a family name more often than not."""
    made: list[Resident] = []
    while len(made) < many:
        family, household = random.choice(SURNAMES), len(made)
        for _ in range(random.randint(1, 4)):
            surname = family if random.random() < 0.7 else random.choice(SURNAMES)
            name = surname + "".join(random.choice(GIVEN) for _ in range(2))
            made.append(Resident(first + len(made), name, household))
    return made[:many]


class City:
    """Makes the day; `begins` is its first moment."""

    def __init__(self, seed: int, people: list[Resident], staff: list[Doctor], begins: datetime) -> None:
        self.random, self.people, self.staff, self.begins = Random(seed), people, staff, begins
        self.day = Day()
        self._visits = 0
        of_staff = {doctor.me.person for doctor in staff}
        self.patients = [one for one in people if one.person not in of_staff]

    def make(self, looks: int, each: int) -> Day:
        """So many honest looks, and `each` looks of every kind of snooper."""
        self.day.vips = [one.person for one in self.random.sample(self.patients, 4)]
        for _ in range(looks):
            self._honest()
        for kind in ("vip", "family", "colleague", "careful"):
            for _ in range(each if kind != "careful" else max(each // 4, 1)):
                getattr(self, f"_{kind}")()
        self._browser(45)
        return self.day

    # --- honest work -------------------------------------------------------------------------------------------------

    def _honest(self) -> None:
        doctor, at = self.random.choice(self.staff), self._moment(late=0.08)

        person = self.random.choice(self.people)
        if person == doctor.me:
            return
        self.day.honest.add((_reader(doctor), person.person))
        kind = self.random.choices(
            ("visit", "consult", "results", "emergency", "transferred", "counter", "phone", "mistaken"),
            (775, 80, 50, 40, 10, 30, 10, 5),
        )[0]
        if kind == "visit":
            self._read(doctor, person, at, "visit", self._scan(person, doctor.institution, doctor.department, at))
        elif kind == "consult":
            other = self.random.choice([d for d in DEPARTMENTS if d != doctor.department])
            self._read(doctor, person, at, "visit", self._scan(person, doctor.institution, other, at))
        elif kind == "results":
            self._submit(person, doctor.institution, at - timedelta(hours=self.random.randint(1, 12)))
            self._read(doctor, person, at, "visit", "")
        elif kind == "emergency":
            self._glass(doctor, person, at)
            self._submit(person, doctor.institution, at + timedelta(minutes=self.random.randint(20, 120)))
        elif kind == "transferred":  # nothing was done here, so nothing is submitted
            self._glass(doctor, person, at)
        elif kind == "counter":
            self._line(doctor, person, at, "resolve", "counter")
            self._line(doctor, person, at + timedelta(minutes=4), "card", "document")
        elif kind == "mistaken":  # the wrong person was looked up, and left again
            self._line(doctor, person, at, "resolve", "document")
        else:
            self.day.registered.append((person.person, doctor.institution))
            self._line(doctor, person, at, "resolve", "document")

    # --- snoopers ----------------------------------------------------------------------------------------------------

    def _vip(self) -> None:
        """Somebody everybody knows is in the house; others than who treat them look, in a colleague's visit."""
        treating, at = self.random.choice(self.staff), self._moment()
        famous = self.random.choice(self.day.vips)
        person = next(one for one in self.people if one.person == famous)
        visit = self._scan(person, treating.institution, treating.department, at)
        curious = [d for d in self.staff if d.institution == treating.institution]
        curious = [d for d in curious if d.department != treating.department]
        self._snoop("vip", self.random.choice(curious), person, at + timedelta(hours=1), visit)

    def _family(self) -> None:
        """A look at one's own household, with the glass broken and nothing treated."""
        homes = [d for d in self.staff if self._housemates(d)]
        doctor = self.random.choice(homes)
        self._snoop("family", doctor, self.random.choice(self._housemates(doctor)), self._moment(late=0.5))

    def _colleague(self) -> None:
        """A colleague's record: they were treated here, elsewhere in the house."""
        doctor, at = self.random.choice(self.staff), self._moment()
        others = [d for d in self.staff if d.institution == doctor.institution and d.department != doctor.department]
        other = self.random.choice(others)
        place = self.random.choice([d for d in DEPARTMENTS if d != doctor.department])
        visit = self._scan(other.me, doctor.institution, place, at)
        self._snoop("colleague", doctor, other.me, at + timedelta(hours=2), visit)

    def _careful(self) -> None:
        """Looks at who is being treated in the own department: nothing in the log shows it."""
        doctor, at = self.random.choice(self.staff), self._moment()
        person = self.random.choice(self.patients)
        visit = self._scan(person, doctor.institution, doctor.department, at)
        self._snoop("careful", doctor, person, at + timedelta(hours=1), visit)

    def _browser(self, many: int) -> None:
        """One who looks up one stranger after the other."""
        doctor, at = self.random.choice(self.staff), self.begins + timedelta(hours=8)
        strangers = [p for p in self.patients if (_reader(doctor), p.person) not in self.day.honest]
        for n, person in enumerate(self.random.sample(strangers, many)):
            self.day.snooped[_reader(doctor), person.person] = "browser"
            self._line(doctor, person, at + timedelta(minutes=n), "resolve", "document")

    def _snoop(self, kind: str, doctor: Doctor, person: Resident, at: datetime, visit: str = "") -> None:
        pair = (_reader(doctor), person.person)
        if pair in self.day.honest or pair in self.day.snooped or doctor.me == person:
            return
        self.day.snooped[pair] = kind
        if visit:
            self._read(doctor, person, at, "visit", visit)
        else:
            self._glass(doctor, person, at)

    def _housemates(self, doctor: Doctor) -> list[Resident]:
        return [one for one in self.people if one.household == doctor.me.household and one != doctor.me]

    # --- lines -------------------------------------------------------------------------------------------------------

    def _moment(self, late: float = 0.08) -> datetime:
        hour = self.random.choice((0, 1, 2, 20)) if self.random.random() < late else self.random.randint(6, 15)
        return self.begins + timedelta(hours=hour, minutes=self.random.randint(0, 59))

    def _read(self, doctor: Doctor, person: Resident, at: datetime, basis: str, visit: str) -> None:
        self._line(doctor, person, at + timedelta(minutes=5), "search", basis, visit)

    def _glass(self, doctor: Doctor, person: Resident, at: datetime) -> None:
        self._line(doctor, person, at, "break-glass", "break-glass")
        self._line(doctor, person, at + timedelta(minutes=1), "search", "break-glass")

    def _scan(self, person: Resident, institution: int, department: str, at: datetime) -> str:
        self._visits += 1
        visit = f"visit-{self._visits}"
        self.day.events.append(
            Event(
                person=person.person, recorded=at, action="scan", outcome="ok", basis="dynamic", agent="practitioner",
                institution=institution, agent_id="0", department=department, visit=visit,
            )
        )  # fmt: skip
        return visit

    def _submit(self, person: Resident, institution: int, at: datetime) -> None:
        self.day.events.append(
            Event(
                person=person.person, recorded=at, action="submit", outcome="ok", agent="app", institution=institution,
                agent_id=f"his-{institution}",
            )
        )  # fmt: skip

    def _line(self, doctor: Doctor, person: Resident, at: datetime, action: str, basis: str, visit: str = "") -> None:
        self.day.events.append(
            Event(
                person=person.person, recorded=at, action=action, outcome="ok", basis=basis, agent="practitioner",
                institution=doctor.institution, agent_id=str(doctor.number), department=doctor.department, visit=visit,
            )
        )  # fmt: skip


def _reader(doctor: Doctor) -> str:
    return f"practitioner/{doctor.number}"


def shares(day: Day, found: set[tuple[str, int]]) -> Iterator[tuple[str, int, int]]:
    """Of each kind of snooper: how many looks were found, and how many there were."""
    for kind in sorted(set(day.snooped.values())):
        pairs = {pair for pair, name in day.snooped.items() if name == kind}
        yield kind, len(pairs & found), len(pairs)
