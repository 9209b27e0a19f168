"""From birth to school: delivery room record, vaccinations, well-child checks.

Vaccines follow the national schedule at the primary centre; the birth doses are given in
the maternity ward. Checks follow the national child health service (1, 3, 6, 8, 12, 18,
24, 30, 36 months, then yearly to 6).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Literal

from yima.synth.body import Body, clamp, normal_temperature, pulse
from yima.synth.days import AS_OF, add_days, add_months
from yima.synth.facts import Consultation, Drug, Fact, Measure, Problem, Shot
from yima.synth.life import Life
from yima.synth.people import Resident
from yima.synth.terms.vaccines import VACCINES, schedule

_CHECKS = (1, 3, 6, 8, 12, 18, 24, 30, 36, 48, 60, 72)


def story(life: Life) -> Iterator[Consultation]:
    """Birth, jaundice for some, shots and checks."""
    rng, body = life.dice("childhood"), Body(life)
    born = life.resident.born
    if life.mother is not None and born >= life.start:
        yield _birth(life, life.mother, rng, body)
    if rng.random() < 0.12:
        yield _jaundice(life, rng, add_days(born, rng.randint(4, 7)))
    yield from _vaccinations(life)
    yield from _checks(life, body)


def _birth(life: Life, mother: Resident, rng: Random, body: Body) -> Consultation:
    twin = life.resident.birth_order is not None
    code = "Z38.3" if twin else "Z38.0"
    weight = 1000 * clamp(body.weight(life.resident.born), 2.45 if not twin else 2.1, 4.2)
    facts: list[Fact] = [
        Problem(code, resolved=True),
        Measure("birth_weight", weight, hours=0.3),
        Measure("height", body.height(life.resident.born), hours=0.3),
        Measure("head", body.head(life.resident.born), hours=0.3),
        Measure("apgar1", rng.choice((8, 9, 9, 9, 10)), hours=0.05),
        Measure("apgar5", rng.choice((9, 10, 10, 10)), hours=0.1),
        pulse(rng, 0),
        Drug("vitamin_k1", 1, "mg", 1, 1, route="肌内注射", hours=1),
        Shot("hepb", 1, _lot(rng, life.resident.born), "RT"),
        Shot("bcg", 1, _lot(rng, life.resident.born), "LA"),
    ]
    at = life.birth_moment(mother, life.resident.born, life.resident.birth_order)
    return life.lying_in("childhood", at, 3, "0700", [code], facts)


def _jaundice(life: Life, rng: Random, day: date) -> Consultation:
    facts: list[Fact] = [
        Problem("P59.9", resolved=True, note="皮肤黄染2天，吃奶好，大小便正常"),
        Measure("bilirubin_tc", clamp(rng.gauss(13.2, 1.2), 10.5, 17)),
        Measure("weight", Body(life).weight(life.resident.born) * 0.97),
        normal_temperature(rng),
    ]
    return life.visit("childhood", day, life.maternity, "0700", ["P59.9"], facts)


def _lot(rng: Random, day: date) -> str:
    return f"{day.year}{rng.randint(1, 12):02d}{rng.randint(1, 99):03d}"


def _vaccinations(life: Life) -> Iterator[Consultation]:
    """Shots due at one age are given at one visit, some days or weeks late."""
    rng, born = life.dice("vaccination"), life.resident.born
    sessions: dict[int, list[tuple[str, int]]] = {}
    for months, vaccine, dose in schedule(born):
        if months:
            sessions.setdefault(months, []).append((vaccine, dose))
    earliest = born
    for months, due in sessions.items():
        late = int(clamp(rng.expovariate(1 / 6), 0, 40))
        day = max(add_days(add_months(born, months), late), add_days(earliest, 28))
        earliest = day
        facts: list[Fact] = [normal_temperature(rng)]
        facts += [
            Shot(vaccine, dose, _lot(rng, add_months(day, -6)), _site(vaccine, months, n))
            for n, (vaccine, dose) in enumerate(due)
        ]
        yield life.visit("vaccination", day, life.primary, "0100", ["Z23"], facts)


def _site(vaccine: str, months: int, place: int) -> Literal["LA", "RA", "LT", "RT", "PO"]:
    if VACCINES[vaccine].route == "PO":
        return "PO"
    if months < 12 and VACCINES[vaccine].route == "IM":
        return "LT" if place % 2 == 0 else "RT"
    return "LA" if place % 2 == 0 else "RA"


def _checks(life: Life, body: Body) -> Iterator[Consultation]:
    rng, born = life.dice("well-child"), life.resident.born
    for months in _CHECKS:
        day = add_days(add_months(born, months), rng.randint(0, 16))
        if rng.random() < 0.14 or day > AS_OF - timedelta(days=2):
            continue
        facts: list[Fact] = [
            Problem("Z00.1", resolved=True, note=_MILESTONES[months]),
            Measure("weight", body.weight(day) + rng.gauss(0, 0.12)),
            Measure("height", body.height(day) + rng.gauss(0, 0.3)),
            pulse(rng, life.age(day)),
        ]
        if months <= 36:
            facts.append(Measure("head", body.head(day) + rng.gauss(0, 0.2)))
        if months in {8, 18, 30}:
            facts.append(Measure("hemoglobin", clamp(rng.gauss(119, 8), 96, 140)))
        if months <= 24:
            facts.append(Drug("vitamin_d_child", 400, "单位", 1, 90))
        department = "0700" if life.primary.has("0700") else "0100"
        yield life.visit("childhood", day, life.primary, department, ["Z00.1"], facts, "H")


_MILESTONES = {
    1: "能注视人脸，吃奶好。",
    3: "抬头稳，能追视，逗引发笑。",
    6: "能翻身，扶坐，会伸手取物。",
    8: "独坐稳，会换手，能认生人。",
    12: "扶站，会叫爸爸妈妈，拇食指捏物。",
    18: "独走稳，能说十余个字，会指认五官。",
    24: "会跑，能说两三个字的短句。",
    30: "会双脚跳，能说自己的名字。",
    36: "会骑三轮车，能说短歌谣，听力筛查通过。",
    48: "能单脚站立，乳牙20颗，视力双眼0.6。",
    60: "能画人像，视力双眼0.8，未见龋齿。",
    72: "视力双眼1.0，生长发育正常，可入学。",
}
