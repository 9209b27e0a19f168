"""The documents by which people are named on forms."""

from __future__ import annotations

from typing import Final

DOCUMENTS: Final = (
    ("urn:oid:2.16.156.10011.1.3", "document.resident"),
    ("urn:yima:id:passport", "document.passport"),
    ("urn:yima:id:hk-macau-permit", "document.hk-macau"),
    ("urn:yima:id:taiwan-permit", "document.taiwan"),
    ("urn:yima:id:foreign-permanent-residence", "document.foreign"),
    ("urn:yima:id:birth-certificate", "document.birth"),
)
"""Documents a person may be found by (the index's national number spaces) and the message that names each."""
