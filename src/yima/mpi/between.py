"""Two persons of the index compared, and persons of an older normaliser given their keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from yima.mpi import normalise
from yima.mpi.decide import Assessed, Known, assess
from yima.mpi.fields import Fields, fields
from yima.mpi.heard import heard
from yima.mpi.held import SQL
from yima.mpi.merge import STEWARD, root_of
from yima.mpi.model import model_named
from yima.mpi.registration import Registration
from yima.mpi.sealed import fields_of, number_of, seal_profile, words_of
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

_BATCH = 200


async def between(source: Database | Connection, vault: Vault, one: PersonId, other: PersonId) -> Assessed:
    """How likely two persons are one: the best pair of what was ever said of each, and the vetoes of all pairs.

    Refusal `not-found` when nothing comparable is known of one of them (`rekey` gives it to persons of before).
    """
    ours, theirs = await _said_of(source, vault, one), await _said_of(source, vault, other)
    if not ours or not theirs:
        raise Refusal("not-found", field="person")
    known = Known(other, tuple(theirs), here=True)
    found = [assess(said, known, model_named()) for said in ours]
    vetoes = dict.fromkeys(veto for one in found for veto in one.vetoes)
    if {said.number for said in ours} & {said.number for said in theirs} - {""}:
        vetoes.pop("other-number", None)  # as in `assess`: a number of both
    elif await _numbered(source, one) and await _numbered(source, other):
        vetoes["other-number"] = None  # of apps that match by numbers alone the index keeps no words
    return replace(max(found, key=lambda one: one.score.bits), vetoes=tuple(vetoes))


async def against(source: Database | Connection, vault: Vault, said: Registration, person: PersonId) -> Assessed | None:
    """How likely a registration is this person; None when nothing comparable is known of them."""
    theirs = await _said_of(source, vault, person)
    return assess(heard(vault, said).fields, Known(person, tuple(theirs), here=True), model_named()) if theirs else None


async def _numbered(source: Database | Connection, person: PersonId) -> bool:
    """Whether somebody holds a resident number, which nobody else then holds."""
    return any(row["system"] == normalise.RESIDENT_NUMBER for row in await source.fetch(SQL.documents, person))


async def _said_of(source: Database | Connection, vault: Vault, person: PersonId) -> list[Fields]:
    rows = await source.fetch(SQL.profiles_of, person, normalise.VERSION)
    held = (fields_of(vault, row["wrap"], row["person_id"], row["digest"], row["said"]) for row in rows)
    return [said for said in held if said is not None]


async def kept_apart(source: Database | Connection, one: PersonId, other: PersonId) -> bool:
    """Whether a steward said of anybody read as these two that they are never one."""
    roots = await root_of(source, one), await root_of(source, other)
    return bool((await source.fetchrow(STEWARD.any_apart, *roots))[0])


async def to_link(db: Database, vault: Vault, after: PersonId, limit: int) -> list[tuple[PersonId, dict[str, str]]]:
    """Persons after this one in the columns of bulk linkage, in the clear; those who were merged are left out."""
    found = []
    for row in await db.fetch(SQL.to_link, after, limit, normalise.RESIDENT_NUMBER):
        words = words_of(vault, row)
        number = number_of(vault, row["number_wrap"], row["digest"], row["number"]) if row["number"] else ""
        said = {
            "name": words.name,
            "latin_name": words.latin_name,
            "sex": row["sex"],
            "birth_date": words.birth_date,
            "id_type": row["system"] or "",
            "id_no": number,
            "phone": words.phone,
            "birth_order": str(row["multiple_birth"] or ""),
        }
        found.append((row["person_id"], said))
    return found


async def rekey(db: Database, vault: Vault) -> int:
    """Give every person without words of this normaliser candidate keys and a profile, from what the index holds: name,
    sex, birth date, documents, phone. How many. May be stopped and run again; the platform works meanwhile.

    Address and mother are not among it: they come with the next registration.
    """
    done, after = 0, 0
    while True:
        rows = await db.fetch(SQL.not_keyed, normalise.VERSION, after, _BATCH)
        if not rows:
            return done
        for row in rows:
            await _rekey_one(db, vault, row)
        done, after = done + len(rows), rows[-1]["person_id"]


async def _rekey_one(db: Database, vault: Vault, row: Any) -> None:
    async with db.transaction() as c:
        person, wrap, known = row["person_id"], row["wrap"], words_of(vault, row)
        numbers = await c.fetch(SQL.documents, await root_of(c, person))
        held = [(n["system"], number_of(vault, n["wrap"], n["digest"], n["number"])) for n in numbers if n["wrap"]]
        said = heard(
            vault,
            fields(
                name=known.name,
                latin_name=known.latin_name,
                sex=row["sex"],
                birth_date=known.birth_date,
                documents=held,
                phones=[known.phone] if known.phone else [],
                order=row["multiple_birth"],
            ),
        )
        sealed = seal_profile(vault, wrap, person, said.digest, said.stored)
        await c.execute(SQL.rekey, person, list(said.keys), said.digest, normalise.VERSION, sealed)
