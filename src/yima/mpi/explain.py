"""A score in words, Chinese and English: what speaks for one person, what against, and how much. Pure."""

from __future__ import annotations

from typing import Final, Literal

from yima.mpi.model import Model
from yima.mpi.score import Score

Language = Literal["zh", "en"]

_COMPARISONS: Final = {
    "name": ("姓名", "Name"),
    "birth": ("出生日期", "Birth date"),
    "number": ("证件号码", "Document number"),
    "sex": ("性别", "Sex"),
    "household": ("电话与住址", "Phone and address"),
}
_LEVELS: Final[dict[str, tuple[str, str]]] = {
    "name.exact": ("相同", "the same"),
    "name.order": ("词相同，顺序不同", "the same words in another order"),
    "name.sound": ("读音或拉丁写法相同", "the same sound or Latin form"),
    "name.shape": ("仅形近字之差", "the same but for characters that look alike"),
    "name.cut": ("缩短或漏字", "cut short, or a word missing"),
    "name.character": ("一字之差", "one character differs"),
    "name.close": ("读音相近（一两个字母之差）", "close: a letter or two of the sound differ"),
    "name.surname": ("仅姓相同", "only the family name is the same"),
    "name.given": ("仅名相同", "only the given name is the same"),
    "name.different": ("不同", "different"),
    "birth.exact": ("相同", "the same"),
    "birth.swapped": ("日与月互换", "day and month exchanged"),
    "birth.lunar": ("一方为另一方的农历日期", "the one is the other in the lunar calendar"),
    "birth.digit": ("一位数字之差", "one digit differs"),
    "birth.near": ("相差不到60天", "within 60 days"),
    "birth.month": ("年月相符（一方不完整）", "the same month, one side says no day"),
    "birth.year": ("仅年份相同", "only the year is the same"),
    "birth.different": ("不同", "different"),
    "number.same": ("居民身份证号相同", "the same resident number"),
    "number.other": ("两个有效的不同身份证号", "two right, different resident numbers"),
    "number.document": ("其他证件号码相同", "the same number of another document"),
    "number.mistyped": ("校验位有误，相差一两位", "one or two edits, with a wrong check digit"),
    "number.renewed": ("同类证件，号码不同（可能换证）", "documents of one kind with other numbers (perhaps renewed)"),
    "number.different": ("不同（一方校验位有误）", "different, one with a wrong check digit"),
    "sex.same": ("相同", "the same"),
    "sex.different": ("不同", "different"),
    "household.both": ("电话和住址都相同", "both the same"),
    "household.phone": ("电话相同", "the same phone"),
    "household.address": ("住址相同", "the same address"),
    "household.site": ("同一门牌", "the same house number"),
    "household.county": ("同一区县", "the same county"),
    "household.elsewhere": ("住址相同，只差区划代码或门牌号", "the same address but for the area code or house number"),
    "household.different": ("不同", "different"),
}
_UNKNOWN: Final = ("一方未知", "not known on one side")
WHY: Final[dict[str, tuple[str, str]]] = {
    "other-number": ("两个有效的身份证号不同：必为两人", "Two different right resident numbers: two people."),
    "other-twin": ("多胞胎出生顺序不同：必为两人", "Another birth order of a multiple birth: two people."),
    "other-birth-time": ("出生时刻不同：必为两人", "Another time of birth on the same day: two people."),
    "never-same": ("管理员已认定不是同一人", "A steward said that they are never the same."),
    "name-and-birth": ("姓名与出生日期未完全一致", "Name and birth date do not fully agree."),
    "possible-twin": (
        "证件号相同而姓名一字之差：可能是双胞胎用了对方的证件",
        "The same document with a name one character off: perhaps a twin with the other's document.",
    ),
    "sex": ("性别不一致或未知", "Sex differs or is not known."),
    "second-factor": (
        "除姓名、出生日期、性别外没有其他一致项", "Nothing besides name, birth date and sex agrees."
    ),
    "document": ("证件号码不一致", "The documents do not agree."),
    "placeholder": ("姓名只是代称", "A name only stands in for one."),
    "multiple-birth": ("一方登记为多胞胎，或顺序未知", "One is of a multiple birth, or its order is not known."),
    "probability": ("概率低于自动关联的界限", "The probability is below the bound for linking by itself."),
    "runner-up": ("另有相近的候选人", "Another candidate is nearly as likely."),
}  # fmt: skip
"""Vetoes and hindrances in words."""


def label(comparison: str, level: str = "") -> tuple[str, str]:
    """A comparison, or one level of it, in words (zh, en)."""
    return _LEVELS.get(f"{comparison}.{level}", _UNKNOWN) if level else _COMPARISONS[comparison]


def explained(score: Score, model: Model, language: Language) -> list[str]:
    """One line a comparison with its bits, then the sum."""
    at = 0 if language == "zh" else 1
    colon = "：" if at == 0 else ": "
    lines = []
    for name, level, bits in zip(score.levels._fields, score.levels, score.weights, strict=True):
        words = _LEVELS.get(f"{name}.{level}", _UNKNOWN)[at]
        lines.append(f"{bits:+7.1f}  {_COMPARISONS[name][at]}{colon}{words}")
    prior = ("先验：任意两人是同一人", "Before anything is compared: two people drawn at random")[at]
    total = ("合计（比特）；概率", "Sum in bits; probability")[at]
    return [f"{model.prior_bits:+7.1f}  {prior}", *lines, f"{score.bits:+7.1f}  {total} {score.probability:.6f}"]
