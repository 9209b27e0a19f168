"""Refusals are wholly Chinese in Chinese: every phrase that code gives them has its Chinese, and none is left over."""

from __future__ import annotations

import re
import tomllib
from functools import cache

import pytest
from house import SOURCE
from phrases import Words

from yima.fhir import contained
from yima.fhir.tables import RULES
from yima.runtime.errors import KINDS, WORDS, Refusal
from yima.runtime.phrases import Phrases, fill

_TABLES = tomllib.loads((SOURCE / "runtime" / "phrases.toml").read_text(encoding="utf-8"))
_RULES = _TABLES.pop("r4")
_LIBRARIES = _TABLES.pop("libraries")
_PHRASES = {english: chinese for table in _TABLES.values() for english, chinese in table.items()}
_VALUES = re.compile(r"\S*(?:(?:, or |, | or | and |: | \| )\S*)*")
"""One name or value, or a list of such: the same in both languages."""
_NO_WORDS = {"{} {}", "GB 18030", "yima keys forget-index {} --yes"}
_SQL = re.compile(r"SELECT | = r\.|\^--|\\\(")
"""Of functions with a name that others have: no words of a refusal."""
_NAMES = re.compile(r"`[^`]*`|SMART Health Cards|JSON Web Key Set|yima [a-z -]+|\{\w*\}")
"""Names of standards, commands, and what stands in backticks."""
_ENGLISH = re.compile(r"[A-Za-z][a-z']+(?: [A-Za-z][a-z']*){2,}")


@cache
def _found() -> dict[str, str]:
    return {text: place for text, place in Words().found.items() if text.strip() and not _SQL.search(text)}


def _plain(chinese: str) -> bool:
    return not _ENGLISH.search(_NAMES.sub("·", chinese))


def test_every_phrase_of_a_refusal_has_its_chinese() -> None:
    known = {*_PHRASES, *_NO_WORDS, *(f"ref-1: {human}" for human in _RULES)}
    missing = [
        f"{place}: {text}" for text, place in _found().items() if text not in known and not _VALUES.fullmatch(text)
    ]
    assert len(_found()) > 500, "the source is not followed any more"
    assert not missing, "add to src/yima/runtime/phrases.toml:\n" + "\n".join(missing)


def test_no_phrase_is_left_over() -> None:
    left = [text for text in _PHRASES if text not in _found()]
    assert not left, "nothing says any more:\n" + "\n".join(left)


def test_the_rules_of_r4_are_translated() -> None:
    ours = (contained.DANGLING, contained._UNUSED)
    humans = {row[3] for rows in RULES.values() for row in rows} | {text.partition(": ")[2] for text in ours}
    assert set(_RULES) == humans


def test_the_two_languages_have_the_same_holes_and_no_english_is_left() -> None:
    for english, chinese in (_PHRASES | _RULES | _LIBRARIES).items():
        holes = len(re.findall(r"\{\w*\}", chinese))
        assert len(re.findall(r"\{\w*\}", english)) == holes, english
        assert _plain(chinese), chinese
        assert not re.search(r"[\u4e00-\u9fff][,;:!?()]|[,;:!?()][\u4e00-\u9fff]", chinese), f"half-width: {chinese}"


def test_no_phrase_is_taken_for_another() -> None:
    both = Phrases(_PHRASES | _RULES | _LIBRARIES)
    for english, chinese in _PHRASES.items():
        filled = english.replace("{}", "X1 Y1")
        values = ["X1 Y1"] * english.count("{}")
        assert both.chinese(filled) == fill(chinese, *values), filled


@pytest.mark.parametrize("code", sorted(KINDS))
def test_a_refusal_reads_as_chinese(code: str) -> None:
    said = "at most 40 printable characters"
    kind = KINDS[code]
    names = set(re.findall(r"\{(\w+)\}", f"{kind.zh}{kind.mend_zh}")) - {"field"}
    refusal = Refusal(code, field="a.b", **{name: said if name in WORDS else "x" for name in names})
    assert _plain(refusal.text("zh"))
    assert _plain(refusal.mend("zh")) or code.startswith("pix-"), "of these the mend is the profile's own text"
    assert "应为 至多" not in refusal.text("zh")


@pytest.mark.parametrize(
    ("refusal", "chinese"),
    [
        (Refusal("client-invalid", reason="the client is not registered"), "客户端断言未被接受：该客户端未登记。"),
        (Refusal("field-invalid", field="a", expected="at most 5 characters"), "a 无效，应为至多 5 个字符。"),
        (Refusal("field-invalid", field="a", expected="transaction or batch"), "a 无效，应为 transaction 或 batch。"),
        (Refusal("field-invalid", field="a", expected="one of b, c"), "a 无效，应为 b、c 之一。"),
        (Refusal("field-invalid", field="a", expected="at most page_count_max"), "a 无效，应为至多为 page_count_max。"),
        (Refusal("field-invalid", field="a", expected="what nobody wrote"), "a 无效，应为 what nobody wrote。"),
        (Refusal("xml-malformed", reason="mismatched tag, line 4"), "请求体不是 FHIR XML：标签不匹配，第 4 行。"),
        (
            Refusal("terminology-file-invalid", field="f", reason="x is not valid; expected a date"),
            "无法加载 f：x 无效，应为日期。",
        ),
    ],
)  # fmt: skip
def test_words_are_looked_up(refusal: Refusal, chinese: str) -> None:
    assert refusal.text("zh") == chinese
