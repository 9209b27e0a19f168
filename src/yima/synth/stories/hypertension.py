"""Hypertension: found at a check, treated in steps, followed up every three months.

Stepwise treatment as the Chinese guideline: one drug, then two, then three; target below
140/90. Follow-up at the primary centre (national basic public health service), a yearly
look at kidneys, lipids and heart at the hospital.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

from yima.synth.body import Body, pulse
from yima.synth.days import add_days
from yima.synth.facts import Consultation, Drug, Fact, Measure, Problem, Report
from yima.synth.laboratory import biochemistry, lipids
from yima.synth.life import Life

SUPPLY = 84
"""Days: a long prescription for a stable chronic illness."""

_FIRST = (
    ("amlodipine", 5, "mg", 1), ("valsartan", 80, "mg", 1), ("irbesartan", 150, "mg", 1), ("nifedipine", 30, "mg", 1)
)  # fmt: skip
_SECOND = {"amlodipine": ("valsartan", 80, "mg", 1), "nifedipine": ("irbesartan", 150, "mg", 1)}
_DIURETIC = ("indapamide", 1.5, "mg", 1)


@dataclass(slots=True)
class Course:
    """Where the illness stands: what it adds to the pressure, and the treatment steps."""

    load: float
    steps: list[tuple[str, float, str, float]]

    def intensify(self) -> None:
        """Add the next drug; each lowers the systolic by roughly ten."""
        if len(self.steps) == 1:
            self.steps.append(_SECOND.get(self.steps[0][0], ("amlodipine", 5, "mg", 1)))
            self.load -= 11
        elif len(self.steps) == 2:
            self.steps.append(_DIURETIC)
            self.load -= 8

    def drugs(self) -> list[Fact]:
        """The prescription of today."""
        return [Drug(m, dose, unit, per_day, SUPPLY, note="晨起服用") for m, dose, unit, per_day in self.steps]


def story(life: Life) -> Iterator[Consultation]:
    """Diagnosis, follow-ups with treatment steps, yearly hospital review."""
    rng, body = life.dice("hypertension"), Body(life)
    found = life.found("hypertension")
    course = Course(rng.uniform(152, 176) - body.resting(found), [rng.choice(_FIRST)])
    yield _diagnosis(life, rng, body, found, course)
    course.load -= rng.uniform(10, 17)
    day, count = add_days(found, rng.randint(14, 28)), 0
    while day <= life.end:
        if rng.random() > 0.22:
            yield _follow_up(life, rng, body, day, course, first=count == 0)
        if count % 4 == 3 and rng.random() < 0.6:
            yield _review(life, rng, add_days(day, rng.randint(3, 20)))
        count += 1
        day = add_days(day, rng.gauss(91, 12))


def _diagnosis(life: Life, rng: Random, body: Body, day: date, course: Course) -> Consultation:
    age = life.age(day)
    facts: list[Fact] = [
        Problem("I10", chronic=True, onset=day, note="非同日三次测量血压均升高"),
        body.pressure(rng, day, course.load),
        pulse(rng, age, 4),
        *body.size(day, rng),
        biochemistry(rng, age, man=life.man, glucose=life.glucose(day)),
        lipids(rng, 3.3),
        Report("ecg", conclusion="窦性心律，左室高电压。" if rng.random() < 0.35 else "窦性心律，大致正常心电图。"),
        *course.drugs(),
    ]
    return life.visit("hypertension", day, life.hospital, "0300", ["I10"], facts)


def _follow_up(life: Life, rng: Random, body: Body, day: date, course: Course, *, first: bool) -> Consultation:
    reading = body.pressure(rng, day, course.load + _missed(rng))
    facts: list[Fact] = [reading, pulse(rng, life.age(day))]
    if rng.random() < 0.4:
        facts.append(Measure("weight", body.weight(day) + rng.gauss(0, 0.5)))
    if first:
        facts.insert(0, Problem("I10", chronic=True))
    if reading.systolic >= 145 and rng.random() < 0.7:
        course.intensify()
    facts += course.drugs()
    department = "0200" if life.primary.has("0200") else "0300"
    return life.visit("hypertension", day, life.primary, department, ["I10"], facts)


def _missed(rng: Random) -> float:
    """Now and then tablets were forgotten, and the pressure shows it."""
    return rng.uniform(8, 22) if rng.random() < 0.12 else 0


def _review(life: Life, rng: Random, day: date) -> Consultation:
    age = life.age(day)
    facts: list[Fact] = [
        Body(life).pressure(rng, day, 14),
        biochemistry(rng, age, man=life.man, glucose=life.glucose(day)),
        lipids(rng, 2.9),
        Measure("potassium", max(3.3, rng.gauss(4.2, 0.25))),
        Report("ecg", conclusion="窦性心律，大致正常心电图。", ordered=True),
    ]
    return life.visit("hypertension", day, life.hospital, "0300", ["I10"], facts)
