"""The text of a national code, read and written. Pure.

`ID:1` static, `ID:1::ORG` static with its issuer, `ID:0:VALID` and `ID:0:VALID:TOKEN[:ORG]` dynamic, `85:ID:1` with a
length in front: two to five parts and at most 130 characters (design note healthcode, 6.2). Real data has the
full-width colon in place of the ASCII one, and blanks or line ends around the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from yima.healthcode.national.ids import CARD_ID
from yima.runtime.errors import Refusal

LONGEST: Final = 130
_LOOKS_NATIONAL: Final = re.compile(r"\s*(?:[0-9]{1,3}[:：])?[0-9A-Fa-f]{32,}[:：]")
_LENGTH: Final = re.compile(r"[0-9]{1,3}")
_VALIDITY: Final = re.compile(r"[0-9A-F]{32}")
_TOKEN: Final = re.compile(r"[0-9A-Za-z_\-]{1,64}")
_ORGANISATION: Final = re.compile(r"[0-9A-Za-z\-]{1,32}")
_PARTS_OF_STATIC: Final = (2, 4)
_PARTS_OF_DYNAMIC: Final = (3, 4, 5)


@dataclass(frozen=True, slots=True)
class NationalCode:
    """A national code, taken apart. Nothing of it is checked yet but its form."""

    card_id: str
    """Upper-case hexadecimal."""
    validity: str = ""
    """Of a dynamic code: until when it is valid, enciphered. Not bound to the card id: it proves nothing by itself."""
    token: str = ""
    organisation: str = ""
    """Code of the issuing organisation, if the code names it."""

    @property
    def dynamic(self) -> bool:
        """Whether the code was made for one showing."""
        return bool(self.validity)


def looks_national(text: str) -> bool:
    """Whether a scanned text begins as a national code does; it may still be damaged."""
    return _LOOKS_NATIONAL.match(text) is not None


def read(text: str) -> NationalCode:
    """Take a scanned text apart. Refusal `code-unreadable`, with the reason."""
    # The scanned text itself is in no refusal: it names a person.
    plain = text.strip().replace("：", ":")
    if len(plain) > LONGEST:
        raise _unreadable("it has more than 130 characters: two codes read as one, or not a code")
    if not plain.isascii():
        raise _unreadable("it has characters that are not ASCII: the scanner sends GBK, or adds something")
    if not plain.isprintable() or " " in plain:
        raise _unreadable("it has blanks or control characters: two codes read as one, or a scanner's suffix")
    parts = plain.split(":")
    if len(parts) > 2 and _LENGTH.fullmatch(parts[0]):
        parts = parts[1:]
    if not 2 <= len(parts) <= 5:
        raise _unreadable("a national code has two to five parts with colons between them")
    card = parts[0].upper()
    if not CARD_ID.fullmatch(card):
        raise _unreadable("its card id has not 32 or 64 hexadecimal digits")
    if parts[1] == "1":
        return _static(card, parts)
    if parts[1] == "0":
        return _dynamic(card, parts)
    raise _unreadable("its second part is neither 0 (dynamic) nor 1 (static)")


def _static(card: str, parts: list[str]) -> NationalCode:
    organisation = parts[3] if len(parts) == _PARTS_OF_STATIC[1] else ""
    if len(parts) not in _PARTS_OF_STATIC or (len(parts) > 2 and parts[2]):
        raise _unreadable("a static code is ID:1 or ID:1::ORG")
    if organisation and not _ORGANISATION.fullmatch(organisation):
        raise _unreadable("its organisation code has other characters than letters and digits")
    return NationalCode(card, organisation=organisation)


def _dynamic(card: str, parts: list[str]) -> NationalCode:
    if len(parts) not in _PARTS_OF_DYNAMIC:
        raise _unreadable("a dynamic code is ID:0:VALID or ID:0:VALID:TOKEN:ORG")
    validity, token, organisation = (*parts[2:], "", "")[:3]
    if not _VALIDITY.fullmatch(validity.upper()):
        raise _unreadable("its validity has not 32 hexadecimal digits")
    if token and not _TOKEN.fullmatch(token):
        raise _unreadable("its token has other characters than letters and digits")
    if organisation and not _ORGANISATION.fullmatch(organisation):
        raise _unreadable("its organisation code has other characters than letters and digits")
    return NationalCode(card, validity.upper(), token, organisation)


def write(code: NationalCode) -> str:
    """The text of a code, which `read` reads as the same. ValueError when it would have more than 130 characters."""
    if code.dynamic:
        parts = [code.card_id, "0", code.validity]
        parts += [code.token, code.organisation] if code.organisation else [code.token] if code.token else []
    else:
        parts = [code.card_id, "1", *(["", code.organisation] if code.organisation else [])]
    text = ":".join(parts)
    if len(text) > LONGEST:
        raise ValueError(f"a national code has at most {LONGEST} characters")
    return text


def _unreadable(reason: str) -> Refusal:
    return Refusal("code-unreadable", reason=f"({reason})")
