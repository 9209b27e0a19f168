"""Code systems that nobody can list, because a grammar says what a code is: UCUM, media types, language tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from yima.fhir import UCUM, UCUM_VERSION, ucum_name, ucum_unit
from yima.terminology.concept import MOST, Concept, Wanted, passes, too_costly
from yima.terminology.tree import has_words

_WORD: Final = r"[A-Za-z0-9!#$&^_.+\-]{1,127}"
_MEDIA: Final = re.compile(rf'{_WORD}/{_WORD}(?:; *{_WORD}=(?:{_WORD}|"[^"\\]*"))*').fullmatch
_LANGUAGE: Final = re.compile(
    r"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(?:-[0-9A-WY-Za-wy-z](?:-[A-Za-z0-9]{2,8})+)*(?:-x(?:-[A-Za-z0-9]{1,8})+)?"
).fullmatch


@dataclass(frozen=True, slots=True)
class Grammar:
    """A code system whose codes are told by a test; it can say whether a code is one, but not list them."""

    url: str
    version: str
    name: str
    display: Callable[[str], str]
    """The words for a code; '' when it is none."""
    folds: bool = False

    def key(self, code: str) -> str:
        """See `System.key`."""
        return code.lower() if self.folds else code

    async def select(self, wanted: Wanted) -> list[Concept]:
        """See `System.select`; without codes there is no end to them."""
        if wanted.codes is None:
            raise too_costly(f"{MOST} codes; {self.url} is a grammar and has no list")
        found = [Concept(code, words) for code in wanted.codes if (words := self.display(code))]
        return [
            concept
            for concept in found
            if all(self._passes(concept, row.property, row.value) if row.property == "canonical"
                   else passes(concept, row, frozenset()) for row in wanted.filters)
            and has_words(concept.words(), wanted.words())
        ]  # fmt: skip

    @staticmethod
    def _passes(concept: Concept, _: str, value: str) -> bool:
        """UCUM's one property (R4 ucum.html): the unit measures the same as another."""
        one, other = ucum_unit(concept.code), ucum_unit(value)
        return one is not None and other is not None and one.dimension == other.dimension


def _unit(code: str) -> str:
    return ucum_name(code) if ucum_unit(code) else ""


GRAMMARS: Final = {
    system.url: system
    for system in (
        Grammar(UCUM, UCUM_VERSION, "UCUM", _unit),
        Grammar("urn:ietf:bcp:13", "", "MediaTypes", lambda code: code if _MEDIA(code) else "", folds=True),
        Grammar("urn:ietf:bcp:47", "", "Languages", lambda code: code if _LANGUAGE(code) else "", folds=True),
    )
}
"""By address."""
