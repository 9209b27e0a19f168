"""Pregnancy, birth and the weeks after, for each child of the record years.

Antenatal visits near weeks 8, 12, 16, 20, 24, 28, 30, 32, 34, 36, 37, 38, 39 as the
national guideline asks for; about one in six has gestational diabetes, one in five a
mild anaemia; twins are born at 36-37 weeks by caesarean section.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from yima.synth.body import Body, clamp, pulse
from yima.synth.days import AS_OF, add_days, age_on
from yima.synth.facts import Consultation, Drug, Fact, Measure, Operation, Problem, Report
from yima.synth.laboratory import blood_count
from yima.synth.life import Life

_WEEKS = (8, 12, 16, 20, 24, 28, 30, 32, 34, 36, 37, 38, 39)


@dataclass(frozen=True, slots=True)
class Term:
    """One pregnancy: first day, how many children, weeks at birth, how it ends, complications."""

    conceived: date
    weeks: int
    twins: bool
    caesarean: bool
    diabetic: bool
    anaemic: bool
    risky: bool

    @property
    def reason(self) -> str:
        """The ICD-10 code antenatal visits are booked under."""
        return "O30.0" if self.twins else "Z35.9" if self.risky else "Z34.9"


def story(life: Life) -> Iterator[Consultation]:
    """One pregnancy for each birthday among the children."""
    for born in sorted({child.born for child in life.children}):
        twins = sum(child.born == born for child in life.children) > 1
        rng = life.dice(f"pregnancy {born}")
        term = _term(life, rng, born, twins=twins)
        yield from _antenatal(life, rng, term, born)
        yield _birth(life, rng, term, born)
        yield _postpartum(life, rng, add_days(born, 42 + rng.randint(0, 6)))


def expecting(life: Life) -> Iterator[Consultation]:
    """A pregnancy that has not ended yet: about 30 weeks on AS_OF."""
    rng = life.dice("expecting")
    due = add_days(AS_OF, 70 + rng.randint(-6, 6))
    yield from _antenatal(life, rng, _term(life, rng, due, twins=False), due)


def _term(life: Life, rng: Random, born: date, *, twins: bool) -> Term:
    weeks = rng.choice((36, 37)) if twins else rng.choices((37, 38, 39, 40, 41), weights=(6, 18, 36, 32, 8))[0]
    age = age_on(life.resident.born, born)
    return Term(
        born - timedelta(days=weeks * 7 + rng.randint(0, 6)),
        weeks,
        twins,
        twins or rng.random() < 0.42,
        rng.random() < 0.16,
        rng.random() < 0.20,
        age >= 35,
    )


def _antenatal(life: Life, rng: Random, term: Term, born: date) -> Iterator[Consultation]:
    body = Body(life)
    for week in _WEEKS:
        day = add_days(term.conceived, week * 7 + rng.randint(0, 4))
        if day >= born - timedelta(days=1):
            return
        if week in {30, 34, 37} and not (term.risky or term.twins) and rng.random() < 0.5:
            continue
        facts = _routine(life, rng, body, term, day, week)
        facts += _special(life, rng, term, week)
        at_centre = week == 8 and life.primary.has("0500")
        place = life.primary if at_centre else life.maternity
        yield life.visit("pregnancy", day, place, "0500", [term.reason], facts)


def _routine(life: Life, rng: Random, body: Body, term: Term, day: date, week: int) -> list[Fact]:
    gain = max(0.0, week - 12) * (0.52 if term.twins else 0.43)
    facts: list[Fact] = [
        Measure("gestation", week),
        body.pressure(rng, day, -4 if week < 28 else 0),
        Measure("weight", body.weight(term.conceived) * 0.96 + gain + rng.gauss(0, 0.4)),
        pulse(rng, life.age(day), 8),
        Measure("urine_protein", "阴性", abnormal=False),
    ]
    if week >= 16:
        facts.append(Measure("fetal_heart", clamp(rng.gauss(145, 6), 124, 162)))
    if week >= 20:
        facts.append(Measure("fundal_height", week - 1 + (4 if term.twins else 0) + rng.gauss(0, 1)))
    return facts


def _special(life: Life, rng: Random, term: Term, week: int) -> list[Fact]:
    """What belongs to one week: booking bloods, ultrasounds, glucose test."""
    match week:
        case 8:
            return [*_booking(life, rng), Drug("folic_acid", 0.4, "mg", 1, 84)]
        case 12:
            count = "双活胎，双绒毛膜双羊膜囊。" if term.twins else "单活胎。"
            return [Report("fetal_us", conclusion=f"宫内妊娠12周，{count}NT 1.{rng.randint(1, 8)}mm。", ordered=True)]
        case 20:
            return [Report("fetal_us", conclusion="胎儿系统超声筛查未见明显异常，羊水量正常。", ordered=True)]
        case 24:
            return _tolerance(rng, term)
        case 28:
            level = rng.gauss(103, 4) if term.anaemic else rng.gauss(119, 6)
            iron: list[Fact] = (
                [Problem("O99.0"), Drug("iron", 0.1, "g", 2, 56, note="餐后服用")] if term.anaemic else []
            )
            return [blood_count(rng, man=False, hemoglobin=level), *iron, Drug("calcium_d", 0.6, "g", 1, 84)]
        case 32 | 36:
            grams = rng.randint(1800, 2100) if week == 32 else rng.randint(2550, 2950)
            note = "双胎，估重相差<10%。" if term.twins else f"估重约{grams}g。"
            return [Report("fetal_us", conclusion=f"头位，{note}胎盘成熟度Ⅱ级，羊水指数{rng.randint(9, 17)}cm。")]
    return []


def _booking(life: Life, rng: Random) -> list[Fact]:
    group = life.dice("blood group").choices(("A型", "B型", "O型", "AB型"), weights=(28, 27, 35, 10))[0]
    tests = (
        Measure("hbsag", "阴性", abnormal=False),
        Measure("hiv_ab", "阴性", abnormal=False),
        Measure("tppa", "阴性", abnormal=False),
        Measure("blood_group", group),
        Measure("rh", "阳性"),
    )
    thyroid = Measure("tsh", clamp(rng.gauss(1.6, 0.6), 0.4, 3.9))
    return [
        blood_count(rng, man=False, hemoglobin=rng.gauss(127, 6)),
        Report("immunology", tests, title="产前检查"),
        thyroid,
    ]


def _tolerance(rng: Random, term: Term) -> list[Fact]:
    """The 75 g glucose test: gestational diabetes from 5.1 fasting or 8.5 after two hours."""
    if term.diabetic:
        values = (rng.uniform(5.1, 5.7), rng.uniform(8.6, 10.4))
        return [
            Problem("O24.4", note="医学营养治疗，自我监测血糖"),
            Measure("glucose", values[0]),
            Measure("glucose_2h", values[1]),
        ]
    return [Measure("glucose", rng.uniform(4.1, 4.9)), Measure("glucose_2h", rng.uniform(5.6, 8.2))]


def _birth(life: Life, rng: Random, term: Term, born: date) -> Consultation:
    """The mother's stay: in a few hours before the birth, home after three or four days."""
    planned = term.twins or rng.random() < 0.6
    code = "O84.2" if term.twins else ("O82.0" if planned else "O82.1") if term.caesarean else "O80.0"
    before = rng.randint(3, 12)
    facts: list[Fact] = [
        Problem(code, resolved=True, note=f"孕{term.weeks}周，{'双胎' if term.twins else '单胎'}，母婴平安"),
        Measure("gestation", term.weeks),
        Body(life).pressure(rng, born),
        Operation("74.1" if term.caesarean else "73.59", hours=before),
        Drug("oxytocin", 10, "单位", 1, 1, route="静脉滴注", hours=before + 0.2),
        blood_count(rng, man=False, hemoglobin=rng.gauss(106, 6), hours=before + 26),
    ]
    if term.caesarean:
        facts.append(Drug("cefazolin", 2, "g", 1, 1, route="静脉滴注", note="术前30分钟", hours=before - 0.5))
    at = life.birth_moment(life.resident, born) - timedelta(hours=before)
    return life.lying_in("pregnancy", at, 5 if term.caesarean else 4, "0500", [code], facts)


def _postpartum(life: Life, rng: Random, day: date) -> Consultation:
    facts: list[Fact] = [
        Problem("Z39.2", resolved=True, note="子宫复旧好，恶露净，母乳喂养"),
        Body(life).pressure(rng, day),
        Measure("weight", Body(life).weight(day) + 3),
        Measure("hemoglobin", clamp(rng.gauss(121, 6), 105, 140)),
    ]
    return life.visit("pregnancy", day, life.maternity, "0500", ["Z39.2"], facts)
