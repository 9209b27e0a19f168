"""Residents for a sign-in that has none."""

from __future__ import annotations

from yima.directory import Caller
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId


async def nobody(person: PersonId) -> Caller:
    """Nobody is known here."""
    raise Refusal("sign-in-needed", field=str(person))
