"""Laboratory reports with believable, mutually consistent values."""

from random import Random

from .body import clamp
from .facts import Measure, Report


def blood_count(
    rng: Random,
    *,
    man: bool,
    bacterial: bool = False,
    viral: bool = False,
    hemoglobin: float | None = None,
    hours: float = 1,
) -> Report:
    """A complete blood count; infections move leukocytes and C-reactive protein."""
    neutrophil = rng.gauss(80, 4) if bacterial else rng.gauss(46, 6) if viral else rng.gauss(57, 6)
    leukocytes = rng.gauss(13.5, 2) if bacterial else rng.gauss(5.2, 1.1) if viral else rng.gauss(6.3, 1.1)
    protein = rng.gauss(46, 16) if bacterial else rng.gauss(6, 4) if viral else rng.gauss(2.2, 1.3)
    red = hemoglobin if hemoglobin is not None else rng.gauss(150 if man else 131, 8)
    neutrophil = clamp(neutrophil, 28, 93)
    infection = (Measure("crp", clamp(protein, 0.4, 160), hours=hours),) if bacterial or viral else ()
    return Report(
        "cbc",
        (
            Measure("wbc", clamp(leukocytes, 3.0 if viral else 3.7, 22 if bacterial else 9.8), hours=hours),
            Measure("neutrophil", neutrophil, hours=hours),
            Measure("hemoglobin", clamp(red, 55, 182), hours=hours),
            Measure("platelet", clamp(rng.gauss(228, 42), 110, 390), hours=hours),
            *infection,
        ),
        hours=hours + 0.3,
    )


def child_count(rng: Random, *, bacterial: bool, viral: bool) -> Report:
    """A blood count of a child: smaller haemoglobin, more lymphocytes."""
    return blood_count(rng, man=False, bacterial=bacterial, viral=viral, hemoglobin=rng.gauss(124, 6))


def lipids(rng: Random, ldl: float, triglyceride: float = 1.4, hdl: float = 1.25) -> Report:
    """A lipid panel around an LDL level; total cholesterol follows Friedewald's sum."""
    low = clamp(rng.gauss(ldl, 0.2), 0.9, 6.5)
    fat = clamp(rng.gauss(triglyceride, 0.3), 0.5, 7.5)
    high = clamp(rng.gauss(hdl, 0.12), 0.7, 2.2)
    total = low + high + fat / 2.2
    return Report(
        "lipids",
        (Measure("cholesterol", total), Measure("triglyceride", fat), Measure("hdl", high), Measure("ldl", low)),
    )


def creatinine(egfr: float, age: int, *, man: bool) -> float:
    """Serum creatinine (umol/L) that gives this eGFR: CKD-EPI 2009, solved for creatinine."""
    kappa, sex = (79.6, 1.0) if man else (61.9, 1.018)
    ratio = egfr / (141 * sex * 0.993**age)
    power = -0.411 if man else -0.329
    if ratio > 1:
        return float(kappa * ratio ** (1 / power))
    return float(kappa * ratio ** (1 / -1.209))


def renal(rng: Random, egfr: float, age: int, *, man: bool) -> tuple[Measure, ...]:
    """Creatinine and eGFR that agree with each other."""
    rate = clamp(rng.gauss(egfr, 3), 12, 128)
    return (
        Measure("creatinine", creatinine(rate, age, man=man)),
        Measure("egfr", rate),
    )


def healthy_egfr(age: int) -> float:
    """Usual filtration rate by age."""
    return clamp(118 - 0.78 * max(0, age - 25), 58, 120)


def liver(rng: Random, factor: float = 1) -> tuple[Measure, ...]:
    """Transaminases, around normal times a factor."""
    alt = clamp(rng.gauss(21, 6) * factor, 7, 240)
    return (Measure("alt", alt), Measure("ast", clamp(alt * 0.8 + rng.gauss(4, 3), 11, 220)))


def biochemistry(rng: Random, age: int, *, man: bool, glucose: float = 5.2, egfr: float | None = None) -> Report:
    """Glucose, kidney and liver values as one report."""
    rate = healthy_egfr(age) if egfr is None else egfr
    return Report(
        "biochemistry",
        (Measure("glucose", clamp(rng.gauss(glucose, 0.3), 3.6, 24)), *renal(rng, rate, age, man=man), *liver(rng)),
    )
