"""Allergies: penicillin anaphylaxis in the emergency department, and hay fever."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from yima.synth.body import Body, pulse
from yima.synth.days import add_days, add_months, between
from yima.synth.facts import Allergy, Consultation, Drug, Fact, Measure, Pressure, Problem
from yima.synth.life import Life


def penicillin(life: Life) -> Iterator[Consultation]:
    """Anaphylactic shock minutes after an injection; later recorded at the primary centre too."""
    rng = life.dice("penicillin_allergy")
    earliest = max(life.start, add_months(life.resident.born, 12 * 15))
    day = between(rng, earliest, max(earliest, life.end - timedelta(days=500)))
    allergy = Allergy("青霉素类", "penicillins", "medication", "过敏性休克", "severe", "high", day)
    facts: list[Fact] = [
        Problem("T88.6", resolved=True, note="静滴青霉素约5分钟后胸闷、全身风团、意识模糊"),
        allergy,
        Pressure(rng.randint(66, 78), rng.randint(36, 46), hours=0.05),
        pulse(rng, life.age(day), 48),
        Measure("spo2", rng.randint(86, 91), hours=0.05),
        Drug("epinephrine", 0.5, "mg", 1, 1, route="肌内注射", note="大腿外侧，立即", hours=0.05),
        Drug("dexamethasone", 10, "mg", 1, 1, route="静脉注射", hours=0.15),
        Pressure(rng.randint(106, 122), rng.randint(64, 76), hours=1.5),
        Measure("spo2", rng.randint(97, 99), hours=1.5),
    ]
    yield life.emergency("penicillin_allergy", day, life.hospital, ["T88.6"], facts)
    yield _recorded(life, rng, add_days(day, rng.randint(20, 200)), allergy)


def _recorded(life: Life, rng: Random, day: date, allergy: Allergy) -> Consultation:
    facts: list[Fact] = [Problem("Z88.0", chronic=True, onset=allergy.onset), allergy, Body(life).pressure(rng, day)]
    department = "0200" if life.primary.has("0200") else "0300"
    return life.visit("penicillin_allergy", day, life.primary, department, ["Z88.0"], facts)


def rhinitis(life: Life) -> Iterator[Consultation]:
    """Allergic rhinitis with a visit in some springs and autumns."""
    rng = life.dice("allergic_rhinitis")
    earliest = max(life.start, add_months(life.resident.born, 12 * 6))
    first = True
    for year in range(earliest.year + 1, life.end.year + 1):
        if not first and rng.random() < 0.5:
            continue
        day = date(year, rng.choice((4, 5, 9)), rng.randint(2, 27))
        child = life.age(day) < 12
        facts: list[Fact] = [
            Problem("J30.4", chronic=first, onset=day if first else None),
            Drug("mometasone_nasal", 1 if child else 2, "喷", 1, 30, route="鼻腔喷入", note="每侧鼻孔"),
            Drug("cetirizine_child", 10, "滴", 1, 14)
            if child
            else Drug("loratadine", 10, "mg", 1, 14, note="睡前服用"),
        ]
        if first:
            facts.insert(1, Allergy("尘螨", "house dust mite", "environment", "鼻痒、连续喷嚏", "mild", "low", day))
        first = False
        yield life.visit("allergic_rhinitis", day, life.hospital, "1100", ["J30.4"], facts)
