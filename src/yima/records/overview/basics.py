"""Basic health information: who this is, as far as care needs it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from . import words
from .ages import age_text, years_old
from .gather import Case, person_name
from .merge import Merged
from .model import NO_TEXT, Basics, Measure, Text
from .reading import Moment, first, items, mapping, status_code, string
from .results import Reading
from .values import shown_unit

_HEIGHTS, _WEIGHTS, _BMI = ("8302-2", "3137-7", "8306-3"), ("29463-7", "3141-9"), ("39156-5",)
_SMOKING = ("72166-2",)
ABO_CODES, RH_CODES, FULL_GROUP_CODES = ("883-9",), ("10331-7",), ("882-1",)
_ABO = {  # SNOMED CT: ABO groups, then ABO with Rh
    "112144000": "A", "112149005": "B", "165743006": "AB", "58460004": "O", "278147001": "O", "278148006": "B",
    "278149003": "A", "278150003": "AB", "278151004": "AB", "278152006": "A", "278153001": "B", "278154007": "A",
}  # fmt: skip
_RH = {"165747007": "+", "165746003": "-"}


class Identity(NamedTuple):
    """Birth and death as the rules need them."""

    born: Moment | None
    sex: str
    dead: bool
    died: date | None

    def age_on(self, day: date) -> int | None:
        """Completed years on a day (on the day of death for the dead), None when unknown."""
        if self.born is None or self.born.day > day:
            return None
        return years_old(self.born.day, min(day, self.died or day))


def identity(case: Case) -> Identity:
    """Birth date, sex and death over all the Patients: what most institutions say, the first named on a tie."""
    births = [found for one in case.patients if (found := case.time(one.get("birthDate")))]
    sexes = [code for one in case.patients if (code := string(one.get("gender")).lower()) in words.SEXES]
    deaths = [found for one in case.patients if (found := case.time(one.get("deceasedDateTime")))]
    dead = bool(deaths) or any(one.get("deceasedBoolean") is True for one in case.patients)
    known = [code for code in sexes if code != "unknown"] or sexes
    return Identity(
        Counter(births).most_common(1)[0][0] if births else None,
        Counter(known).most_common(1)[0][0] if known else "",
        dead,
        deaths[0].day if deaths else None,
    )


def basics(case: Case, who: Identity, read: Sequence[Reading], allergies: Sequence[Merged], none_known: bool) -> Basics:
    """The box at the head of the record."""
    born = who.born
    day = min(case.today, who.died or case.today)
    return Basics(
        names=_names(case.patients),
        sex=words.pair(words.SEXES.get(who.sex)),
        sex_code=who.sex,
        birth_date=born.day if born else None,
        birth_text=born.text if born else "",
        age_years=who.age_on(case.today),
        age=age_text(born.day, day, precise=len(born.text) >= 10) if born else NO_TEXT,
        deceased=who.dead,
        deceased_on=who.died,
        blood_group=blood_group(read)[0],
        height=_measure(read, _HEIGHTS),
        weight=_measure(read, _WEIGHTS),
        bmi=_measure(read, _BMI),
        smoking=_answer(read, _SMOKING),
        allergies=_allergy_summary(allergies, none_known),
        no_known_allergy=none_known,
        contacts=_contacts(case),
    )


def patient_source(patient: Mapping[str, Any]) -> str:
    """The literal reference of a Patient."""
    return f"Patient/{string(patient.get('id'))}"


def _names(patients: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Distinct names in use, the official ones first."""
    found: list[tuple[int, str]] = []
    for patient in patients:
        for name in items(patient.get("name")):
            use = string(name.get("use"))
            if use != "old" and (text := person_name(name)):
                found.append(({"official": 0, "usual": 1, "": 1}.get(use, 2), text))
    return tuple(dict.fromkeys(text for _, text in sorted(found, key=lambda one: one[0])))


def _last(read: Sequence[Reading], codes: tuple[str, ...]) -> Reading | None:
    return next((one for one in read if one.code in codes), None)


def _measure(read: Sequence[Reading], codes: tuple[str, ...]) -> Measure | None:
    one = _last(read, codes)
    if one is None:
        return None
    value = one.values[0]
    return Measure(value.text.zh, shown_unit(value.unit), one.fact.day, one.fact.source)


def _answer(read: Sequence[Reading], codes: tuple[str, ...]) -> Text:
    one = _last(read, codes)
    return one.values[0].text if one else NO_TEXT


def blood_group(read: Sequence[Reading]) -> tuple[Text, tuple[str, ...], bool]:
    """Blood group, the results behind it, and whether it is Rh negative. Results that contradict each other are not
    hidden.
    """
    abo, rh = _blood(read)
    sources = tuple(dict.fromkeys([*abo.values(), *rh.values()]))
    if len(abo) > 1 or len(rh) > 1:
        return Text("血型记录不一致，请核对", "Blood group records disagree, check"), sources, False
    letter, sign = next(iter(abo), ""), next(iter(rh), "")
    zh = f"{letter}型" if letter else ""
    zh_sign = {"+": "Rh阳性", "-": "Rh阴性", "": ""}[sign]
    en_sign = {"+": "Rh positive", "-": "Rh negative", "": ""}[sign]
    shown = Text(" ".join(p for p in (zh, zh_sign) if p), " ".join(p for p in (letter, en_sign) if p))
    return shown, sources, sign == "-"


def contradicting_blood(read: Sequence[Reading]) -> tuple[str, ...]:
    """The results behind blood groups that disagree; none when they agree."""
    abo, rh = _blood(read)
    return tuple(dict.fromkeys([*abo.values(), *rh.values()])) if len(abo) > 1 or len(rh) > 1 else ()


def _blood(read: Sequence[Reading]) -> tuple[dict[str, str], dict[str, str]]:
    """ABO letters and Rh signs on record, each with its newest result."""
    abo: dict[str, str] = {}
    rh: dict[str, str] = {}
    for one in read:
        code = one.code
        if code not in (*ABO_CODES, *RH_CODES, *FULL_GROUP_CODES):
            continue
        coded = string(first(mapping(one.fact.body.get("valueCodeableConcept")).get("coding")).get("code"))
        said = f"{one.values[0].text.zh} {one.values[0].text.en}"
        if code not in RH_CODES and (letter := _ABO.get(coded) or _letter(said)):
            abo.setdefault(letter, one.fact.source)
        if code not in ABO_CODES and (sign := _RH.get(coded) or _sign(said)):
            rh.setdefault(sign, one.fact.source)
    return abo, rh


def _letter(said: str) -> str:
    head = said.upper().replace("TYPE", "").replace("GROUP", "").replace("BLOOD", "").strip()
    return next((letter for letter in ("AB", "A", "B", "O") if head.startswith(letter)), "")


def _sign(said: str) -> str:
    lower = said.lower()
    if "阴" in lower or "neg" in lower or "-" in lower:
        return "-"
    return "+" if "阳" in lower or "pos" in lower or "+" in lower else ""


def _allergy_summary(allergies: Sequence[Merged], none_known: bool) -> Text:
    names = [one.entry.title for one in allergies if one.entry.active]
    if names:
        more_zh, more_en = (f"等{len(names)}种", f" and {len(names) - 3} more") if len(names) > 3 else ("", "")
        return Text("、".join(n.zh for n in names[:3]) + more_zh, ", ".join(n.en for n in names[:3]) + more_en)
    if none_known:
        return Text("无已知过敏", "No known allergies")
    return Text("未见过敏记录", "No allergy on record")


def _contacts(case: Case) -> int:
    """Distinct next of kin and contacts; neither their names nor their phones leave this function."""
    seen: set[str] = set()
    for patient in case.patients:
        for contact in items(patient.get("contact")):
            seen.add(person_name(mapping(contact.get("name"))) or status_code(contact.get("relationship")) or "?")
    for relative in case.relatives:
        seen.add(person_name(first(relative.get("name"))) or string(relative.get("id")) or "?")
    return len(seen)
