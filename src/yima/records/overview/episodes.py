"""The timeline: one episode per encounter, and one per day and institution for what came without an encounter."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from . import words
from .concepts import Concept
from .dosage import dosage
from .gather import DAWN, Case, Fact, Visit
from .model import NO_TEXT, Activity, Episode, EpisodeKind, Line, Text
from .reading import string
from .results import Reading

_BIRTH_CATEGORIES = (("O80", "O84"), ("Z37", "Z38"))
_CATEGORY_KINDS: tuple[tuple[tuple[tuple[str, str], ...], EpisodeKind], ...] = (
    (_BIRTH_CATEGORIES, "birth"),
    ((("Z39", "Z39"),), "postnatal"),
    ((("Z33", "Z36"), ("O10", "O48"), ("O98", "O99")), "antenatal"),
    ((("Z23", "Z27"),), "vaccination"),
    ((("Z11", "Z13"),), "screening"),
    ((("Z00", "Z00"),), "checkup"),
)
_REFINED: frozenset[EpisodeKind] = frozenset({"outpatient", "inpatient", "emergency", "home"})
_LAB_SECTIONS = frozenset({"lab", "laboratory", "hm", "ch", "mb", "sr", "cp", "sp"})
_IMAGE_SECTIONS = frozenset({"rad", "imaging", "rx", "ct", "nmr", "rus", "ec", "ous", "pf", "ge"})


def episodes(case: Case, read: Sequence[Reading]) -> tuple[Episode, ...]:
    """Newest first; undated episodes stand at the end."""
    by_source = {one.fact.source: one for one in read}
    made = [
        (visit.start.at if visit.start else DAWN, _of_visit(case, visit, by_source)) for visit in case.visits.values()
    ]
    groups: dict[tuple[date | None, str], list[Fact]] = {}
    for fact in sorted(case.loose, key=lambda one: one.order, reverse=True):
        groups.setdefault((fact.day, fact.author), []).append(fact)
    for facts in groups.values():
        episode = _of_loose(facts, by_source)
        made += [(facts[0].order, episode)] if episode else []
    made.sort(key=lambda one: one[0], reverse=True)
    return tuple(episode for _, episode in made)


def _of_visit(case: Case, visit: Visit, read: Mapping[str, Reading]) -> Episode:
    said = visit.said
    diagnoses = [fact.concept for fact in _diagnoses(case, visit)] or visit.reasons
    kind = visit_kind(visit, diagnoses)
    label = _label(kind, diagnoses)
    lines = _lines(visit.facts, read)
    return Episode(
        kind=kind,
        kind_label=label,
        title=_title(label, _topics(diagnoses), visit.facts, kind),
        start=visit.start.day if visit.start else None,
        end=None if said.ongoing or not visit.end else visit.end.day,
        ongoing=said.ongoing,
        institution=visit.institution,
        department=said.department,
        practitioner=next((name for one in said.doctors if (name := case.named(one))), ""),
        diagnoses=_distinct(concept.title for concept in diagnoses),
        items=lines,
        sources=(visit.source, *dict.fromkeys(fact.source for fact in visit.facts)),
    )


def _label(kind: EpisodeKind, diagnoses: Sequence[Concept]) -> Text:
    if kind == "birth" and any(concept.category == "Z38" for concept in diagnoses):
        return Text("出生", "Born")  # the record of the baby, not of the mother
    return Text(*words.EPISODE_KINDS[kind])


def _distinct(names: Iterable[Text]) -> tuple[Text, ...]:
    return tuple(name for name in dict.fromkeys(names) if name.zh)


def _topics(concepts: Iterable[Concept]) -> tuple[Text, ...]:
    """Everyday names to head an episode with."""
    return _distinct(concept.plain_title for concept in concepts)


def visit_kind(visit: Visit, diagnoses: Sequence[Concept]) -> EpisodeKind:
    """Class first; then what it was about: type and reason in words, the service, the ICD-10 reason, what was done."""
    kind = visit.said.kind
    if kind not in _REFINED:
        return kind
    found = visit.said.worded or _kind_by_category(diagnoses)
    if found is None and visit.facts and all(fact.type == "Immunization" for fact in visit.facts):
        found = "vaccination"
    if found == "birth" or (found and kind in ("outpatient", "home")):
        return found
    return kind


def _kind_by_category(diagnoses: Sequence[Concept]) -> EpisodeKind | None:
    categories = [concept.category for concept in diagnoses if concept.category]
    for ranges, kind in _CATEGORY_KINDS:
        if any(words.in_ranges(category, ranges) for category in categories):
            return kind
    return None


def _diagnoses(case: Case, visit: Visit) -> list[Fact]:
    """Conditions the encounter names, then those that name the encounter."""
    named = [fact for key in visit.said.conditions if (fact := case.by_source.get(key)) and fact.type == "Condition"]
    return list(dict.fromkeys([*named, *(fact for fact in visit.facts if fact.type == "Condition")]))


def _title(label: Text, names: tuple[Text, ...], facts: Sequence[Fact], kind: EpisodeKind) -> Text:
    """Kind and what it was about, at most two things: ``门诊：高血压`` / ``Clinic visit: High blood pressure``."""
    if kind == "vaccination":
        names = _topics(f.concept for f in facts if f.type == "Immunization" and f.status in ("", "completed")) or names
    elif not names:
        names = _topics(fact.concept for fact in facts if fact.type == "Procedure")
    if not names or kind in ("checkup", "antenatal", "postnatal", "birth"):
        return label
    rest = len(names) - 2
    zh = "、".join(name.zh for name in names[:2]) + (f"等{len(names)}项" if rest > 0 else "")
    en = ", ".join(name.en for name in names[:2]) + (f" and {rest} more" if rest > 0 else "")
    return Text(f"{label.zh}：{zh}", f"{label.en}: {en}")


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
        last = one.result
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
        return Line("given", title, dosage(fact), None, fact.day, fact.source)
    if fact.type in ("Procedure", "ImagingStudy"):
        return Line("done", title or Text(*words.EPISODE_KINDS["imaging"]), NO_TEXT, None, fact.day, fact.source)
    return None


def _of_loose(facts: list[Fact], read: Mapping[str, Reading]) -> Episode | None:
    """What one institution reported on one day without an encounter; nothing when there is nothing to show."""
    kind = _loose_kind(facts)
    label = Text(*words.EPISODE_KINDS[kind])
    lines = _lines(facts, read)
    conditions = [fact.concept for fact in facts if fact.type == "Condition"]
    diagnoses = _distinct(concept.title for concept in conditions)
    if not lines and not diagnoses:
        return None
    reports = _topics(fact.concept for fact in facts if fact.type == "DiagnosticReport")
    others = _topics(fact.concept for fact in facts)
    day = facts[0].day
    return Episode(
        kind=kind,
        kind_label=label,
        title=_title(label, _topics(conditions) or reports or others, facts, kind),
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
    sections = {section for fact in facts for section in fact.sections}
    if "ImagingStudy" in types or ("DiagnosticReport" in types and sections & _IMAGE_SECTIONS):
        return "imaging"
    if "DiagnosticReport" in types or sections & _LAB_SECTIONS:
        return "lab"
    if "Procedure" in types:
        return "procedure"
    if any(kind.startswith("Medication") for kind in types):
        return "medicine"
    return "document" if types == {"DocumentReference"} else "other"


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
