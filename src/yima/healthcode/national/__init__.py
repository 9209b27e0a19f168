"""The Chinese national electronic health card: everything in the platform that knows its ids, texts and tables.

`ids` (card ids and keys), `qr` (the text of a code), `token` (what binds a dynamic code together), `envelope` (how
hospitals' calls are signed and enciphered), `tables` (dialects) are pure; `cards` keeps which card id is whose.
"""

from yima.healthcode.national import envelope
from yima.healthcode.national.cards import NationalCard, NationalCards
from yima.healthcode.national.ids import MindexRecipe
from yima.healthcode.national.qr import LONGEST, NationalCode, looks_national, read
from yima.healthcode.national.tables import Dialect, dialect, purpose_of
from yima.healthcode.national.turning import turn_applicants, unturned_applicants

__all__ = [
    "LONGEST",
    "Dialect",
    "MindexRecipe",
    "NationalCard",
    "NationalCards",
    "NationalCode",
    "dialect",
    "envelope",
    "looks_national",
    "purpose_of",
    "read",
    "turn_applicants",
    "unturned_applicants",
]
