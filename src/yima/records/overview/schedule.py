"""The national childhood vaccination schedule as data, and what a child's record lacks of it.

Source: 国家免疫规划疫苗儿童免疫程序及说明 (2021 edition), with the whooping cough schedule in force since 1 January
2025 (2, 4, 6, 18 months and 6 years). A dose counts as overdue after the latest age the programme names for its
completion; where it names none, one month after the dose was due (whooping cough doses: the later of both
schedules).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from .ages import add_months
from .gather import Fact
from .model import Text
from .reading import decimal, first

UNTIL_MONTHS = 72  # children under six years


class Dose(NamedTuple):
    """One dose: number, age when due and age from which it is overdue, both in months."""

    number: int
    due: int
    late: int


class Vaccine(NamedTuple):
    """A vaccine of the programme: its doses, the CVX codes that count for it, words by which it is known without
    code.
    """

    code: str
    name: Text
    doses: tuple[Dose, ...]
    cvx: frozenset[str]
    words: tuple[str, ...]


def _vaccine(code: str, zh: str, en: str, doses: tuple[tuple[int, int], ...], cvx: str, known_as: str) -> Vaccine:
    numbered = tuple(Dose(number, due, late) for number, (due, late) in enumerate(doses, 1))
    return Vaccine(code, Text(zh, en), numbered, frozenset(cvx.split()), tuple(known_as.split()))


# doses as (due, overdue from) in months of age
PROGRAMME: tuple[Vaccine, ...] = (
    _vaccine("bcg", "卡介苗", "BCG (tuberculosis)", ((0, 3),), "19", "卡介苗 bcg"),
    _vaccine("hepb", "乙肝疫苗", "Hepatitis B", ((0, 1), (1, 2), (6, 12)),
             "08 42 43 44 45 51 102 110 132 146 189 198 220",
             "乙肝 乙型肝炎 hepb hep-b"),
    _vaccine("polio", "脊灰疫苗", "Polio", ((2, 3), (3, 4), (4, 12), (48, 60)),
             "02 10 89 110 120 130 132 146 170 178 179 182 195", "脊灰 脊髓灰质炎 polio"),
    _vaccine("dtap", "百白破疫苗", "Whooping cough, diphtheria, tetanus", ((2, 4), (4, 6), (5, 12), (18, 24)),
             "01 20 50 102 106 107 110 120 130 132 146 170 198", "百白破 百日咳 dtap pertussis"),
    _vaccine("mena", "A群流脑疫苗", "Meningitis A", ((6, 9), (9, 18)), "32 103 108 114 136 147 148 191 192 203",
             "流脑 脑膜炎球菌 meningococcal"),
    _vaccine("mmr", "麻腮风疫苗", "Measles, mumps, rubella", ((8, 12), (18, 24)), "03 04 05 94",
             "麻腮风 麻疹 麻风 measles mmr"),
    _vaccine("je", "乙脑疫苗", "Japanese encephalitis", ((8, 12), (24, 36)), "39 129 134",
             "乙脑 乙型脑炎 encephalitis"),
    _vaccine("hepa", "甲肝疫苗", "Hepatitis A", ((18, 24),), "31 52 83 84 85 104 169 193", "甲肝 甲型肝炎 hepa"),
    _vaccine("menac", "A群C群流脑疫苗", "Meningitis A and C", ((36, 48),), "32 103 108 114 136 147 148 192 203",
             "a群c群 ac群 acyw135 四价流脑"),
)  # fmt: skip


class Gap(NamedTuple):
    """The first missing dose of a vaccine that is due: since when, and whether its latest age has passed."""

    vaccine: Vaccine
    dose: Dose
    due: date
    overdue: bool
    given: int
    sources: tuple[str, ...]


def gaps(facts: Iterable[Fact], born: date, today: date) -> list[Gap]:
    """What is due today and on no record, overdue first. One gap per vaccine: later doses wait for the missing one."""
    given = [fact for fact in facts if fact.status in ("", "completed")]
    found = [gap for vaccine in PROGRAMME if (gap := _gap(vaccine, given, born, today))]
    found.sort(key=lambda gap: (not gap.overdue, gap.due))
    return found


def _gap(vaccine: Vaccine, given: Sequence[Fact], born: date, today: date) -> Gap | None:
    found = counted(vaccine, given, born)
    number = doses_given(found)
    if number >= len(vaccine.doses):
        return None
    dose = vaccine.doses[number]
    due = add_months(born, dose.due)
    if due > today:
        return None
    overdue = today >= add_months(born, dose.late)
    return Gap(vaccine, dose, due, overdue, number, tuple(dict.fromkeys(fact.source for fact in found)))


def counted(vaccine: Vaccine, facts: Iterable[Fact], born: date) -> list[Fact]:
    """The doses given that count for a vaccine."""
    found = [fact for fact in facts if fact.status in ("", "completed") and _counts(vaccine, fact)]
    if vaccine.code == "menac":  # doses before the second birthday belong to the infant series
        found = [fact for fact in found if fact.day and fact.day >= add_months(born, 24)]
    return found


def _counts(vaccine: Vaccine, fact: Fact) -> bool:
    if fact.concept.cvx:
        return fact.concept.cvx in vaccine.cvx
    title = f"{fact.concept.title.zh} {fact.concept.title.en}".lower()
    return any(word in title for word in vaccine.words)


def doses_given(facts: Sequence[Fact]) -> int:
    """Doses on record: the distinct days, or the highest dose number reported if that is more (earlier ones
    elsewhere).
    """
    days = {fact.day for fact in facts}
    return max([len(days), *(_number(fact.body) for fact in facts)])


def _number(body: Mapping[str, object]) -> int:
    value = decimal(first(body.get("protocolApplied")).get("doseNumberPositiveInt"))
    return int(value) if value is not None and 0 < value <= 9 else 0
