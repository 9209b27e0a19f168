"""What of a line is hashed: all of it, as canonical JSON (RFC 8785), so that outsiders can hash what they are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from yima.audit.proof.tree import leaf_hash


class Leaf(msgspec.Struct, frozen=True):
    """A line as it is hashed. Fields in the order of their names, as RFC 8785 wants them."""

    action: str
    agent: str
    agent_id: str
    agent_name: str
    basis: str
    department: str
    detail: str
    """JSON as it was stored, in a string."""
    event_id: str
    institution: int
    institution_name: str
    outcome: str
    person: str
    """Decimal: JSON numbers above 2**53 are not the same everywhere."""
    purpose: str
    recorded: datetime
    """UTC with microseconds, RFC 3339."""
    request_id: str
    submission: str
    terminal: str
    visit: str


_ENCODER: Final = msgspec.json.Encoder()
_FIELDS: Final = len(Leaf.__struct_fields__)


def leaf_of(row: Any) -> Leaf:
    """The leaf of a row whose first columns are the fields of a leaf, in their order."""
    return Leaf(*row[:_FIELDS])


def content(leaf: Leaf) -> bytes:
    """The bytes that are hashed."""
    return _ENCODER.encode(leaf)


def hash_of(row: Any) -> bytes:
    """The leaf hash of such a row."""
    return leaf_hash(_ENCODER.encode(Leaf(*row[:_FIELDS])))
