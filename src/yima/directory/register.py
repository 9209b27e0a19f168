"""The register of institutions and what belongs to them. Registering again updates the words, never the owner."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from joserfc import jwk
from joserfc.errors import JoseError

from yima.directory.roles import DEFAULT_ROLE, PURPOSES, STAFF_ROLES, USUAL_PURPOSES
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal

SQL = Queries(__package__)
APP_RIGHTS: Final = ("demographics", "audit")
"""`demographics`: be told of persons whom its institution has not registered (`$match`, PDQm, the
numbers of other institutions over PIXm). A setting per app; denied unless given."""
FREE_ID: Final = "an id that no other institution, app or terminal holds"
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CODE = re.compile(r"""[^\s/#"?%\x00-\x1f\x7f]{1,64}""")
_CODE_SAID: Final = 'up to 64 characters without spaces, / # " ? or %'
_SCOPE = re.compile(r"system/(\*|[A-Z][A-Za-z]{1,63})\.(read|write|\*|(?=.)c?r?u?d?s?)")


@dataclass(frozen=True, slots=True)
class Institution:
    """A health institution. `code` is its public identifier, `institution_id` the number in our tables."""

    institution_id: int
    code: str
    name_zh: str
    name_en: str
    kind: str
    """Institution class of WS 218 as the national card uses it, e.g. A100."""
    area: str
    status: str = "active"
    suspended: datetime | None = None
    """Since when it is suspended, where that was said."""


@dataclass(frozen=True, slots=True)
class Department:
    """A department of an institution; codes of the national card's department table, e.g. 0300 internal medicine."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Practitioner:
    """A member of staff."""

    practitioner_id: int
    institution_id: int
    code: str
    name_zh: str
    name_en: str
    title_zh: str
    title_en: str
    department: str
    status: str = "active"
    role: str = DEFAULT_ROLE
    """One of `STAFF_ROLES`."""


@dataclass(frozen=True, slots=True)
class App:
    """A program of an institution that signs in with its own key; `jwks` holds public keys only."""

    client_id: str
    institution_id: int
    name: str
    jwks: dict[str, Any]
    scopes: tuple[str, ...] = ("system/*.cruds",)
    matching: str = "full"
    rights: frozenset[str] = frozenset()
    """Of `APP_RIGHTS`."""
    jwks_url: str = ""
    """Where it publishes its keys, instead of `jwks`."""
    purposes: frozenset[str] = USUAL_PURPOSES
    """For what it may act, of `PURPOSES`."""


async def register_institution(c: Connection, *, code: str, name_zh: str, name_en: str, kind: str, area: str) -> int:
    """Put an institution on the register; its number.

    Refusal `field-invalid` for a code in which names of two institutions' staff could meet (`code/staff`), that an
    address or a `meta.source` could not carry, or that is none. One that is on the register keeps its code.
    """
    if not _CODE.fullmatch(code) and await c.fetchval(SQL.institution_number, code) is None:
        raise Refusal("field-invalid", field="code", expected=_CODE_SAID)
    number: int = await c.fetchval(SQL.put_institution, code, name_zh, name_en, kind, area)
    return number


async def register_department(c: Connection, institution_id: int, department: Department) -> None:
    """Put a department on the register."""
    await c.execute(SQL.put_department, institution_id, department.code, department.name_zh, department.name_en)


async def register_practitioner(c: Connection, p: Practitioner) -> int:
    """Put a member of staff on the register; `practitioner_id` of the argument is ignored, the number is returned.

    Refusal `field-invalid` for a role that is on no list.
    """
    _check_role(p.role)
    row = (p.institution_id, p.code, p.name_zh, p.name_en, p.title_zh, p.title_en, p.department, p.role)
    number: int = await c.fetchval(SQL.put_practitioner, *row)
    return number


async def register_app(c: Connection, app: App) -> None:
    """Put an app on the register.

    Refusal `field-invalid` when the key set is empty or holds private members, a scope is not a system scope of SMART
    App Launch 2.2 (or a v1 word), a right or purpose is on no list, or another institution holds the client_id.
    """
    keys = app.jwks.get("keys", [] if app.jwks_url else None)
    if not isinstance(keys, list) or bool(keys) is bool(app.jwks_url) or not all(map(is_public_key, keys)):
        raise Refusal("field-invalid", field="jwks", expected="a JSON Web Key Set with public keys only (RFC 7517)")
    if app.jwks_url and not is_key_address(app.jwks_url):
        raise Refusal("field-invalid", field="jwks_url", expected="an https address")
    if not app.scopes or not all(map(_SCOPE.fullmatch, app.scopes)):
        raise Refusal("field-invalid", field="scopes", expected="system/[type or *].[cruds], e.g. system/*.rs")
    if not app.rights <= set(APP_RIGHTS):
        raise Refusal("field-invalid", field="rights", expected=", ".join(APP_RIGHTS))
    if not app.purposes or not app.purposes <= set(PURPOSES):
        raise Refusal("field-invalid", field="purposes", expected=", ".join(PURPOSES))
    keys_text = orjson.dumps({"keys": keys} | app.jwks).decode()
    row = (app.client_id, app.institution_id, app.name, keys_text, list(app.scopes), app.matching, sorted(app.rights))
    if not await c.fetchrow(SQL.put_app, *row, app.jwks_url, sorted(app.purposes)):
        raise Refusal("field-invalid", field="client_id", expected=FREE_ID)


def is_public_key(key: object) -> bool:
    """Whether this is one public EC or RSA key (RFC 7517) that can be read."""
    # A symmetric key is no public key, and a key that cannot be read would refuse every sign-in.
    if not isinstance(key, dict) or key.get("kty") not in ("EC", "RSA") or _PRIVATE_MEMBERS & set(key):
        return False
    try:
        jwk.import_key(key)
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True


def is_key_address(url: str) -> bool:
    """Whether keys may be published there: https, or http on a loopback address (which only development asks)."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= 500 and "@" not in parts.netloc
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in ("127.0.0.1", "::1", "localhost"))
    return plain and secure and bool(host) and not parts.fragment


async def institutions(db: Database) -> list[Institution]:
    """Every institution, in order of registration."""
    return [_institution(row) for row in await db.fetch(SQL.institutions)]


async def institution_kinds(c: Connection, numbers: Collection[int]) -> dict[int, str]:
    """The classes (WS 218, e.g. `A100`) of these institutions, by number."""
    rows = await c.fetch(SQL.institution_kinds, sorted(numbers))
    return {row["institution_id"]: row["class"] for row in rows}


async def is_sandbox(db: Database, institution_id: int) -> bool:
    """Whether an institution is for trying things out: it has apps, and none of them meets a person (matching off)."""
    return bool((await db.fetchrow(SQL.is_sandbox, institution_id))["yes"])


async def institution(db: Database | Connection, institution_id: int) -> Institution | None:
    """One institution, or None."""
    row = await db.fetchrow(SQL.institution, institution_id)
    return _institution(row) if row else None


async def department_names(db: Database, institution_id: int) -> dict[str, Department]:
    """Departments of an institution by code."""
    return {row["code"]: Department(**dict(row)) for row in await db.fetch(SQL.departments, institution_id)}


async def practitioners(db: Database) -> list[Practitioner]:
    """All staff, in order of registration."""
    return [Practitioner(**dict(row)) for row in await db.fetch(SQL.practitioners)]


async def practitioner(db: Database | Connection, practitioner_id: int) -> Practitioner | None:
    """One member of staff, or None."""
    row = await db.fetchrow(SQL.practitioner, practitioner_id)
    return Practitioner(**dict(row)) if row else None


async def staff_by_number(source: Database | Connection, numbers: Iterable[int]) -> dict[int, Practitioner]:
    """These members of staff, by their number; unknown ones are absent."""
    rows = await source.fetch(SQL.staff_by_number, sorted(set(numbers)))
    return {row["practitioner_id"]: Practitioner(**dict(row)) for row in rows}


async def staff_of(db: Database, institution_id: int) -> list[Practitioner]:
    """Everybody who works at an institution, by their code."""
    return [Practitioner(**dict(row)) for row in await db.fetch(SQL.staff_of, institution_id)]


async def set_practitioner_status(c: Connection, practitioner_id: int, status: str) -> None:
    """Make a member of staff `active` or `suspended`: from the commit on every request of theirs is refused.

    Refusal `not-found`.
    """
    if not await c.fetchval(SQL.set_practitioner_status, practitioner_id, status):
        raise Refusal("not-found", field="practitioner")


async def stop_practitioner(c: Connection, practitioner_id: int) -> None:
    """Make who is `active` `stopped`: refused like who is suspended, who stays so when the stop is lifted."""
    await c.execute(SQL.turn_practitioner, practitioner_id, "active", "stopped")


async def unstop_practitioner(c: Connection, practitioner_id: int) -> None:
    """Make who is `stopped` `active` again; nobody else."""
    await c.execute(SQL.turn_practitioner, practitioner_id, "stopped", "active")


async def set_practitioner_role(c: Connection, practitioner_id: int, role: str) -> None:
    """Give a member of staff another role, from the next request on. Refusals `field-invalid`, `not-found`."""
    _check_role(role)
    if not await c.fetchval(SQL.set_practitioner_role, practitioner_id, role):
        raise Refusal("not-found", field="practitioner")


def _check_role(role: str) -> None:
    if role not in STAFF_ROLES:
        raise Refusal("field-invalid", field="role", expected=", ".join(STAFF_ROLES))


async def set_institution_status(db: Database, institution_id: int, status: str, since: datetime | None = None) -> None:
    """Make an institution `active` or `suspended` (`since`: told to its staff at sign-in); its tokens stop working
    within a second on every worker."""
    await db.execute(SQL.set_institution_status, institution_id, status, since)


def _institution(row: Any) -> Institution:
    return Institution(
        row["institution_id"], row["code"], row["name_zh"], row["name_en"], row["class"], row["area"], row["status"],
        row["suspended"],
    )  # fmt: skip
