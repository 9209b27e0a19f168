"""The clinician's lists: problems, allergies, medicines, immunisations, procedures."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from . import words
from .concepts import answer
from .dosage import dosage
from .gather import Case, Fact
from .merge import Draft, Merged, merge
from .model import NO_TEXT, Text
from .reading import Moment, codes, decimal, first, has_chinese, items, mapping, reference_key, status_code, string
from .words_icd10 import NO_PROBLEMS
from .words_snomed import NO_KNOWN_ALLERGY

SHORT_LIVED_DAYS = 90  # after this long without mention, a self-ending illness is shown as past
SUPPLY_GRACE_DAYS = 30  # people collect the next pack late; only then is a medicine shown as past
UNSEEN_DAYS = 365
COURSE_DAYS = 30
SHORT_COURSES = (
    "J01",
    "J05AH",
    "R05",
    "R06",
    "R01",
    "N02B",
    "M01A",
    "A03",
    "A04",
    "A07",
    "S01",
    "B05",
    "P01",
    "V08",
    "H01",
)
_DAY_UNITS = {"d": 1, "day": 1, "days": 1, "天": 1, "日": 1, "wk": 7, "周": 7, "mo": 30, "月": 30, "a": 365}
_LONGEST_SUPPLY = 3650


class Lists(NamedTuple):
    """The clinician's lists, merged over the institutions, active first."""

    problems: list[Merged]
    allergies: list[Merged]
    medicines: list[Merged]
    immunisations: list[Merged]
    procedures: list[Merged]
    devices: list[Merged]


def lists(case: Case) -> Lists:
    """All six lists."""
    return Lists(problems(case), allergies(case), medicines(case), immunisations(case), procedures(case), devices(case))


def problems(case: Case) -> list[Merged]:
    """Diagnoses and problems: one line per ICD-10 category (or code), self-ending illnesses past after 90 days."""
    told = (fact for fact in case.of("Condition") if not words.in_ranges(fact.concept.category, NO_PROBLEMS))
    return merge(_problem(case, fact) for fact in told)


def _problem(case: Case, fact: Fact) -> Draft:
    body = fact.body
    ended = case.when(body, ("abatementDateTime", "abatementPeriod"))
    status = fact.status or ("resolved" if ended else "active")
    mentioned = case.when(body, ("recordedDate",)) or _visit_start(case, fact) or fact.at
    last = max((one for one in (mentioned, fact.at) if one), default=None)
    active = status in ("active", "recurrence", "relapse", "remission") and not (ended and ended.day <= case.today)
    label = words.pair(words.CONDITION_STATUS.get(status)) or Text(status, status)
    if ended and not active and status == "active":
        label = words.pair(words.CONDITION_STATUS["resolved"])
    if active and words.short_lived(fact.concept.category) and _older(last, case.today, SHORT_LIVED_DAYS):
        active, label = False, words.PROBABLY_OVER
    detail = NO_TEXT
    if status_code(body.get("verificationStatus")) in ("provisional", "unconfirmed", "differential"):
        detail = words.UNCONFIRMED
    severity = next((word for word in ("severe", "moderate", "mild") if word in _words_of(body.get("severity"))), "")
    listed = "problem-list-item" in codes(body.get("category"))  # a visit diagnosis ends with its visit, a problem not
    until = ended.day if ended else None
    return Draft(fact, fact.concept.key, fact.at, last, until, active, label, detail, severity, int(listed))


def _words_of(value: object) -> str:
    concept = mapping(value)
    known = {"24484000": "severe", "6736007": "moderate", "255604002": "mild"}
    coding = first(concept.get("coding"))
    code = string(coding.get("code"))
    return f"{known.get(code, '')} {string(coding.get('display'))} {string(concept.get('text'))}".lower()


def _visit_start(case: Case, fact: Fact) -> Moment | None:
    visit = case.visits.get(fact.encounter)
    return visit.start if visit else None


def _older(moment: Moment | None, today: date, days: int) -> bool:
    return moment is not None and (today - moment.day).days > days


def allergies(case: Case) -> list[Merged]:
    """Allergies and intolerances; "no known allergy" statements are kept out (see :func:`denials`)."""
    return merge(_allergy(case, fact) for fact in case.of("AllergyIntolerance") if not _says_none(fact))


def _says_none(fact: Fact) -> bool:
    return fact.concept.snomed in NO_KNOWN_ALLERGY or fact.concept.title.zh in (
        "无",
        "无过敏史",
        "无已知过敏",
        "否认过敏",
    )


def denials(case: Case) -> list[Fact]:
    """Statements that there is no known allergy."""
    return [fact for fact in case.of("AllergyIntolerance") if _says_none(fact)]


def _allergy(case: Case, fact: Fact) -> Draft:
    body = fact.body
    status = fact.status or "active"
    reactions = list(items(body.get("reaction")))
    names = [answer_name(one) for reaction in reactions for one in items(reaction.get("manifestation"))]
    names = list(dict.fromkeys(name for name in names if name))[:4]
    detail = (
        Text("反应：" + "、".join(n.zh for n in names), "Reaction: " + ", ".join(n.en for n in names))
        if names
        else NO_TEXT
    )
    severe = any(reaction.get("severity") == "severe" for reaction in reactions)
    criticality = string(body.get("criticality"))
    severity = "high" if severe or criticality == "high" else ("low" if criticality == "low" else "")
    label = words.pair(words.ALLERGY_STATUS.get(status)) or Text(status, status)
    last = case.when(body, ("lastOccurrence", "recordedDate")) or fact.at
    active = status not in ("inactive", "resolved")
    return Draft(fact, _allergy_key(fact), fact.at or last, last, None, active, label, detail, severity)


def _allergy_key(fact: Fact) -> str:
    """Institutions code substances differently; the same words mean the same allergy."""
    name = fact.concept.title.zh.casefold().removesuffix("过敏").removesuffix("类药物").removesuffix("类")
    return name or fact.concept.key


def answer_name(value: Mapping[str, Any]) -> Text:
    """Name of a coded manifestation or reason in both languages."""
    snomed = string(first(value.get("coding")).get("code"))
    own, known = answer(value), words.snomed_words(snomed)
    return own if has_chinese(own.zh) or not known else Text(known.zh, own.en or known.en)


def medicines(case: Case) -> list[Merged]:
    """Prescribed and reported medicines, one line per ATC code (or code)."""
    facts = [*case.of("MedicationRequest"), *case.of("MedicationStatement")]
    return merge(
        _medicine(case, fact) for fact in facts if fact.body.get("intent") not in ("proposal", "plan", "option")
    )


def _medicine(case: Case, fact: Fact) -> Draft:
    status = {"taking": "active", "": "active"}.get(fact.status, fact.status)
    end = supply_end(case, fact)
    active = status in ("active", "on-hold", "intended")
    label = words.pair(words.MEDICINE_STATUS.get(status)) or Text(status, status)
    if active:
        active, label = _still_taken(case, fact, end, label)
    until = end if end and not active else None
    return Draft(fact, fact.concept.key, fact.at, fact.at, until, active, label, dosage(fact))


def _still_taken(case: Case, fact: Fact, end: date | None, label: Text) -> tuple[bool, Text]:
    """Prescriptions are rarely closed: judge by the supply, then by the kind of medicine, then by age."""
    short = fact.concept.atc.startswith(SHORT_COURSES)
    if end:
        late = (case.today - end).days
        if late > (0 if short else SUPPLY_GRACE_DAYS):
            return False, words.pair(words.MEDICINE_STATUS["completed"])
        return True, words.SUPPLY_MAY_BE_OVER if late > 0 else label
    if short and _older(fact.at, case.today, COURSE_DAYS):
        return False, words.COURSE_OVER
    return True, words.LONG_UNSEEN if _older(fact.at, case.today, UNSEEN_DAYS) else label


def supply_end(case: Case, fact: Fact) -> date | None:
    """When the supply or the course ends, from dispense request, dosage bounds or the period of a statement."""
    body = fact.body
    request = mapping(body.get("dispenseRequest"))
    timing = mapping(first(body.get("dosageInstruction")).get("timing"))
    repeat = mapping(timing.get("repeat"))
    for period in (repeat.get("boundsPeriod"), body.get("effectivePeriod")):
        if found := case.time(mapping(period).get("end")):
            return found.day
    for duration in (repeat.get("boundsDuration"), request.get("expectedSupplyDuration")):
        if fact.at and (days := _days(duration)):
            try:
                return fact.at.day + timedelta(days=days * _fills(request))
            except OverflowError:
                return None
    return None


def _days(duration: object) -> int:
    found = mapping(duration)
    value = decimal(found.get("value"))
    unit = string(found.get("code")) or string(found.get("unit"))
    if value is None or unit not in _DAY_UNITS or not 0 < value <= _LONGEST_SUPPLY:
        return 0
    return int(value * _DAY_UNITS[unit])


def _fills(request: Mapping[str, Any]) -> int:
    repeats = decimal(request.get("numberOfRepeatsAllowed"))
    return 1 + int(repeats) if repeats is not None and 0 < repeats <= 24 else 1


def immunisations(case: Case) -> list[Merged]:
    """Vaccinations, one line per vaccine and day, newest first; doses not given stand at the end."""
    return merge(_immunisation(fact) for fact in case.of("Immunization"))


def _immunisation(fact: Fact) -> Draft:
    status = fact.status or "completed"
    label = words.pair(words.IMMUNISATION_STATUS.get(status)) or Text(status, status)
    applied = first(fact.body.get("protocolApplied"))
    dose = decimal(applied.get("doseNumberPositiveInt"))
    number = str(int(dose)) if dose is not None and 0 < dose < 100 else string(applied.get("doseNumberString"))[:20]
    detail = Text(f"第{number}剂", f"Dose {number}") if number else NO_TEXT
    if status == "not-done" and (reason := answer(fact.body.get("statusReason"))):
        detail = reason
    key = f"{fact.concept.key}|{fact.day}|{status == 'completed'}"
    return Draft(fact, key, fact.at, fact.at, None, status == "completed", label, detail)


def procedures(case: Case) -> list[Merged]:
    """Operations and other procedures, one line per procedure and day."""
    return merge(_procedure(fact) for fact in case.of("Procedure"))


def _procedure(fact: Fact) -> Draft:
    status = fact.status or "completed"
    label = words.pair(words.PROCEDURE_STATUS.get(status)) or Text(status, status)
    reasons = [answer(one) for one in items(fact.body.get("reasonCode"))][:2]
    detail = Text("、".join(r.zh for r in reasons), ", ".join(r.en for r in reasons)) if reasons else NO_TEXT
    active = status in ("in-progress", "preparation", "on-hold")
    return Draft(fact, f"{fact.concept.key}|{fact.day}", fact.at, fact.at, None, active, label, detail)


def devices(case: Case) -> list[Merged]:
    """Implants and other devices, one line per name; those only registered stand beside those reported in use."""
    used = [_device(case, fact) for fact in case.of("DeviceUseStatement")]
    named = {reference_key(fact.body.get("device")) for fact in case.of("DeviceUseStatement")}
    return merge([*used, *(_device(case, fact) for fact in case.of("Device") if fact.source not in named)])


def _device(case: Case, fact: Fact) -> Draft:
    target = case.by_source.get(reference_key(fact.body.get("device")))
    if target and not fact.concept.title:
        fact.concept = target.concept
    status = fact.status or "active"
    label = words.pair(words.DEVICE_STATUS.get(status)) or Text(status, status)
    active = status in ("active", "on-hold", "intended")
    return Draft(fact, fact.concept.key, fact.at, fact.at, None, active, label, NO_TEXT)
