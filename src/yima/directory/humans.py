"""Which human being is behind an operator's account, and whether two accounts are two people. ADR 0037.

A human is known by the number of an identity document, of which only a keyed hash is kept; its purpose is this table's
own, so that it meets no hash of the person index. One human has one operator account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault
from yima.runtime.layers import Turn

SQL: Final = Queries(__package__, "humans.sql")
_PURPOSE: Final = "operator/human"
_KIND: Final = "operator/"


async def name_human(c: Connection, vault: Vault, code: str, number: str) -> None:
    """Say which human an operator is. `number`: of the document, as numbers are compared, with its system before it.

    Refusals `human-taken` when another operator is that human, `not-found`.
    """
    await c.execute(SQL.hold_humans)  # workers a step apart in a rotation write different hashes of one human
    blind = vault.blind(_PURPOSE, number)
    if other := await c.fetchval(SQL.operator_of_human, list(vault.hashes.forms(blind)), code):
        raise Refusal("human-taken", field="code", account=other)
    if not await c.fetchval(SQL.name_human, code, blind):
        raise Refusal("not-found", field="operator")


async def known_humans(source: Connection | Database) -> frozenset[str]:
    """The codes of operators of whom it is known which human they are."""
    return frozenset(row["code"] for row in await source.fetch(SQL.known_humans))


async def check_two_people(c: Connection, first: str, second: str) -> None:
    """Whether two accounts (kind/id) are two people: the one rule of everything that asks for two.

    Refusals `second-person-needed` for one account twice, or one human with two; `human-unknown` where it is not known
    of both which human they are: nobody can tell then.
    """
    if first == second:
        raise Refusal("second-person-needed")
    if len(set(await _humans(c, (first, second)))) == 1:
        raise Refusal("second-person-needed")


async def check_no_human_of(c: Connection, vault: Vault, account: str, numbers: Iterable[str]) -> None:
    """Whether the operator of this account (kind/id) is somebody else than who has these documents: nobody decides in
    the own cause. `numbers`: as in `name_human`. Refusal `second-person-needed`; an account of which it is not known
    which human it is, passes.
    """
    human = await c.fetchval(SQL.human_of, account.removeprefix(_KIND))
    blinds = [vault.blind(_PURPOSE, number) for number in numbers]
    if human is not None and any(bytes(human) in vault.hashes.forms(blind) for blind in blinds):
        raise Refusal("second-person-needed")


async def _humans(c: Connection, accounts: tuple[str, ...]) -> list[bytes]:
    rows = await c.fetch(SQL.humans, [one.removeprefix(_KIND) for one in accounts if one.startswith(_KIND)])
    known = {f"{_KIND}{row['code']}": row["human"] for row in rows}
    for one in accounts:
        if known.get(one) is None:
            raise Refusal("human-unknown", account=one)
    return [known[one] for one in accounts]


async def turn_humans(db: Database, turn: Turn) -> AsyncIterator[int]:
    """Hashes of humans under a new key: operators are few, one step is enough. See `yima.runtime.blinding`."""
    async with db.transaction() as c:
        await c.execute(SQL.hold_humans)
        old = [bytes(row["human"]) for row in await c.fetch(SQL.humans_between, *turn.old.range)]
        await c.execute(SQL.turn_humans, old, [turn.long(one) for one in old])
    yield len(old)


async def unturned_humans(db: Database, turn: Turn) -> dict[str, int]:
    """How many operators still have a hash of the old key."""
    return {"operator": len(await db.fetch(SQL.humans_between, *turn.old.range))}
