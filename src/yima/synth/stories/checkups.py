"""Routine check-ups: yearly for everyone over 65, every year or two for employees."""

from collections.abc import Iterator
from datetime import date
from random import Random

from yima.synth.body import Body, clamp, normal_temperature, pulse
from yima.synth.days import add_days, add_months
from yima.synth.facts import Consultation, Fact, Measure, Problem, Report, Shot
from yima.synth.laboratory import biochemistry, blood_count, healthy_egfr, lipids
from yima.synth.life import Life


def elderly(life: Life) -> Iterator[Consultation]:
    """The yearly check of the national basic public health service from the age of 65."""
    rng, body = life.dice("elderly_check"), Body(life)
    first = max(life.start, add_months(life.resident.born, 65 * 12))
    day = add_days(first, rng.randint(20, 330))
    pneumococcal = rng.random() < 0.35
    while day <= life.end:
        if rng.random() < 0.75:
            yield _elderly_check(life, rng, body, day)
        if rng.random() < 0.25:
            yield _influenza_shot(life, rng, day.replace(month=10, day=rng.randint(8, 28)), pneumococcal=pneumococcal)
            pneumococcal = False
        day = add_days(day, rng.gauss(365, 25))


def _elderly_check(life: Life, rng: Random, body: Body, day: date) -> Consultation:
    age = life.age(day)
    facts: list[Fact] = [
        Problem("Z00.0", resolved=True),
        body.pressure(rng, day, 2),
        pulse(rng, age),
        normal_temperature(rng),
        *body.size(day, rng),
        Measure("waist", clamp(body.bmi * 3.5 + rng.gauss(0, 3), 66, 116)),
        Measure("smoking", _smoking(life, day)),
        blood_count(rng, man=life.man, hemoglobin=rng.gauss(142 if life.man else 129, 8) - max(0, age - 75) * 0.5),
        biochemistry(rng, age, man=life.man, glucose=life.glucose(day)),
        lipids(rng, 2.9),
        Report("ecg", conclusion=_ecg(rng, age)),
        Report("abdomen_us", conclusion=_liver(rng, body)),
    ]
    if age >= 70 and rng.random() < 0.5:
        facts.append(Measure("mmse", clamp(rng.gauss(28.5 - max(0, age - 75) * 0.25, 1.4), 8, 30)))
    return life.visit("elderly_check", day, life.primary, "0100", ["Z00.0"], facts, "H")


def _smoking(life: Life, day: date) -> str:
    if "copd" in life.resident.stories:
        return "已戒烟" if life.has("copd", day) else "现在每天吸烟"
    draw = life.dice("smoking").random()
    if life.man:
        return "现在每天吸烟" if draw < 0.42 else "已戒烟" if draw < 0.6 else "从不吸烟"
    return "现在每天吸烟" if draw < 0.02 else "从不吸烟"


def _ecg(rng: Random, age: int) -> str:
    draw = rng.random()
    if draw < 0.05 + max(0, age - 70) * 0.006:
        return "窦性心律，偶发房性早搏，ST-T改变。"
    return "窦性心律，不完全性右束支传导阻滞。" if draw > 0.93 else "窦性心律，大致正常心电图。"


def _liver(rng: Random, body: Body) -> str:
    if body.bmi > 26 and rng.random() < 0.7:
        return "脂肪肝（轻度）。胆、胰、脾、双肾未见明显异常。"
    return "胆囊结石，大小约8mm。余未见明显异常。" if rng.random() < 0.07 else "肝、胆、胰、脾、双肾未见明显异常。"


def _influenza_shot(life: Life, rng: Random, day: date, *, pneumococcal: bool) -> Consultation:
    """Influenza vaccine each autumn; the pneumococcal one once, with the first."""
    facts: list[Fact] = [normal_temperature(rng), Shot("flu", 1, f"{day.year}08{rng.randint(1, 60):03d}", "LA")]
    if pneumococcal:
        facts.append(Shot("ppv23", 1, f"{day.year}05{rng.randint(1, 60):03d}", "RA"))
    return life.visit("influenza_shot", day, life.primary, "0100", ["Z23"], facts)


def workplace(life: Life) -> Iterator[Consultation]:
    """An employee's check at the hospital, every year or two."""
    rng, body = life.dice("workplace_check"), Body(life)
    day = add_days(max(life.start, add_months(life.resident.born, 23 * 12)), rng.randint(60, 500))
    while day <= life.end and life.age(day) < 61:
        yield _workplace_check(life, rng, body, day)
        day = add_days(day, rng.choice((365, 365, 730)) + rng.randint(-30, 30))


def _workplace_check(life: Life, rng: Random, body: Body, day: date) -> Consultation:
    age = life.age(day)
    facts: list[Fact] = [
        Problem("Z00.0", resolved=True),
        body.pressure(rng, day),
        pulse(rng, age),
        *body.size(day, rng),
        blood_count(rng, man=life.man),
        biochemistry(rng, age, man=life.man, glucose=life.glucose(day), egfr=healthy_egfr(age)),
        lipids(rng, 2.7 + (age - 30) * 0.012),
        Measure("uric_acid", clamp(rng.gauss(358 if life.man else 272, 55), 160, 610)),
        Report("chest_xray", conclusion="两肺纹理清晰，心影大小形态正常，膈肌光整。"),
        Report("abdomen_us", conclusion=_liver(rng, body)),
    ]
    return life.visit("workplace_check", day, life.hospital, "0100", ["Z00.0"], facts, "H")
