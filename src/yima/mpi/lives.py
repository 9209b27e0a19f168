"""What a population base says of a person's life, as it lies in the register: sealed under the person's data key.

Where somebody is registered and since when, with whom they live, and the days of births, deaths and moves find a person
in any newspaper. Readable beside them: whose base it is, when it was loaded, and whether they are said to live there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypeVar

import msgspec

from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

T = TypeVar("T", bound=msgspec.Struct)


class Residence(msgspec.Struct, frozen=True, array_like=True):
    """Where a row of a base registers somebody."""

    area: str = ""
    """County, GB/T 2260; empty where it is not said."""
    as_of: date | None = None
    """The day of the change that the row speaks of."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Somebody's place in a household."""

    relation: str = ""
    since: date | None = None
    until: date | None = None
    """None for whoever lives there."""


class Happened(msgspec.Struct, frozen=True, array_like=True):
    """What happened in a life, on which day, and whether the base gave that day."""

    kind: str
    day: date
    dated: bool


_ENCODER: Final = msgspec.msgpack.Encoder()
_RESIDENCE: Final = msgspec.msgpack.Decoder(Residence)
_PLACE: Final = msgspec.msgpack.Decoder(Place)
_HAPPENED: Final = msgspec.msgpack.Decoder(Happened)
_TABLES: Final[dict[type, bytes]] = {
    Residence: b"population_entry", Place: b"household", Happened: b"population_change",
}  # fmt: skip


def seal_life(vault: Vault, wrap: bytes, person: PersonId, said: Residence | Place | Happened) -> bytes:
    """As the column `said` of its table holds it. Bound to the table and the person: keys of these rows are hashes,
    and change with the key of hashes."""
    return vault.seal(wrap, _ENCODER.encode(said), _bound(type(said), person))


def residence_of(vault: Vault, row: Mapping[str, Any]) -> Residence:
    """From a row with person_id, wrap, said, and the readable columns of before; empty when the data key is gone."""
    if row["said"] is None:
        return Residence(row["area"] or "", row["as_of"])
    return _opened(vault, row, _RESIDENCE) or Residence()


def place_of(vault: Vault, row: Mapping[str, Any]) -> Place:
    """The same of a household."""
    if row["said"] is None:
        return Place(row["relation"] or "", row["since"], row["until"])
    return _opened(vault, row, _PLACE) or Place()


def happened_of(vault: Vault, row: Mapping[str, Any]) -> Happened | None:
    """The same of a change; None when the data key is gone."""
    if row["said"] is None:
        return Happened(row["kind"], row["happened"], row["dated"])
    return _opened(vault, row, _HAPPENED)


def _opened(vault: Vault, row: Mapping[str, Any], form: msgspec.msgpack.Decoder[T]) -> T | None:
    if row["wrap"] is None:
        return None
    return form.decode(vault.open(row["wrap"], row["said"], _bound(form.type, row["person_id"])))


def _bound(kind: type, person: PersonId) -> bytes:
    return b"mpi.%b|%d" % (_TABLES[kind], person)
