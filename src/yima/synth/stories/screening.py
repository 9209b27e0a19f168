"""Cancer screening: breast and cervix of women ("two cancers" programme), bowel from 45."""

from collections.abc import Iterator
from datetime import date
from random import Random

from yima.synth.days import add_days, add_months
from yima.synth.facts import Consultation, Fact, Measure, Operation, Problem, Report
from yima.synth.life import Life


def story(life: Life) -> Iterator[Consultation]:
    """Every three years; a positive stool test leads to a colonoscopy."""
    rng = life.dice("screening")
    day = add_days(max(life.start, add_months(life.resident.born, 35 * 12)), rng.randint(30, 900))
    while day <= life.end:
        if not life.man and life.age(day) < 65:
            yield women(life, rng, day)
        if 45 <= life.age(day) < 75:
            yield from bowel(life, rng, add_days(day, 40))
        day = add_days(day, 1095 + rng.randint(-90, 90))


def women(life: Life, rng: Random, day: date) -> Consultation:
    """Breast ultrasound, HPV test and cytology at one visit."""
    nodule = rng.random() < 0.22
    breast = "双乳腺体结构欠均，左乳低回声结节约6mm，边界清，BI-RADS 3类，建议6个月复查。"
    calm = "双乳腺体回声均匀，未见明显占位，BI-RADS 1类。"
    carrier = rng.random() < 0.12
    smear = "轻度炎症，未见上皮内病变或恶性细胞（NILM）。"
    facts: list[Fact] = [
        Problem("Z12.4", resolved=True),
        Report("breast_us", conclusion=breast if nodule else calm, ordered=True),
        Report("immunology", (Measure("hpv", "阳性" if carrier else "阴性", abnormal=carrier),), title="HPV分型检测"),
        Report("cytology", conclusion=smear),
    ]
    if nodule:
        facts.insert(1, Problem("N60.2"))
    return life.visit("screening", day, life.maternity, "0500", ["Z12.4", "Z12.3"], facts)


def bowel(life: Life, rng: Random, day: date) -> Iterator[Consultation]:
    """A stool test at the primary centre; colonoscopy where it is positive."""
    positive = rng.random() < 0.08
    facts: list[Fact] = [
        Problem("Z12.1", resolved=True),
        Report(
            "immunology", (Measure("fit", "阳性" if positive else "阴性", abnormal=positive),), title="粪便隐血检测"
        ),
    ]
    yield life.visit("screening", day, life.primary, "0100", ["Z12.1"], facts)
    if positive:
        yield _colonoscopy(life, rng, add_days(day, rng.randint(10, 40)))


def _colonoscopy(life: Life, rng: Random, day: date) -> Consultation:
    polyp = rng.random() < 0.55
    found = (
        "进镜至回盲部，乙状结肠见一0.6cm广基息肉，予内镜下切除。"
        if polyp
        else "进镜至回盲部，所见结直肠黏膜光滑，未见异常。"
    )
    facts: list[Fact] = [
        Problem("D12.6" if polyp else "Z12.1", resolved=True),
        Operation("45.42" if polyp else "45.23"),
        Report("colonoscopy", conclusion=found, ordered=True),
    ]
    if polyp:
        facts.append(Report("pathology", conclusion="（乙状结肠）管状腺瘤，低级别上皮内瘤变。", title="病理诊断"))
    return life.visit("screening", day, life.tertiary, "0300", ["D12.6" if polyp else "Z12.1"], facts)
