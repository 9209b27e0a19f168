"""Nobody decides in the own cause: not on what they did themselves, nor on what was done to or by them as a resident or
as a member of the staff, nor on what was done at the institution they work for.

Who an operator is, is known by a document (`directory.humans`), as is a resident; which resident a member of the staff
is, by what `yima privacy staff` wrote down. What is not known, is not found.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from yima import directory, mpi, oversight
from yima.directory import Caller
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

STAFF: Final = "practitioner/"
_OPERATOR: Final = "operator/"


def staff_number(reader: str) -> int:
    """The number of a reader (kind/id) of the staff; 0 for everybody else."""
    number = reader.removeprefix(STAFF)
    return int(number) if reader.startswith(STAFF) and number.isascii() and number.isdigit() else 0


async def check_not_own(c: Connection, vault: Vault, officer: Caller, reader: str, person: PersonId = 0) -> None:
    """Refusals `second-person-needed` for an officer who is this reader (kind/id) or the person concerned; of a reader
    who is an operator also `human-unknown`."""
    account = f"{_OPERATOR}{officer.agent_id}"
    if reader.startswith(_OPERATOR):
        await directory.check_two_people(c, reader, account)
    number = staff_number(reader)
    selves = await oversight.staff_selves(c, [number] if number else [], [])
    persons = {one for _, one in selves} | ({person} if person else set())
    held = [one for who in sorted(persons) for one in await mpi.documents_of(c, vault, await mpi.root_of(c, who))]
    numbers = [key for one in held if (key := mpi.human_of_number(one.system, one.value))]
    await directory.check_no_human_of(c, vault, account, numbers)


async def check_not_own_house(c: Connection, caller: Caller, institution: int) -> None:
    """Refusal `review-own-institution` for an operator who works there."""
    place = await directory.institution(c, institution)
    if place is not None and await own_houses(c, caller, [place]):
        raise Refusal("review-own-institution")


async def own_houses(
    source: Database | Connection, caller: Caller, places: Iterable[directory.Institution]
) -> frozenset[int]:
    """Those of these institutions for which an operator works, by what their registration says in words."""
    me = await directory.operator(source, caller.agent_id)
    works = me.organisation.strip().casefold() if me else ""
    return frozenset(
        one.institution_id
        for one in places
        if works and works in {one.code.casefold(), one.name_zh.casefold(), one.name_en.casefold()}
    )
