"""A document's number that was first sent for the wrong person, given to whom it names; and back.

Whoever registers with it from then on is found to be that person. What the person it leaves is known by no longer says
it: their own number would otherwise speak against them. Undoing gives back exactly the words and keys of before.
"""

from __future__ import annotations

from typing import Any

import msgspec

from yima.mpi.carried import CARRY
from yima.mpi.fields import Fields
from yima.mpi.heard import Heard, heard, words_digest
from yima.mpi.registration import Identifier, Registration
from yima.mpi.sealed import fields_of, number_of, seal_number, seal_profile
from yima.mpi.sealing import seal_person
from yima.mpi.turning import turn_persons
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

_ENCODER = msgspec.msgpack.Encoder()


async def give(c: Connection, vault: Vault, act: int, held: Any, before: PersonId, after: PersonId) -> None:
    """The number in the row `held` of `before` is that of `after` by this act; a dispute about it is over."""
    wraps = {person: (await c.fetchrow(CARRY.words, person))["wrap"] for person in (before, after)}
    for person in wraps:
        await seal_person(c, vault, person)
    await turn_persons(c, vault, [before, after])
    number = await _hand(c, vault, held, after, wraps)
    said = heard(vault, Registration(identifiers=(number,)))
    others = [Identifier(row["system"], _plain(vault, row, wraps[before])) for row in await _held(c, before)]
    kept = heard(vault, Registration(identifiers=tuple(others))).keys
    await c.execute(CARRY.give_keys, before, after, list(said.keys), list(kept), act)
    for digest, words in await c.fetch(CARRY.every_word, before):
        fields = fields_of(vault, wraps[before], before, digest, words)
        left = fields and _without(fields, said)
        if left and left != fields:
            stored = _ENCODER.encode(left)
            new = words_digest(vault, stored)
            sealed = seal_profile(vault, wraps[before], before, new, stored)
            await c.execute(CARRY.unsay_number, before, digest, new, sealed, act)
    await c.execute(CARRY.end_dispute, before, act, held["digest"])


async def give_back(c: Connection, vault: Vault, act: int, held: Any, before: PersonId, after: PersonId) -> None:
    """Undo `give` exactly; the number itself is sealed anew."""
    wraps = {person: (await c.fetchrow(CARRY.words, person))["wrap"] for person in (before, after)}
    await turn_persons(c, vault, [before, after])
    await _hand(c, vault, held, before, wraps)
    await c.execute(CARRY.number_back, before, after, act, held["digest"])


async def _hand(c: Connection, vault: Vault, held: Any, to: PersonId, wraps: dict[PersonId, Any]) -> Identifier:
    """The number as it is held, sealed for another. Refusal `not-found` for who was erased, and has no key any more."""
    if not all(wraps.values()):
        raise Refusal("not-found", field="person")
    value = _plain(vault, held, wraps[held["person_id"]])
    await c.execute(CARRY.hand_number, held["digest"], to, seal_number(vault, wraps[to], held["digest"], value))
    return Identifier(held["system"], value)


async def _held(c: Connection, person: PersonId) -> list[Any]:
    return list(await c.fetch(CARRY.numbers_held, person))


def _plain(vault: Vault, row: Any, wrap: bytes) -> str:
    return number_of(vault, wrap, row["digest"], row["number"])


def _without(fields: Fields, said: Heard) -> Fields:
    """The words as if the number had not been among them."""
    number = said.fields
    if number.number and fields.number == number.number:
        fields = msgspec.structs.replace(fields, number="", number_class="")
    documents = tuple(one for one in fields.documents if one not in number.documents)
    return msgspec.structs.replace(fields, documents=documents)
