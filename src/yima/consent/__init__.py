"""The resident's decisions, and the pure decision whether this caller may see this of that person now.

Face: `decide` (pure), `Decision`, `Ask`, `Standing`, `sensitivity` (which class a resource is), `standing_of`, `put`.
"""

from yima.consent.classes import CLASSES, ORDINARY, SensitiveClass, propagate, sensitivity
from yima.consent.decide import PURPOSES, Ask, Decision, Standing, Step, Visit, decide
from yima.consent.store import Emergency, emergency_visit, open_emergency, put, standing_of

__all__ = [
    "CLASSES",
    "ORDINARY",
    "PURPOSES",
    "Ask",
    "Decision",
    "Emergency",
    "SensitiveClass",
    "Standing",
    "Step",
    "Visit",
    "decide",
    "emergency_visit",
    "open_emergency",
    "propagate",
    "put",
    "sensitivity",
    "standing_of",
]
