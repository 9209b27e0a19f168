"""What names a person, as it lies in the database: sealed under that person's data key, in its own row only.

A dump without the key file shows of a person a sex, whether they have died, the order of a multiple birth, and how
much is known of name and birth date: nothing of it names anybody. `mpi.sealing` does the same to rows of before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from yima.mpi import normalise
from yima.mpi.fields import Fields
from yima.mpi.registration import Registration
from yima.runtime.ids import PersonId
from yima.runtime.keys import BOUND, Vault

_FIELDS: Final = msgspec.msgpack.Decoder(Fields)


class Words(msgspec.Struct, frozen=True, array_like=True):
    """What is shown of a person at a counter, and their phone; empty where nothing is known. The order is that in which
    they are stored: new ones only at the end."""

    name: str = ""
    latin_name: str = ""
    birth_date: str = ""
    """FHIR date, possibly partial."""
    phone: str = ""

    @property
    def no_name(self) -> bool:
        """Whether nobody knows their name, or it only stands in for one."""
        return not self.name or normalise.is_placeholder(self.name)


_ENCODER: Final = msgspec.msgpack.Encoder()
_WORDS: Final = msgspec.msgpack.Decoder(Words)
UNKNOWN: Final = Words()


def words_of(vault: Vault, row: Mapping[str, Any], person: PersonId | None = None) -> Words:
    """The words in a row of `mpi.person`; nothing of somebody whose data key is gone.

    The row has person_id (or `person` says it: as `own` is called otherwise), wrap, said, and the readable columns of
    before, which count where nothing is sealed.
    """
    wrap, sealed = row["wrap"], row["said"]
    if sealed is not None:
        bound = b"mpi.person|%d" % (row["person_id"] if person is None else person)
        return _WORDS.decode(vault.open(wrap, sealed, bound)) if wrap else UNKNOWN
    phone = row.get("phone")
    told = vault.open(wrap, phone).decode() if wrap and phone else ""
    return Words(row["name"] or "", row["latin_name"] or "", row["birth_date"] or "", told)


def sealed_row(vault: Vault, wrap: bytes, person: PersonId, words: Words) -> tuple[object, ...]:
    """What a row of `mpi.person` says of the words: sealed, whether there is no name, how long the birth date is, and
    the keyed hash of the phone."""
    sealed = vault.seal(wrap, _ENCODER.encode(words), b"mpi.person|%d" % person)
    return sealed, words.no_name, len(words.birth_date), vault.blind("phone", words.phone) if words.phone else None


def renewed(held: Words, said: Registration, *, name: str) -> Words:
    """The words once a registration has said its own: what it leaves out stays, and so does a fuller birth date."""
    return Words(
        name or held.name,
        said.latin_name or held.latin_name,
        said.birth_date if len(said.birth_date) >= len(held.birth_date) else held.birth_date,
        said.phones[0] if said.phones else held.phone,
    )


def seal_number(vault: Vault, wrap: bytes, digest: bytes, number: str) -> bytes:
    """A number as `mpi.identifier.number` holds it; `digest` is the row's."""
    return vault.seal(wrap, number.encode(), b"mpi.identifier|" + digest)


def number_of(vault: Vault, wrap: bytes, digest: bytes, sealed: bytes) -> str:
    """The number again."""
    return vault.open(wrap, sealed, b"mpi.identifier|" + digest).decode()


def seal_profile(vault: Vault, wrap: bytes, person: PersonId, digest: bytes, stored: bytes) -> bytes:
    """What was said once of a person (`Heard.stored`), as `mpi.profile.said` holds it."""
    return vault.seal(wrap, stored, _profile(person, digest))


def profile_of(vault: Vault, wrap: bytes | None, person: PersonId, digest: bytes, held: bytes) -> bytes | None:
    """`Heard.stored` again; None of somebody whose data key is gone. What was stored before it was sealed opens too."""
    if held[:1] != BOUND:
        return held
    return vault.open(wrap, held, _profile(person, digest)) if wrap else None


def fields_of(vault: Vault, wrap: bytes | None, person: PersonId, digest: bytes, held: bytes) -> Fields | None:
    """The fields in a row of `mpi.profile`; None of somebody whose data key is gone."""
    stored = profile_of(vault, wrap, person, digest, held)
    return None if stored is None else _FIELDS.decode(stored)


def _profile(person: PersonId, digest: bytes) -> bytes:
    return b"mpi.profile|%d|%b" % (person, digest)
