"""Bilingual words for everything that is not a disease, a test or a medicine, and the look-ups over all word tables."""

from collections.abc import Mapping
from typing import Any

from .model import NO_TEXT, EpisodeKind, Text
from .reading import mapping, status_code, string
from .words_icd10 import CHAPTERS, ICD10, SHORT_LIVED
from .words_loinc import LOINC, PANELS
from .words_medicine import ATC, VACCINES
from .words_snomed import SNOMED

EPISODE_KINDS: dict[EpisodeKind, tuple[str, str]] = {
    "outpatient": ("门诊", "Clinic visit"),
    "inpatient": ("住院", "Hospital stay"),
    "emergency": ("急诊", "Emergency visit"),
    "vaccination": ("预防接种", "Vaccination"),
    "checkup": ("健康检查", "Health check"),
    "antenatal": ("产前检查", "Antenatal visit"),
    "postnatal": ("产后访视", "Visit after birth"),
    "birth": ("分娩", "Birth"),
    "screening": ("筛查", "Screening"),
    "followup": ("随访", "Follow-up"),
    "home": ("上门服务", "Home visit"),
    "virtual": ("线上问诊", "Online visit"),
    "lab": ("检验", "Laboratory tests"),
    "imaging": ("影像检查", "Imaging"),
    "medicine": ("用药", "Medicines"),
    "procedure": ("治疗操作", "Procedure"),
    "document": ("文书", "Document"),
    "other": ("健康记录", "Health note"),
}

# Encounter.class (v3-ActCode) -> kind; the type and the reason refine AMB
ENCOUNTER_CLASSES: dict[str, EpisodeKind] = {
    "amb": "outpatient",
    "imp": "inpatient",
    "acute": "inpatient",
    "nonac": "inpatient",
    "obsenc": "inpatient",
    "ss": "inpatient",
    "emer": "emergency",
    "hh": "home",
    "fld": "home",
    "vr": "virtual",
}

# First match wins: (words to look for in lower case, kind). What an encounter is about, in both languages.
ENCOUNTER_WORDS: tuple[tuple[tuple[str, ...], EpisodeKind], ...] = (
    (("产后", "postnatal", "postpartum"), "postnatal"),
    (("产前", "产检", "孕检", "孕期", "孕妇", "prenatal", "antenatal"), "antenatal"),
    (("分娩", "住院生产", "新生儿出生", "childbirth", "obstetric", "delivery", "labor and"), "birth"),
    (("接种", "疫苗", "vaccin", "immuniz", "immunis"), "vaccination"),
    (("筛查", "screening"), "screening"),
    (("体检", "健康检查", "健康管理", "儿童保健", "check up", "check-up", "checkup", "well child"), "checkup"),
    (("随访", "复诊访视", "follow-up", "follow up"), "followup"),
    (("上门", "家庭病床", "home visit"), "home"),
    (("互联网", "线上", "telehealth", "virtual"), "virtual"),
)

CONDITION_STATUS: dict[str, tuple[str, str]] = {
    "active": ("现患", "Current"),
    "recurrence": ("复发", "Returned"),
    "relapse": ("复发", "Returned"),
    "remission": ("缓解期", "In remission"),
    "inactive": ("目前不活动", "Not active now"),
    "resolved": ("已愈", "Over"),
}
PROBABLY_OVER = Text("应已好转（未见结束记录）", "Probably over (never closed)")
UNCONFIRMED = Text("待确认", "Not confirmed")

MEDICINE_STATUS: dict[str, tuple[str, str]] = {
    "active": ("在用", "In use"),
    "intended": ("拟用", "Planned"),
    "on-hold": ("暂停", "Paused"),
    "completed": ("已用完", "Finished"),
    "stopped": ("已停药", "Stopped"),
    "cancelled": ("已取消", "Cancelled"),
    "not-taken": ("未服用", "Not taken"),
    "unknown": ("不详", "Unknown"),
}
SUPPLY_MAY_BE_OVER = Text("在用（药量可能已用完）", "In use (supply may have run out)")
LONG_UNSEEN = Text("未见停药，超过一年未再开", "Never stopped, but not prescribed for over a year")
COURSE_OVER = Text("疗程应已结束", "Course should be over")

ALLERGY_STATUS: dict[str, tuple[str, str]] = {
    "active": ("过敏", "Allergic"),
    "inactive": ("目前不活动", "Not active now"),
    "resolved": ("已解除", "No longer allergic"),
}

IMMUNISATION_STATUS: dict[str, tuple[str, str]] = {
    "completed": ("已接种", "Given"),
    "not-done": ("未接种", "Not given"),
}

PROCEDURE_STATUS: dict[str, tuple[str, str]] = {
    "completed": ("已完成", "Done"),
    "in-progress": ("进行中", "Under way"),
    "preparation": ("准备中", "Being prepared"),
    "on-hold": ("暂停", "Paused"),
    "stopped": ("中止", "Stopped"),
    "not-done": ("未做", "Not done"),
    "unknown": ("不详", "Unknown"),
}

DEVICE_STATUS: dict[str, tuple[str, str]] = {
    "active": ("在用", "In use"),
    "intended": ("拟用", "Planned"),
    "on-hold": ("暂停", "Paused"),
    "completed": ("已取出或停用", "Removed or no longer used"),
    "stopped": ("已取出或停用", "Removed or no longer used"),
    "inactive": ("停用", "Not in use"),
}

SEXES: dict[str, tuple[str, str]] = {
    "male": ("男", "Male"),
    "female": ("女", "Female"),
    "other": ("其他", "Other"),
    "unknown": ("不详", "Unknown"),
}

SMOKING: dict[str, tuple[str, str]] = {
    "266919005": ("从不吸烟", "Never smoked"),
    "8517006": ("已戒烟", "Former smoker"),
    "449868002": ("每天吸烟", "Smokes every day"),
    "428041000124106": ("偶尔吸烟", "Smokes on some days"),
    "77176002": ("吸烟", "Smoker"),
    "266927001": ("吸烟情况不详", "Smoking unknown"),
    "la18978-9": ("从不吸烟", "Never smoked"),
    "la15920-4": ("已戒烟", "Former smoker"),
    "la18976-3": ("每天吸烟", "Smokes every day"),
    "la18977-1": ("偶尔吸烟", "Smokes on some days"),
}

# HL7 interpretation code -> flag of the result
INTERPRETATIONS = {
    "hh": "critical",
    "ll": "critical",
    "aa": "critical",
    "h": "high",
    "hu": "high",
    "l": "low",
    "lu": "low",
    "n": "normal",
    "a": "abnormal",
    "pos": "abnormal",
    "neg": "normal",
}

# Answers that occur as text or as code in qualitative results
ANSWERS: dict[str, tuple[str, str]] = {
    "从不吸烟": ("从不吸烟", "Never smoked"),
    "不吸烟": ("不吸烟", "Does not smoke"),
    "已戒烟": ("已戒烟", "Former smoker"),
    "吸烟": ("吸烟", "Smoker"),
    "弱阳性": ("弱阳性", "Weakly positive"),
    "未检出": ("未检出", "Not detected"),
    "正常": ("正常", "Normal"),
    "异常": ("异常", "Abnormal"),
    "260385009": ("阴性", "Negative"),
    "10828004": ("阳性", "Positive"),
    "negative": ("阴性", "Negative"),
    "positive": ("阳性", "Positive"),
    "阴性": ("阴性", "Negative"),
    "阳性": ("阳性", "Positive"),
    "77386006": ("怀孕", "Pregnant"),
    "60001007": ("未怀孕", "Not pregnant"),
    "true": ("是", "Yes"),
    "false": ("否", "No"),
}


def pair(words: tuple[str, str] | None) -> Text:
    """A table row as :class:`Text`; nothing for None."""
    return Text(*words) if words else NO_TEXT


def condition_words(category: str) -> Text:
    """Everyday words for a three-character ICD-10 category: its own, else its chapter's, else nothing."""
    if words := ICD10.get(category):
        return Text(*words)
    for low, high, zh, en in CHAPTERS:
        if low <= category <= high:
            return Text(zh, en)
    return NO_TEXT


def in_ranges(category: str, ranges: tuple[tuple[str, str], ...]) -> bool:
    """Whether a three-character category lies in one of the inclusive ranges (``("I10", "I15")``)."""
    return any(low <= category <= high for low, high in ranges)


def short_lived(category: str) -> bool:
    """Whether the category names an illness or event that ends by itself within weeks."""
    return in_ranges(category, SHORT_LIVED)


def medicine_words(atc: str) -> Text:
    """Everyday words for an ATC code: the longest known prefix."""
    for length in range(min(len(atc), 7), 2, -1):
        if words := ATC.get(atc[:length]):
            return Text(*words)
    return NO_TEXT


def vaccine_words(cvx: str) -> Text:
    """Everyday words for a CVX code."""
    return pair(VACCINES.get(cvx.zfill(2)))


def loinc_words(code: str) -> Text:
    """Short name of a LOINC code."""
    found = LOINC.get(code)
    return Text(found[0], found[1]) if found else NO_TEXT


def snomed_words(code: str) -> Text:
    """Short name of a SNOMED CT concept that is no condition (allergies, procedures, answers)."""
    return pair(SNOMED.get(code))


def panel_of(code: str) -> tuple[int, str]:
    """Position and key of the panel a LOINC code is read under."""
    found = LOINC.get(code)
    panel = found[2] if found else "other"
    return _PANEL_ORDER[panel], panel


_PANEL_ORDER = {panel: order for order, panel in enumerate(PANELS)}


def class_code(encounter: Mapping[str, Any]) -> str:
    """The class of an encounter in lower case, given as Coding (R4) or, by slip, as CodeableConcept or code."""
    value = encounter.get("class")
    return (string(mapping(value).get("code")) or status_code(value)).lower()
