"""Codes and what they mean: R4's own terminology and what a deployment loads. No person is known here; see README.md.

Face: `Terminology`, one per worker, whose methods are the operations; what they take; reading and loading of files.
"""

from yima.terminology.answers import Coding, Expanding
from yima.terminology.catalogue import TYPES
from yima.terminology.files import Columns, Table, read_file
from yima.terminology.loading import Loaded, Loading, Reject
from yima.terminology.service import Listed, Terminology
from yima.terminology.translate import Translating

__all__ = [
    "TYPES",
    "Coding",
    "Columns",
    "Expanding",
    "Listed",
    "Loaded",
    "Loading",
    "Reject",
    "Table",
    "Terminology",
    "Translating",
    "read_file",
]
