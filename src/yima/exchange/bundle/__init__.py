"""FHIR Bundles of type transaction and batch, translated to entries and back. Pure.

Face: `plan` (a Bundle as entries, every mistake found at once), `Plan`, `response` (outcomes as a response Bundle).
"""

from yima.exchange.bundle.plan import Patching, Plan, Reading, plan
from yima.exchange.bundle.response import response

__all__ = ["Patching", "Plan", "Reading", "plan", "response"]
