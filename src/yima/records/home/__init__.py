"""The kept half of the overview: what each resource of a home says, folded in when it changed.

Face: `Overviews` opens records; `Home`, `folded`, `put_together`, `up_to_date` are its parts.
"""

from yima.records.home.fold import Entry, Home, folded, packed, unpacked
from yima.records.home.store import Opened, Overviews, put_together, these, up_to_date

__all__ = [
    "Entry",
    "Home",
    "Opened",
    "Overviews",
    "folded",
    "packed",
    "put_together",
    "these",
    "unpacked",
    "up_to_date",
]
