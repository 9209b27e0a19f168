"""Cards: the life-cycle object behind the codes. A person has at most one that is not ended."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from yima.healthcode.codec import CARD_ID_BYTES
from yima.healthcode.keyring import keyring
from yima.healthcode.lifecycle import Kind
from yima.healthcode.number import grouped, new_number, parse_number
from yima.healthcode.profiles import ProfileName, profile_named
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import KeyStore

Status = Literal["applied", "pre-issued", "active", "suspended", "lost", "merged", "cancelled", "deceased"]
"""`lifecycle.State` of a card that exists."""


class Source(Protocol):
    """What can be read from: the `Database`, or the connection of a transaction."""

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        """All rows of one statement."""
        ...

    async def fetchrow(self, sql: str, *args: object) -> Any:
        """The first row of one statement, or None."""
        ...


SQL = Queries(__package__)
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Card:
    """A card as the tables hold it; it has no colour and no state of health."""

    person: PersonId
    card_id: bytes
    """10 random bytes, what a printed code carries."""
    number: str
    """16 digits, see `number`."""
    status: Status
    profile: ProfileName
    issued: datetime
    ended: datetime | None = None
    generation: int = 0
    """0 to 255: stands in every code from the holder's phone; a reissue counts on, and ends the codes of before."""
    kind: Kind = "formal"
    """`temporary`: of a newborn without a document, or of somebody unidentified."""
    suspended_until: datetime | None = None
    """The moment at which a suspension is over, whether or not anything has ended it."""

    def standing(self, now: datetime) -> Status:
        """The status at a moment: a suspension is over at its end."""
        over = self.suspended_until is not None and self.suspended_until <= now
        return "active" if self.status == "suspended" and over else self.status

    @property
    def shown_number(self) -> str:
        """The number in four groups of four digits."""
        return grouped(self.number)


async def issue(
    c: Connection, keys: KeyStore, person: PersonId, now: datetime, profile: str = "INTL", kind: Kind = "formal"
) -> Card:
    """The person's card, made if there never was one; in the caller's transaction.

    Repeating it changes nothing: an existing card is given back as it is, an ended one too, so that a late submission
    cannot revive a cancelled card. Refusal `setting-invalid` for an unknown profile.
    """
    return (await issue_many(c, keys, [person], now, profile, kind))[0]


async def issue_many(
    c: Connection, keys: KeyStore, persons: Sequence[PersonId], now: datetime, profile: str = "INTL",
    kind: Kind = "formal",
) -> list[Card]:  # fmt: skip
    """`issue` for many persons in one statement; the cards in the order asked for."""
    keyring(keys).static(profile_named(profile).name)  # a card whose codes could not be signed is not issued
    waiting = sorted(set(persons))
    cards: dict[PersonId, Card] = {}
    for _ in range(_TRIES):
        made = await c.fetch(
            SQL.issue, waiting, [secrets.token_bytes(CARD_ID_BYTES) for _ in waiting], [new_number() for _ in waiting],
            profile, now, kind,
        )  # fmt: skip
        if unlucky := [row for row in made if not row["findable"]]:  # 14 random digits that another card already has
            await c.execute(SQL.withdraw, [r["person_id"] for r in unlucky], [r["card_id"] for r in unlucky])
        cards |= {card.person: card for card in map(card_of_row, await c.fetch(SQL.latest_cards, waiting))}
        waiting = [person for person in waiting if person not in cards]
        if not waiting:
            return [cards[person] for person in persons]
    raise Refusal("overloaded", retry_after=1)


async def card_of(source: Source, person: PersonId) -> Card:
    """The person's present card, or the last one that ended; Refusal `card-not-found` when there never was one."""
    return _found(await source.fetchrow(SQL.latest_cards, [person]))


async def with_card(source: Source, persons: Sequence[PersonId]) -> set[PersonId]:
    """Those of these persons who have a card that is not ended: one made in advance counts."""
    return {row["person_id"] for row in await source.fetch(SQL.with_card, list(persons))}


async def card_by_id(source: Source, card_id: bytes) -> Card:
    """The card with that id, whatever its status; Refusal `card-not-found`."""
    return _found(await source.fetchrow(SQL.card_by_id, card_id))


async def card_by_number(source: Source, text: str) -> Card:
    """The card whose number somebody typed. Refusals: `field-invalid` for wrong check digits, `card-not-found`."""
    return _found(await source.fetchrow(SQL.card_by_number, parse_number(text)))


def card_of_row(row: Any) -> Card:
    """A card from a row of the card table."""
    return Card(
        row["person_id"], row["card_id"], row["number"], row["status"], row["profile"], row["issued"], row["ended"],
        row["generation"], row["kind"], row["suspended_until"],
    )  # fmt: skip


def _found(row: Any) -> Card:
    if row is None:
        raise Refusal("card-not-found")
    return card_of_row(row)
