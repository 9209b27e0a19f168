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


@dataclass(frozen=True, slots=True)
class Scene(Term):
    """A scene: what exactly a code was used for. A scene of care refines a step, one of public health stands alone."""

    @property
    def step(self) -> str:
        """The six-digit step it refines; `000000` (other) for a scene of public health."""
        return self.code[:_STEP_DIGITS] if self.code.startswith("0101") else OTHER_STEP


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

OTHER_STEP: Final = "000000"
_STEP_DIGITS: Final = 6

_CARE_STEPS: Final = _table(
    (OTHER_STEP, "other", "其他"),
    ("010101", "registration", "挂号"),
    ("010102", "diagnosis", "诊断"),
    ("010103", "dispensing", "取药"),
    ("010104", "examination", "检查"),
    ("010105", "payment", "收费"),
    ("010106", "prescription", "开方"),
    ("010107", "surgery", "手术"),
    ("010108", "reports", "报告"),
    ("010109", "inpatient admission", "住院"),
)

SCENES: Final[dict[str, Scene]] = {
    code: Scene(code, en, zh)
    for code, en, zh in (
        ("0101011", "booked registration", "预约挂号"),
        ("0101012", "same-day registration", "当日挂号"),
        ("0101051", "outpatient bill", "门诊待缴"),
        ("0101053", "inpatient bill", "住院缴费"),
        ("0101081", "laboratory report", "检验报告"),
        ("0101082", "examination report", "检查报告"),
        ("0201013", "blood pressure", "血压"),
        ("0201021", "mother and child handbook", "母子健康手册"),
        ("0201032", "planned immunisation", "计划免疫"),
        ("0201045", "chronic disease", "慢病"),
        ("0201091", "health record", "健康档案"),
        ("02010371", "birth certificate", "出生医学证明"),
    )
}
"""Seven-digit scenes refine the steps of care; those under 0201 are services of public health."""

STEPS: Final[dict[str, Term]] = dict(sorted((_CARE_STEPS | SCENES).items()))
"""The step of care (`medstep`) at which a code is used. A scene may be named in its place, as integrators do."""


def step_of(code: str) -> str:
    """The six-digit step a step or scene belongs to: `0101012` is `010101`, a scene of public health is `000000`."""
    scene = SCENES.get(code)
    return scene.step if scene else code


def scene_fits(step: str, scene: str) -> bool:
    """Whether a scene refines that step (or is named as the step itself). Any scene fits the step `000000`, other."""
    known = SCENES.get(scene)
    return known is not None and (step in (scene, OTHER_STEP) or step == known.step)


CARD_STATUSES: Final = _table(
    ("applied", "applied for", "申领中"),
    ("pre-issued", "made in advance", "预制"),
    ("active", "active", "正常"),
    ("suspended", "suspended", "暂停"),
    ("lost", "lost", "挂失"),
    ("merged", "merged into another card", "已并入另一张卡"),
    ("cancelled", "cancelled", "注销"),
    ("deceased", "the holder has died", "持卡人已故"),
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

VISIT_TYPES: Final = _table(
    ("I", "inpatient", "住院"),
    ("O", "outpatient", "门诊"),
    ("E", "emergency", "急诊"),
    ("H", "health check-up", "体检"),
    ("T", "other", "其他"),
)

DEPARTMENTS: Final = _table(
    ("0100", "preventive care", "预防保健科"),
    ("0200", "general practice", "全科医疗科"),
    ("0300", "internal medicine", "内科"),
    ("0400", "surgery", "外科"),
    ("0500", "obstetrics and gynaecology", "妇产科"),
    ("0700", "paediatrics", "儿科"),
    ("1000", "ophthalmology", "眼科"),
    ("1100", "ear, nose and throat", "耳鼻喉科"),
    ("1200", "dentistry", "口腔科"),
    ("1300", "dermatology", "皮肤科"),
    ("1500", "psychiatry", "精神科"),
    ("1600", "infectious diseases", "传染科"),
    ("1900", "oncology", "肿瘤科"),
    ("2000", "emergency medicine", "急诊医学科"),
    ("2100", "rehabilitation", "康复医学科"),
    ("3000", "laboratory", "医学检验科"),
    ("3100", "pathology", "病理科"),
    ("3200", "imaging", "医学影像科"),
    ("5000", "traditional Chinese medicine", "中医科"),
)
"""National codes. An institution's own department may be finer (`030001`): its first four digits are looked up."""

COST_TYPES: Final = _table(
    ("0100", "paid by oneself", "自费"),
    ("0200", "basic medical insurance", "基本医疗保险"),
    ("0300", "commercial insurance", "商业保险"),
    ("0400", "public funds", "公费"),
    ("9900", "other", "其他"),
)
"""How a payment was met (`cardCostTypes`). Only 0100 was seen in integrators' code; the others follow its form."""


def department_of(code: str) -> Term | None:
    """The national department that an institution's department code stands under, or None."""
    return DEPARTMENTS.get(code[:4])
