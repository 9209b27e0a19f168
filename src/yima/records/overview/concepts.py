"""From a CodeableConcept to what it means here: which vocabulary, which group, and its name in both languages."""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from . import words
from .model import NO_TEXT, Text
from .reading import first, has_chinese, items, mapping, string
from .words_icd10 import ICD10, SNOMED_HISTORY, SNOMED_TO_ICD10
from .words_medicine import INGREDIENTS

Role = Literal["condition", "result", "medicine", "vaccine", "procedure", "allergy", "other"]
_ICD10_CODE = re.compile(r"[A-Z][0-9][0-9]")
_INGREDIENT = re.compile("|".join(sorted(map(re.escape, INGREDIENTS), key=len, reverse=True)))
_SEMANTIC_TAG = re.compile(r" \((disorder|finding|procedure|situation|substance|event|observable entity)\)$")
_VOCABULARIES = (  # part of the system URI in lower case -> vocabulary
    ("loinc", "loinc"),
    ("snomed", "sct"),
    ("rxnorm", "rxnorm"),
    ("whocc.no/atc", "atc"),
    ("2.16.840.1.113883.6.73", "atc"),
    ("cvx", "cvx"),
    ("icd-10", "icd10"),
    ("icd10", "icd10"),
    ("14396", "icd10"),  # GB/T 14396, the Chinese edition of ICD-10
    ("2.16.840.1.113883.6.3", "icd10"),
    ("2.16.840.1.113883.6.96", "sct"),
    ("2.16.840.1.113883.6.1", "loinc"),
)


class Concept(NamedTuple):
    """A coded thing: first usable code with its system, groups derived from it, names, and the key it is merged by."""

    code: str
    system: str
    key: str
    category: str  # ICD-10 three-character category, "" when there is none
    atc: str
    loinc: str
    cvx: str
    snomed: str
    title: Text
    plain: Text

    @property
    def plain_title(self) -> Text:
        """The everyday word where there is one, else the title."""
        if self.category and self.category not in ICD10:
            return self.title  # only the chapter is known: too vague to head anything
        return Text(self.plain.zh or self.title.zh, self.plain.en or self.title.en)


NOTHING = Concept("", "", "", "", "", "", "", "", NO_TEXT, NO_TEXT)


def _vocabulary(system: str) -> str:
    lower = system.lower()
    return next((name for part, name in _VOCABULARIES if part in lower), "")


class Concepts:
    """Reads CodeableConcepts of one record, each distinct one once (a record repeats the same few hundred)."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Concept] = {}
        self._seen: dict[tuple[str | None, ...], Concept] = {}
        self._systems: dict[str, str] = {}

    def read(self, value: object, role: Role) -> Concept:
        """The concept, or :data:`NOTHING` when neither code nor words are there. A list counts with its first
        element.
        """
        concept = first(value)
        if not concept:
            return NOTHING
        raw = self._raw_key(concept, role)
        if raw is not None and (seen := self._seen.get(raw)):
            return seen
        found = self._read(concept, role)
        if raw is not None:
            self._seen[raw] = found
        return found

    @staticmethod
    def _raw_key(concept: Mapping[str, Any], role: Role) -> tuple[str | None, ...] | None:
        """A cheap key of the usual shape (one coding, all parts text or absent); None for any other."""
        codings = concept.get("coding")
        if not isinstance(codings, list) or len(codings) != 1 or not isinstance(coding := codings[0], dict):
            return None
        key = (role, concept.get("text"), coding.get("system"), coding.get("code"), coding.get("display"))
        for part in key:
            if part is not None and not isinstance(part, str):
                return None
        return key

    def _read(self, concept: Mapping[str, Any], role: Role) -> Concept:
        codings = items(concept.get("coding"))
        if not codings and "code" in concept:
            codings = [concept]  # a bare Coding where a CodeableConcept was meant
        parts: list[str] = [role, string(concept.get("text"))]
        for coding in codings:
            parts += (string(coding.get("system")), string(coding.get("code")), string(coding.get("display")))
        key = tuple(parts)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._make(concept, codings, role)
        return known

    def _make(self, concept: Mapping[str, Any], codings: list[Mapping[str, Any]], role: Role) -> Concept:
        by_vocabulary: dict[str, str] = {}
        for coding in codings:
            system, code = string(coding.get("system")), string(coding.get("code"))
            if system not in self._systems:
                self._systems[system] = _vocabulary(system)
            if code:
                by_vocabulary.setdefault(self._systems[system], code)
        own = _own_names(concept, codings)
        snomed = by_vocabulary.get("sct", "")
        category = _category(by_vocabulary.get("icd10", ""), snomed) if role == "condition" else ""
        atc, ingredient = by_vocabulary.get("atc", "").upper(), ""
        if role == "medicine" and not atc:
            atc, ingredient = _ingredient(own)
        cvx, loinc = (
            by_vocabulary.get("cvx", "").zfill(2) if "cvx" in by_vocabulary else "",
            by_vocabulary.get("loinc", ""),
        )
        plain = _plain(role, category, atc, loinc, cvx, snomed)
        head = next((c for c in codings if string(c.get("code"))), {})
        code, system = string(head.get("code")), string(head.get("system"))
        exact = NO_TEXT if role == "condition" and category not in ICD10 else plain  # a chapter is no name
        title = _title(role, own, exact, ingredient, code)
        key = category or atc or cvx or loinc or (f"{system}|{code}" if code else (title.zh or title.en).casefold())
        return Concept(code, system, key, category, atc, loinc, cvx, snomed, title, _beside(title, plain))


def _own_names(concept: Mapping[str, Any], codings: list[Mapping[str, Any]]) -> Text:
    """What the resource itself calls it: the first Chinese and the first other name."""
    zh = en = ""
    for name in (string(concept.get("text")), *(string(c.get("display")) for c in codings)):
        if not name:
            continue
        if has_chinese(name):
            zh = zh or name
        else:
            en = en or _SEMANTIC_TAG.sub("", name)
    return Text(zh, en)


def _category(icd10: str, snomed: str) -> str:
    found = _ICD10_CODE.match(icd10.upper())
    if found:
        return found.group()
    return "" if snomed in SNOMED_HISTORY else SNOMED_TO_ICD10.get(snomed, "")


def _ingredient(own: Text) -> tuple[str, str]:
    """ATC code and Chinese name by an ingredient occurring in the English name."""
    found = _INGREDIENT.search(own.en.lower())
    return INGREDIENTS[found.group()] if found else ("", "")


def _plain(role: Role, category: str, atc: str, loinc: str, cvx: str, snomed: str) -> Text:
    if role == "condition":
        return words.condition_words(category) if category else NO_TEXT
    if role == "medicine":
        return words.medicine_words(atc)
    if role == "vaccine":
        return words.vaccine_words(cvx) if cvx else NO_TEXT
    return words.loinc_words(loinc) or words.snomed_words(snomed)


def _title(role: Role, own: Text, plain: Text, ingredient: str, code: str) -> Text:
    """The name to head a line: results use the short name, all others their own words, filled from the tables."""
    if role == "result" and plain:
        return plain
    zh = own.zh or (ingredient if role == "medicine" else plain.zh) or own.en or code
    en = own.en or plain.en or own.zh or code
    return Text(zh, en)


def _beside(title: Text, plain: Text) -> Text:
    """The plain words, emptied on each side where they only repeat the title."""
    zh = "" if plain.zh.casefold() == title.zh.casefold() else plain.zh
    en = "" if plain.en.casefold() == title.en.casefold() else plain.en
    return Text(zh, en)


def answer(value: object) -> Text:
    """A coded or written answer (阴性, Positive, ..) in both languages."""
    concept = mapping(value) if not isinstance(value, str) else {"text": value}
    codings = items(concept.get("coding"))
    own = _own_names(concept, codings)
    for word in (*(string(c.get("code")).lower() for c in codings), own.zh, own.en.lower()):
        if found := words.ANSWERS.get(word) or words.SMOKING.get(word):
            return Text(*found)
    code = next((string(c.get("code")) for c in codings), "")
    return Text(own.zh or own.en or code, own.en or own.zh or code)
