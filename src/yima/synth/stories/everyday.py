"""What happens to everybody: colds, stomach upsets, aches, flu, small wounds.

Children are ill about twice as often as adults. Small things go to the village clinic or
primary centre, worse ones to the hospital.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random

from yima.synth.body import Body, clamp, fever, normal_temperature, pulse
from yima.synth.chance import Weighted
from yima.synth.facts import Consultation, Drug, Fact, Measure, Operation, Problem, Report
from yima.synth.institutions import Institution
from yima.synth.laboratory import blood_count, child_count
from yima.synth.life import Life

Episode = Callable[[Life, Random, date], Consultation]


def story(life: Life) -> Iterator[Consultation]:
    """Minor illness at random days through the record years."""
    rng = life.dice("everyday")
    habit = rng.gammavariate(2.2, 0.36)
    day = life.start + timedelta(days=40)
    while True:
        yearly = habit * _rate(life.age(day))
        day += timedelta(days=max(9, int(rng.expovariate(yearly / 365.25))))
        if day > life.end:
            return
        table = _CHILD if life.age(day) < 14 else _ADULT
        yield table.draw(rng)(life, rng, day)


def _rate(age: int) -> float:
    """Contacts a year for minor illness, before personal habit."""
    return 1.3 if age < 6 else 0.8 if age < 14 else 0.4 if age < 50 else 0.55


def _place(life: Life, rng: Random, day: date) -> tuple[Institution, str]:
    """Where this person goes with a small complaint, and to which department."""
    child = life.age(day) < 14
    draw = rng.random()
    if life.village is not None and draw < 0.35 and not child:
        return life.village, "0200"
    if draw < 0.65:
        department = "0700" if child and life.primary.has("0700") else "0200"
        return life.primary, department
    return life.hospital, "0700" if child else "0300"


def _fever_drug(life: Life, day: date) -> Drug:
    if life.age(day) >= 14:
        return Drug("paracetamol", 0.5, "g", 3, 3, note="体温≥38.5℃时服用，间隔6小时以上")
    weight = Body(life).weight(day)
    dose = round(weight * 10 / 20) / 1  # 10 mg/kg of a 20 mg/ml suspension
    return Drug("ibuprofen_child", clamp(dose, 2, 15), "ml", 3, 3, note="体温≥38.5℃时服用，间隔6小时以上")


def cold(life: Life, rng: Random, day: date) -> Consultation:
    """A viral cold: no antibiotic."""
    place, department = _place(life, rng, day)
    facts: list[Fact] = [Problem("J06.9", resolved=True), fever(rng, 37.8), pulse(rng, life.age(day), 8)]
    if place is life.hospital and rng.random() < 0.5:
        report = blood_count(rng, man=life.man, viral=True) if life.age(day) >= 14 else child_count(
            rng, bacterial=False, viral=True)  # fmt: skip
        facts.append(report)
    facts.append(_fever_drug(life, day))
    if life.age(day) >= 14:
        facts.append(Drug("ambroxol", 30, "mg", 3, 5, note="餐后服用"))
    else:
        facts.append(Drug("ambroxol_child", 2.5 if life.age(day) < 3 else 5, "ml", 3, 5, note="餐后服用"))
    return life.visit("everyday", day, place, department, ["J06.9"], facts)


def tonsillitis(life: Life, rng: Random, day: date) -> Consultation:
    """Bacterial tonsillitis: an antibiotic, never a penicillin for the allergic."""
    child = life.age(day) < 14
    facts: list[Fact] = [
        Problem("J03.9", resolved=True, note="咽痛伴发热2天，扁桃体Ⅱ度肿大，可见脓性分泌物"),
        fever(rng, 38.8),
        pulse(rng, life.age(day), 14),
        child_count(rng, bacterial=True, viral=False) if child else blood_count(rng, man=life.man, bacterial=True),
        _antibiotic(life, day),
        _fever_drug(life, day),
    ]
    return life.visit("everyday", day, life.hospital, "0700" if child else "0300", ["J03.9"], facts)


def _antibiotic(life: Life, day: date) -> Drug:
    if "penicillin_allergy" in life.resident.stories:
        return Drug("azithromycin", 0.5, "g", 1, 3, note="空腹服用")
    if life.age(day) >= 14:
        return Drug("amoxicillin", 0.5, "g", 3, 7)
    bags = max(1, round(Body(life).weight(day) * 12 / 125))
    return Drug("amoxicillin_child", min(4, bags), "袋", 3, 7, note="温水冲服")


def gastroenteritis(life: Life, rng: Random, day: date) -> Consultation:
    """Acute gastroenteritis with rehydration."""
    place, department = _place(life, rng, day)
    child = life.age(day) < 14
    facts: list[Fact] = [
        Problem("A09", resolved=True, note=f"腹泻{rng.randint(1, 3)}天，水样便每日{rng.randint(4, 9)}次，伴呕吐"),
        Measure("temperature", clamp(rng.gauss(37.4, 0.5), 36.4, 39.2)),
        pulse(rng, life.age(day), 10),
        Drug("smectite", 1 if child else 3, "g", 3, 3, note="空腹，温水50ml冲服"),
        Drug("ors", 1, "袋", 2 if child else 3, 2, note="每袋加温开水250ml，少量多次"),
    ]
    return life.visit("everyday", day, place, department, ["A09"], facts)


def influenza(life: Life, rng: Random, day: date) -> Consultation:
    """Influenza A from November to March (else a cold), with an antigen test and oseltamivir."""
    if day.month in {4, 5, 6, 7, 8, 9, 10}:
        return cold(life, rng, day)
    child = life.age(day) < 14
    if child:
        dose = 30.0 if Body(life).weight(day) <= 15 else 45.0 if Body(life).weight(day) <= 23 else 60.0
        drug = Drug("oseltamivir_child", dose, "mg", 2, 5, note="温水冲服")
    else:
        drug = Drug("oseltamivir", 75, "mg", 2, 5)
    facts: list[Fact] = [
        Problem("J10.1", resolved=True, note="突发高热、肌肉酸痛1天"),
        fever(rng, 39.1),
        pulse(rng, life.age(day), 18),
        Report("immunology", (Measure("flu_ag", "阳性", abnormal=True),), title="流感病毒抗原检测"),
        drug,
        _fever_drug(life, day),
    ]
    return life.visit("everyday", day, life.hospital, "0700" if child else "0300", ["J10.1"], facts)


def hand_foot_mouth(life: Life, rng: Random, day: date) -> Consultation:
    """Hand, foot and mouth disease of the small; a pharyngitis in older children."""
    if life.age(day) >= 6:
        return cold(life, rng, day)
    facts: list[Fact] = [
        Problem("B08.4", resolved=True, note="手、足、口腔疱疹2天，精神好"),
        fever(rng, 38.0),
        pulse(rng, life.age(day), 8),
        _fever_drug(life, day),
    ]
    return life.visit("everyday", day, life.hospital, "0700", ["B08.4"], facts)


def back_pain(life: Life, rng: Random, day: date) -> Consultation:
    """Low back pain, or a worn knee in later years."""
    code = "M17.9" if life.age(day) > 55 and rng.random() < 0.5 else "M54.5"
    drug = (
        Drug("celecoxib", 200, "mg", 1, 7, note="餐后服用") if life.age(day) > 50 else Drug("ibuprofen", 0.3, "g", 2, 5)
    )
    facts: list[Fact] = [Problem(code), normal_temperature(rng), Body(life).pressure(rng, day), drug]
    if rng.random() < 0.3 and life.tertiary.has("5000"):
        return life.visit("everyday", day, life.of_kind("A2"), "5000", [code], facts)
    place, department = _place(life, rng, day)
    return life.visit("everyday", day, place, department, [code], facts)


def stomach(life: Life, rng: Random, day: date) -> Consultation:
    """Chronic gastritis with a course of omeprazole."""
    facts: list[Fact] = [
        Problem("K29.5", note="上腹隐痛、反酸，餐后明显"),
        Body(life).pressure(rng, day),
        Drug("omeprazole", 20, "mg", 1, 14, note="早餐前30分钟服用"),
    ]
    place, department = _place(life, rng, day)
    return life.visit("everyday", day, place, department, ["K29.5"], facts)


def urticaria(life: Life, rng: Random, day: date) -> Consultation:
    """Hives, treated with an antihistamine."""
    child = life.age(day) < 14
    drug = Drug("cetirizine_child", 5, "滴", 2, 7) if child else Drug("loratadine", 10, "mg", 1, 7)
    place, department = _place(life, rng, day)
    facts: list[Fact] = [Problem("L50.9", resolved=True), normal_temperature(rng), drug]
    return life.visit("everyday", day, place, department, ["L50.9"], facts)


def wound(life: Life, rng: Random, day: date) -> Consultation:
    """A cut finger, cleaned and sewn in the emergency department."""
    facts: list[Fact] = [
        Problem("S61.0", resolved=True, note="切菜时割伤，伤口长约2cm，深达皮下"),
        Body(life).pressure(rng, day, 4),
        Operation("86.59", "左手示指"),
        Drug("cefuroxime", 0.25, "g", 2, 3),
    ]
    return life.emergency("everyday", day, life.hospital, ["S61.0"], facts)


def cystitis(life: Life, rng: Random, day: date) -> Consultation:
    """A urinary infection of women; men of working age have a back instead."""
    if life.man or life.age(day) < 18:
        return back_pain(life, rng, day)
    facts: list[Fact] = [
        Problem("N39.0", resolved=True, note="尿频、尿急、尿痛2天"),
        normal_temperature(rng),
        Measure("urine_protein", "阴性", abnormal=False),
        Drug("cefuroxime", 0.25, "g", 2, 5),
    ]
    return life.visit("everyday", day, life.hospital, "0300", ["N39.0"], facts)


_CHILD: Weighted[Episode] = Weighted(
    [(cold, 50), (tonsillitis, 11), (gastroenteritis, 15), (influenza, 18), (hand_foot_mouth, 8), (urticaria, 7)]
)
_ADULT: Weighted[Episode] = Weighted(
    [(cold, 34), (tonsillitis, 6), (gastroenteritis, 11), (influenza, 12), (back_pain, 18), (stomach, 11),
     (urticaria, 5), (wound, 4), (cystitis, 5)]
)  # fmt: skip
