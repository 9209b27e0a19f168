"""Closed lists of the health code, in two languages. A purpose or step that is not here is refused.

Step, channel and document codes as read in public integrators' code for the national card (design note
healthcode, 6.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Term:
    """One row of a closed list."""

    code: str
    en: str
    zh: str


def _table(*rows: tuple[str, str, str]) -> dict[str, Term]:
    return {code: Term(code, en, zh) for code, en, zh in rows}


PURPOSES: Final = _table(
    ("treatment", "treatment", "诊疗"),
    ("emergency-treatment", "emergency treatment", "急救"),
    ("payment", "payment", "结算"),
    ("own-request", "the resident's own request", "本人申请"),
    ("public-health", "public health by order", "依法公共卫生"),
)
"""Why a code may be used. Places and gates are not among them, and must not become so."""

STEPS: Final = _table(
    ("000000", "other", "其他"),
    ("010101", "registration", "挂号"),
    ("0101011", "booked registration", "预约挂号"),
    ("0101012", "same-day registration", "当日挂号"),
    ("010102", "diagnosis", "诊断"),
    ("010103", "dispensing", "取药"),
    ("010104", "examination", "检查"),
    ("010105", "payment", "收费"),
    ("0101051", "outpatient bill", "门诊待缴"),
    ("010106", "prescription", "开方"),
    ("010107", "surgery", "手术"),
    ("010108", "reports", "报告"),
    ("0101081", "laboratory report", "检验报告"),
    ("0101082", "examination report", "检查报告"),
    ("010109", "inpatient admission", "住院"),
    ("0201013", "blood pressure", "血压"),
    ("0201021", "mother and child handbook", "母子健康手册"),
    ("0201032", "planned immunisation", "计划免疫"),
    ("0201045", "chronic disease", "慢病"),
    ("0201091", "health record", "健康档案"),
    ("02010371", "birth certificate", "出生医学证明"),
)
"""The step of care (`medstep`) at which a code is used; seven and more digits refine the six-digit steps."""

SCENES: Final = {code: term for code, term in STEPS.items() if len(code) > 6}
"""Finer than the step of care: what a terminal may say beside the step, e.g. 0101011 booked registration."""

CARD_STATUSES: Final = _table(
    ("active", "active", "正常"),
    ("suspended", "suspended", "暂停"),
    ("lost", "lost", "挂失"),
    ("cancelled", "cancelled", "注销"),
)

CHANNELS: Final = _table(
    ("0100", "window", "窗口"),
    ("0200", "kiosk", "自助机"),
    ("0300", "doctor's desk", "医生诊间"),
    ("0401", "official account", "公众号"),
    ("0402", "mini program", "小程序"),
)

APPLY_MODES: Final = _table(
    ("1", "app", "应用"),
    ("2", "kiosk", "自助机"),
    ("3", "window", "窗口"),
    ("4", "bulk", "批量"),
)

DOCUMENT_TYPES: Final = _table(
    ("01", "resident identity card", "居民身份证"),
    ("02", "household register", "居民户口簿"),
    ("03", "passport", "护照"),
    ("04", "officer's card", "军官证"),
    ("05", "driving licence", "驾驶证"),
    ("06", "Hong Kong and Macao travel permit", "港澳居民来往内地通行证"),
    ("07", "Taiwan travel permit", "台湾居民来往内地通行证"),
    ("08", "birth certificate", "出生医学证明"),
    ("99", "other", "其他法定有效证件"),
)
"""Provinces differ: a national gateway maps its own codes to these, and assumes nothing."""
