"""What needs doing, each with the rule that says so. Suggestions inform; they refuse and decide nothing."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from . import words
from .basics import Identity
from .gather import Case
from .merge import Merged
from .model import Episode, Suggestion, Text
from .results import Reading
from .schedule import Gap
from .tags import ELDERLY_YEARS
from .words_loinc import DIASTOLIC, PRESSURE, SYSTOLIC

FOLLOW_UP_DAYS = 90
CHECK_UP_DAYS = 365
_PRESSURE_CODES = (PRESSURE, SYSTOLIC, DIASTOLIC)
_GLUCOSE_CODES = ("14771-0", "1558-6", "2339-0", "2345-7", "15074-8", "14995-5", "4548-4")
_FOLLOW_UPS = (
    ("hypertension", "高血压", "high blood pressure", (("I10", "I15"),), _PRESSURE_CODES, "血压", "blood pressure"),
    ("diabetes", "糖尿病", "diabetes", (("E10", "E14"),), _GLUCOSE_CODES, "血糖", "blood sugar"),
)


def suggestions(
    case: Case,
    who: Identity,
    problems: Sequence[Merged],
    read: Sequence[Reading],
    episodes: Sequence[Episode],
    missing: Sequence[Gap],
) -> tuple[Suggestion, ...]:
    """Everything due today, overdue first, the longest due leading. The dead get none."""
    if who.dead:
        return ()
    found = [*_vaccinations(case, missing), *_follow_ups(case, problems, read), *_check_up(case, who, episodes)]
    found.sort(key=lambda one: (not one.overdue, one.due or date.min))
    return tuple(found)


def _vaccinations(case: Case, missing: Sequence[Gap]) -> Iterator[Suggestion]:
    if missing and not case.of("Immunization"):
        yield Suggestion(
            "vaccination-record",
            Text(
                "未见任何接种记录，请带预防接种证到接种单位核对",
                "No vaccination on record: take the vaccination booklet to the clinic",
            ),
            Text(
                "缺少：" + "、".join(gap.vaccine.name.zh for gap in missing),
                "Missing: " + "; ".join(gap.vaccine.name.en for gap in missing),
            ),
            Text("未满 6 岁，且档案中没有接种记录", "Under 6 years and no vaccination in the record"),
            missing[0].due,
            any(gap.overdue for gap in missing),
            (),
        )
        return
    for gap in missing:
        yield Suggestion(
            f"vaccination-{gap.vaccine.code}",
            Text(
                f"接种{gap.vaccine.name.zh}第{gap.dose.number}剂",
                f"{gap.vaccine.name.en} vaccine, dose {gap.dose.number}",
            ),
            Text(
                f"应于 {gap.due.isoformat()} 起接种，档案中有 {gap.given} 剂",
                f"Due since {gap.due.isoformat()}; {gap.given} on record",
            ),
            Text(
                f"国家免疫规划程序：{gap.dose.due} 月龄接种，{gap.dose.late} 月龄前完成",
                f"National schedule: due at {gap.dose.due} months, to be completed before {gap.dose.late} months",
            ),
            gap.due,
            gap.overdue,
            gap.sources,
        )


def _follow_ups(case: Case, problems: Sequence[Merged], read: Sequence[Reading]) -> Iterator[Suggestion]:
    for code, zh, en, ranges, codes, value_zh, value_en in _FOLLOW_UPS:
        behind = [
            p for p in problems if p.entry.active and p.concept.category and words.in_ranges(p.concept.category, ranges)
        ]
        if not behind:
            continue
        seen: list[tuple[date, str]] = [
            (day, one.fact.source) for one in read if one.code in codes and (day := one.fact.day)
        ]
        seen += [
            (visit.start.day, visit.source)
            for visit in case.visits.values()
            if visit.start and any(words.in_ranges(reason.category, ranges) for reason in visit.reasons)
        ]
        seen += [(p.entry.last, p.entry.source) for p in behind if p.entry.last]
        past = [(day, source) for day, source in seen if day <= case.today]
        last, source = max(past, default=(None, ""))
        if last and (case.today - last).days <= FOLLOW_UP_DAYS:
            continue
        yield Suggestion(
            f"{code}-follow-up",
            Text(f"{zh}随访，测{value_zh}", f"Follow-up for {en}: measure {value_en}"),
            Text(f"上次 {last.isoformat()}", f"Last on {last.isoformat()}")
            if last
            else Text("未见随访记录", "None on record"),
            Text(
                f"国家基本公共卫生服务规范：{zh}患者每年至少随访 4 次；距上次{value_zh}或就诊超过 {FOLLOW_UP_DAYS} 天",
                f"National public health service: at least 4 follow-ups a year; over {FOLLOW_UP_DAYS} days since"
                f" the last {value_en} reading or visit",
            ),
            last + timedelta(days=FOLLOW_UP_DAYS) if last else None,
            True,
            tuple(dict.fromkeys(s for s in (source, *(p.entry.source for p in behind)) if s)),
        )


def _check_up(case: Case, who: Identity, episodes: Sequence[Episode]) -> Iterator[Suggestion]:
    years = who.age_on(case.today)
    if years is None or years < ELDERLY_YEARS:
        return
    past = [
        (one.start, one.sources[0])
        for one in episodes
        if one.kind == "checkup" and one.start and one.start <= case.today
    ]
    last, source = max(past, default=(None, ""))
    if last and (case.today - last).days <= CHECK_UP_DAYS:
        return
    yield Suggestion(
        "elderly-check-up",
        Text("老年人年度健康体检（免费）", "Yearly health check for people aged 65 and over (free)"),
        Text(f"上次 {last.isoformat()}", f"Last on {last.isoformat()}")
        if last
        else Text("未见体检记录", "None on record"),
        Text(
            "国家基本公共卫生服务规范：65 岁及以上每年 1 次健康体检",
            "National public health service: one health check a year from the age of 65",
        ),
        last + timedelta(days=CHECK_UP_DAYS) if last else None,
        True,
        (source,) if source else (),
    )
