"""Whose phone shows a person's codes, where it is not the holder's: the end of a mandate ends those codes at once.

The platform gives a phone codes for hours to come. Those it gives to somebody who acts for the holder bear a number
made of the mandate; the statement that redeems a code refuses it when that number has ended, and looks for nothing when
the code is a holder's own. ADR 0036.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from yima.healthcode.card import SQL, Source
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who is given codes to show: `number` stands in each, and none is given for `until` or later."""

    number: int = 0
    """24 bits; 0: the holder."""
    until: datetime | None = None


HOLDER: Final = Bearer()


def bearer_of(mandate: str, until: datetime | None = None) -> Bearer:
    """Who acts under a mandate that ends by itself at `until`. A person has few mandates: no two numbers meet."""
    return Bearer(int.from_bytes(sha256(mandate.encode()).digest()[:3]) or 1, until)


async def end_bearer(c: Connection, persons: Iterable[PersonId], mandate: str, now: datetime) -> int:
    """From the commit on, refuse every code of these persons (one, and who was merged into them) that was given under
    the mandate, and end the visits that such codes opened; how many visits."""
    return len(await c.fetch(SQL.end_bearer, sorted(persons), bearer_of(mandate).number, now))


async def check_bearer(source: Source, person: PersonId, number: int) -> None:
    """Refusal `code-cancelled` for codes of this person on a phone that may no longer show them."""
    if number and await source.fetchrow(SQL.bearer_ended, person, number):
        raise Refusal("code-cancelled")


async def forget_bearers(c: Connection, before: datetime) -> None:
    """Drop those that ended before that, when no phone has their codes any more."""
    await c.execute(SQL.forget_bearers, before)
