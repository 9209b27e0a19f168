"""What was done with a card, or for somebody else, in plain words: for the access log and for notices."""

from __future__ import annotations

from datetime import datetime

from yima.audit import Event
from yima.consent import REMOVAL_BASES
from yima.portals.layout import Words
from yima.portals.layout.dates import moment
from yima.runtime.ids import person_text


def is_act(event: Event) -> bool:
    """Whether a line of the log is about a card, a mandate, or something done for somebody else."""
    return event.action in ("card", "mandate", "app", "review") or "by" in event.detail or "for" in event.detail


def what(event: Event, words: Words) -> str:
    """`reported the card lost`, `read the record`: the verb of the sentence."""
    if event.action == "app":
        return words(f"act.app.{event.detail.get('event', 'end')}", app=event.detail.get("app_name", ""))
    if event.action == "review":
        return words(f"act.review.{event.detail.get('event', 'review')}")
    name = event.action if event.action not in ("card", "mandate") else str(event.detail.get("event", ""))
    key = f"act.{event.action}.{name}" if event.action in ("card", "mandate") else f"act.{name}"
    return words(key if words.has(key) else "act.other")


def sentence(event: Event, who: str, words: Words) -> str:
    """Who did what, for whom; `who` names institution and staff where there are some."""
    if event.action == "mandate":
        key = f"log.mandate.{event.detail.get('event', 'give')}.{event.detail.get('side', 'person')}"
        return words(key, who=event.detail.get("other", ""))
    if event.outcome != "ok":
        return words("log.act-denied", who=who or words("log.some-place"))
    doing = what(event, words)
    if "for" in event.detail:
        return words("log.act-for", who=event.detail.get("for_name", ""), what=doing)
    if event.agent == "resident" and event.agent_id != person_text(event.person):
        return words("log.act-by", who=event.agent_name, what=doing)
    if event.agent == "resident":
        return words("log.act-own", what=doing)
    if event.agent == "system":
        return words("log.act-system", what=doing)
    if event.agent == "operator":
        return words("log.act-operator", who=event.agent_name, what=doing)
    return words("log.act-staff", who=who or words("log.some-place"), what=doing)


def reason(event: Event, words: Words) -> str:
    """On what ground, or why, and what came with it."""
    said, key = str(event.detail.get("reason", "")), f"log.ground.{event.basis}"
    parts = [words("log.said", reason=said) if said else words(key) if words.has(key) else ""]
    if basis := REMOVAL_BASES.get(str(event.detail.get("legal_basis", ""))):
        parts.insert(0, words("log.basis", basis=basis.zh if words.lang == "zh" else basis.en))
    if until := event.detail.get("bars_until"):
        parts.append(words("log.barred-until", when=moment(datetime.fromisoformat(str(until)), words.lang)))
    if ended := event.detail.get("visits_ended"):
        parts.append(words.count("log.visits-ended", int(ended)))
    if event.detail.get("sign_in_ended"):
        parts.append(words("log.sign-in-ended"))
    if event.detail.get("ways_ended"):
        parts.append(words("log.ways-ended"))
    if apps := event.detail.get("apps_ended"):
        parts.append(words.count("log.apps-ended", int(apps)))
    return " ".join(part for part in parts if part)


def tone(event: Event) -> str:
    """`denied`; `own` for what one did oneself, also for others; else `relative`, `platform` or `people`."""
    if event.outcome != "ok":
        return "denied"
    if event.agent == "resident":
        mine = "for" in event.detail or event.agent_id == person_text(event.person)
        return "own" if mine else "relative"
    return "platform" if event.agent in ("operator", "system") else "people"
