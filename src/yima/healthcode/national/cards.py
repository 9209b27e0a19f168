"""Which national card id is whose, and the codes that are made and opened for it.

A card id is derived from a document, so it is the same whoever registers the person; somebody without a document gets a
temporary one. Whether the card stands is not asked here: that is the one card of the person (`healthcode.card`).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from yima.healthcode.card import Card, Source, card_of
from yima.healthcode.codec import STEP_SECONDS
from yima.healthcode.national import qr, token
from yima.healthcode.national.ids import (
    CARD_ID,
    MindexRecipe,
    card_id,
    document_of,
    mindex,
    read_validity,
    temporary_number,
    validity_block,
)
from yima.healthcode.national.tables import TEMPORARY_TYPE
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import KeyStore

SQL = Queries(__package__)
_NONCE_BITS: Final = 15
_GENERATIONS: Final = 256


@dataclass(frozen=True, slots=True)
class NationalCard:
    """One national card id of a person."""

    person: PersonId
    card_id: str
    """电子健康卡ID in upper-case hexadecimal."""
    mindex: str
    """Person index id of the document, 64 hexadecimal digits."""
    document_type: str
    """As the dialect of who registered writes it."""
    system: str
    """Identifier system of the document; empty for a temporary card."""
    made: datetime

    @property
    def temporary(self) -> bool:
        """Whether it was given to somebody without a document."""
        return not self.system


@dataclass(frozen=True, slots=True)
class Opened:
    """A national code whose form and token are right. Its time and its one use are still to be checked."""

    card: Card
    """The person's one card, by whose standing the code stands."""
    in_person: bool
    """It was shown by the resident's own app; anything else only identifies."""
    block: bytes | None
    """What stands for the code where its one use is kept; None for a static code, which may be used again."""
    t: int | None
    until: datetime | None

    def check_time(self, now: datetime) -> None:
        """Refusal `code-expired`."""
        if self.until is not None and now > self.until:
            raise Refusal("code-expired")


class NationalCards:
    """The national cards of one deployment: its keys, its recipe, and how long a dynamic code lives."""

    def __init__(self, keys: KeyStore, recipe: MindexRecipe, code_seconds: int) -> None:
        self._root = keys.secret("healthcode/national/root/1")[:16]
        self._protect = keys.secret("healthcode/national/protect/1")[:16]
        self._index = keys.secret("healthcode/national/mindex/1")
        self._token = keys.secret("healthcode/national/token/1")
        self._recipe = recipe
        self._life = timedelta(seconds=code_seconds)

    async def give(  # noqa: PLR0913  the facts of a document, and whose it is
        self, c: Connection, person: PersonId, *, document_type: str, system: str, number: str, name: str,
        now: datetime, members: frozenset[PersonId] = frozenset(),
    ) -> NationalCard:  # fmt: skip
        """The card id of a document, kept for this person in the caller's transaction; the same one when repeated, also
        when it is held by one of the `members`, who are read as this person.

        Where the id belongs to somebody else already, or no id can be made of the document, it is a temporary one: who
        names a stranger's number learns nothing of that stranger.
        """
        try:
            index = mindex(self._recipe, self._index, document_type, number, name)
            card = card_id(self._root, index, document_type, number)
        except ValueError:  # not ASCII, or too long for the national format
            return await self.temporary(c, person, name=name, now=now)
        await c.execute(SQL.put_lookup, bytes.fromhex(card), person)
        holder = int(await c.fetchval(SQL.holder, bytes.fromhex(card)))
        if holder not in (person, *members):
            return await self.temporary(c, person, name=name, now=now)
        made = NationalCard(holder, card, index, document_type, system, now)
        await _keep(c, made)
        return made

    async def temporary(self, c: Connection, person: PersonId, *, name: str, now: datetime) -> NationalCard:
        """A card id for somebody without a document; the one they have, if they have one."""
        held = [card for card in await self.of_person(c, person) if card.temporary]
        if held:
            return held[0]
        number = temporary_number(secrets.randbelow)
        index = mindex(self._recipe, self._index, TEMPORARY_TYPE, number, name)
        made = NationalCard(person, card_id(self._root, index, TEMPORARY_TYPE, number), index, TEMPORARY_TYPE, "", now)
        await c.execute(SQL.put_lookup, bytes.fromhex(made.card_id), person)
        await _keep(c, made)
        return made

    async def of_person(self, source: Source, person: PersonId) -> list[NationalCard]:
        """The person's card ids, the one to show first."""
        return [_card(row) for row in await source.fetch(SQL.cards_of, person)]

    async def find(self, source: Source, card: str) -> NationalCard:
        """The card with that id. Refusal `card-not-found`."""
        held = bytes.fromhex(card) if CARD_ID.fullmatch(card) else b""
        row = await source.fetchrow(SQL.by_card_id, held) if held else None
        if row is None:
            raise Refusal("card-not-found")
        return _card(row)

    async def keep_applicant(self, c: Connection, institution: int, document: bytes, person: PersonId) -> None:
        """Remember for whom an institution sent this document (a keyed hash); its latest word counts."""
        await c.execute(SQL.put_applicant, institution, document, person)

    async def applicant(self, source: Source, institution: int, forms: Sequence[bytes]) -> PersonId | None:
        """For whom an institution sent this document, None when it never did. `forms`: its hash in every form."""
        row = await source.fetchrow(SQL.applicant, institution, list(forms))
        return row["holder"] if row else None

    def document(self, card: NationalCard) -> tuple[str, str]:
        """Document type and number as they stand, enciphered, inside a card id; both empty for a temporary card."""
        if card.temporary:
            return "", ""
        plain = document_of(self._root, card.mindex, card.card_id)
        return card.document_type, plain.removeprefix(card.document_type)

    def static_text(self, card: NationalCard, organisation: str = "") -> str:
        """The text of a printed code, with its issuer where one is named: identifies only."""
        return qr.write(qr.NationalCode(card.card_id, organisation=organisation))

    def dynamic_text(
        self, card: NationalCard, organisation: str, now: datetime, *, generation: int, in_person: bool
    ) -> str:
        """A code for one showing. `in_person`: made for the resident's own app, it opens what a phone's code opens.

        `generation` is that of the person's card: a reissue ends the codes made before.
        """
        block = validity_block(self._protect, now + self._life)
        code = qr.NationalCode(card.card_id, block, organisation=organisation)
        return qr.write(
            token.bind(self._token, code, secrets.randbits(_NONCE_BITS), generation=generation, in_person=in_person)
        )

    def claims(self, text: str) -> bool:
        """Whether a scanned text is to be read as a national code."""
        return qr.looks_national(text)

    async def open(self, source: Source, text: str) -> Opened:
        """Read a scanned text and check that it is whole and ours.

        Refusals: `code-unreadable`, `code-issuer-unknown` (no card of this platform), `code-signature-invalid` (a
        validity without its token, or with the token of another code), `code-cancelled` (made before a reissue).
        """
        code = qr.read(text)
        holder = await source.fetchrow(SQL.holder, bytes.fromhex(code.card_id))
        if holder is None:
            raise Refusal("code-issuer-unknown")
        card = await card_of(source, holder["holder"])
        if not code.dynamic:
            return Opened(card, False, None, None, None)
        bound = token.check(self._token, code, card.generation)
        until = read_validity(self._protect, code.validity)
        if bound is None or until is None:
            earlier = token.check(self._token, code, (card.generation - 1) % _GENERATIONS)
            raise Refusal("code-cancelled" if earlier else "code-signature-invalid")
        t = int(until.timestamp()) // STEP_SECONDS
        return Opened(card, bound.in_person, token.fingerprint(code), t, until)


async def _keep(c: Connection, card: NationalCard) -> None:
    await c.execute(
        SQL.put_card, card.person, bytes.fromhex(card.card_id), bytes.fromhex(card.mindex), card.document_type,
        card.system, card.made,
    )  # fmt: skip


def _card(row: Any) -> NationalCard:
    return NationalCard(
        row["person_id"], row["card_id"].hex().upper(), row["mindex"].hex().upper(), row["document_type"],
        row["system"], row["made"],
    )  # fmt: skip
