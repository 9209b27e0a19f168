"""Signs: the short texts of kiosks' screens and counters' posters, and what is not one."""

from __future__ import annotations

import pytest
from deployments import SeededKeys
from hypothesis import given
from hypothesis import strategies as st

from yima.healthcode.signs import COUNTER_PREFIX, KIOSK_PREFIX, new_sign_id, read_sign, sign_text
from yima.runtime.errors import Refusal

KEYS = SeededKeys(1)


@pytest.mark.parametrize("profile", ["INTL", "SM"])
@pytest.mark.parametrize("prefix", [KIOSK_PREFIX, COUNTER_PREFIX])
def test_what_is_written_is_read(profile: str, prefix: str) -> None:
    sign_id = new_sign_id()
    text = sign_text(KEYS, profile, prefix, sign_id)
    assert len(text) == 33
    assert text == text.upper()
    for shown in (text, text.lower(), f"  {text}\r\n"):
        assert read_sign(KEYS, shown) == (prefix, sign_id)


@given(st.integers(0, 32), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_changed_character_is_refused(at: int, other: str) -> None:
    text = sign_text(KEYS, "INTL", KIOSK_PREFIX, "0" * 16)
    changed = text[:at] + other + text[at + 1 :]
    if changed == text:
        return
    with pytest.raises(Refusal) as refused:
        read_sign(KEYS, changed)
    assert refused.value.code in ("code-unreadable", "code-signature-invalid")


def test_a_kiosks_sign_is_no_counters_and_no_other_deployments() -> None:
    text = sign_text(KEYS, "INTL", KIOSK_PREFIX, new_sign_id())
    with pytest.raises(Refusal, match="code-signature-invalid"):
        read_sign(KEYS, COUNTER_PREFIX + text[4:])
    with pytest.raises(Refusal, match="code-signature-invalid"):
        read_sign(SeededKeys(2), text)


@given(st.text(max_size=200))
def test_any_other_text_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(Refusal, match="code-unreadable") as refused:
        read_sign(KEYS, text)
    assert len(text) < 12 or text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "YK1:",
        "YK1：" + "0" * 29,
        "YM1:ABC",
        "YK1:" + "0" * 200,
        "YK1:" + "u" * 29,
        "YK1:" + "é" * 29,
        "YX1:" + "0" * 29,
    ],
)
def test_bad_texts(text: str) -> None:
    with pytest.raises(Refusal, match="code-unreadable"):
        read_sign(KEYS, text)
