"""The register of terminals: where a device stands, what is done there, and the keys with which it signs in.

A terminal has two keys at most, so that a new one can be brought in before the old one goes. Suspending it, or taking
a key away, counts on every worker within a second: the caches of tokens and of known terminals live that long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import orjson
from joserfc import jwk

from yima.directory.caller import Caller
from yima.directory.register import FREE_ID, SQL, is_public_key
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal

TERMINAL_KINDS: Final = ("window", "kiosk", "desk", "handheld")
KIOSK_SCOPE: Final = "terminal/kiosk"
CODE_SCOPE: Final = "terminal/code"
COUNTER_SCOPE: Final = "terminal/counter"
TERMINAL_SCOPES: Final = (CODE_SCOPE, KIOSK_SCOPE, COUNTER_SCOPE)
"""All that a terminal's token may be good for: verifying codes, asking for an authorisation, its counter's shares."""
MOST_KEYS: Final = 2
_ID_CHARS: Final = 64
_TERMINAL_ID: Final = f"1 to {_ID_CHARS} printable ASCII characters without blanks"


@dataclass(frozen=True, slots=True)
class Terminal:
    """A device at which codes are scanned: window, kiosk, desk or handheld."""

    terminal_id: str
    kind: str
    department: str
    location: str = ""
    """In words, as the resident is told."""
    step: str = ""
    """The step of care that is usual there, of the step table; empty = none."""
    scene: str = ""
    """The scene that is usual there, of the scene table; empty = none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredTerminal:
    """A terminal with what the register knows of it."""

    terminal: Terminal
    institution_id: int
    status: Literal["active", "suspended"]
    key_ids: tuple[str, ...]
    """Key ids (RFC 7638 thumbprints unless the key said otherwise), oldest first; empty = it cannot sign in."""
    firmware: str
    registered: datetime | None
    last_seen: datetime | None
    """When it last signed in."""


async def register_terminal(
    c: Connection, institution_id: int, terminal: Terminal, *, now: datetime | None = None
) -> None:
    """Put a terminal on the register; its keys and its status stay as they are.

    Refusal `field-invalid`: its id is not printable ASCII, or another institution or an app holds it.
    """
    name = terminal.terminal_id
    if not (0 < len(name) <= _ID_CHARS and name.isascii() and name.isprintable() and " " not in name):
        raise Refusal("field-invalid", field="terminal_id", expected=_TERMINAL_ID)
    row = (name, institution_id, terminal.kind, terminal.department, terminal.location, terminal.step, terminal.scene)
    if not await c.fetchrow(SQL.put_terminal, *row, now):
        raise Refusal("field-invalid", field="terminal_id", expected=FREE_ID)


async def add_terminal_key(c: Connection, terminal_id: str, key: object) -> str:
    """Let the terminal sign in with one more public key (JWK, RFC 7517); its key id. The same key twice is no mistake.

    Refusals: `terminal-unknown`; `field-invalid` for a private or unreadable key, for a third key, and for another key
    under a key id that is taken.
    """
    if not isinstance(key, dict) or not is_public_key(key):
        raise Refusal("field-invalid", field="key", expected="one public key, EC or RSA, as JWK (RFC 7517)")
    public = jwk.import_key(key)
    kid = str(key.get("kid") or public.thumbprint())
    held = await _keys_for_change(c, terminal_id)
    same = [one for one in held if one["kid"] == kid]
    if same and jwk.import_key(same[0]).thumbprint() == public.thumbprint():
        return kid
    if same or len(held) >= MOST_KEYS:
        expected = f"at most {MOST_KEYS} keys, each with its own kid: remove an old one first"
        raise Refusal("field-invalid", field="key", expected=expected)
    await _keep_keys(c, terminal_id, [*held, {**key, "kid": kid}])
    return kid


async def remove_terminal_key(c: Connection, terminal_id: str, kid: str) -> None:
    """Take a key away, and the tokens that were given out with it. Refusals: `terminal-unknown`, `field-invalid`."""
    held = await _keys_for_change(c, terminal_id)
    left = [one for one in held if one["kid"] != kid]
    if len(left) == len(held):
        raise Refusal("field-invalid", field="kid", expected="the key id of one of its keys")
    await _keep_keys(c, terminal_id, left)
    await c.execute(SQL.drop_terminal_tokens, terminal_id)  # whose key signed for which token is not kept: all go


async def set_terminal_status(db: Database, terminal_id: str, status: Literal["active", "suspended"]) -> None:
    """Suspend a terminal or make it active again; every worker follows within a second. Refusal `terminal-unknown`."""
    if not await db.fetchrow(SQL.set_terminal_status, terminal_id, status):
        raise Refusal("terminal-unknown", field="terminal")


async def terminal(source: Database | Connection, terminal_id: str) -> RegisteredTerminal | None:
    """One terminal with what is known of it, or None."""
    row = await source.fetchrow(SQL.terminal, terminal_id) if "\x00" not in terminal_id else None
    return _registered(row) if row else None


async def demo_terminal(db: Database, terminal_id: str) -> Caller:
    """The caller that a kiosk's page in a browser acts as: the terminal itself, as if it had signed in with its key.

    For development sessions only. Refusals `sign-in-needed`, `terminal-suspended`, `institution-suspended`.
    """
    row = await db.fetchrow(SQL.terminal_client, terminal_id)
    if row is None:
        raise Refusal("sign-in-needed")
    if not row["standing"]:
        raise Refusal("terminal-suspended")
    if not row["active"]:
        raise Refusal("institution-suspended")
    return terminal_caller(row, scopes_of_kind(row["kind"]))


def terminal_caller(row: Any, scopes: Sequence[str]) -> Caller:
    """A terminal as every room knows it, from a row of `terminal_client`."""
    return Caller(
        kind="terminal",
        agent_id=row["client_id"],
        name_zh=row["name"],
        name_en=row["name"],
        institution=row["institution_id"],
        institution_code=row["code"],
        institution_zh=row["name_zh"],
        institution_en=row["name_en"],
        department=row["department"],
        terminal=row["client_id"],
        scopes=frozenset(scopes),
        matching="off",
    )


async def terminals_of(db: Database, institution_id: int) -> Sequence[RegisteredTerminal]:
    """All terminals of an institution, suspended ones too, by id."""
    return [_registered(row) for row in await db.fetch(SQL.terminals_of, institution_id)]


async def terminals(db: Database, institution_id: int) -> Sequence[Terminal]:
    """The active terminals of an institution."""
    return [Terminal(**dict(row)) for row in await db.fetch(SQL.terminals, institution_id)]


async def terminal_belongs(db: Database, terminal_id: str, institution_id: int) -> bool:
    """Whether the terminal is registered for, and active at, an active institution."""
    return bool((await db.fetchrow(SQL.terminal_belongs, terminal_id, institution_id))[0])


def scopes_of_kind(kind: str) -> tuple[str, ...]:
    """What a terminal of this kind may ask for; only a kiosk asks residents for an authorisation."""
    return TERMINAL_SCOPES if kind == "kiosk" else (CODE_SCOPE, COUNTER_SCOPE)


async def _keys_for_change(c: Connection, terminal_id: str) -> list[dict[str, Any]]:
    row = await c.fetchrow(SQL.terminal_for_change, terminal_id)
    if row is None:
        raise Refusal("terminal-unknown", field="terminal")
    return list(orjson.loads(row["jwks"])["keys"])


async def _keep_keys(c: Connection, terminal_id: str, keys: list[dict[str, Any]]) -> None:
    await c.execute(SQL.set_terminal_keys, terminal_id, orjson.dumps({"keys": keys}).decode() if keys else None)


def _registered(row: Any) -> RegisteredTerminal:
    return RegisteredTerminal(
        terminal=Terminal(
            row["terminal_id"], row["kind"], row["department"], row["location"], row["step"], row["scene"]
        ),
        institution_id=row["institution_id"],
        status=row["status"],
        key_ids=tuple(key["kid"] for key in orjson.loads(row["jwks"])["keys"]),
        firmware=row["firmware"],
        registered=row["registered"],
        last_seen=row["last_seen"],
    )
