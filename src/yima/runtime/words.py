"""Words that people type, as they are stored: sealed text that opens beside its own row only.

Reasons, questions, answers and verdicts may name somebody, whatever the form asks for. Sealed text is text again, so
that it lies in the columns and JSON of before and is hashed into the log as it stands: `sealed:1:<home>:<base64>`,
under the data key of that home (0: the shelf, for what is about nobody's record).
"""

from __future__ import annotations

import base64
import re
from typing import Final, NamedTuple

from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

LONGEST: Final = 500
"""Characters of a reason that are kept."""
SHORTEST: Final = 8
"""Characters of a reason, where one is required."""
GONE: Final = "〔已不可读 no longer readable〕"
"""In place of words whose key was erased, or that stand beside another row than the one they were typed for."""
_SEALED: Final = re.compile(r"sealed:1:([0-9]{1,19}):([A-Za-z0-9_-]{38,})", re.ASCII)
_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""Controls of terminals and of the order of writing: with them a reason could rewrite the line in which it is shown."""
_BEFORE: Final = len("sealed:1:") + 19 + len(":")
_MORE: Final = 1 + 12 + 16
"""Bytes of sealed words besides their own: the mark, the nonce, the tag."""
_LAST: Final = (1 << 63) - 1


class Sealed(NamedTuple):
    """Sealed text, taken apart."""

    home: PersonId
    """Whose data key opens it."""
    content: bytes


def kept(text: str, longest: int = LONGEST) -> str:
    """Words as they are kept: one line, white space made single, no controls, cut at `longest`; what is sealed stays as
    it is.

    What somebody typed may look sealed: it may be no longer than so many characters are when they are sealed.
    """
    most = _BEFORE + (4 * longest + _MORE) * 4 // 3 + 1
    return text if len(text) <= most and is_sealed(text) else " ".join(_UNSEEN.sub("", text).split())[:longest]


def checked(text: str, field: str = "reason", least: int = SHORTEST) -> str:
    """Words as they are kept. Refusal `field-invalid` for fewer than `least` characters."""
    text = kept(text)
    if len(text) < least:
        raise Refusal("field-invalid", field=field, expected=f"at least {least} characters")
    return text


def is_sealed(text: str) -> bool:
    """Whether these are sealed words."""
    return parted(text) is not None


def parted(text: str) -> Sealed | None:
    """Sealed words taken apart; None for what is readable: of before, empty, or what only looks sealed."""
    found = _SEALED.fullmatch(text) if text.startswith("sealed:1:") else None
    if found is None or int(found[1]) > _LAST or len(found[2]) % 4 == 1:
        return None
    body = found[2]
    return Sealed(int(found[1]), base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def seal(vault: Vault, wrap: bytes, home: PersonId, row: str, text: str) -> str:
    """Words sealed under the data key of `home`, for `row`: the column and what names its row among all."""
    content = vault.seal(wrap, text.encode(), _bound(home, row))
    return f"sealed:1:{home}:{base64.urlsafe_b64encode(content).decode().rstrip('=')}"


def opened(vault: Vault, wrap: bytes | None, row: str, said: Sealed) -> str:
    """The words again; `GONE` without the key that they were sealed under, or beside another row."""
    if wrap is None:
        return GONE
    try:
        return vault.open(wrap, said.content, _bound(said.home, row)).decode()
    except Refusal:  # a home that was erased and came again has another key
        return GONE


def _bound(home: PersonId, row: str) -> bytes:
    return f"words|{home}|{row}".encode()
