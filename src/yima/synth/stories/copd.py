"""COPD: spirometry, inhalers, a yearly winter exacerbation, some with admission."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from yima.synth.body import Body, clamp, fever, pulse
from yima.synth.days import add_days
from yima.synth.facts import Consultation, Drug, Fact, Measure, Operation, Problem, Report
from yima.synth.laboratory import blood_count
from yima.synth.life import Life

_TIOTROPIUM = Drug("tiotropium", 18, "μg", 1, 84, route="吸入", note="每日固定时间吸入")
_COMBINED = Drug("budesonide_formoterol", 1, "吸", 2, 84, route="吸入", note="吸入后漱口")
_RELIEVER = Drug("salbutamol", 2, "揿", 1, 84, route="吸入", note="气促时必要时使用，一日不超过8揿")


def story(life: Life) -> Iterator[Consultation]:
    """Diagnosis, half-yearly lung function, admissions in winter; FEV1 falls about 45 mL a year."""
    rng = life.dice("copd")
    found = life.found("copd")
    lung = rng.uniform(1.3, 1.9) if life.man else rng.uniform(1.0, 1.4)
    admissions = 0
    yield _clinic(life, rng, found, lung, first=True, combined=False)
    day = add_days(found, rng.randint(120, 200))
    while day <= life.end:
        severity = lung - 0.045 * (day - found).days / 365
        yield _clinic(life, rng, day, severity, first=False, combined=admissions > 0)
        if day.month in {9, 10, 11, 12, 1, 2} and rng.random() < 0.6:
            admissions += 1
            winter = add_days(day, rng.randint(25, 75))
            yield _admission(life, rng, winter, severity)
            yield _after(life, rng, winter + timedelta(days=24), severity)
        day = add_days(day, rng.gauss(170, 20))


def _spirometry(rng: Random, lung: float) -> Report:
    ratio = clamp(34 + lung * 16 + rng.gauss(0, 2), 36, 69)
    volume = clamp(lung + rng.gauss(0, 0.05), 0.5, 2.6)
    results = (Measure("fev1", volume), Measure("fev1_fvc", ratio))
    return Report("spirometry", results, conclusion="阻塞性通气功能障碍，支气管舒张试验阴性。", ordered=True)


def _clinic(life: Life, rng: Random, day: date, lung: float, *, first: bool, combined: bool) -> Consultation:
    facts: list[Fact] = [
        Body(life).pressure(rng, day, 6),
        pulse(rng, life.age(day), 6),
        Measure("spo2", clamp(rng.gauss(90.5 + lung * 2.6, 0.9), 89, 97)),
        _spirometry(rng, lung),
        _COMBINED if combined else _TIOTROPIUM,
        _RELIEVER,
    ]
    if first:
        facts.insert(0, Problem("J44.9", chronic=True, onset=day, note="慢性咳嗽、咳痰8年，活动后气促2年，吸烟30余年"))
        facts.append(Measure("smoking", "现在每天吸烟"))
        facts.append(Report("chest_xray", conclusion="两肺透亮度增高，膈肌低平，肺气肿征象。", ordered=True))
    return life.visit("copd", day, life.hospital, "0300", ["J44.9"], facts)


def _admission(life: Life, rng: Random, day: date, lung: float) -> Consultation:
    days = rng.randint(6, 11)
    gas = Report(
        "blood_gas",
        (
            Measure("ph", clamp(rng.gauss(7.36, 0.03), 7.27, 7.44), hours=0.6),
            Measure("po2", clamp(rng.gauss(52 + lung * 5, 4), 42, 72), hours=0.6),
            Measure("pco2", clamp(rng.gauss(57 - lung * 5, 4), 38, 76), hours=0.6),
        ),
    )
    facts: list[Fact] = [
        Problem("J44.1", resolved=True, note="受凉后咳嗽、咳脓痰、气促加重4天"),
        fever(rng, 38.0),
        pulse(rng, life.age(day), 28),
        Measure("respiration", rng.randint(23, 29)),
        Measure("spo2", clamp(rng.gauss(86, 2), 79, 90)),
        blood_count(rng, man=life.man, bacterial=True),
        Measure("pct", clamp(rng.gauss(0.4, 0.2), 0.08, 2), hours=1.4),
        gas,
        Report("chest_xray", conclusion="慢支、肺气肿改变，双下肺少许炎性渗出。", ordered=True, hours=3),
        Operation("93.96", note="鼻导管低流量吸氧 2L/min"),
        Operation("93.94", hours=2),
        Drug("methylprednisolone", 40, "mg", 1, 5, route="静脉滴注"),
        Drug("ceftriaxone", 2, "g", 1, 7, route="静脉滴注")
        if "penicillin_allergy" not in life.resident.stories
        else Drug("levofloxacin", 0.5, "g", 1, 7),
        Measure("spo2", clamp(rng.gauss(94, 1), 92, 97), hours=days * 24 - 4),
    ]
    return life.stay("copd", day, days, life.hospital, "0300", ["J44.1"], facts)


def _after(life: Life, rng: Random, day: date, lung: float) -> Consultation:
    """Two weeks after discharge at the primary centre."""
    facts: list[Fact] = [
        Body(life).pressure(rng, day, 5),
        Measure("spo2", clamp(rng.gauss(92 + lung * 1.5, 0.8), 90, 97)),
        _COMBINED,
    ]
    department = "0200" if life.primary.has("0200") else "0300"
    return life.visit("copd", day, life.primary, department, ["J44.9"], facts)
