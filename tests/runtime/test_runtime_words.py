"""Sealed words are text that anybody can type: what looks sealed is only words, and harms nobody's reading."""

from __future__ import annotations

import pytest

from yima.runtime import words
from yima.runtime.keys import FileKeyStore, Vault

BODY = "QUFB" * 20


@pytest.mark.parametrize(
    "typed",
    [
        f"sealed:1:1:{BODY}A",  # no base64 has this length
        f"sealed:1:9223372036854775808:{BODY}",  # no home has this number, and no bigint holds it
        f"sealed:1:9999999999999999999:{BODY}",
        "sealed:1:1:AAAA",
        f"sealed:2:1:{BODY}",
        f"sealed:1:1:{BODY}\n",
        f"sealed:1:１:{BODY}",
    ],
)
def test_what_only_looks_sealed_is_readable(typed: str) -> None:
    assert words.parted(typed) is None
    assert not words.is_sealed(typed)


@pytest.mark.parametrize("longest", [words.LONGEST, 1000])
def test_nobody_types_more_by_making_it_look_sealed(keys: FileKeyStore, longest: int) -> None:
    vault = Vault(keys)
    said = "𠀀" * longest  # four bytes each
    held = words.seal(vault, vault.new_wrap(), (1 << 63) - 1, "t|1", said)
    assert words.kept(held, longest) == held, "what was sealed of the longest words stays whole"
    assert len(words.kept(f"sealed:1:1:{BODY * 1000}", longest)) == longest


SAID = {
    "one\ntwo\t three\u2028four": "one two three four",
    "a\u202ereversed\u202c b\u2066c\u2069": "areversed bc",
    "\x1b[2Jgone \x9b1m\x00\x7f": "[2Jgone 1m",
    "\u200b\ufeff ": "",
    "می\u200cخواهم": "می\u200cخواهم",
}
"""As typed -> as kept: a letter's form may hang on a joiner; nothing may rewrite the line or the screen around it."""


@pytest.mark.parametrize("typed", SAID, ids=ascii)
def test_words_keep_to_their_place(typed: str) -> None:
    assert words.kept(typed) == SAID[typed]
