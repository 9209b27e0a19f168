"""What an Encounter says about itself: which kind of visit, at whose place, with whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import words
from .concepts import answer
from .model import NO_TEXT, EpisodeKind, Text
from .reading import concept_text, first, items, mapping, reference_key, string


def class_kind(body: Mapping[str, Any]) -> EpisodeKind:
    """The kind that the class of the encounter gives; outpatient where there is none."""
    return words.ENCOUNTER_CLASSES.get(words.class_code(body), "outpatient")


def worded_kind(body: Mapping[str, Any]) -> EpisodeKind | None:
    """The kind that type, reason or service give in words."""
    about = " ".join(_said(one) for name in ("type", "reasonCode") for one in items(body.get(name))).lower()
    service = _said(first(body.get("serviceType"))).lower()  # a department: "Obstetrics" says nothing about the visit
    for needles, kind in words.ENCOUNTER_WORDS:
        within = about + service if kind in ("vaccination", "checkup") else about
        if any(needle in within for needle in needles):
            return kind
    return None


def _said(concept: Mapping[str, Any]) -> str:
    return f"{concept_text(concept)} {string(first(concept.get('coding')).get('display'))} "


def department(body: Mapping[str, Any]) -> Text:
    """The service, else the first place."""
    service = body.get("serviceType")
    if service:
        return answer(first(service))
    place = string(mapping(first(body.get("location")).get("location")).get("display"))
    return Text(place, place) if place else NO_TEXT


def condition_keys(body: Mapping[str, Any]) -> list[str]:
    """`Condition/id` of the diagnoses that the encounter names."""
    keys = (reference_key(one.get("condition")) for one in items(body.get("diagnosis")))
    return [key if "/" in key else f"Condition/{key}" for key in keys]
