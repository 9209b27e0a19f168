"""Views for a stage of life: a child's vaccines and growth, a pregnancy, chronic illness, old age.

Rules: 国家免疫规划程序; 国家基本公共卫生服务规范（第三版）: 0–6 岁儿童、孕产妇、高血压和糖尿病患者、老年人健康管理.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from . import words
from .ages import add_months, months_old
from .basics import Identity
from .entries import Lists
from .gather import Case
from .merge import Merged
from .model import NO_TEXT, Episode, EpisodeKind, Stage, Step, Suggestion, Tag, Text, Track
from .pregnancy import pregnancy
from .results import Reading
from .schedule import PROGRAMME, counted
from .tags import CHILD_YEARS, ELDERLY_YEARS

_GROWTH: Final = ("29463-7", "8302-2", "9843-4", "39156-5")
_BIRTH: Final = ("8339-4", "9272-6", "9274-2")
_PREGNANT: Final = ("29463-7", "85354-9", "8480-6", "8462-4", "11881-0", "718-7")
_YEAR: Final = timedelta(days=365)
_CARE: Final = (
    ("hypertension", (("I10", "I15"),), ("C02", "C03", "C07", "C08", "C09"), ("85354-9", "8480-6", "8462-4")),
    ("diabetes", (("E10", "E14"),), ("A10",), ("4548-4", "14771-0", "1558-6", "2339-0", "2345-7", "15074-8")),
    ("copd", (("J43", "J44"),), ("R03",), ("19926-5", "20150-9", "2708-6", "59408-5")),
    ("coronary", (("I20", "I25"),), ("B01AC", "C01", "C07", "C10"), ("2089-1", "18262-6", "85354-9")),
    ("stroke", (("I60", "I64"), ("I69", "I69")), ("B01A", "C10"), ("85354-9", "2089-1")),
    ("kidney", (("N18", "N18"),), ("C09", "B03"), ("2160-0", "33914-3", "62238-1")),
)
"""Tag, ICD-10 ranges, ATC groups of its medicines, LOINC codes by which it is watched."""
_ELDERLY_VACCINES: Final = ("流感", "influenza", "肺炎球菌", "肺炎疫苗", "pneumo", "带状疱疹", "zoster")


def stages(
    case: Case,
    who: Identity,
    found: Lists,
    read: Sequence[Reading],
    episodes: Sequence[Episode],
    tags: Sequence[Tag],
    due: Sequence[Suggestion],
) -> tuple[Stage, ...]:
    """The views that fit this person today, the most pressing first. The dead have none."""
    if who.dead:
        return ()
    made = (
        _pregnancy(case, who, read, episodes),
        _child(case, who, read, episodes),
        _chronic(case, found, read, tags, due),
        _elderly(case, who, found, read, episodes, due),
    )
    return tuple(stage for stage in made if stage)


def _child(case: Case, who: Identity, read: Sequence[Reading], episodes: Sequence[Episode]) -> Stage | None:
    if who.born is None or not 0 <= months_old(who.born.day, case.today) < CHILD_YEARS * 12:
        return None
    lead = [_value(one) for code in (*_BIRTH, *_GROWTH) if (one := _last(read, code))]
    checks = [one for one in episodes if one.kind == "checkup"]
    tracks = [_doses(case, who.born.day, number) for number in range(len(PROGRAMME))]
    if checks:
        tracks.append(Track(Text("儿童健康检查", "Child health checks"), tuple(_visit(one) for one in checks[:12])))
    rule = Text("未满 7 岁：0–6 岁儿童健康管理", "Under 7 years: health care for children aged 0 to 6")
    kinds: tuple[EpisodeKind, ...] = ("birth", "vaccination", "checkup", "screening")
    return Stage("child", Text("儿童", "Child"), rule, tuple(lead), tuple(tracks), _GROWTH, kinds)


def _doses(case: Case, born: date, number: int) -> Track:
    """The doses of one vaccine: given, due, overdue or for later, by the national schedule."""
    vaccine = PROGRAMME[number]
    given = sorted(counted(vaccine, case.of("Immunization"), born), key=lambda fact: fact.order)
    days = list(dict.fromkeys(fact.day for fact in given))
    steps = []
    for place, dose in enumerate(vaccine.doses):
        label = Text(f"第{dose.number}剂", f"Dose {dose.number}")
        planned, late = add_months(born, dose.due), add_months(born, dose.late)
        if place < len(days):
            sources = tuple(fact.source for fact in given if fact.day == days[place])
            steps.append(Step(label, "done", days[place], NO_TEXT, sources))
        elif case.today >= planned:
            steps.append(Step(label, "overdue" if case.today >= late else "due", planned, NO_TEXT))
        else:
            steps.append(Step(label, "later", planned, NO_TEXT))
    return Track(vaccine.name, tuple(steps))


def _pregnancy(case: Case, who: Identity, read: Sequence[Reading], episodes: Sequence[Episode]) -> Stage | None:
    under_way = pregnancy(case, who, episodes)
    if under_way is None:
        return None
    lead = []
    if under_way.due:
        weeks = 40 - (under_way.due - case.today).days // 7
        week = Text(f"约孕 {weeks} 周", f"About {weeks} weeks pregnant")
        lead.append(Step(Text("预产期", "Due date"), "info", under_way.due, week, under_way.sources))
    lead += [_value(one) for code in _PREGNANT if (one := _last(read, code)) and _recent(case, one, 300)]
    visits = [one for one in episodes if one.kind == "antenatal" and one.start and one.start > case.today - _YEAR]
    tracks = [Track(Text("产前检查", "Antenatal visits"), tuple(_visit(one) for one in visits))] if visits else []
    rule = Text("孕期：孕产妇健康管理，孕期至少 5 次检查", "Pregnant: at least 5 antenatal visits")
    kinds: tuple[EpisodeKind, ...] = ("antenatal", "birth", "postnatal")
    return Stage("pregnancy", Text("孕期", "Pregnancy"), rule, tuple(lead), tuple(tracks), _PREGNANT, kinds)


def _chronic(
    case: Case, found: Lists, read: Sequence[Reading], tags: Sequence[Tag], due: Sequence[Suggestion]
) -> Stage | None:
    labels = {tag.code: tag.label for tag in tags}
    tracks: list[Track] = []
    codes: list[str] = []
    for code, ranges, medicines, watched in _CARE:
        behind = [one for one in found.problems if one.entry.active and words.in_ranges(one.concept.category, ranges)]
        if not behind or code not in labels:
            continue
        taken = [one for one in found.medicines if one.entry.active and one.concept.atc.startswith(medicines)]
        steps = [*_care(case, code, behind, read, watched, due)]
        steps += [Step(one.entry.title, "info", one.entry.last, one.entry.detail, (one.entry.source,)) for one in taken]
        tracks.append(Track(labels[code], tuple(steps)))
        codes += watched
    if not tracks:
        return None
    rule = Text("有慢性病的有效诊断", "An active diagnosis of a chronic illness")
    kinds: tuple[EpisodeKind, ...] = ("followup", "outpatient", "inpatient", "home")
    return Stage(
        "chronic", Text("慢性病", "Chronic illness"), rule, (), tuple(tracks), tuple(dict.fromkeys(codes)), kinds
    )


def _care(
    case: Case,
    code: str,
    behind: Sequence[Merged],
    read: Sequence[Reading],
    watched: Sequence[str],
    due: Sequence[Suggestion],
) -> Iterator[Step]:
    first = min((one.entry.when for one in behind if one.entry.when), default=None)
    yield Step(Text("首次记录", "First recorded"), "info", first, NO_TEXT, tuple(one.entry.source for one in behind))
    for name in watched:
        if one := _last(read, name):
            yield _value(one)
    for todo in due:
        if todo.code == f"{code}-follow-up":
            yield Step(todo.title, "overdue" if todo.overdue else "due", todo.due, todo.detail, todo.sources)
    in_year = {one.fact.day for one in read if one.code in watched and _recent(case, one, 365)}
    label = Text("近一年测量天数", "Days measured in the last year")
    yield Step(label, "info", None, Text(f"{len(in_year)} 天", str(len(in_year))))


def _elderly(
    case: Case,
    who: Identity,
    found: Lists,
    read: Sequence[Reading],
    episodes: Sequence[Episode],
    due: Sequence[Suggestion],
) -> Stage | None:
    years = who.age_on(case.today)
    if years is None or years < ELDERLY_YEARS:
        return None
    lead = [
        Step(one.title, "overdue", one.due, one.detail, one.sources) for one in due if one.code == "elderly-check-up"
    ]
    taken = [one for one in found.medicines if one.entry.active]
    many = Text(f"{len(taken)} 种" + ("，请医师或药师核对" if len(taken) >= 5 else ""),
                f"{len(taken)}" + (": have them reviewed" if len(taken) >= 5 else ""))  # fmt: skip
    lead.append(Step(Text("正在用的药", "Medicines in use"), "info", None, many))
    checks = [_visit(one) for one in episodes if one.kind == "checkup"][:10]
    vaccines = [
        Step(one.entry.title, "done", one.entry.when, one.entry.detail, (one.entry.source,))
        for one in found.immunisations
        if one.entry.active
        and any(word in f"{one.entry.title.zh} {one.entry.title.en}".lower() for word in _ELDERLY_VACCINES)
    ]
    scores = [_value(one) for one in _newest(read) if words.panel_of(one.code)[1] == "score"]
    titled = (
        (Text("健康体检", "Health checks"), checks),
        (Text("疫苗", "Vaccines"), vaccines),
        (Text("量表评估", "Questionnaires"), scores),
    )
    tracks = [Track(title, tuple(steps)) for title, steps in titled if steps]
    rule = Text(
        f"年满 {ELDERLY_YEARS} 岁：老年人健康管理", f"Aged {ELDERLY_YEARS} or over: health care for the elderly"
    )
    kinds: tuple[EpisodeKind, ...] = ("checkup", "followup", "home")
    return Stage("elderly", Text("老年", "Later life"), rule, tuple(lead), tuple(tracks), ("85354-9", "29463-7"), kinds)


def _is_for_the_elderly(title: Text) -> bool:
    return any(word in f"{title.zh} {title.en}".lower() for word in _ELDERLY_VACCINES)


def _visit(one: Episode) -> Step:
    return Step(one.title, "done", one.start, Text(one.institution, one.institution), one.sources[:1])


def _value(one: Reading) -> Step:
    result = one.result
    said = Text(f"{result.value.zh} {result.unit}".strip(), f"{result.value.en} {result.unit}".strip())
    label = words.loinc_words(one.code) or one.fact.concept.title
    return Step(label, "info", result.when, said, (result.source,))


def _last(read: Sequence[Reading], code: str) -> Reading | None:
    return next((one for one in read if one.code == code), None)


def _newest(read: Sequence[Reading]) -> list[Reading]:
    return list({one.code: one for one in reversed(read)}.values())


def _recent(case: Case, one: Reading, days: int) -> bool:
    return one.fact.day is not None and 0 <= (case.today - one.fact.day).days <= days
