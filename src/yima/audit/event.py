"""One line of the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from yima.runtime import ids

ACTIONS: Final = frozenset(
    {
        "submit",
        "read",
        "search",
        "scan",
        "break-glass",
        "resolve",
        "consent",
        "sign-in",
        "credential",
        "card",
        "mandate",
        "use",
        "share",
        "erase",
        "export",
        "review",
        "app",
    }
)
"""What can be done to a record; whether it was allowed is the event's outcome."""
OUTCOMES: Final = frozenset({"ok", "denied", "failed"})


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing done, or tried, to one person's record (FHIR AuditEvent after IHE BALP)."""

    person: ids.PersonId
    recorded: datetime
    action: str
    outcome: str
    """`ok`, `denied` or `failed`."""
    purpose: str = ""
    basis: str = ""
    """The reason code of the decision, e.g. `visit`, `own-submission`, `own-record`, `break-glass`."""
    agent: str = "system"
    institution: int = 0
    institution_name: str = ""
    agent_id: str = ""
    agent_name: str = ""
    department: str = ""
    terminal: str = ""
    visit: str = ""
    submission: str = ""
    detail: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Plain JSON: types and counts of resources, the reason given. Never identity numbers, never content."""
    request_id: str = ""
    event_id: str = ""


def new_event_id(person: ids.PersonId) -> str:
    """A fresh event id; it carries the person's shard key like every resource id."""
    return ids.new_resource_id(person)
