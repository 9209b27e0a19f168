"""Two cancers found by screening: breast (surgery, chemotherapy, endocrine) and colon.

Breast: stage II, hormone-receptor positive; modified radical mastectomy, four cycles of
epirubicin and cyclophosphamide, four of docetaxel, then tamoxifen or letrozole.
Colon: sigmoid, stage III; laparoscopic resection, eight cycles of oxaliplatin and
capecitabine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from yima.synth.body import Body, clamp
from yima.synth.days import AS_OF, add_days, between
from yima.synth.facts import Consultation, Drug, Fact, Measure, Operation, Problem, Report
from yima.synth.laboratory import biochemistry, blood_count
from yima.synth.life import Life


@dataclass(frozen=True, slots=True)
class Cycle:
    """One course of chemotherapy: drugs with dose per square metre."""

    drugs: tuple[tuple[str, float, str], ...]
    name: str


_EC = Cycle((("epirubicin", 90, "mg"), ("cyclophosphamide", 600, "mg")), "EC方案")
_T = Cycle((("docetaxel", 90, "mg"),), "T方案")
_XELOX = Cycle((("oxaliplatin", 130, "mg"),), "XELOX方案")


def breast(life: Life) -> Iterator[Consultation]:
    """From the screening picture to five years of tablets."""
    rng = life.dice("breast_cancer")
    found = between(rng, AS_OF - timedelta(days=1500), AS_OF - timedelta(days=700))
    yield _breast_screening(life, found)
    yield _breast_biopsy(life, add_days(found, 9))
    surgery = add_days(found, 21)
    yield _mastectomy(life, rng, surgery)
    day = surgery + timedelta(days=26)
    for number in range(1, 9):
        cycle = _EC if number <= 4 else _T
        yield _chemotherapy(life, rng, day, cycle, number, "C50.9")
        day += timedelta(days=21 + rng.randint(0, 2))
    yield from _breast_follow_up(life, rng, day + timedelta(days=21))


def _breast_screening(life: Life, day: date) -> Consultation:
    facts: list[Fact] = [
        Problem("C50.4", suspected=True, note="乳腺癌筛查发现"),
        Report(
            "breast_us", conclusion="左乳外上象限低回声结节约19×14mm，边界不清，纵横比>1，BI-RADS 4C类。", ordered=True
        ),
        Report("mammogram", conclusion="左乳外上象限不规则高密度影伴簇状钙化，BI-RADS 4C类。", ordered=True),
    ]
    return life.visit("breast_cancer", day, life.maternity, "0500", ["Z12.3"], facts)


def _breast_biopsy(life: Life, day: date) -> Consultation:
    markers = (
        Measure("er", "阳性(90%)", abnormal=True),
        Measure("pr", "阳性(70%)", abnormal=True),
        Measure("her2", "阴性(1+)", abnormal=False),
    )
    facts: list[Fact] = [
        Problem("C50.4", chronic=True, onset=day),
        Operation("85.11", "左乳外上象限"),
        Report("pathology", markers, "（左乳穿刺）浸润性导管癌Ⅱ级，Ki-67约25%。", "病理诊断", ordered=True),
        Measure("ca153", 31.6),
    ]
    return life.visit("breast_cancer", day, life.tertiary, "1900", ["C50.4"], facts)


def _mastectomy(life: Life, rng: Random, day: date) -> Consultation:
    facts: list[Fact] = [
        Problem("C50.4", resolved=False),
        Body(life).pressure(rng, day, 5),
        blood_count(rng, man=False, hemoglobin=rng.gauss(124, 5)),
        biochemistry(rng, life.age(day), man=False),
        Report("ecg", conclusion="窦性心律，大致正常心电图。"),
        Operation("85.43", "左乳", hours=50, note="左乳癌改良根治术，腋窝淋巴结清扫"),
        Report(
            "pathology",
            (),
            "浸润性导管癌Ⅱ级，大小1.9cm，腋窝淋巴结2/17转移，切缘阴性，pT1cN1M0。",
            "术后病理",
            hours=140,
        ),
    ]
    return life.stay("breast_cancer", day, 9, life.tertiary, "1900", ["C50.4"], facts)


def _chemotherapy(life: Life, rng: Random, day: date, cycle: Cycle, number: int, code: str) -> Consultation:
    """A cycle of two days in hospital, doses by body surface; counts fall with the cycles."""
    body = Body(life)
    surface = (body.height(day) * body.weight(day) / 3600) ** 0.5
    tired = min(number, 6)
    facts: list[Fact] = [
        Problem("Z51.1", resolved=True, note=f"{cycle.name}第{number}周期"),
        body.pressure(rng, day),
        Measure("weight", body.weight(day) - tired * 0.25 + rng.gauss(0, 0.4)),
        _low_count(rng, life, tired),
        biochemistry(rng, life.age(day), man=life.man),
        Operation("99.25", hours=20),
        Drug("ondansetron", 8, "mg", 2, 2, route="静脉注射", hours=19),
    ]
    facts += [
        Drug(name, round(dose * surface / 5) * 5, unit, 1, 1, route="静脉滴注", hours=20)
        for name, dose, unit in cycle.drugs
    ]
    if cycle is _XELOX:
        facts.append(Drug("capecitabine", 1.5, "g", 2, 14, note="餐后30分钟服用，服2周停1周", hours=20))
    return life.stay(f"chemo {code}", day, 2, life.tertiary, "1900", ["Z51.1", code], facts)


def _low_count(rng: Random, life: Life, tired: int) -> Report:
    counted = blood_count(rng, man=life.man, hemoglobin=rng.gauss(126 - tired * 3.5, 4))
    results = tuple(
        Measure("wbc", clamp(rng.gauss(4.6 - tired * 0.2, 0.5), 2.6, 6), hours=m.hours) if m.test == "wbc" else m
        for m in counted.results
    )
    return Report(counted.kind, results, hours=counted.hours)


def _breast_follow_up(life: Life, rng: Random, day: date) -> Iterator[Consultation]:
    before_menopause = life.age(day) < 52
    tablet = Drug("tamoxifen", 10, "mg", 2, 84) if before_menopause else Drug("letrozole", 2.5, "mg", 1, 84)
    while day <= life.end:
        facts: list[Fact] = [
            Body(life).pressure(rng, day),
            Measure("weight", Body(life).weight(day) + rng.gauss(0, 0.5)),
            Measure("ca153", clamp(rng.gauss(13, 2.5), 6, 24)),
            Report("breast_us", conclusion="左乳术后缺如，胸壁未见异常；右乳及双腋窝未见异常。"),
            tablet,
        ]
        yield life.visit("breast_cancer", day, life.tertiary, "1900", ["C50.9"], facts)
        day = add_days(day, rng.gauss(91, 8))


def colon(life: Life) -> Iterator[Consultation]:
    """A positive stool test, colonoscopy with biopsy, chemotherapy, marker follow-up."""
    rng = life.dice("colon_cancer")
    found = between(rng, AS_OF - timedelta(days=1300), AS_OF - timedelta(days=480))
    positive = (Measure("fit", "阳性", abnormal=True),)
    stool: list[Fact] = [Problem("Z12.1", resolved=True), Report("immunology", positive, title="粪便隐血检测")]
    yield life.visit("colon_cancer", found, life.primary, "0100", ["Z12.1"], stool)
    yield _biopsy(life, add_days(found, 14))
    yield _resection(life, add_days(found, 32))
    day = add_days(found, 70)
    for number in range(1, 9):
        yield _chemotherapy(life, rng, day, _XELOX, number, "C18.7")
        day += timedelta(days=21 + rng.randint(0, 3))
    while day <= life.end:
        marker = Measure("cea", clamp(rng.gauss(2.4, 0.5), 0.9, 4.6))
        facts: list[Fact] = [
            Body(life).pressure(rng, day, 8),
            marker,
            Report(
                "ct", conclusion="乙状结肠癌术后，吻合口未见异常，肝脏未见转移。", title="全腹部增强CT", ordered=True
            ),
        ]
        yield life.visit("colon_cancer", day, life.tertiary, "1900", ["C18.7"], facts)
        day = add_days(day, rng.gauss(120, 10))


def _biopsy(life: Life, day: date) -> Consultation:
    seen = "距肛缘约25cm乙状结肠见隆起溃疡型肿物，占肠腔1/2周，质脆易出血，取活检。"
    facts: list[Fact] = [
        Problem("C18.7", chronic=True, onset=day),
        Operation("45.23"),
        Report("colonoscopy", conclusion=seen, ordered=True),
        Report("pathology", conclusion="（乙状结肠）中分化腺癌。", title="病理诊断"),
        Measure("cea", 11.8),
    ]
    return life.visit("colon_cancer", day, life.tertiary, "0300", ["C18.7"], facts)


def _resection(life: Life, day: date) -> Consultation:
    rng = life.dice("colon surgery")
    staged = "（乙状结肠）中分化腺癌，浸润至浆膜下，切缘阴性，淋巴结2/18转移，pT3N1M0。"
    facts: list[Fact] = [
        Problem("C18.7"),
        Body(life).pressure(rng, day, 6),
        blood_count(rng, man=life.man, hemoglobin=rng.gauss(112, 6)),
        biochemistry(rng, life.age(day), man=life.man),
        Report("ct", conclusion="乙状结肠占位，肠周数枚小淋巴结；肝脏未见转移。", title="全腹部增强CT", ordered=True),
        Operation("17.36", hours=50),
        Report("pathology", (), staged, "术后病理", hours=180),
    ]
    return life.stay("colon_cancer", day, 11, life.tertiary, "0400", ["C18.7"], facts)
