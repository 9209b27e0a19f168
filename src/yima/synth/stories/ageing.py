"""Turns of later life: an ischaemic stroke, a cataract operation, and the last illness."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from yima.synth.body import Body, fever, pulse
from yima.synth.days import add_days, add_months, between
from yima.synth.facts import Consultation, Drug, Fact, Measure, Operation, Pressure, Problem, Report
from yima.synth.laboratory import biochemistry, blood_count, lipids
from yima.synth.life import Life


def stroke(life: Life) -> Iterator[Consultation]:
    """Ambulance, emergency department, ward, then secondary prevention every quarter."""
    rng = life.dice("stroke")
    earliest = max(life.start, add_months(life.resident.born, 60 * 12))
    day = between(rng, max(earliest, life.end - timedelta(days=2200)), life.end - timedelta(days=240))
    yield _ambulance(life, rng, day)
    yield _ward(life, rng, day + timedelta(days=1))
    later = add_days(day, 45)
    while later <= life.end:
        facts: list[Fact] = [Body(life).pressure(rng, later, 14), pulse(rng, life.age(later)), *_prevention(84)]
        if (later - day).days < 60:
            facts.insert(0, Problem("I69.3", chronic=True, onset=day, note="左侧肢体肌力Ⅳ级，可自行行走"))
        yield life.visit("stroke", later, life.hospital, "0300", ["I69.3"], facts)
        later = add_days(later, rng.gauss(95, 14))


def _ambulance(life: Life, rng: Random, day: date) -> Consultation:
    """The emergency centre's own record of the ride."""
    facts: list[Fact] = [
        Problem("I63.9", suspected=True, note="突发左侧肢体无力、言语含糊1小时，现场FAST阳性"),
        Body(life).pressure(rng, day, 42),
        pulse(rng, life.age(day), 10),
        Measure("spo2", rng.randint(94, 98)),
    ]
    return life.emergency("stroke", day, life.of_kind("E"), ["I63.9"], facts)


def _ward(life: Life, rng: Random, day: date) -> Consultation:
    facts: list[Fact] = [
        Problem("I63.9", onset=day - timedelta(days=1)),
        Body(life).pressure(rng, day, 34),
        blood_count(rng, man=life.man),
        biochemistry(rng, life.age(day), man=life.man, glucose=6.0),
        lipids(rng, 3.5, 1.8, 1.05),
        Report("ct", conclusion="右侧基底节区低密度影，考虑急性脑梗死，未见出血。", title="头颅CT平扫", ordered=True),
        *_prevention(21),
        Drug("clopidogrel", 75, "mg", 1, 21),
    ]
    return life.stay("stroke", day, rng.randint(9, 14), life.tertiary, "0300", ["I63.9"], facts)


def _prevention(days: int) -> list[Fact]:
    return [
        Drug("aspirin", 100, "mg", 1, days, note="餐前服用"),
        Drug("atorvastatin", 40, "mg", 1, days, note="睡前服用"),
    ]


def cataract(life: Life) -> Iterator[Consultation]:
    """Two visits and a short stay for a lens."""
    rng = life.dice("cataract")
    earliest = max(life.start, add_months(life.resident.born, 66 * 12))
    day = between(rng, earliest, max(earliest, life.end - timedelta(days=90)))
    seen: list[Fact] = [
        Problem("H25.9", chronic=True, onset=day, note="右眼视力0.15，晶状体皮质混浊"),
        Body(life).pressure(rng, day, 6),
    ]
    yield life.visit("cataract", day, life.hospital, "1000", ["H25.9"], seen)
    operated = add_days(day, rng.randint(10, 30))
    done: list[Fact] = [
        Problem("H25.9"),
        Body(life).pressure(rng, operated, 8),
        Operation("13.41", "右眼", hours=24, note="联合人工晶状体植入"),
        Drug("levofloxacin_eye", 1, "滴", 4, 14, route="滴眼", hours=26),
    ]
    yield life.stay("cataract", operated, 2, life.hospital, "1000", ["H25.9"], done)
    after: list[Fact] = [
        Body(life).pressure(rng, add_days(operated, 9), 4),
        Drug("levofloxacin_eye", 1, "滴", 3, 14, route="滴眼"),
    ]
    yield life.visit("cataract", add_days(operated, 9), life.hospital, "1000", ["H25.9"], after)


def last_illness(life: Life) -> Iterator[Consultation]:
    """Pneumonia in the last days; the record says that the patient died in hospital."""
    died = life.resident.died
    if died is None:
        return
    rng = life.dice("last_illness")
    days = rng.randint(4, 9)
    day = died - timedelta(days=days)
    facts: list[Fact] = [
        Problem("J18.9", onset=day - timedelta(days=3), note="发热、咳嗽伴意识模糊3天，家属要求不行气管插管"),
        Pressure(rng.randint(86, 98), rng.randint(44, 56)),
        fever(rng, 38.9),
        pulse(rng, life.age(day), 40),
        Measure("spo2", rng.randint(80, 87)),
        blood_count(rng, man=life.man, bacterial=True, hemoglobin=rng.gauss(104, 7)),
        Report("chest_xray", conclusion="双肺多发斑片状渗出影，双侧少量胸腔积液。", ordered=True, hours=2),
        Drug("levofloxacin", 0.5, "g", 1, days, route="静脉滴注"),
        Operation("93.96", note="高流量吸氧"),
    ]
    contact = life.stay("last_illness", day, days, life.hospital, "0300", ["J18.9"], facts)
    contact.died = True
    yield contact
