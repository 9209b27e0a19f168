"""Two persons of the index compared, and persons of an older normaliser given their keys."""

from __future__ import annotations

from typing import Any

from yima.mpi import normalise
from yima.mpi.decide import Assessed, Known, assess
from yima.mpi.fields import fields
from yima.mpi.heard import heard, read_fields
from yima.mpi.merge import STEWARD, root_of
from yima.mpi.model import model_named
from yima.mpi.resolve import SQL
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

_BATCH = 200


async def between(source: Database | Connection, one: PersonId, other: PersonId) -> Assessed:
    """How likely two persons are one: the best pair of what was ever said of each, and the vetoes of all pairs.

    Refusal `not-found` when nothing comparable is known of one of them (`rekey` gives it to persons of before).
    """
    ours = [read_fields(row["said"]) for row in await source.fetch(SQL.profiles_of, one, normalise.VERSION)]
    theirs = [read_fields(row["said"]) for row in await source.fetch(SQL.profiles_of, other, normalise.VERSION)]
    if not ours or not theirs:
        raise Refusal("not-found", field="person")
    known = Known(other, tuple(theirs), here=True)
    return max((assess(said, known, model_named()) for said in ours), key=lambda found: found.score.bits)


async def kept_apart(source: Database | Connection, one: PersonId, other: PersonId) -> bool:
    """Whether a steward said of anybody read as these two that they are never one."""
    roots = await root_of(source, one), await root_of(source, other)
    return bool((await source.fetchrow(STEWARD.any_apart, *roots))[0])


async def to_link(db: Database, vault: Vault, after: PersonId, limit: int) -> list[tuple[PersonId, dict[str, str]]]:
    """Persons after this one in the columns of bulk linkage, in the clear; those who were merged are left out."""
    found = []
    for row in await db.fetch(SQL.to_link, after, limit, normalise.RESIDENT_NUMBER):
        number = vault.open(row["number_wrap"], row["number"]).decode() if row["number"] else ""
        said = {
            "name": row["name"],
            "latin_name": row["latin_name"],
            "sex": row["sex"],
            "birth_date": row["birth_date"],
            "id_type": row["system"] or "",
            "id_no": number,
            "phone": vault.open(row["wrap"], row["phone"]).decode() if row["phone"] else "",
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
        numbers = await c.fetch(SQL.documents, await root_of(c, row["person_id"]))
        words = heard(
            vault,
            fields(
                name=row["name"],
                latin_name=row["latin_name"],
                sex=row["sex"],
                birth_date=row["birth_date"],
                documents=[(n["system"], vault.open(n["wrap"], n["number"]).decode()) for n in numbers if n["wrap"]],
                phones=[vault.open(row["wrap"], row["phone"]).decode()] if row["phone"] else [],
                order=row["multiple_birth"],
            ),
        )
        await c.execute(SQL.rekey, row["person_id"], list(words.keys), words.digest, normalise.VERSION, words.stored)
