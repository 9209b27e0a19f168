"""One life: a resident's body, usual places of care, and the way to make a consultation."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random

from .chance import dice
from .days import AS_OF, END, RECORDS_FROM, add_months, age_on, any_hour, months_on, office_hour
from .facts import Consultation, EncounterClass, Fact, VisitType
from .institutions import Institution, Practitioner
from .people import Resident

_CLASSES: dict[VisitType, EncounterClass] = {"O": "AMB", "H": "AMB", "T": "AMB", "I": "IMP", "E": "EMER"}


class Life:
    """A resident as the stories see one.

    ``institutions`` are all of the city; ``children`` those born to this resident.
    """

    def __init__(
        self, seed: int, resident: Resident, institutions: Sequence[Institution],
        children: Sequence[Resident] = (), mother: Resident | None = None,
    ) -> None:  # fmt: skip
        self.seed = seed
        self.resident = resident
        self.institutions = institutions
        self.children = children
        self.mother = mother
        self.start = max(RECORDS_FROM, resident.born)
        self.end = min(resident.died or AS_OF, AS_OF - timedelta(days=1))
        self._doctors: dict[tuple[str, str], Practitioner] = {}

    def dice(self, story: str) -> Random:
        """The stream of one story of this life."""
        return dice(self.seed, story, self.resident.index)

    def age(self, day: date) -> int:
        """Completed years on a day."""
        return age_on(self.resident.born, day)

    def months(self, day: date) -> int:
        """Completed months on a day."""
        return months_on(self.resident.born, day)

    @property
    def man(self) -> bool:
        """Whether the resident is male."""
        return self.resident.sex == "male"

    def onset(self, rng: Random, earliest_age: int, years_back: int = 8) -> date:
        """When a chronic illness was found: within the record years, not below an age."""
        first = max(self.start, add_months(self.resident.born, 12 * earliest_age))
        first = max(first, add_months(self.end, -12 * years_back))
        last = max(first, add_months(self.end, -6))
        return first + timedelta(days=rng.randint(0, max(0, (last - first).days)))

    # -- places of care

    def of_kind(self, *kinds: str) -> Institution:
        """The first institution of a class (by the beginning of its code)."""
        return next(i for i in self.institutions if i.kind.startswith(kinds))

    @cached_property
    def primary(self) -> Institution:
        """The community or township centre of the home's town."""
        town = self.resident.address.town.name
        return next(i for i in self.institutions if i.town == town and i.kind[0] in "BC")

    @cached_property
    def village(self) -> Institution | None:
        """The village clinic of the town, where there is one."""
        town = self.resident.address.town.name
        return next((i for i in self.institutions if i.town == town and i.kind == "D600"), None)

    @cached_property
    def hospital(self) -> Institution:
        """The general hospital people of this district go to first."""
        district = self.resident.address.district.code
        here = [i for i in self.institutions if i.kind == "A100" and i.district == district]
        return here[0] if here else self.tertiary

    @cached_property
    def tertiary(self) -> Institution:
        """The city's first hospital."""
        return self.of_kind("A100")

    @cached_property
    def maternity(self) -> Institution:
        """The maternal and child hospital."""
        return self.of_kind("G")

    # -- contacts

    def doctor(self, institution: Institution, department: str) -> Practitioner:
        """The doctor this resident usually sees there."""
        place = (institution.code, department)
        if place not in self._doctors:
            rng = dice(self.seed, f"doctor {institution.code} {department}", self.resident.index)
            staff = institution.staff[department]
            self._doctors[place] = rng.choice(staff[: max(1, len(staff) - len(staff) // 3)])
        return self._doctors[place]

    def visit(
        self, story: str, day: date, institution: Institution, department: str,
        reasons: Sequence[str], facts: Sequence[Fact], kind: VisitType = "O",
    ) -> Consultation:  # fmt: skip
        """An outpatient contact in office hours. The time depends on the day and the story only."""
        at = office_hour(self._clock(story, day), day)
        span = (at, at + timedelta(minutes=35))
        return self._contact(story, span, institution, department, reasons, facts, kind)

    def emergency(
        self, story: str, day: date, institution: Institution,
        reasons: Sequence[str], facts: Sequence[Fact], department: str = "2000",
    ) -> Consultation:  # fmt: skip
        """An emergency contact at any hour, a few hours long."""
        at = any_hour(self._clock(story, day), day)
        end = at + timedelta(hours=3, minutes=20)
        return self._contact(story, (at, end), institution, department, reasons, facts, "E")

    def stay(
        self, story: str, day: date, days: int, institution: Institution, department: str,
        reasons: Sequence[str], facts: Sequence[Fact],
    ) -> Consultation:  # fmt: skip
        """An admission of some days, sent in one bundle at discharge."""
        rng = self._clock(story, day)
        at = office_hour(rng, day)
        end = office_hour(rng, day + timedelta(days=max(1, days)))
        return self._contact(story, (at, end), institution, department, reasons, facts, "I")

    def birth(
        self, story: str, day: date, days: int, institution: Institution, department: str,
        reasons: Sequence[str], facts: Sequence[Fact],
    ) -> Consultation:  # fmt: skip
        """A newborn's own stay: it begins with the birth, at any hour."""
        rng = self._clock(story, day)
        at = any_hour(rng, day)
        end = office_hour(rng, day + timedelta(days=days))
        return self._contact(story, (at, end), institution, department, reasons, facts, "I")

    def _clock(self, story: str, day: date) -> Random:
        return dice(self.seed, f"clock {story} {day.toordinal()}", self.resident.index)

    def _contact(
        self,
        story: str,
        span: tuple[datetime, datetime],
        institution: Institution,
        department: str,
        reasons: Sequence[str],
        facts: Sequence[Fact],
        kind: VisitType,
    ) -> Consultation:
        at, end = span
        doctor = self.doctor(institution, department)
        return Consultation(
            story, at, end, institution, department, doctor, _CLASSES[kind], kind, tuple(reasons), list(facts)
        )

    @cached_property
    def _pregnancies(self) -> list[tuple[date, date]]:
        """From conception to birth, for children in the city and one on the way."""
        births = {child.born for child in self.children}
        if "expecting" in self.resident.stories:
            births.add(AS_OF + timedelta(days=70))
        return [(born - timedelta(days=282), born) for born in sorted(births)]

    def pregnant(self, day: date) -> bool:
        """Whether the resident is pregnant on a day."""
        return any(first <= day <= born for first, born in self._pregnancies)

    def possible(self, contact: Consultation) -> bool:
        """Whether a contact lies inside the records and the life."""
        day = contact.at.date()
        return self.start <= day <= self.end and contact.end < END and contact.end.date() <= self.end
