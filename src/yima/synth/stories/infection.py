"""HIV infection and syphilis: found by voluntary testing, treated, followed up.

Like psychiatry these are level 5 of GB/T 39725 and need stricter consent.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from yima.synth.body import Body, clamp
from yima.synth.days import add_days
from yima.synth.facts import Consultation, Drug, Fact, Measure, Problem, Report
from yima.synth.laboratory import biochemistry, blood_count
from yima.synth.life import Life


def hiv(life: Life) -> Iterator[Consultation]:
    """Counselling and test at the CDC, treatment at the infectious diseases department.

    The viral load is suppressed within half a year; CD4 rises fast, then slowly.
    """
    rng = life.dice("hiv")
    found = life.found("hiv")
    yield _test(life, found)
    start = found + timedelta(days=15)
    baseline = rng.uniform(260, 420)
    day, number = start, 0
    while day <= life.end:
        yield _clinic(life, rng, day, start, baseline)
        number += 1
        day = add_days(day, 30 if number < 3 else rng.gauss(91, 8))


def _test(life: Life, day: date) -> Consultation:
    results = (Measure("hiv_ab", "阳性（确证试验）", abnormal=True), Measure("tppa", "阴性", abnormal=False))
    facts: list[Fact] = [
        Problem("Z71.7", resolved=True, note="自愿咨询检测"),
        Problem("B24", chronic=True, onset=day),
        Report("immunology", results, title="HIV抗体确证试验", ordered=True),
    ]
    return life.visit("hiv", day, life.of_kind("J"), "1600", ["Z71.7"], facts)


def _clinic(life: Life, rng: Random, day: date, start: date, baseline: float) -> Consultation:
    months = (day - start).days / 30.4
    cells = baseline + min(months, 12) * 14 + max(0, months - 12) * 3
    load = 48_000 * 10 ** (-1.1 * min(months, 6))
    facts: list[Fact] = [
        Body(life).pressure(rng, day),
        Measure("weight", Body(life).weight(day) - 2 + min(months, 10) * 0.2),
        Measure("cd4", clamp(rng.gauss(cells, 35), 120, 980)),
        Drug("dolutegravir", 50, "mg", 1, 91, note="每日固定时间服用，勿漏服"),
        Drug("lamivudine", 0.3, "g", 1, 91),
        Drug("tenofovir", 0.3, "g", 1, 91),
    ]
    if months < 1 or rng.random() < 0.45:
        facts += [blood_count(rng, man=life.man), biochemistry(rng, life.age(day), man=life.man)]
        facts.insert(2, Measure("hiv_rna", round(load) if load >= 40 else 20))
    if months < 1:
        facts.insert(0, Problem("B24", chronic=True, onset=start - timedelta(days=15)))
    return life.visit("hiv", day, life.tertiary, "1600", ["B24"], facts)


def syphilis(life: Life) -> Iterator[Consultation]:
    """Secondary syphilis: three weekly injections, RPR titre falling fourfold in half a year.

    With a penicillin allergy the text book answer is doxycycline; the story is not given to
    both at once.
    """
    rng = life.dice("syphilis")
    found = life.found("syphilis")
    titre = rng.choice((32, 64, 128))
    serology = (
        Measure("tppa", "阳性", abnormal=True),
        Measure("rpr", titre),
        Measure("hiv_ab", "阴性", abnormal=False),
    )
    first: list[Fact] = [
        Problem("A51.3", chronic=True, onset=found, note="躯干、掌跖暗红色斑疹2周，无痛痒"),
        Report("immunology", serology, title="梅毒血清学检测", ordered=True),
        _injection(),
    ]
    yield life.visit("syphilis", found, life.tertiary, "1300", ["A51.3"], first)
    for week in (1, 2):
        yield life.visit("syphilis", found + timedelta(days=7 * week), life.tertiary, "1300", ["A51.3"], [_injection()])
    for months in (3, 6, 9, 12, 18, 24):
        value = max(1, titre // 2 ** (months // 3 if months <= 12 else 5))
        repeat: list[Fact] = [Report("immunology", (Measure("rpr", value),), title="梅毒血清学复查")]
        if months == 24:
            repeat.insert(0, Problem("A51.3", resolved=True, onset=found, note="血清固定或转阴，临床治愈"))
        yield life.visit("syphilis", add_days(found, months * 30.4), life.of_kind("J"), "1600", ["A51.3"], repeat)


def _injection() -> Drug:
    return Drug("benzathine_penicillin", 240, "万单位", 1 / 7, 1, route="肌内注射", note="皮试阴性后，分两侧臀部注射")
