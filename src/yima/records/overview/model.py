"""What a reader of a record sees: the value types of the overview. Every text is bilingual; nothing here is
clickable or styled.

Days are calendar days in the reader's zone. Sources are literal references (``"Condition/abc"``), so a page can
link each statement to the resource it rests on.
"""

from datetime import date
from typing import Literal

import msgspec

Level = Literal["info", "watch", "alert"]
Flag = Literal["high", "low", "normal", "critical", "abnormal"]
StageKind = Literal["child", "pregnancy", "chronic", "elderly"]
StepState = Literal["done", "due", "overdue", "later", "info"]
LineKind = Literal["found", "given", "done"]
EpisodeKind = Literal[
    "outpatient",
    "inpatient",
    "emergency",
    "vaccination",
    "checkup",
    "antenatal",
    "postnatal",
    "birth",
    "screening",
    "followup",
    "home",
    "virtual",
    "lab",
    "imaging",
    "medicine",
    "procedure",
    "document",
    "other",
]


class Text(msgspec.Struct, frozen=True):
    """One sentence or name in Chinese and in English; both sides are filled whenever either is known."""

    zh: str
    en: str

    def __bool__(self) -> bool:
        """False when there is nothing to show in either language."""
        return bool(self.zh or self.en)

    def get(self, lang: str) -> str:
        """The side for a language tag (``zh``, ``zh-CN``, ``en``, ..): Chinese for ``zh*``, English otherwise."""
        return self.zh if lang.startswith("zh") else self.en


NO_TEXT = Text("", "")


class Tag(msgspec.Struct, frozen=True):
    """A personal health tag (个人健康标识): what it says, why it is there, and the resources it rests on."""

    code: str
    label: Text
    level: Level
    rule: Text
    sources: tuple[str, ...]


class Measure(msgspec.Struct, frozen=True):
    """One last measured value: as text (digits as reported, long tails rounded), its unit and its day."""

    value: str
    unit: str
    when: date | None
    source: str


class Basics(msgspec.Struct, frozen=True):
    """Basic health information (个人基本健康信息). Carries no identity number, phone or address."""

    names: tuple[str, ...]
    sex: Text
    sex_code: str
    birth_date: date | None
    birth_text: str
    age_years: int | None
    age: Text
    deceased: bool
    deceased_on: date | None
    blood_group: Text
    height: Measure | None
    weight: Measure | None
    bmi: Measure | None
    smoking: Text
    allergies: Text
    no_known_allergy: bool
    """Somebody recorded that there is none (and nobody recorded one that counts, where `allergies` says so)."""
    contacts: int


class Entry(msgspec.Struct, frozen=True):
    """One line of a clinician's list, merged over the institutions that reported the same thing.

    ``title`` is the name as written, ``plain`` the everyday word for it (may be empty). ``when`` is the first known
    day (``when_text`` keeps its precision: ``2019``, ``2019-05``), ``last`` the latest mention, ``until`` the end
    if any. ``severity`` is ``high``, ``low``, ``severe``, ``moderate``, ``mild`` or empty. ``source`` is the newest
    resource behind the line, ``others`` the remaining ones.
    """

    title: Text
    plain: Text
    code: str
    system: str
    when: date | None
    when_text: str
    last: date | None
    until: date | None
    active: bool
    status: Text
    detail: Text
    severity: str
    author: str
    source: str
    others: tuple[str, ...]


class Result(msgspec.Struct, frozen=True):
    """One result: value as text, unit, reference range, flag, day, institution, resource."""

    value: Text
    unit: str
    reference: str
    flag: Flag | None
    when: date | None
    author: str
    source: str


class ResultGroup(msgspec.Struct, frozen=True):
    """The last result of one LOINC code (fields spread here for lists) and up to four earlier ones, newest first.

    ``panel`` is the heading results are shown under; groups come ordered by panel, so pages may group consecutive ones.
    """

    code: str
    label: Text
    panel: Text
    value: Text
    unit: str
    reference: str
    flag: Flag | None
    when: date | None
    author: str
    source: str
    earlier: tuple[Result, ...]
    count: int


class Trend(msgspec.Struct, frozen=True):
    """One series of numbers of one code in one unit, oldest first, at least two points ``(ISO day, value)``.

    Blood pressure gives two series (8480-6, 8462-4), both with ``group`` 85354-9; elsewhere ``group`` equals ``code``.
    """

    code: str
    group: str
    label: Text
    unit: str
    low: float | None
    high: float | None
    points: tuple[tuple[str, float], ...]


class Activity(msgspec.Struct, frozen=True):
    """Service activities (卫生健康服务活动记录) of one kind at one institution."""

    kind: EpisodeKind
    label: Text
    institution: str
    count: int
    first: date | None
    last: date | None


class Line(msgspec.Struct, frozen=True):
    """One thing that was found, given or done in an episode."""

    kind: LineKind
    title: Text
    detail: Text
    flag: Flag | None
    when: date | None
    source: str


class Episode(msgspec.Struct, frozen=True):
    """One stop of the timeline: an encounter, or what one institution reported on one day without an encounter."""

    kind: EpisodeKind
    kind_label: Text
    title: Text
    start: date | None
    end: date | None
    ongoing: bool
    institution: str
    department: Text
    practitioner: str
    diagnoses: tuple[Text, ...]
    items: tuple[Line, ...]
    sources: tuple[str, ...]


class Suggestion(msgspec.Struct, frozen=True):
    """Something that needs doing: what, why (the rule), since when it is due, and what the rule looked at."""

    code: str
    title: Text
    detail: Text
    rule: Text
    due: date | None
    overdue: bool
    sources: tuple[str, ...]


class Part(msgspec.Struct, frozen=True):
    """Something a record should hold: how much of it there is, since when, from whom.

    ``expected``: people like this one should have it. ``late``: it is there or not, and the next is overdue.
    """

    code: str
    label: Text
    count: int
    last: date | None
    institution: str
    expected: bool
    late: bool


class Contradiction(msgspec.Struct, frozen=True):
    """Something that cannot be right: what, the values in question, the resources that say so."""

    code: str
    label: Text
    detail: Text
    sources: tuple[str, ...]


class Step(msgspec.Struct, frozen=True):
    """One thing of a stage of life: a dose, a visit, a value; done, due, overdue, for later, or simply so."""

    label: Text
    state: StepState
    when: date | None
    detail: Text
    sources: tuple[str, ...] = ()


class Track(msgspec.Struct, frozen=True):
    """Steps that belong together: the doses of a vaccine, the care of an illness."""

    title: Text
    steps: tuple[Step, ...]


class Stage(msgspec.Struct, frozen=True):
    """A view of the record for a stage of life: why it is shown, what matters in it, which trends and episodes show it.

    ``trends`` names codes of trends, ``kinds`` the kinds of episodes.
    """

    kind: StageKind
    title: Text
    rule: Text
    lead: tuple[Step, ...]
    tracks: tuple[Track, ...]
    trends: tuple[str, ...]
    kinds: tuple[EpisodeKind, ...]


class Overview(msgspec.Struct, frozen=True):
    """The home page of the record, the clinician's lists, the timeline and the trends of one person."""

    tags: tuple[Tag, ...]
    basics: Basics
    problems: tuple[Entry, ...]
    allergies: tuple[Entry, ...]
    medicines: tuple[Entry, ...]
    immunisations: tuple[Entry, ...]
    procedures: tuple[Entry, ...]
    devices: tuple[Entry, ...]
    results: tuple[ResultGroup, ...]
    trends: tuple[Trend, ...]
    activities: tuple[Activity, ...]
    episodes: tuple[Episode, ...]
    suggestions: tuple[Suggestion, ...]
    stages: tuple[Stage, ...]
    parts: tuple[Part, ...]
    contradictions: tuple[Contradiction, ...]
