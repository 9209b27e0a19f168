"""The staff of the operator: who they are, and the rights they hold. No right opens a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from yima.directory.register import SQL
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal

OPERATOR_RIGHTS: Final = ("suspend", "steward", "erase", "export", "privacy", "accounts")
"""`suspend`: propose, approve and end suspensions of cards; two people are needed for one. `steward`: decide who is the
same person, with a second steward where it is risky (`access.stewarding`). `privacy`: answer what residents find wrong
in their log, decide on odd looks and alarms (`access.privacy`). `accounts`: invite staff to set up their sign-in."""
_SHARED: Final = "operator"
"""The subject of the dashboard's own session, which is nobody in particular and holds no right."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who works for the operator; `code` is what sign-in and history call them."""

    code: str
    name_zh: str
    name_en: str
    rights: frozenset[str]
    status: str = "active"
    organisation: str = ""
    """Whom they work for, in words: an export needs approval by two."""


async def register_operator(c: Connection, operator: Operator) -> None:
    """Put somebody of the operator on the register, or change their words and rights. Refusal `field-invalid`."""
    if not operator.code or not operator.code.isascii() or not operator.code.isprintable() or operator.code == _SHARED:
        raise Refusal("field-invalid", field="code", expected="printable ASCII, of one person")
    if not operator.rights <= set(OPERATOR_RIGHTS):
        raise Refusal("field-invalid", field="rights", expected=", ".join(OPERATOR_RIGHTS))
    await c.execute(
        SQL.put_operator,
        operator.code,
        operator.name_zh,
        operator.name_en,
        sorted(operator.rights),
        operator.status,
        operator.organisation,
    )


async def operator(db: Database | Connection, code: str) -> Operator | None:
    """One of the operator's people, or None. The shared dashboard session is somebody without rights."""
    if code == _SHARED:
        return Operator(_SHARED, "运营", "Operator", frozenset())
    row = await db.fetchrow(SQL.operator, code)
    return _operator(row) if row else None


async def operators(db: Database) -> list[Operator]:
    """All of them, by code."""
    return [_operator(row) for row in await db.fetch(SQL.operators)]


def _operator(row: Any) -> Operator:
    return Operator(
        row["code"], row["name_zh"], row["name_en"], frozenset(row["rights"]), row["status"], row["organisation"]
    )
