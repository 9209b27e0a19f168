"""Who gets which clinical story: rough Chinese prevalences by age and sex.

Sources (rounded, only managed cases): China Chronic Disease and Risk Factor Surveillance
for hypertension and diabetes, the China Pulmonary Health study for COPD, the China
Mental Health Survey for psychiatric disorders. Rare stories are a little more common
than in life so that a small city shows them.
"""

from collections.abc import Iterator
from datetime import date
from random import Random

from .days import AS_OF, age_on
from .names import Sex

EVERYONE = ("everyday",)


def stories(rng: Random, sex: Sex, born: date) -> tuple[str, ...]:
    """Names of the stories of one person, drawn by age and sex."""
    return EVERYONE + tuple(_drawn(rng, sex, age_on(born, AS_OF)))


def _drawn(rng: Random, sex: Sex, age: int) -> Iterator[str]:
    # Every chance is drawn whether it can apply or not, so a change of one age leaves the others.
    draws = {name: rng.random() for name in _CHANCES}
    for name, bands in _CHANCES.items():
        only = _ONLY.get(name)
        if only is not None and only != sex:
            continue
        chance = next((p for low, p in bands if age >= low), 0.0)
        if draws[name] < chance:
            yield name


_CHANCES: dict[str, tuple[tuple[int, float], ...]] = {
    # (from age, probability), oldest first
    "childhood": ((11, 0.0), (0, 1.0)),
    "elderly_check": ((65, 0.66),),
    "hypertension": ((75, 0.46), (60, 0.36), (45, 0.17), (33, 0.05)),
    "diabetes": ((60, 0.16), (45, 0.09), (35, 0.025)),
    "copd": ((60, 0.06), (45, 0.02)),
    "injury": ((65, 0.08), (12, 0.05), (6, 0.04)),
    "screening": ((75, 0.0), (40, 0.22), (35, 0.12)),
    "breast_cancer": ((75, 0.0), (45, 0.008), (38, 0.003)),
    "colon_cancer": ((80, 0.0), (55, 0.006)),
    "psychosis": ((70, 0.0), (20, 0.005)),
    "depression": ((70, 0.01), (18, 0.02)),
    "hiv": ((65, 0.0), (22, 0.0015)),
    "syphilis": ((65, 0.0), (20, 0.003)),
    "penicillin_allergy": ((16, 0.008),),
    "allergic_rhinitis": ((60, 0.02), (6, 0.07)),
    "dental": ((12, 0.16), (5, 0.18)),
    "stroke": ((75, 0.05), (62, 0.03)),
    "cataract": ((90, 0.0), (70, 0.10)),
    "workplace_check": ((60, 0.0), (24, 0.18)),
}

_ONLY: dict[str, Sex] = {"breast_cancer": "female"}
