"""Apps of the national gateway: who they are, their shared secrets, their tokens, and requests that count once.

Hospitals' existing card calls sign with a secret that both sides hold. It is made here, shown once, and kept sealed; an
app with a key pair of its own (`SignIn`) is always the better choice for anything new.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from yima.directory.caller import Caller
from yima.directory.register import Institution
from yima.directory.roles import USUAL_PURPOSES
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault

Family = Literal["card", "open-platform"]
FAMILIES: Final[tuple[Family, ...]] = ("card", "open-platform")
RIGHTS: Final = ("organisations", "in-person")
"""`organisations`: may write the register of institutions. `in-person`: a resident is signed in to this app whenever it
asks for a code, so that its dynamic codes open visits as a phone's own do."""
TOKEN_SECONDS: Final = 7200
_SQL = Queries(__package__, "gateway.sql")
_APP_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
_SCOPES: Final = frozenset({"system/Patient.cu"})
_PURPOSES: Final = USUAL_PURPOSES | {"payment"}
"""The calls say a step; at a cashier's it is payment (`healthcode.national.purpose_of`)."""
_CACHE_SECONDS: Final = 1.0
_CACHE_SIZE: Final = 1000
_SWEEP_SECONDS: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayApp:
    """An app as the gateway knows it; the secrets are in the clear here, and only here."""

    caller: Caller
    family: Family
    secret: str = field(repr=False)
    cipher_key: bytes = field(repr=False)
    """16 bytes, SM4."""
    terminals: tuple[str, ...]
    dialect: str
    rights: frozenset[str]
    active: bool

    def check_active(self) -> None:
        """Refusal `institution-suspended`; asked only after the app has proved who it is."""
        if not self.active:
            raise Refusal("institution-suspended")

    def check_right(self, right: str) -> None:
        """Refusal `scope-insufficient`."""
        if right not in self.rights:
            raise Refusal("scope-insufficient", field="app_id", expected=f"the right '{right}' of a gateway app")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySecrets:
    """What the app's operator is told once and nobody can read again."""

    app_id: str
    app_secret: str = field(repr=False)
    sm4_key: str = field(repr=False)
    """32 hexadecimal digits."""
    term_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGateway:
    """A gateway app as its operator asks for it."""

    app_id: str
    institution_id: int
    family: str
    """`card` (business.do) or `open-platform`."""
    terminals: tuple[str, ...]
    dialect: str = "national"
    rights: tuple[str, ...] = ()

    def check(self) -> None:
        """Refusal `field-invalid` names what is wrong."""
        if not _APP_ID.fullmatch(self.app_id):
            raise Refusal("field-invalid", field="app_id", expected="1 to 64 letters, digits, dots and hyphens")
        if self.family not in FAMILIES:
            raise Refusal("field-invalid", field="family", expected=f"one of {', '.join(FAMILIES)}")
        if not self.terminals:
            raise Refusal("field-invalid", field="terminals", expected="at least one terminal of the institution")
        if not set(self.rights) <= set(RIGHTS):
            raise Refusal("field-invalid", field="rights", expected=f"some of {', '.join(RIGHTS)}")


async def register_gateway(c: Connection, vault: Vault, new: NewGateway) -> GatewaySecrets:
    """Put a gateway app on the register, with fresh secrets; doing so again replaces them and ends its tokens.

    Refusal `field-invalid` names what is wrong; another institution's app keeps its owner.
    """
    new.check()
    wrap, secret, cipher_key = vault.new_wrap(), secrets.token_hex(16), secrets.token_bytes(16)
    made = await c.fetchrow(
        _SQL.put_app, new.app_id, new.institution_id, new.family, wrap, vault.seal(wrap, secret.encode()),
        vault.seal(wrap, cipher_key), list(new.terminals), new.dialect, list(new.rights),
    )  # fmt: skip
    if not made:
        raise Refusal("field-invalid", field="app_id", expected="an id that no other institution holds")
    await c.execute(_SQL.drop_tokens, new.app_id)
    return GatewaySecrets(app_id=new.app_id, app_secret=secret, sm4_key=cipher_key.hex(), term_id=new.terminals[0])


async def set_gateway_status(db: Database, app_id: str, status: str) -> None:
    """Make a gateway app `active` or `suspended`; it counts within a second on every worker. Refusal `not-found`."""
    if not await db.fetchrow(_SQL.set_status, app_id, status):
        raise Refusal("not-found", field="app_id")


async def institution_by_code(source: Database | Connection, code: str) -> Institution | None:
    """The institution with that public code, or None."""
    row = await source.fetchrow(_SQL.institution_by_code, code)
    return Institution(*row.values()) if row else None


class Gateways:
    """Looks apps up, and keeps their tokens and the requests that may count once. One per worker."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault
        self._cache: dict[str, tuple[float, GatewayApp]] = {}
        self._swept = 0.0

    async def app(self, app_id: str, family: Family, now: datetime) -> GatewayApp:
        """The app of that id in that family, from a cache of one second. Refusal `gateway-app-unknown`."""
        held = self._cache.get(app_id)
        if held and 0 <= now.timestamp() - held[0] < _CACHE_SECONDS:
            found = held[1]
        else:
            row = await self._db.fetchrow(_SQL.app, app_id) if _APP_ID.fullmatch(app_id) else None
            if row is None:
                raise Refusal("gateway-app-unknown", field="app_id")
            found = self._opened(row)
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[app_id] = (now.timestamp(), found)
        if found.family != family:
            raise Refusal("gateway-app-unknown", field="app_id")
        return found

    async def once(self, app_id: str, mark: bytes, until: datetime, now: datetime) -> None:
        """Refusal `gateway-replayed` when this request of this app was seen before, by whichever worker."""
        if now.timestamp() - self._swept >= _SWEEP_SECONDS:
            self._swept = now.timestamp()
            await self._db.execute(_SQL.forget_expired, now)
        if not await self._db.fetchrow(_SQL.once, app_id, mark, until):
            raise Refusal("gateway-replayed")

    async def token(self, app: GatewayApp, now: datetime) -> str:
        """A fresh app token, good for two hours; only its hash is kept."""
        token = secrets.token_urlsafe(32)
        until = now + timedelta(seconds=TOKEN_SECONDS)
        await self._db.execute(_SQL.put_token, _digest(token), app.caller.agent_id, until)
        return token

    async def app_of_token(self, token: str, now: datetime) -> GatewayApp:
        """Whose app token this is. Refusal `token-invalid`."""
        row = await self._db.fetchrow(_SQL.token, _digest(token))
        if row is None or row["expires"] <= now:
            raise Refusal("token-invalid", field="appToken")
        return await self.app(row["app_id"], "open-platform", now)

    def _opened(self, row: Any) -> GatewayApp:
        caller = Caller(
            kind="app",
            agent_id=row["app_id"],
            name_zh=row["app_id"],
            name_en=row["app_id"],
            institution=row["institution_id"],
            institution_code=row["code"],
            institution_zh=row["name_zh"],
            institution_en=row["name_en"],
            scopes=_SCOPES,
            purposes=_PURPOSES,
        )
        return GatewayApp(
            caller=caller,
            family=row["family"],
            secret=self._vault.open(row["wrap"], row["secret"]).decode(),
            cipher_key=self._vault.open(row["wrap"], row["cipher_key"]),
            terminals=tuple(row["terminals"]),
            dialect=row["dialect"],
            rights=frozenset(row["rights"]),
            active=row["active"],
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
