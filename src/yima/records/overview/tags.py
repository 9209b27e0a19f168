"""Personal health tags: each with the rule that gave it and the resources it rests on."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from . import words
from .ages import months_old
from .basics import Identity, blood_group, patient_source
from .entries import SHORT_COURSES, UNSEEN_DAYS, Lists
from .gather import Case
from .merge import Merged
from .model import Episode, Level, Tag, Text
from .pregnancy import pregnancy
from .results import Reading
from .schedule import Gap

ELDERLY_YEARS = 65
CHILD_YEARS = 7  # 0-6 岁儿童健康管理: up to the seventh birthday
LONG_TERM_DAYS = 90
RECENT_DAYS = 30
_ANTICOAGULANTS = ("B01AA", "B01AE", "B01AF", "B01AB")


class Disease(NamedTuple):
    """A tag that an active condition in one of the ICD-10 ranges gives."""

    code: str
    zh: str
    en: str
    level: Level
    ranges: tuple[tuple[str, str], ...]


# Severe mental disorder and infection are named by class only, never by diagnosis.
DISEASES: tuple[Disease, ...] = (
    Disease("hypertension", "高血压", "High blood pressure", "watch", (("I10", "I15"),)),
    Disease("diabetes", "糖尿病", "Diabetes", "watch", (("E10", "E14"),)),
    Disease("copd", "慢阻肺", "COPD", "watch", (("J43", "J44"),)),
    Disease("tumour", "恶性肿瘤", "Cancer", "watch", (("C00", "C97"),)),
    Disease("coronary", "冠心病", "Coronary heart disease", "watch", (("I20", "I25"),)),
    Disease("stroke", "脑卒中", "Stroke", "watch", (("I60", "I64"), ("I69", "I69"))),
    Disease("kidney", "慢性肾病", "Chronic kidney disease", "watch", (("N18", "N18"),)),
    Disease("epilepsy", "癫痫", "Epilepsy", "watch", (("G40", "G41"),)),
    Disease("severe-mental", "严重精神障碍", "Severe mental disorder", "watch", (("F20", "F29"), ("F30", "F31"))),
    Disease("hiv", "艾滋病病毒感染", "HIV infection", "watch", (("B20", "B24"), ("Z21", "Z21"))),
    Disease(
        "infectious",
        "传染性疾病",
        "Infectious disease",
        "watch",
        (("A15", "A19"), ("A50", "A53"), ("B15", "B19")),
    ),
)
_LEVELS: dict[Level, int] = {"alert": 0, "watch": 1, "info": 2}


def tags(
    case: Case,
    who: Identity,
    found: Lists,
    read: Sequence[Reading],
    episodes: Sequence[Episode],
    missing: Sequence[Gap],
) -> tuple[Tag, ...]:
    """All tags, most serious first, in a fixed order inside a level."""
    made = [
        *_allergy(found.allergies),
        *_deceased(case, who),
        *_pregnant(case, who, episodes),
        *_overdue(missing),
        *(tag for disease in DISEASES if (tag := _disease(disease, found.problems))),
        *_cancer_history(found.problems),
        *_admission(case, who, episodes),
        *_anticoagulant(found.medicines),
        *_long_term(case, found.medicines),
        *_ages(case, who),
        *_blood(read),
    ]
    made.sort(key=lambda tag: _LEVELS[tag.level])
    return tuple(made)


def _sources(lines: Sequence[Merged]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for one in lines for source in (one.entry.source, *one.entry.others)))


def _allergy(allergies: Sequence[Merged]) -> list[Tag]:
    active = [one for one in allergies if one.entry.active]
    if not active:
        return []
    high = [one for one in active if one.entry.severity == "high"]
    names = [one.entry.title for one in (high or active)][:3]
    more = "…" if len(high or active) > 3 else ""
    label = Text(
        "过敏：" + "、".join(n.zh for n in names) + more, "Allergies: " + ", ".join(n.en for n in names) + more
    )
    rule = (
        Text(
            "有效的过敏记录，其中危险程度高或曾有严重反应", "Active allergy with high criticality or a severe reaction"
        )
        if high
        else Text("有效的过敏记录", "Active allergy on record")
    )
    return [Tag("allergy", label, "alert" if high else "watch", rule, _sources([*high, *active]))]


def _deceased(case: Case, who: Identity) -> list[Tag]:
    if not who.dead:
        return []
    sources = tuple(
        patient_source(one) for one in case.patients if one.get("deceasedDateTime") or one.get("deceasedBoolean")
    )
    day = who.died.isoformat() if who.died else ""
    label = Text(f"已故 {day}".strip(), f"Deceased {day}".strip())
    return [Tag("deceased", label, "info", Text("机构登记死亡", "Death recorded by an institution"), sources)]


def _pregnant(case: Case, who: Identity, episodes: Sequence[Episode]) -> list[Tag]:
    found = pregnancy(case, who, episodes)
    if found is None:
        return []
    due = found.due.isoformat() if found.due else ""
    label = Text(f"孕期（预产期 {due}）" if due else "孕期", f"Pregnant (due {due})" if due else "Pregnant")
    rule = Text(
        f"{found.last.isoformat()} 有孕期记录，在 42 周内，且其后未见分娩或终止记录",
        f"Pregnancy recorded on {found.last.isoformat()}, within 42 weeks, no birth or end recorded since",
    )
    return [Tag("pregnancy", label, "watch", rule, found.sources)]


def _overdue(missing: Sequence[Gap]) -> list[Tag]:
    late = [gap for gap in missing if gap.overdue]
    if not late:
        return []
    label = Text(f"疫苗逾期 {len(late)} 种", f"{len(late)} vaccine{'s' if len(late) > 1 else ''} overdue")
    rule = Text(
        "按国家免疫规划程序已过完成月龄，未见接种记录："
        + "、".join(f"{gap.vaccine.name.zh}第{gap.dose.number}剂" for gap in late),
        "Past the completion age of the national schedule, none on record: "
        + "; ".join(f"{gap.vaccine.name.en} dose {gap.dose.number}" for gap in late),
    )
    return [Tag("vaccination-overdue", label, "watch", rule, tuple(s for gap in late for s in gap.sources))]


def _span(ranges: Sequence[tuple[str, str]]) -> str:
    return ", ".join(low if low == high else f"{low}–{high}" for low, high in ranges)


def _disease(disease: Disease, problems: Sequence[Merged]) -> Tag | None:
    behind = [
        one
        for one in problems
        if one.entry.active and one.concept.category and words.in_ranges(one.concept.category, disease.ranges)
    ]
    if not behind:
        return None
    span = _span(disease.ranges)
    rule = Text(f"有效诊断，ICD-10 {span}", f"Active condition, ICD-10 {span}")
    return Tag(disease.code, Text(disease.zh, disease.en), disease.level, rule, _sources(behind))


def _cancer_history(problems: Sequence[Merged]) -> list[Tag]:
    cancers = [one for one in problems if one.concept.category.startswith("C")]
    if not cancers or any(one.entry.active for one in cancers):
        return []
    rule = Text("已结束的诊断，ICD-10 C00–C97", "Past condition, ICD-10 C00–C97")
    return [Tag("tumour-history", Text("肿瘤病史", "Cancer in the past"), "info", rule, _sources(cancers))]


def _admission(case: Case, who: Identity, episodes: Sequence[Episode]) -> list[Tag]:
    if who.dead:
        return []
    stays = [one for one in episodes if one.sources and _is_stay(case, one)]
    inside = [one for one in stays if one.ongoing]
    if inside:
        rule = Text("有未结束的住院记录", "A hospital stay is under way")
        return [Tag("in-hospital", Text("住院中", "In hospital"), "watch", rule, (inside[0].sources[0],))]
    since = case.today - timedelta(days=RECENT_DAYS)
    recent = [one for one in stays if since <= (one.end or one.start or date.min) <= case.today]
    if not recent:
        return []
    rule = Text(f"{RECENT_DAYS} 天内出院", f"Left hospital within the last {RECENT_DAYS} days")
    return [Tag("recent-admission", Text("近期住院", "Recent hospital stay"), "watch", rule, (recent[0].sources[0],))]


def _is_stay(case: Case, episode: Episode) -> bool:
    visit = case.visits.get(episode.sources[0])
    return visit is not None and visit.said.kind == "inpatient"


def _anticoagulant(medicines: Sequence[Merged]) -> list[Tag]:
    taken = [one for one in medicines if one.entry.active and one.concept.atc.startswith(_ANTICOAGULANTS)]
    if not taken:
        return []
    rule = Text("在用药物，ATC B01AA/AB/AE/AF", "Medicine in use, ATC B01AA/AB/AE/AF")
    return [Tag("anticoagulant", Text("服用抗凝药（易出血）", "On a blood thinner"), "watch", rule, _sources(taken))]


def _long_term(case: Case, medicines: Sequence[Merged]) -> list[Tag]:
    taken = [
        one
        for one in medicines
        if one.entry.active
        and one.entry.when
        and (case.today - one.entry.when).days >= LONG_TERM_DAYS
        and (case.today - (one.entry.last or one.entry.when)).days <= UNSEEN_DAYS
        and not one.concept.atc.startswith(SHORT_COURSES)
    ]
    if not taken:
        return []
    label = Text(f"长期用药 {len(taken)} 种", f"{len(taken)} long-term medicine{'s' if len(taken) > 1 else ''}")
    rule = Text(
        f"在用，首次开具距今不少于 {LONG_TERM_DAYS} 天，一年内仍有开具",
        f"In use, first prescribed at least {LONG_TERM_DAYS} days ago and again within a year",
    )
    return [Tag("long-term-medicine", label, "info", rule, _sources(taken))]


def _ages(case: Case, who: Identity) -> list[Tag]:
    years = who.age_on(case.today)
    if years is None or who.dead or who.born is None:
        return []
    sources = tuple(patient_source(one) for one in case.patients if one.get("birthDate"))
    if years >= ELDERLY_YEARS:
        rule = Text(f"年满 {ELDERLY_YEARS} 岁", f"Aged {ELDERLY_YEARS} or over")
        return [Tag("elderly", Text("老年人", "Aged 65 or over"), "info", rule, sources)]
    if months_old(who.born.day, case.today) < CHILD_YEARS * 12:
        rule = Text("未满 7 岁，属国家免疫规划接种期", "Under 7 years: in the age of childhood vaccination")
        return [Tag("child", Text("0–6 岁儿童（接种期）", "Child in vaccination age"), "info", rule, sources)]
    return []


def _blood(read: Sequence[Reading]) -> list[Tag]:
    shown, sources, negative = blood_group(read)
    if not shown:
        return []
    label = Text(f"血型 {shown.zh}", f"Blood group {shown.en}")
    rule = Text("检验结果 LOINC 882-1、883-9、10331-7", "Laboratory result, LOINC 882-1, 883-9, 10331-7")
    return [Tag("blood-group", label, "watch" if negative else "info", rule, sources)]
