"""One life: a resident's body, usual places of care, and the way to make a consultation."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random

from .chance import dice
from .days import AS_OF, END, RECORDS_FROM, add_months, age_on, any_hour, months_on, office_hour, workday
from .facts import Consultation, EncounterClass, Fact, VisitType
from .institutions import Institution, Practitioner
from .people import Resident

_CLASSES: dict[VisitType, EncounterClass] = {"O": "AMB", "H": "AMB", "T": "AMB", "I": "IMP", "E": "EMER"}


_ONSET: dict[str, tuple[int, int]] = {
    "hypertension": (33, 7),
    "diabetes": (34, 7),
    "copd": (48, 6),
    "psychosis": (19, 5),
    "depression": (16, 3),
    "hiv": (20, 5),
    "syphilis": (19, 3),
}
"""Chronic illness: not found below this age, nor longer ago than so many years."""


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

    def found(self, story: str) -> date:
        """When a chronic illness of this life was found (the same day for every story that asks).

        Within the record years and not below the illness' usual age; early for the cast,
        whose records must show years of it.
        """
        earliest_age, years_back = _ONSET[story]
        first = max(self.start, add_months(self.resident.born, 12 * earliest_age))
        first = max(first, add_months(self.end, -12 * years_back))
        last = max(first, add_months(self.end, -6))
        if self.resident.special:
            last = min(last, first + timedelta(days=200))
        return first + timedelta(days=self.dice(f"onset {story}").randint(0, max(0, (last - first).days)))

    def has(self, story: str, day: date) -> bool:
        """Whether a chronic illness is already known on a day."""
        return story in self.resident.stories and day >= self.found(story)

    def glucose(self, day: date) -> float:
        """Usual fasting glucose (mmol/L): rising in the two years before diabetes is found."""
        if "diabetes" not in self.resident.stories:
            return 5.2
        years = (self.found("diabetes") - day).days / 365.25
        return 7.6 if years <= 0 else max(5.4, 6.7 - 0.6 * years)

    def load(self, day: date) -> float:
        """What high blood pressure adds to the systolic (mm[Hg]): most just before it is treated."""
        if "hypertension" not in self.resident.stories:
            return 0
        years = (self.found("hypertension") - day).days / 365.25
        return 10 if years <= 0 else max(5, 21 - 9 * years)

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
        """An outpatient contact in office hours of the next working day."""
        at = office_hour(self._clock(story, day), workday(day))
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

    def lying_in(
        self, story: str, at: datetime, days: int, department: str, reasons: Sequence[str], facts: Sequence[Fact]
    ) -> Consultation:  # fmt: skip
        """A stay around a birth in the maternity hospital, from a known moment, day or night."""
        end = office_hour(self._clock(story, at.date()), at.date() + timedelta(days=days))
        return self._contact(story, (at, end), self.maternity, department, reasons, facts, "I")

    def birth_moment(self, mother: Resident, born: date, order: int | None = None) -> datetime:
        """When a child came; the same in the mother's record, twins a few minutes apart."""
        first = any_hour(dice(self.seed, f"birth {born}", mother.index), born)
        wait = timedelta(minutes=7 * ((order or 1) - 1))
        return first + wait if (first + wait).date() == born else first

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
