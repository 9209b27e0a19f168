"""The resident's decisions, and the pure decision whether this caller may see this of that person now.

Face: `decide` (pure), `Decision`, `Ask`, `Standing`, `sensitivity` (which class a resource is), `standing_of`, `put`;
`may_act` (pure), `Mandate`, `give`, `end_mandate`, `mandates_for`, `mandates_of_agent` (acting for somebody else).
"""

from yima.consent.classes import CLASSES, ORDINARY, SensitiveClass, propagate, sensitivity
from yima.consent.decide import (
    DECIDABLE,
    ITEM,
    PURPOSES,
    Acting,
    Ask,
    Decision,
    Standing,
    Step,
    Visit,
    closed_to_all,
    decide,
    without_names,
)
from yima.consent.fhir_form import Provision, from_fhir, is_privacy, patient_of, to_fhir
from yima.consent.mandate import EVIDENCE, OF_AGE, SCOPES, Mandate, What, age_reached, may_act
from yima.consent.mandates import Giving, end_mandate, give, mandates_for, mandates_of_agent
from yima.consent.store import (
    Emergency,
    Said,
    decided,
    emergency_visit,
    open_emergency,
    put,
    said_by_id,
    standing_of,
    standing_of_each,
)
from yima.consent.wording import NEWEST, WORDINGS, Wording

__all__ = [
    "CLASSES",
    "DECIDABLE",
    "EVIDENCE",
    "ITEM",
    "NEWEST",
    "OF_AGE",
    "ORDINARY",
    "PURPOSES",
    "SCOPES",
    "WORDINGS",
    "Acting",
    "Ask",
    "Decision",
    "Emergency",
    "Giving",
    "Mandate",
    "Provision",
    "Said",
    "SensitiveClass",
    "Standing",
    "Step",
    "Visit",
    "What",
    "Wording",
    "age_reached",
    "closed_to_all",
    "decide",
    "decided",
    "emergency_visit",
    "end_mandate",
    "from_fhir",
    "give",
    "is_privacy",
    "mandates_for",
    "mandates_of_agent",
    "may_act",
    "open_emergency",
    "patient_of",
    "propagate",
    "put",
    "said_by_id",
    "sensitivity",
    "standing_of",
    "standing_of_each",
    "to_fhir",
    "without_names",
]
