"""The Chinese of what refusals are told in English: `phrases.toml`, looked up when a Chinese text is made.

Code that refuses says its `expected=` or `reason=` in English. Here the same words are found again: as they stand; as a
template, `{}` for what an f-string filled in; or as a list of such. What is not known, such as a value or the name of a
field, stays as it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.resources import files
from typing import Final

_HOLE: Final = re.compile(r"\{(\w*)\}")
_BETWEEN: Final = re.compile(r"\{\w*\}")
_LINKS: Final = {", ": "、", " or ": " 或 ", " and ": " 和 ", ", or ": "，或 ", ", and ": "，以及 ", "; ": "；"}
_LINK: Final = re.compile(r"(, or |, and |, | or | and |; )")
_WIDE: Final = r"[\u2018-\u201d\u3000-\u9fff\uff00-\uffef]"
_SEAM: Final = re.compile(rf"(?<={_WIDE}) \0(?={_WIDE})|(?<={_WIDE})\0 (?={_WIDE})")
_LONGEST: Final = 2000
"""Characters; no words of ours are longer, and nobody's text is searched at length."""


def read() -> dict[str, str]:
    """English -> Chinese, of all tables of the catalogue."""
    text = files("yima.runtime").joinpath("phrases.toml").read_text(encoding="utf-8")
    return {english: chinese for table in tomllib.loads(text).values() for english, chinese in table.items()}


def fill(sentence: str, *values: str, **named: str) -> str:
    """A Chinese sentence with its holes filled; one without a value stays empty. Where Chinese meets Chinese at the
    edge of a hole, the blank between the two goes."""
    given = {name: f"\0{value}\0" if value else "" for name, value in named.items()}
    unsaid = dict.fromkeys(_HOLE.findall(sentence), "")
    filled = sentence.format(*(f"\0{value}\0" if value else "" for value in values), **(unsaid | given))
    return _SEAM.sub("", filled).replace("\0", "")


class _Template:
    """One English text with holes: which others are made from it, and what they say in Chinese."""

    def __init__(self, english: str, chinese: str) -> None:
        self.chinese = chinese
        self.names = _HOLE.findall(english)
        self.parts = _BETWEEN.split(english)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("(.*?)".join(map(re.escape, self.parts)), re.DOTALL)

    def holes(self, text: str) -> tuple[str, ...] | None:
        """What stands in the holes, None for a text that was not made from this."""
        if not (text.startswith(self.parts[0]) and text.endswith(self.parts[-1])):
            return None
        found = self._pattern.fullmatch(text)
        return found.groups() if found else None


class Phrases:
    """What is known in both languages. `sentences` are whole ones, with named holes."""

    def __init__(self, pairs: Mapping[str, str], sentences: Iterable[tuple[str, str]] = ()) -> None:
        self._exact = pairs
        rows = [*((english, chinese) for english, chinese in pairs.items() if "{" in english), *sentences]
        # Those that begin with words of theirs first, and of these the one that says most: `at most {} keys`.
        order = [(_Template(*row), -len(row[0])) for row in rows]
        self._templates = [each for each, _ in sorted(order, key=lambda one: (not one[0].parts[0], one[1]))]

    def chinese(self, text: str) -> str:
        """`text` in Chinese; as it is where it is not known."""
        known = self._known(text) if " " in text or text in self._exact else None
        return text if known is None or len(text) > _LONGEST else known

    def _known(self, text: str) -> str | None:
        if text in self._exact:
            return self._exact[text]
        for template in self._templates:
            if (holes := template.holes(text)) is not None:
                said = [self.chinese(hole) if " " in hole else hole for hole in holes]
                return fill(template.chinese, *said, **{n: s for n, s in zip(template.names, said, strict=True) if n})
        return self._list(text)

    def _list(self, text: str) -> str | None:
        """Words and known phrases with commas, `or` and `and` between them; None when one of them is not known."""
        parts = _LINK.split(text)
        if len(parts) < 3 or any(" " in part and self._known(part) is None for part in parts[::2]):
            return None
        joined = "".join("{}" if at % 2 == 0 else _LINKS[part] for at, part in enumerate(parts))
        return fill(joined, *(self.chinese(part) if " " in part else part for part in parts[::2]))
