"""Type 2 diabetes: metformin first, then a second drug, then basal insulin.

HbA1c falls after each step and creeps up between steps (about 0.25 points a year).
Yearly: lipids, kidney function, albumin/creatinine ratio, fundus, feet.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

from yima.synth.body import Body, clamp, pulse
from yima.synth.days import add_days
from yima.synth.facts import Consultation, Drug, Fact, Measure, Problem, Report
from yima.synth.laboratory import biochemistry, healthy_egfr, lipids, renal
from yima.synth.life import Life

SUPPLY = 84

_LADDER: tuple[tuple[Drug, float], ...] = (
    (Drug("metformin", 0.5, "g", 2, SUPPLY, note="餐中服用"), 1.5),
    (Drug("gliclazide", 60, "mg", 1, SUPPLY, note="早餐时服用"), 1.1),
    (Drug("dapagliflozin", 10, "mg", 1, SUPPLY, note="晨起服用，注意多饮水"), 0.7),
    (Drug("glargine", 14, "单位", 1, SUPPLY, route="皮下注射", note="睡前注射，监测空腹血糖"), 1.3),
)
"""Treatment steps and the HbA1c points each takes off."""


@dataclass(slots=True)
class Sugar:
    """The state of the illness: current HbA1c (%), treatment steps taken, kidney loss (mL/min a year)."""

    hba1c: float
    steps: int
    since: date
    decline: float
    albumin: float

    def fasting(self, rng: Random) -> float:
        """Fasting glucose (mmol/L) that goes with the HbA1c."""
        return clamp(1.35 * self.hba1c - 2.2 + rng.gauss(0, 0.6), 4.2, 21)

    def drugs(self) -> list[Fact]:
        """Today's prescription."""
        statin = Drug("atorvastatin", 20, "mg", 1, SUPPLY, note="睡前服用")
        return [*(drug for drug, _ in _LADDER[: self.steps]), statin]

    def step_up(self) -> None:
        """Add the next drug of the ladder."""
        if self.steps < len(_LADDER):
            self.hba1c -= _LADDER[self.steps][1]
            self.steps += 1

    def years(self, day: date) -> float:
        """Years since it was found."""
        return (day - self.since).days / 365.25


def story(life: Life) -> Iterator[Consultation]:
    """Diagnosis at the hospital, follow-up at the primary centre, a yearly complication check."""
    rng, body = life.dice("diabetes"), Body(life)
    found = life.found("diabetes")
    sugar = Sugar(rng.uniform(7.6, 10.4), 0, found, rng.uniform(0.8, 3.0), rng.uniform(6, 24))
    yield _diagnosis(life, rng, body, sugar)
    sugar.step_up()
    day, count = add_days(found, rng.randint(80, 100)), 0
    while day <= life.end:
        sugar.hba1c = clamp(sugar.hba1c + rng.gauss(0.07, 0.12), 5.7, 12.5)
        if count % 4 == 3:
            yield _yearly(life, rng, sugar, add_days(day, 5))
        if rng.random() > 0.15:
            yield _follow_up(life, rng, body, sugar, day, first=count == 0)
        count += 1
        day = add_days(day, rng.gauss(91, 11))


def _egfr(life: Life, sugar: Sugar, day: date) -> float:
    return healthy_egfr(life.age(sugar.since)) - sugar.decline * sugar.years(day)


def _diagnosis(life: Life, rng: Random, body: Body, sugar: Sugar) -> Consultation:
    day, age = sugar.since, life.age(sugar.since)
    facts: list[Fact] = [
        Problem("E11.9", chronic=True, onset=day, note="口渴、多饮、多尿2月，体重下降3kg"),
        Problem("E78.5", chronic=True, onset=day),
        body.pressure(rng, day, 6),
        *body.size(day, rng),
        Measure("waist", clamp(body.bmi * 3.6 + rng.gauss(0, 3), 68, 118)),
        Measure("hba1c", sugar.hba1c),
        biochemistry(rng, age, man=life.man, glucose=sugar.fasting(rng), egfr=_egfr(life, sugar, day)),
        lipids(rng, 3.7, 2.3, 1.05),
        Measure("uacr", sugar.albumin),
        Drug("metformin", 0.5, "g", 2, SUPPLY, note="餐中服用"),
        Drug("atorvastatin", 20, "mg", 1, SUPPLY, note="睡前服用"),
    ]
    return life.visit("diabetes", day, life.hospital, "0300", ["E11.9"], facts)


def _follow_up(life: Life, rng: Random, body: Body, sugar: Sugar, day: date, *, first: bool) -> Consultation:
    facts: list[Fact] = [
        body.pressure(rng, day, 6),
        pulse(rng, life.age(day)),
        Measure("weight", body.weight(day) + rng.gauss(0, 0.6)),
        Measure("glucose", sugar.fasting(rng)),
    ]
    if first:
        facts.insert(0, Problem("E11.9", chronic=True))
    measured = rng.random() < 0.5
    if measured:
        facts.append(Measure("hba1c", sugar.hba1c))
    if measured and sugar.hba1c > 7.4 and rng.random() < 0.75:
        sugar.step_up()
    facts += sugar.drugs()
    department = "0200" if life.primary.has("0200") else "0300"
    return life.visit("diabetes", day, life.primary, department, ["E11.9"], facts)


def _yearly(life: Life, rng: Random, sugar: Sugar, day: date) -> Consultation:
    """The yearly search for complications; they become likelier with years and sugar."""
    years = sugar.years(day)
    sugar.albumin *= 1 + max(0, sugar.hba1c - 6.5) * rng.uniform(0.03, 0.12)
    eye = years > 3 and sugar.hba1c > 7 and rng.random() < 0.35
    kidney = sugar.albumin > 30
    facts: list[Fact] = [
        Measure("hba1c", sugar.hba1c),
        Report("biochemistry", (Measure("glucose", sugar.fasting(rng)),
                                *renal(rng, _egfr(life, sugar, day), life.age(day), man=life.man))),
        lipids(rng, 2.2, 1.6, 1.15),
        Measure("uacr", clamp(sugar.albumin, 3, 900)),
        Report("fundus", conclusion=_FUNDUS[eye], title="双眼眼底照相", ordered=True),
        Measure("foot", _FEET[rng.random() < 0.2], abnormal=None),
    ]  # fmt: skip
    if eye:
        facts.insert(0, Problem("E11.3", chronic=True))
    if kidney:
        facts.insert(0, Problem("E11.2", chronic=True))
    return life.visit("diabetes", day, life.hospital, "0300", ["E11.9"], facts)


_FUNDUS = {
    False: "双眼视盘边界清，未见明显出血及渗出。",
    True: "双眼后极部可见微血管瘤及散在点状出血：轻度非增殖期糖尿病视网膜病变。",
}
_FEET = {
    False: "双足皮肤完整，足背动脉搏动良好，10g尼龙丝试验阴性。",
    True: "双足皮肤干燥，10g尼龙丝试验双侧减退，足背动脉搏动可及。",
}
