"""Completeness and quality: what a record should hold and does not, and what in it cannot be right.

What is expected: 国家基本公共卫生服务规范（第三版）居民健康档案管理服务规范 (personal basics, check-ups, records of
people in focus) and the basics of WS 365-2011 城乡居民健康档案基本数据集. A finding informs; it changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from . import words
from .basics import Identity, contradicting_blood, patient_source
from .entries import denials
from .gather import Case, Fact
from .merge import Merged
from .model import Contradiction, Episode, Part, Suggestion, Text
from .reading import string
from .results import Reading
from .tags import CHILD_YEARS, ELDERLY_YEARS
from .values import Value
from .words_loinc import DIASTOLIC, SYSTOLIC

_OLDEST_YEARS: Final = 130
_CARE_BEFORE_BIRTH: Final = timedelta(days=300)
"""Antenatal records may stand in the baby's own record."""
_POSSIBLE: Final[dict[str, tuple[Decimal, Decimal, str]]] = {
    "8302-2": (Decimal(20), Decimal(260), "cm"),
    "29463-7": (Decimal("0.3"), Decimal(400), "kg"),
    "8310-5": (Decimal(25), Decimal(45), "Cel"),
    SYSTOLIC: (Decimal(30), Decimal(320), "mm[Hg]"),
    DIASTOLIC: (Decimal(10), Decimal(220), "mm[Hg]"),
    "8867-4": (Decimal(10), Decimal(350), "/min"),
}
"""Beyond these nobody lives: code -> least, most, in this unit."""
_MOST: Final = 20
_EXPECTED_ALWAYS: Final = frozenset({"identity", "contacts", "blood-group", "allergies", "history", "measures"})
_LABELS: Final = {
    "identity": Text("姓名、性别、出生日期", "Name, sex, birth date"),
    "contacts": Text("联系人", "Contacts"),
    "blood-group": Text("血型", "Blood group"),
    "allergies": Text("过敏史（有或否认）", "Allergies, or that there are none"),
    "history": Text("疾病史", "Illnesses"),
    "measures": Text("身高、体重", "Height and weight"),
    "medicines": Text("用药", "Medicines"),
    "immunisations": Text("预防接种", "Vaccinations"),
    "checkups": Text("健康体检", "Health checks"),
    "followups": Text("慢性病随访", "Follow-ups of chronic illness"),
    "results": Text("检验检查", "Test results"),
}


def expected_parts(
    case: Case,
    who: Identity,
    problems: Sequence[Merged],
    read: Sequence[Reading],
    episodes: Sequence[Episode],
    due: Sequence[Suggestion],
) -> tuple[Part, ...]:
    """What the record should hold, in the order of the national forms: there or not, since when, from whom."""
    years = who.age_on(case.today)
    chronic = any(
        one.entry.active and words.in_ranges(one.concept.category, (("I10", "I15"), ("E10", "E14")))
        for one in problems
        if one.concept.category
    )
    expected = set(_EXPECTED_ALWAYS)
    if years is not None and years < CHILD_YEARS:
        expected |= {"immunisations"}
    if years is not None and years >= ELDERLY_YEARS:
        expected |= {"checkups"}
    if chronic:
        expected |= {"followups", "medicines"}
    late = {"checkups": any(one.code == "elderly-check-up" for one in due),
            "followups": any(one.code.endswith("-follow-up") for one in due),
            "immunisations": any(one.code.startswith("vaccination") and one.overdue for one in due)}  # fmt: skip
    held = _held(case, who, read, episodes)
    return tuple(
        Part(code, label, *held[code], expected=code in expected and not who.dead, late=late.get(code, False))
        for code, label in _LABELS.items()
    )


_Held = tuple[int, date | None, str]


def _held(case: Case, who: Identity, read: Sequence[Reading], episodes: Sequence[Episode]) -> dict[str, _Held]:
    told = bool(who.born and who.sex and any(one.get("name") for one in case.patients))
    contacts = sum(1 for one in case.patients if one.get("contact")) + len(case.relatives)
    checks = [one for one in episodes if one.kind == "checkup"]
    follow = [one for one in episodes if one.kind in ("followup", "home")]
    return {
        "identity": (int(told), None, ""),
        "contacts": (contacts, None, ""),
        "blood-group": _of_facts(one.fact for one in read if one.code in ("883-9", "882-1")),
        "allergies": _of_facts(case.of("AllergyIntolerance")),
        "history": _of_facts(case.of("Condition")),
        "measures": _of_facts(one.fact for one in read if one.code in ("8302-2", "29463-7")),
        "medicines": _of_facts([*case.of("MedicationRequest"), *case.of("MedicationStatement")]),
        "immunisations": _of_facts(case.of("Immunization")),
        "checkups": _of_episodes(checks),
        "followups": _of_episodes(follow),
        "results": _of_facts(one.fact for one in read),
    }


def _of_facts(facts: Iterable[Fact]) -> _Held:
    found = list(facts)
    last = max(found, key=lambda fact: fact.order, default=None)
    return len(found), last.day if last else None, last.author if last else ""


def _of_episodes(found: Sequence[Episode]) -> _Held:
    last = next(iter(found), None)  # newest first
    return len(found), last.start if last else None, last.institution if last else ""


def contradictions(case: Case, who: Identity, read: Sequence[Reading]) -> tuple[Contradiction, ...]:
    """What cannot be right together, each with what it rests on; at most twenty."""
    found = [*_identity(case), *_blood(read), *_allergies(case), *_days(case, who), *_values(read), *_units(read)]
    return tuple(found[:_MOST])


def _identity(case: Case) -> Iterator[Contradiction]:
    for name, zh, en in (("birthDate", "出生日期", "birth dates"), ("gender", "性别", "sexes")):
        said = {text: one for one in case.patients if (text := string(one.get(name))) and text != "unknown"}
        if len(said) > 1 and not _finer(name, said):
            shown = Text("、".join(said), ", ".join(said))
            sources = tuple(patient_source(one) for one in case.patients if one.get(name))
            yield Contradiction(
                name, Text(f"各机构登记的{zh}不同", f"Institutions registered different {en}"), shown, sources
            )


def _finer(name: str, said: Iterable[str]) -> bool:
    """Whether all of some dates are one date in different precision."""
    longest = max(said, key=len)
    return name == "birthDate" and all(longest.startswith(one) for one in said)


def _blood(read: Sequence[Reading]) -> Iterator[Contradiction]:
    sources = contradicting_blood(read)
    if sources:
        label = Text("血型记录不一致", "Blood groups disagree")
        yield Contradiction("blood-group", label, Text("请复查后更正", "Test again and correct"), sources)


def _allergies(case: Case) -> Iterator[Contradiction]:
    denied = denials(case)
    claimed = [
        fact
        for fact in case.of("AllergyIntolerance")
        if fact not in denied and fact.status not in ("inactive", "resolved")
    ]
    if denied and claimed:
        label = Text("既记录了过敏，又记录了否认过敏", "An allergy is recorded, and that there is none")
        names = list(dict.fromkeys(fact.concept.title for fact in claimed))[:3]
        detail = Text("、".join(n.zh for n in names), ", ".join(n.en for n in names))
        yield Contradiction("allergy-denied", label, detail, tuple(fact.source for fact in (*claimed, *denied)))


def _days(case: Case, who: Identity) -> Iterator[Contradiction]:
    first = who.born.day - _CARE_BEFORE_BIRTH if who.born else date.min
    last = who.died + timedelta(days=30) if who.died else date.max
    bounds = (
        ("future", Text("记录日期晚于今天", "Dated after today"), date.min, case.today + timedelta(days=1)),
        ("before-birth", Text("记录日期早于出生", "Dated before birth"), first, date.max),
        ("after-death", Text("记录日期晚于死亡", "Dated after death"), date.min, last),
        ("ancient", Text("记录日期不可能", "Impossible date"), date(case.today.year - _OLDEST_YEARS, 1, 1), date.max),
    )
    facts = [(fact.day, fact) for found in case.facts.values() for fact in found if fact.day]
    for code, label, low, high in bounds:
        behind = [(day, fact) for day, fact in facts if not low <= day <= high]
        if behind:
            worst = behind[0][0].isoformat()
            sources = tuple(fact.source for _, fact in behind[:_MOST])
            yield Contradiction(f"date-{code}", label, Text(worst, worst), sources)


def _values(read: Sequence[Reading]) -> Iterator[Contradiction]:
    wrong = [(one, value) for one in read for value in one.values if _impossible(value)]
    wrong += [(one, one.values[0]) for one in read if _swapped(one.values)]
    if wrong:
        value = wrong[0][1]
        said = f"{value.label.zh} {value.text.zh} {value.unit}", f"{value.label.en} {value.text.en} {value.unit}"
        label = Text("数值不可能", "Impossible value")
        yield Contradiction("value", label, Text(*said), tuple(dict.fromkeys(r.fact.source for r, _ in wrong[:_MOST])))


def _impossible(value: Value) -> bool:
    if value.code not in _POSSIBLE or value.number is None:
        return False
    low, high, unit = _POSSIBLE[value.code]
    return value.ucum == unit and not low <= value.number <= high


def _swapped(values: Sequence[Value]) -> bool:
    """Blood pressure whose upper value is not above the lower."""
    by_code = {value.code: value.number for value in values if value.number is not None}
    return SYSTOLIC in by_code and DIASTOLIC in by_code and by_code[SYSTOLIC] <= by_code[DIASTOLIC]


def _units(read: Sequence[Reading]) -> Iterator[Contradiction]:
    """The same result in units of which one is missing: nobody can tell which number it is."""
    units: dict[str, dict[str, tuple[Reading, Value]]] = {}
    for one in read:
        for value in one.values:
            if value.number is not None:
                units.setdefault(value.code, {}).setdefault(value.ucum, (one, value))
    for found in units.values():
        if len(found) > 1 and "" in found:
            one, value = found[""]
            label = Text(
                "数值没有单位，而同一项目在别处有单位", "A value without a unit, where others of its kind have one"
            )
            yield Contradiction("unit", label, value.label, (one.fact.source,))
