"""Psychiatric care at the mental health centre: schizophrenia and depression.

The most closely guarded class of records (GB/T 39725 level 5): demonstrations of consent
need it to exist.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from yima.synth.body import Body, clamp, pulse
from yima.synth.days import add_days
from yima.synth.facts import Consultation, Drug, Fact, Measure, Operation, Problem
from yima.synth.laboratory import biochemistry, blood_count, lipids
from yima.synth.life import Life


def psychosis(life: Life) -> Iterator[Consultation]:
    """A first admission of about a month, then monthly to two-monthly visits for years."""
    rng, body = life.dice("psychosis"), Body(life)
    centre = life.of_kind("A520")
    found = life.found("psychosis")
    yield _admission(life, rng, body, found)
    dose, gain = 15.0, 0.0
    day = found + timedelta(days=50)
    while day <= life.end:
        gain = clamp(gain + rng.gauss(0.35, 0.4), -1, 9)
        dose = 10.0 if (day - found).days > 400 else dose
        facts: list[Fact] = [
            body.pressure(rng, day),
            pulse(rng, life.age(day), 6),
            Measure("weight", body.weight(day) + gain),
            Drug("olanzapine", dose, "mg", 1, 56, note="睡前服用"),
        ]
        if rng.random() < 0.3:
            glucose = 5.1 + gain * 0.08
            facts.append(biochemistry(rng, life.age(day), man=life.man, glucose=glucose))
            facts.append(lipids(rng, 2.7, 1.5 + gain * 0.08))
        if rng.random() > 0.08:
            yield life.visit("psychosis", day, centre, "1500", ["F20.0"], facts)
        day = add_days(day, rng.gauss(54, 9))


def _admission(life: Life, rng: Random, body: Body, day: date) -> Consultation:
    facts: list[Fact] = [
        Problem("F20.0", chronic=True, onset=day, note="凭空闻语、疑人迫害3月，由家属陪同入院"),
        body.pressure(rng, day),
        pulse(rng, life.age(day), 12),
        *body.size(day, rng),
        blood_count(rng, man=life.man),
        biochemistry(rng, life.age(day), man=life.man),
        Measure("prolactin", clamp(rng.gauss(14, 4), 5, 24)),
        Drug("olanzapine", 15, "mg", 1, 28, note="睡前服用"),
    ]
    return life.stay("psychosis", day, rng.randint(26, 34), life.of_kind("A520"), "1500", ["F20.0"], facts)


def depression(life: Life) -> Iterator[Consultation]:
    """A moderate episode: an SSRI and counselling until the scores are low, then tapering."""
    rng, body = life.dice("depression"), Body(life)
    found = life.found("depression")
    score, anxiety = rng.uniform(15, 19), rng.uniform(9, 14)
    day, number = found, 0
    while day <= life.end and number < 11:
        tablet = Drug("escitalopram", 5 if number == 0 else 10, "mg", 1, 28 if number < 4 else 56, note="早餐后服用")
        facts: list[Fact] = [
            body.pressure(rng, day),
            Measure("phq9", clamp(score, 0, 27)),
            Measure("gad7", clamp(anxiety, 0, 21)),
            tablet,
        ]
        if number == 0:
            facts.insert(0, Problem("F32.1", chronic=True, onset=day, note="情绪低落、兴趣减退、早醒2月，无自杀观念"))
        if number < 5:
            facts.append(Operation("94.49", note="认知行为治疗 50分钟"))
        yield life.visit("depression", day, life.of_kind("A520"), "1500", ["F32.1"], facts)
        score, anxiety = max(1, score * rng.uniform(0.68, 0.86)), max(1, anxiety * rng.uniform(0.68, 0.88))
        number += 1
        day = add_days(day, 14 if number == 1 else rng.gauss(30 if number < 5 else 56, 4))
