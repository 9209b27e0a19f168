"""Carrying out the life cycle: every change of a card's standing goes through here, with one line of history."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from yima.healthcode.card import Card, Source, card_of
from yima.healthcode.codec import CARD_ID_BYTES
from yima.healthcode.keyring import keyring
from yima.healthcode.lifecycle import ENDS_VISITS, REVOKES, Event, Kind, State, next_state
from yima.healthcode.number import new_number
from yima.healthcode.profiles import profile_named
from yima.healthcode.trust import revoke_of
from yima.healthcode.visit import end_visits
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import KeyStore

LIFE = Queries(__package__, "lifecycle.sql")
_TRIES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """On whose word something happens to a card, when and why."""

    actor: str
    """Kind and id, e.g. `resident/0a1b2c3d4e`, `operator/op-1`, `system/end`."""
    at: datetime
    reason: str = ""
    legal_basis: str = ""
    suspension: str = ""
    """The proposal that a second person approves."""


@dataclass(frozen=True, slots=True)
class CardEvent:
    """A line of a card's history; nothing can change it."""

    card_id: bytes
    at: datetime
    event: Event
    was: State
    became: State
    actor: str
    reason: str
    legal_basis: str


async def advance(c: Connection, person: PersonId, event: Event, act: Act) -> Card:
    """The person's card after an event, in the caller's transaction; what changes nothing leaves no line of history.

    Refusals: `card-not-found`, `card-state`, `card-suspended`, `card-deceased`; for `suspend` also `not-found` when the
    proposal is not there to be approved. `reissue` has a function of its own.
    """
    for _ in range(_TRIES):
        card = await (card_of(c, person) if event == "end-suspension" else current(c, person, act.at))
        became = next_state(card.status, event, await _before(c, card, event))
        if became == card.status and (event != "formalise" or card.kind == "formal"):
            return card
        if await c.fetchval(
            LIFE.move_card, person, card.card_id, event, card.status, became, act.at, act.actor, act.reason,
            act.legal_basis, act.suspension,
        ):  # fmt: skip
            if event in REVOKES:
                await revoke_of(c, person, act.at, event)
            if event in ENDS_VISITS:
                await end_visits(c, person, act.at)
            if became == "active" and event != "unmerge" and await survivor_of(c, person) != person:
                return await advance(c, person, "merge", act)  # stands again, as part of somebody else's
            return await card_of(c, person)
        if event == "suspend":
            raise Refusal("not-found", field="suspension")
    raise Refusal("overloaded", retry_after=1)


async def current(c: Connection, person: PersonId, now: datetime) -> Card:
    """The person's card as it stands now: a suspension whose time is over is ended, and written down as ended then."""
    card = await card_of(c, person)
    if card.standing(now) == card.status:
        return card
    return await advance(c, person, "end-suspension", Act(actor="system/end", at=card.suspended_until or now))


async def _before(c: Connection, card: Card, event: Event) -> State | None:
    if event != "undo-death" or card.status != "deceased":
        return None
    return cast(State, await c.fetchval(LIFE.before_death, card.person, card.card_id))


async def reissue(c: Connection, keys: KeyStore, person: PersonId, act: Act) -> Card:
    """A new card in place of the old one: new id, new number, next generation. What was printed, what phones keep and
    every offline credential of before are dead when the transaction commits.

    Refusals: those of `advance`.
    """
    for _ in range(_TRIES):
        card = await current(c, person, act.at)
        next_state(card.status, "reissue")
        keyring(keys).static(card.profile)
        done = await c.fetchval(
            LIFE.replace_card, person, card.card_id, card.status, secrets.token_bytes(CARD_ID_BYTES), new_number(),
            act.at, act.actor, act.reason,
        )  # fmt: skip
        if done == 1:
            await revoke_of(c, person, act.at, "reissue")
            await end_visits(c, person, act.at)
            return await card_of(c, person)
    raise Refusal("overloaded", retry_after=1)


async def open_cards(
    c: Connection, keys: KeyStore, persons: Sequence[PersonId], event: Event, act: Act, *, profile: str = "INTL",
    kind: Kind = "formal",
) -> list[PersonId]:  # fmt: skip
    """Cards that do not stand yet, by `apply` or `pre-issue`; the persons who got one. Who has a card keeps it."""
    keyring(keys).static(profile_named(profile).name)
    waiting, opened = sorted(set(persons)), list[PersonId]()
    for _ in range(2):  # a number that was taken leaves its person out of the first round
        ids = [secrets.token_bytes(CARD_ID_BYTES) for _ in waiting]
        numbers = [new_number() for _ in waiting]
        rows = await c.fetch(LIFE.open_cards, waiting, ids, numbers, profile, event, kind, act.at, act.actor)
        opened += [row["person_id"] for row in rows]
        waiting = sorted(set(waiting) - set(opened))
        if not waiting:
            break
    return sorted(opened)


async def history(source: Source, person: PersonId) -> list[CardEvent]:
    """Everything that happened to the person's cards since they were issued, oldest first."""
    return [CardEvent(*row.values()) for row in await source.fetch(LIFE.history, person)]


async def survivor_of(source: Source, person: PersonId) -> PersonId:
    """The person to whom this one was merged, at the end of the chain; the person itself when to nobody."""
    rows = await source.fetch(LIFE.survivors, [person])
    return cast(PersonId, rows[0]["survivor"]) if rows else person


async def merge(c: Connection, person: PersonId, survivor: PersonId, act: Act) -> None:
    """`person` turned out to be `survivor`: its codes lead to the survivor's card from now on, and only that counts.

    Nobody's id changes and nothing is deleted, so that `unmerge` is exact. Repeating it changes nothing.
    Refusal `card-state` when the survivor was itself merged into the person, or the person into somebody else.
    """
    if person == survivor or await survivor_of(c, survivor) == person:
        raise Refusal("card-state", state="merged", event="merge")
    new = await c.fetchval(LIFE.put_merged, person, survivor, act.at)
    if not new and await c.fetchval(LIFE.merged_into, person) != survivor:
        raise Refusal("card-state", state="merged", event="merge")
    if await _has_card(c, person):
        await advance(c, person, "merge", act)


async def unmerge(c: Connection, person: PersonId, act: Act) -> None:
    """Give each its own again: the card stands as it did before. Nothing happens to who was not merged."""
    if await c.fetchval(LIFE.drop_merged, person) and await _has_card(c, person):
        await advance(c, person, "unmerge", act)


async def _has_card(c: Connection, person: PersonId) -> bool:
    try:
        await card_of(c, person)
    except Refusal:
        return False
    return True
