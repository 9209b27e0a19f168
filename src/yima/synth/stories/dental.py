"""Teeth: fillings, scaling, root canals, a wisdom tooth."""

from collections.abc import Iterator

from yima.synth.days import add_days, add_months
from yima.synth.facts import Consultation, Drug, Fact, Operation, Problem
from yima.synth.life import Life

_ADULT = (
    ("K02.9", "23.2", "26牙", 8),
    ("K05.3", "96.54", "全口", 8),
    ("K04.0", "23.70", "36牙", 3),
    ("K01.1", "23.09", "48牙", 2),
)
_CHILD = (("K02.9", "23.2", "75牙", 6), ("K04.0", "23.70", "84牙", 1))


def story(life: Life) -> Iterator[Consultation]:
    """A visit every two years or so, at the centre or the hospital."""
    rng = life.dice("dental")
    day = add_days(max(life.start, add_months(life.resident.born, 60)), rng.randint(30, 700))
    while day <= life.end:
        table = _CHILD if life.age(day) < 12 else _ADULT
        icd10, operation, tooth, _ = rng.choices(table, weights=[row[3] for row in table])[0]
        facts: list[Fact] = [Problem(icd10, resolved=True), Operation(operation, tooth)]
        if operation in {"23.70", "23.09"} and life.age(day) >= 14:
            facts.append(Drug("ibuprofen", 0.3, "g", 2, 3, note="疼痛时服用"))
        if operation == "23.09" and life.age(day) >= 18:
            facts.append(Drug("metronidazole", 0.2, "g", 3, 3, note="餐后服用，用药期间禁酒"))
        place = life.primary if life.primary.has("1200") and rng.random() < 0.5 else life.hospital
        yield life.visit("dental", day, place, "1200", [icd10], facts)
        day = add_days(day, max(200, rng.gauss(800, 250)))
