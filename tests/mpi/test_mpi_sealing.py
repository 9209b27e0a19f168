"""The index at rest: rows of before are sealed while registrations go on, and no row opens in another's place."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from windows import LOCAL, PASSPORT, Window, everything_stored, phone, said

from yima import mpi
from yima.mpi.heard import heard
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault


async def as_before(db: Database, vault: Vault, person: int, told: mpi.Registration) -> None:
    """Put a person's rows back into the form of before the index was sealed."""
    wrap = (await db.fetchrow("select wrap from mpi.person where person_id = $1", person))["wrap"]
    await db.execute(
        "update mpi.person set said = null, no_name = null, birth_digits = null, name = $2, latin_name = $3, "
        "birth_date = $4, phone = $5 where person_id = $1",
        person, told.name, told.latin_name, told.birth_date, vault.seal(wrap, told.phones[0].encode()),
    )  # fmt: skip
    stored = heard(vault, told).stored
    await db.execute(
        "update mpi.profile set digest = $2, said = $3 where person_id = $1",
        person, hashlib.blake2b(stored, digest_size=8).digest(), stored,
    )  # fmt: skip
    number = next(one.value for one in told.identifiers if one.system == PASSPORT)
    await db.execute(
        "update mpi.identifier set number = $2 where person_id = $1 and system = $3",
        person, vault.seal(wrap, number.encode()), PASSPORT,
    )  # fmt: skip


def facts(**more: Any) -> mpi.Registration:
    numbers = [(LOCAL, phone()), (PASSPORT, f"E{phone()}")]
    return said("旧时人", birth_date="1961-05-04", phones=(phone(),), numbers=numbers, **more)


async def test_rows_of_before_are_read_and_then_sealed(db: Database, vault: Vault) -> None:
    told = facts(latin_name="Jiu Shiren")
    person = (await Window(db, vault).register(told)).person
    sealed = await mpi.identity(db, vault, person)
    assert await mpi.unsealed(db) == 0
    await as_before(db, vault, person, told)
    assert "旧时人" in await everything_stored(db)
    travel = next(one.value for one in told.identifiers if one.system == PASSPORT)
    for again in (False, True):  # as they were, and sealed
        assert await mpi.identity(db, vault, person) == sealed
        assert await mpi.phone_of(db, vault, person) == told.phones[0]
        assert [one.value for one in await mpi.documents_of(db, vault, person)] == [travel]
        unnumbered = said("旧时人", birth_date="1961-05-04", phones=told.phones)
        assert (await mpi.likely(db, vault, unnumbered.fields, 1)).person == person
        assert await mpi.unsealed(db) == (0 if again else 1)
        assert await mpi.seal_persons(db, vault, 10) == (0 if again else 1)
    stored = await everything_stored(db)
    for clear in ("旧时人", "Jiu Shiren", "1961-05-04", travel):
        assert clear not in stored
        assert clear.encode().hex() not in stored
    rows = await db.fetch("select digest from mpi.profile where person_id = $1", person)
    assert [bytes(row["digest"]) for row in rows] == [heard(vault, told).digest]


async def test_a_registration_seals_what_it_touches_and_a_gone_key_leaves_nothing(db: Database, vault: Vault) -> None:
    window, told, gone = Window(db, vault), facts(), facts()
    person, other = (await window.register(told)).person, (await window.register(gone)).person
    await as_before(db, vault, person, told)
    await as_before(db, vault, other, gone)
    await db.execute("update mpi.person set wrap = null where person_id = $1", other)
    travel = [(one.system, one.value) for one in told.identifiers]
    await window.register(said("旧时人", birth_date="1961-05-04", numbers=travel, phones=(phone(),)))
    assert await mpi.unsealed(db) == 1, "one more phone: the row was written anew"
    assert await mpi.seal_persons(db, vault, 10) == 1
    left = await mpi.identity(db, vault, other)
    assert left is not None
    assert (left.name, left.birth_date) == ("", "")
    assert not await db.fetch("select 1 from mpi.profile where person_id = $1", other)


SWAPS = {
    "words": ("person", "said = b.said"),
    "words with their key": ("person", "said = b.said, wrap = b.wrap"),
    "number": ("identifier", "number = b.number"),
    "what was said": ("profile", "said = b.said"),
    "what was said, with its digest": ("profile", "said = b.said, digest = b.digest"),
}


class _BackError(Exception):
    """Ends a transaction without a trace."""


@pytest.mark.parametrize(("table", "taken"), SWAPS.values(), ids=SWAPS)
async def test_no_sealed_row_opens_in_anothers_place(db: Database, vault: Vault, table: str, taken: str) -> None:
    window, told = Window(db, vault), facts()
    one, other = [(await window.register(person)).person for person in (told, facts(sex="female"))]
    same = "and a.system = b.system" if table == "identifier" else ""

    async def swapped() -> None:
        async with db.transaction() as c:
            await c.execute(
                f"update mpi.{table} a set {taken} from mpi.{table} b "
                f"where a.person_id = $1 and b.person_id = $2 {same}",
                one, other,
            )  # fmt: skip
            match table:
                case "person":
                    await mpi.identity(c, vault, one)
                case "profile":
                    await mpi.between(c, vault, one, other)
                case _:
                    await mpi.local_numbers(c, vault, one)
            raise _BackError

    with pytest.raises(Refusal, match="key-store-invalid"):
        await swapped()
    assert (await mpi.identity(db, vault, one)) is not None
