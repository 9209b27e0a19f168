"""The register of providers, and whom their subjects are here.

A subject of a provider is bound to an account once, by its owner; nothing a provider says of somebody (name, e-mail,
number) is looked at. What it calls them is kept as a keyed hash: it may be a number of theirs.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from yima.authentication.accounts import Account, account_of_row
from yima.authentication.statements import SQL
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault
from yima.runtime.outbound import Reach

EXTERNAL_SQL: Final = Queries(__package__, "external.sql")
_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_MULTIPLE: Final = "mfa"
"""RFC 8176, section 2: more than one factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider, for one kind of people."""

    provider_id: str
    kind: str
    issuer: str
    client_id: str
    name_zh: str
    name_en: str
    institution: int = 0
    """Whose staff it is for; 0: anybody of that kind."""
    levels: Mapping[str, int] = field(default_factory=dict)
    """acr -> how many factors it proves."""
    level: int = 1
    """What an answer with no acr of these proves."""
    hosts: tuple[str, ...] = ()
    """Hosts of its endpoints, with their ports, beside the issuer's own."""
    private: bool = False
    """Whether it stands in a network of the house."""
    status: str = "active"
    secret: str = field(default="", repr=False)
    """"" where the platform signs with its own key (private_key_jwt)."""

    def name(self, lang: str) -> str:
        """What it is called in this language."""
        return self.name_zh if lang == "zh" else self.name_en

    def reach(self, *, development: bool) -> Reach:
        """Where its addresses may lie."""
        return Reach(loopback=development, private=self.private)

    def proves(self, acr: str, amr: Sequence[str]) -> int:
        """How many factors an answer proves (NIST SP 800-63B, AAL): 1 or 2."""
        return max(self.levels.get(acr, self.level), 2 if _MULTIPLE in amr else 1)

    def wanted_acrs(self, least: int) -> str:
        """What is asked for as `acr_values`, the best first; "" where nothing is registered."""
        fitting = [acr for acr, level in self.levels.items() if level >= least]
        return " ".join(sorted(fitting, key=lambda acr: -self.levels[acr]))


@dataclass(frozen=True, slots=True)
class Bound:
    """A provider by which an account is signed in to."""

    provider_id: str
    name_zh: str
    name_en: str
    active: bool
    made: datetime
    used: datetime | None


class Providers:
    """The register; secrets are sealed with a data key of each provider's own."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    async def put(self, c: Connection, one: Provider, now: datetime) -> None:
        """Register one, or change one; its issuer and kind never change. Refusal `field-invalid`."""
        wrap = self._vault.new_wrap() if one.secret else None
        before, bound = await self.find(one.provider_id, c), _row(one.provider_id)
        secret = self._vault.seal(wrap, one.secret.encode(), bound) if wrap else None
        kept = await c.fetchval(
            EXTERNAL_SQL.put_provider, one.provider_id, one.kind, one.institution or None, one.issuer, one.client_id,
            wrap, secret, orjson.dumps(dict(one.levels)).decode(), one.level, list(one.hosts), one.private,
            one.name_zh, one.name_en, now,
        )  # fmt: skip
        if not kept:
            raise Refusal("field-invalid", field="--issuer", expected="as it was registered; remove it first")
        if before and (before.institution, before.levels, before.level) != (one.institution, one.levels, one.level):
            # Whom it may let in, or what its word is worth, is another: who came by it comes in anew.
            await c.execute(EXTERNAL_SQL.end_provider_sessions, one.provider_id)

    async def all(self) -> list[Provider]:
        """Every one, by id."""
        return [self._provider(row) for row in await self._db.fetch(EXTERNAL_SQL.providers)]

    async def active(self, kind: str) -> list[Provider]:
        """Those by which this kind of people may come in."""
        return [one for one in await self.all() if one.kind == kind and one.status == "active"]

    async def find(self, provider_id: str, c: Connection | None = None) -> Provider | None:
        """One by its id, suspended or not; by the connection of a transaction where there is one."""
        row = await (c or self._db).fetchrow(EXTERNAL_SQL.provider, provider_id.replace("\x00", ""))
        return self._provider(row) if row else None

    async def set_status(self, c: Connection, provider_id: str, status: str) -> None:
        """Suspend it (every session that it opened ends) or let it in again. Refusal `not-found`."""
        if not await c.fetchval(EXTERNAL_SQL.provider_status, provider_id, status):
            raise Refusal("not-found", field="provider")
        if status != "active":
            await c.execute(EXTERNAL_SQL.end_provider_sessions, provider_id)

    async def remove(self, c: Connection, provider_id: str) -> None:
        """Take it away with all that is bound to it and every session that it opened. Refusal `not-found`."""
        await c.execute(EXTERNAL_SQL.end_provider_sessions, provider_id)
        if not await c.fetchval(EXTERNAL_SQL.drop_provider, provider_id):
            raise Refusal("not-found", field="provider")

    # --- whom their subjects are -------------------------------------------------------------------------------------

    def subject(self, provider: Provider, sub: str) -> bytes:
        """What is kept of what a provider calls somebody."""
        return self._hash("subject", provider.issuer, sub)

    def session(self, provider: Provider, sid: str) -> bytes | None:
        """What is kept of the provider's name for a session of its own."""
        return self._hash("session", provider.issuer, sid) if sid else None

    def _hash(self, *parts: str) -> bytes:
        # A key of its own: what is bound by it cannot be made again when the key of the blind index changes.
        key = self._vault.store.secret("authentication/external/1")
        return hmac.digest(key, "\x1f".join(parts).encode(errors="replace"), "sha256")

    async def account(self, provider: Provider, sub: str, now: datetime) -> Account | None:
        """Whose account this subject is bound to, noting that it was used; None for nobody's."""
        row = await self._db.fetchrow(
            EXTERNAL_SQL.bound_account, provider.provider_id, self.subject(provider, sub), now
        )
        return account_of_row(row) if row else None

    async def bound(self, account: Account) -> list[Bound]:
        """The providers by which an account is signed in to, the oldest first."""
        rows = await self._db.fetch(EXTERNAL_SQL.bound, account.account_id)
        return [
            Bound(r["provider_id"], r["name_zh"], r["name_en"], r["status"] == "active", r["made"], r["used"])
            for r in rows
        ]

    async def is_first(self, c: Connection, provider: Provider, jti: str, until: datetime) -> bool:
        """Whether a token of this provider with this id was not used before; it is, by asking."""
        digest = self._hash("jti", provider.issuer, jti)
        return bool(await c.fetchval(SQL.spend_challenge, digest, until))

    async def logged_out(self, c: Connection, provider: Provider, sub: str, sid: str) -> None:
        """The provider says that somebody left there: what it opened here ends, that session only where it names one
        (OpenID Connect Back-Channel Logout 1.0, section 2.7)."""
        session = self.session(provider, sid)
        if sub:  # of a session for which no name was given it cannot be told that it is another: it ends as well
            subject = self.subject(provider, sub)
            await c.execute(EXTERNAL_SQL.end_subject_sessions, provider.provider_id, subject, session)
        else:
            await c.execute(EXTERNAL_SQL.end_one_session, provider.provider_id, session)

    def _provider(self, row: Any) -> Provider:
        secret = ""
        if row["secret"] is not None:
            secret = self._vault.open(row["wrap"], row["secret"], _row(row["provider_id"])).decode()
        return Provider(
            provider_id=row["provider_id"], kind=row["kind"], issuer=row["issuer"], client_id=row["client_id"],
            name_zh=row["name_zh"], name_en=row["name_en"], institution=row["institution"] or 0,
            levels=orjson.loads(row["levels"]), level=row["level"], hosts=tuple(row["hosts"]), private=row["private"],
            status=row["status"], secret=secret,
        )  # fmt: skip


async def bind(c: Connection, provider_id: str, subject: bytes, account_id: bytes, now: datetime) -> None:
    """This subject is the owner of this account, from now on. Refusal `provider-bound` when the subject is somebody's
    already, or the account has another one there; `not-found` for a provider that was suspended meanwhile."""
    if not await c.fetchval(SQL.hold_provider, provider_id):
        raise Refusal("not-found", field="provider")
    if not await c.fetchval(EXTERNAL_SQL.bind, provider_id, subject, account_id, now):
        raise Refusal("provider-bound")


async def forget_trips(c: Connection, now: datetime) -> None:
    """Drop the browsers that did not come back."""
    await c.execute(EXTERNAL_SQL.forget_trips, now)


def is_provider_id(text: str) -> bool:
    """Whether a provider may be called so: it stands in addresses."""
    return _ID.fullmatch(text) is not None


def _row(provider_id: str) -> bytes:
    return f"provider/{provider_id}".encode()
