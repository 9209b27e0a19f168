"""Helpers for outside-in tests: a running platform, institutions that sign in, and things to send. No mocks."""

from support.figures import report
from support.humans import be_humans
from support.makers import SYNTHEA, bundle, encounter, entry, observation, patient, resident_number, urn, visit_bundle
from support.owner import as_owner
from support.platform import BASE, Institution, Platform, code_of, issues_of
from support.process import Serving, free_port, serving
from support.refusals import assert_refused, nothing_written
from support.stretches import Stretches

__all__ = [
    "BASE",
    "SYNTHEA",
    "Institution",
    "Platform",
    "Serving",
    "Stretches",
    "as_owner",
    "assert_refused",
    "be_humans",
    "bundle",
    "code_of",
    "encounter",
    "entry",
    "free_port",
    "issues_of",
    "nothing_written",
    "observation",
    "patient",
    "report",
    "resident_number",
    "serving",
    "urn",
    "visit_bundle",
]
