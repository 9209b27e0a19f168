"""The timeline: one episode per encounter, and one per day and institution for what came without an encounter."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from . import words
from .concepts import answer
from .dosage import dosage
from .gather import DAWN, Case, Fact, Visit
from .model import NO_TEXT, Activity, Episode, EpisodeKind, Line, Text
from .reading import concept_text, first, items, mapping, reference_key, status_code, string
from .results import Reading, result

_BIRTH_CATEGORIES = (("O80", "O84"), ("Z37", "Z38"))
_CATEGORY_KINDS: tuple[tuple[tuple[tuple[str, str], ...], EpisodeKind], ...] = (
    (_BIRTH_CATEGORIES, "birth"),
    ((("Z39", "Z39"),), "postnatal"),
    ((("Z34", "Z36"),), "antenatal"),
    ((("Z23", "Z27"),), "vaccination"),
    ((("Z11", "Z13"),), "screening"),
    ((("Z00", "Z00"),), "checkup"),
)
_REFINED: frozenset[EpisodeKind] = frozenset({"outpatient", "inpatient", "emergency", "home"})
_ONGOING = frozenset({"in-progress", "arrived", "triaged", "onleave"})
_LAB_SECTIONS = frozenset({"lab", "laboratory", "hm", "ch", "mb", "sr", "cp", "sp"})
_IMAGE_SECTIONS = frozenset({"rad", "imaging", "rx", "ct", "nmr", "rus", "ec", "ous", "pf", "ge"})


def episodes(case: Case, read: Sequence[Reading]) -> tuple[Episode, ...]:
    """Newest first; undated episodes stand at the end."""
    by_source = {one.fact.source: one for one in read}
    made = [
        (visit.start.at if visit.start else DAWN, _of_visit(case, visit, by_source)) for visit in case.visits.values()
    ]
    groups: dict[tuple[date | None, str], list[Fact]] = {}
    for fact in case.loose:
        groups.setdefault((fact.day, fact.author), []).append(fact)
    for facts in groups.values():
        if episode := _of_loose(facts, by_source):
            made.append((max(fact.order for fact in facts), episode))
    made.sort(key=lambda one: one[0], reverse=True)
    return tuple(episode for _, episode in made)


def _of_visit(case: Case, visit: Visit, read: Mapping[str, Reading]) -> Episode:
    body = visit.body
    diagnoses = _diagnoses(case, visit)
    kind = visit_kind(visit, diagnoses)
    label = Text(*words.EPISODE_KINDS[kind])
    names = tuple(dict.fromkeys(fact.concept.plain_title for fact in diagnoses if fact.concept.title))
    lines = _lines(visit.facts, read)
    ongoing = status_code(body.get("status")) in _ONGOING
    return Episode(
        kind=kind,
        kind_label=label,
        title=_title(label, names or _reasons(body), lines, kind),
        start=visit.start.day if visit.start else None,
        end=None if ongoing or not visit.end else visit.end.day,
        ongoing=ongoing,
        institution=visit.institution,
        department=_department(body),
        practitioner=_practitioner(case, body),
        diagnoses=tuple(dict.fromkeys(fact.concept.title for fact in diagnoses if fact.concept.title)),
        items=lines,
        sources=(visit.source, *dict.fromkeys(fact.source for fact in visit.facts)),
    )


def visit_kind(visit: Visit, diagnoses: Sequence[Fact]) -> EpisodeKind:
    """Class first; then what it was about: its type, service and reason in words, the ICD-10 reason, what was done."""
    kind = words.ENCOUNTER_CLASSES.get(words.class_code(visit.body), "outpatient")
    about = " ".join(
        f"{concept_text(one)} {string(first(one.get('coding')).get('display'))}"
        for name in ("type", "serviceType", "reasonCode")
        for one in items(visit.body.get(name))
    ).lower()
    if kind not in _REFINED:
        return kind
    for needles, found in words.ENCOUNTER_WORDS:
        if any(needle in about for needle in needles):
            return found if kind in ("outpatient", "home") or found == "birth" else kind
    for ranges, found in _CATEGORY_KINDS:
        if any(words.in_ranges(fact.concept.category, ranges) for fact in diagnoses if fact.concept.category):
            return found if kind in ("outpatient", "home") or found == "birth" else kind
    if kind == "outpatient" and visit.facts and all(fact.type == "Immunization" for fact in visit.facts):
        return "vaccination"
    return kind


def _diagnoses(case: Case, visit: Visit) -> list[Fact]:
    """Conditions the encounter names, then those that name the encounter."""
    named = [
        fact
        for one in items(visit.body.get("diagnosis"))
        if (fact := case.by_source.get(_condition_key(one.get("condition")))) and fact.type == "Condition"
    ]
    return list(dict.fromkeys([*named, *(fact for fact in visit.facts if fact.type == "Condition")]))


def _condition_key(reference: object) -> str:
    key = reference_key(reference)
    return key if "/" in key else f"Condition/{key}"


def _reasons(body: Mapping[str, Any]) -> tuple[Text, ...]:
    return tuple(name for one in items(body.get("reasonCode")) if (name := answer(one)))


def _title(label: Text, names: tuple[Text, ...], lines: tuple[Line, ...], kind: EpisodeKind) -> Text:
    """Kind and what it was about, at most two things: ``门诊：高血压`` / ``Clinic visit: High blood pressure``."""
    if kind == "vaccination" or not names:
        done = [line.title for line in lines if line.kind == ("given" if kind == "vaccination" else "done")]
        names = tuple(dict.fromkeys(done)) or names
    if not names or kind in ("checkup", "antenatal", "postnatal", "birth"):
        return label
    rest = len(names) - 2
    zh = "、".join(name.zh for name in names[:2]) + (f"等{len(names)}项" if rest > 0 else "")
    en = ", ".join(name.en for name in names[:2]) + (f" and {rest} more" if rest > 0 else "")
    return Text(f"{label.zh}：{zh}", f"{label.en}: {en}")


def _department(body: Mapping[str, Any]) -> Text:
    service = body.get("serviceType")
    if service:
        return answer(first(service))
    place = string(mapping(first(body.get("location")).get("location")).get("display"))
    return Text(place, place) if place else NO_TEXT


def _practitioner(case: Case, body: Mapping[str, Any]) -> str:
    return next((name for one in items(body.get("participant")) if (name := case.named(one.get("individual")))), "")


def _lines(facts: Sequence[Fact], read: Mapping[str, Reading]) -> tuple[Line, ...]:
    """What was found, given and done; abnormal findings first among the findings."""
    lines = [line for fact in facts if (line := _line(fact, read))]
    order = {"found": 0, "given": 1, "done": 2}
    lines.sort(key=lambda line: (order[line.kind], line.flag in (None, "normal")))
    return tuple(lines)


def _line(fact: Fact, read: Mapping[str, Reading]) -> Line | None:
    title = fact.concept.title
    if fact.type == "Observation":
        one = read.get(fact.source)
        if one is None:
            return None
        last = result(one)
        detail = Text(f"{last.value.zh} {last.unit}".strip(), f"{last.value.en} {last.unit}".strip())
        return Line("found", title, detail, last.flag, fact.day, fact.source)
    if fact.type in ("DiagnosticReport", "AllergyIntolerance", "DocumentReference"):
        said = string(fact.body.get("conclusion")) or string(fact.body.get("description"))
        return Line("found", title, Text(said, said), None, fact.day, fact.source)
    if fact.type == "Immunization":
        given = fact.status in ("", "completed")
        detail = NO_TEXT if given else Text(*words.IMMUNISATION_STATUS["not-done"])
        return Line("given" if given else "done", title, detail, None, fact.day, fact.source)
    if fact.type.startswith("Medication"):
        return Line("given", title, dosage(fact.body), None, fact.day, fact.source)
    if fact.type in ("Procedure", "ImagingStudy"):
        return Line("done", title or Text(*words.EPISODE_KINDS["imaging"]), NO_TEXT, None, fact.day, fact.source)
    return None


def _of_loose(facts: list[Fact], read: Mapping[str, Reading]) -> Episode | None:
    """What one institution reported on one day without an encounter; nothing when there is nothing to show."""
    kind = _loose_kind(facts)
    label = Text(*words.EPISODE_KINDS[kind])
    lines = _lines(facts, read)
    diagnoses = tuple(dict.fromkeys(f.concept.title for f in facts if f.type == "Condition" and f.concept.title))
    if not lines and not diagnoses:
        return None
    reports = tuple(dict.fromkeys(f.concept.title for f in facts if f.type == "DiagnosticReport" and f.concept.title))
    findings = tuple(dict.fromkeys(line.title for line in lines if line.title))
    day = facts[0].day
    return Episode(
        kind=kind,
        kind_label=label,
        title=_title(label, diagnoses or reports or findings, lines, kind),
        start=day,
        end=day,
        ongoing=False,
        institution=facts[0].author,
        department=NO_TEXT,
        practitioner="",
        diagnoses=diagnoses,
        items=lines,
        sources=tuple(dict.fromkeys(fact.source for fact in facts)),
    )


def _loose_kind(facts: Sequence[Fact]) -> EpisodeKind:
    types = {fact.type for fact in facts}
    if "Immunization" in types:
        return "vaccination"
    sections = {section for fact in facts for section in _sections(fact)}
    if "ImagingStudy" in types or ("DiagnosticReport" in types and sections & _IMAGE_SECTIONS):
        return "imaging"
    if "DiagnosticReport" in types or sections & _LAB_SECTIONS:
        return "lab"
    if "Procedure" in types:
        return "procedure"
    if any(kind.startswith("Medication") for kind in types):
        return "medicine"
    return "document" if types == {"DocumentReference"} else "other"


def _sections(fact: Fact) -> set[str]:
    return {string(c.get("code")).lower() for one in items(fact.body.get("category")) for c in items(one.get("coding"))}


def activities(found: Sequence[Episode]) -> tuple[Activity, ...]:
    """Services counted by kind and institution, most recent first."""
    groups: dict[tuple[EpisodeKind, str], list[Episode]] = {}
    for episode in found:
        groups.setdefault((episode.kind, episode.institution), []).append(episode)
    made = []
    for (kind, institution), ones in groups.items():
        days = [one.start for one in ones if one.start]
        made.append(
            Activity(
                kind,
                Text(*words.EPISODE_KINDS[kind]),
                institution,
                len(ones),
                min(days, default=None),
                max(days, default=None),
            )
        )
    made.sort(key=lambda one: (one.last or date.min, one.count), reverse=True)
    return tuple(made)
