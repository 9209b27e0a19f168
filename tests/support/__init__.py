"""Helpers for outside-in tests: a running platform, institutions that sign in, and things to send. No mocks."""

from support.makers import bundle, encounter, entry, observation, patient, urn
from support.platform import BASE, Institution, Platform, code_of, issues_of
from support.process import Serving, free_port, serving

__all__ = [
    "BASE",
    "Institution",
    "Platform",
    "Serving",
    "bundle",
    "code_of",
    "encounter",
    "entry",
    "free_port",
    "issues_of",
    "observation",
    "patient",
    "serving",
    "urn",
]
