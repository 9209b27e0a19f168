"""A fracture: the ambulance or the emergency department, an X-ray, plaster or surgery.

The old break a hip or a wrist by falling; younger people a wrist or an ankle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from yima.synth.body import Body, pulse
from yima.synth.days import add_months, between
from yima.synth.facts import Consultation, Drug, Fact, Operation, Problem, Report
from yima.synth.laboratory import biochemistry, blood_count
from yima.synth.life import Life


@dataclass(frozen=True, slots=True)
class Fracture:
    """One kind of fracture: code, site, film, what is done, days in hospital (0: plaster, home)."""

    icd10: str
    film: str
    finding: str
    operation: str
    days: int
    healed: str


WRIST = Fracture(
    "S52.5", "右腕关节正侧位X线", "右桡骨远端骨质断裂，断端向背侧移位，关节面尚平整。", "79.02", 0,
    "右桡骨远端骨折复位后，骨痂生长，对位对线良好。",
)  # fmt: skip
WRIST_SURGERY = Fracture(
    "S52.5", "左腕关节正侧位X线", "左桡骨远端粉碎性骨折，累及关节面，断端明显移位。", "79.32", 6,
    "左桡骨远端骨折内固定术后，内固定在位，骨折线模糊。",
)  # fmt: skip
ANKLE = Fracture(
    "S82.6", "左踝关节正侧位X线", "左外踝斜形骨折，断端移位约4mm，踝穴略增宽。", "79.36", 7,
    "左外踝骨折内固定术后，内固定在位，骨折线模糊。",
)  # fmt: skip
HIP = Fracture(
    "S72.0", "右髋关节正侧位X线", "右股骨颈骨皮质断裂，断端错位，Garden Ⅳ型。", "81.52", 12,
    "右人工股骨头置换术后，假体位置良好，无松动。",
)  # fmt: skip


def story(life: Life) -> Iterator[Consultation]:
    """One injury in the record years and its healing."""
    rng = life.dice("injury")
    earliest = max(life.start, add_months(life.resident.born, 6 * 12))
    day = between(rng, earliest, max(earliest, life.end - timedelta(days=150)))
    fracture = _fracture(life.age(day), rng.random())
    yield _emergency(life, day, fracture)
    if fracture.days:
        yield _surgery(life, day + timedelta(days=1), fracture)
    yield _film(life, day + timedelta(days=42 + rng.randint(0, 5)), fracture)
    if fracture.days:
        yield _film(life, day + timedelta(days=92 + rng.randint(0, 10)), fracture)


def _fracture(age: int, draw: float) -> Fracture:
    if age >= 65:
        return HIP if draw < 0.45 + (age - 65) * 0.01 else WRIST
    if age < 16:
        return WRIST
    return ANKLE if draw < 0.4 else WRIST_SURGERY if draw < 0.65 else WRIST


def _emergency(life: Life, day: date, fracture: Fracture) -> Consultation:
    rng = life.dice("injury emergency")
    facts: list[Fact] = [
        Problem(fracture.icd10, note="摔倒后肿痛、活动受限2小时"),
        Body(life).pressure(rng, day, 12),
        pulse(rng, life.age(day), 14),
        Report("xray", conclusion=fracture.finding, title=fracture.film, ordered=True),
    ]
    if not fracture.days:
        facts.append(Operation(fracture.operation, "右前臂", hours=1.8))
        facts.append(Operation("93.53", "右前臂", hours=2.2, note="石膏托固定4-6周"))
    facts.append(_pain(life, day))
    return life.emergency("injury", day, life.hospital, [fracture.icd10, "W19"], facts)


def _pain(life: Life, day: date) -> Drug:
    if life.age(day) >= 14:
        return Drug("celecoxib", 200, "mg", 2, 5, note="餐后服用")
    return Drug(
        "ibuprofen_child", min(15, round(Body(life).weight(day) / 2)), "ml", 3, 3, note="疼痛时服用，间隔6小时以上"
    )


def _surgery(life: Life, day: date, fracture: Fracture) -> Consultation:
    rng = life.dice("injury surgery")
    allergic = "penicillin_allergy" in life.resident.stories
    old = life.age(day) >= 65
    facts: list[Fact] = [
        Problem(fracture.icd10, resolved=True),
        Body(life).pressure(rng, day, 8),
        pulse(rng, life.age(day), 8),
        blood_count(rng, man=life.man, hemoglobin=rng.gauss(113 if old else 132, 7)),
        biochemistry(rng, life.age(day), man=life.man),
        Report("ecg", conclusion="窦性心律，大致正常心电图。"),
        Operation(fracture.operation, hours=27, note="手术顺利，出血约150ml"),
        Drug("celecoxib", 200, "mg", 2, 14, note="餐后服用", hours=30),
        Report("xray", conclusion="术后复查：" + fracture.healed.split("，", 1)[1], title=fracture.film, hours=60),
    ]
    if not allergic:
        facts.append(Drug("cefazolin", 1, "g", 2, 1, route="静脉滴注", note="术前30分钟", hours=26))
    return life.stay("injury", day, fracture.days, life.hospital, "0400", [fracture.icd10], facts)


def _film(life: Life, day: date, fracture: Fracture) -> Consultation:
    rng = life.dice(f"injury {day}")
    facts: list[Fact] = [
        Body(life).pressure(rng, day),
        Report("xray", conclusion=fracture.healed, title=fracture.film, ordered=True),
    ]
    return life.visit("injury", day, life.hospital, "0400", [fracture.icd10], facts)
