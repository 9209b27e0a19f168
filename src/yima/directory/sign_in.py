"""SMART Backend Services sign-in (SMART App Launch 2.2, "Client Authentication: Asymmetric"; RFC 7523).

Apps and terminals sign in alike: the assertion's `iss` is the client_id or the terminal id, and no id is both.
A signed assertion comes in, an opaque token of 256 bits goes out. Only its hash is stored; every worker caches what a
token means for one second, so a suspended institution is refused everywhere within that second.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal

import orjson
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from yima.directory.caller import Caller
from yima.directory.grants import Grants
from yima.directory.key_sets import KeySets
from yima.directory.pace import Pace
from yima.directory.patient_apps import patient_app
from yima.directory.register import SQL
from yima.directory.staff import staff_caller
from yima.directory.terminals import scopes_of_kind, terminal_caller
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

Residents = Callable[[PersonId], Awaitable[Caller]]
"""Who a resident is now; Refusal `sign-in-needed` for nobody. The person index knows it, and lies above this room."""
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS: Final = ["ES384", "RS384", "ES256"]
_LONGEST: Final = 300  # seconds; SMART: exp no more than five minutes in the future
_LEEWAY: Final = 30
_CACHED: Final = timedelta(seconds=1)
_CACHE_SIZE: Final = 10_000
_SWEEP_SECONDS: Final = 600
_FIRMWARE_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class Rates:
    """How often one client may sign in (a minute), and one caller ask anything (a second; 0: as often as it likes)."""

    client: float
    caller: float


_USUAL: Final = Rates(600, 1000)


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """A token just issued; `token` is shown once and never stored."""

    token: str
    seconds: int
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever may sign in: an app, a terminal with a key, or a residents' app that can keep one."""

    kind: Literal["app", "terminal", "patient-app"]
    client_id: str
    row: Any
    jwks: str
    scopes: Sequence[str]
    firmware: str = ""
    """What a terminal said of itself as it signed in."""

    @property
    def institution(self) -> int:
        """The institution that answers for it."""
        return int(self.row["institution_id"])

    def check_active(self) -> None:
        """Refusals `terminal-suspended`, `institution-suspended`."""
        if self.kind == "terminal" and not self.row["standing"]:
            raise Refusal("terminal-suspended")
        if not self.row["active"]:
            raise Refusal("institution-suspended")

    def caller(self, scopes: Sequence[str]) -> Caller:
        """The client as every room knows it, with these of its scopes; not for residents' apps, which act as somebody
        else."""
        row = self.row
        if self.kind == "terminal":
            return terminal_caller(row, scopes)
        return Caller(
            kind="app",
            agent_id=row["client_id"],
            name_zh=row["name"],
            name_en=row["name"],
            institution=row["institution_id"],
            institution_code=row["code"],
            institution_zh=row["name_zh"],
            institution_en=row["name_en"],
            scopes=frozenset(scopes),
            matching=row["matching"],
            rights=frozenset(row["rights"]),
            purposes=frozenset(row["purposes"]),
        )


class SignIn:
    """Signs apps and terminals in and knows what a token means. One per worker."""

    def __init__(
        self,
        db: Database,
        *,
        token_seconds: int,
        residents: Residents,
        rates: Rates = _USUAL,
        development: bool = False,
    ) -> None:
        self._db = db
        self._clients = Pace(rates.client / 60, rates.client)
        self._callers = Pace(rates.caller, 2 * rates.caller)
        self._key_sets = KeySets(development=development)
        self._residents = residents
        self.grants = Grants(db, token_seconds=token_seconds)
        self._seconds = token_seconds
        self._cache: dict[bytes, tuple[datetime, datetime, Caller, str]] = {}
        """By token: since when and until when it means which caller, and as whom it is counted."""
        self._swept = 0.0

    async def token(self, assertion: str, *, audiences: Sequence[str], scope: str, now: datetime) -> TokenAnswer:
        """Exchange a client assertion for a token.

        Refusals: `client-invalid` (unknown client, key, algorithm, signature, aud, exp), `assertion-replayed`,
        `institution-suspended`, `terminal-suspended`, `scope-insufficient` (asked for more than registered, and nothing
        of it is allowed).
        """
        client = await self.proved(assertion, audiences=audiences, now=now)
        if client.kind == "patient-app":
            raise Refusal("grant-unsupported", field="grant_type", expected="authorization_code")
        # No more than was registered.
        granted = _granted(scope, client.scopes, client.kind)
        token = secrets.token_urlsafe(32)
        row = (_digest(token), client.client_id, list(granted), now + timedelta(seconds=self._seconds))
        if client.kind == "terminal":
            await self._db.execute(SQL.put_terminal_token, *row, now, client.firmware)
        else:
            await self._db.execute(SQL.put_token, *row)
        return TokenAnswer(token, self._seconds, granted)

    async def proved(self, assertion: str, *, audiences: Sequence[str], now: datetime) -> Client:
        """Who signed this client assertion. Refusals as `token`, but for scopes; `too-many-requests`."""
        # 1 Whose assertion does it claim to be? Nothing is believed until step 3.
        name = _claimed_client(assertion)
        client = await self._app(name) or await self._terminal(name) or await self._patient_app(name)
        if client is None:
            raise Refusal("client-invalid", reason="the client is not registered")
        await self._forget_expired(now)
        # 2 Only the keys registered for that client count: jku, jwk and x5u in the header are never followed.
        keys = await self._keys(client, assertion, now)
        # 3 Signature and claims.
        claims = _verified(assertion, keys, name, audiences, now)
        client.check_active()  # told only to who has proved who it is
        self._clients.check(name, now.timestamp())  # and counted only then: nobody uses up another's share
        # 4 One use.
        expires = datetime.fromtimestamp(claims["exp"], UTC)
        if not await self._db.fetchrow(SQL.remember_assertion, name, claims["jti"], expires + timedelta(minutes=1)):
            raise Refusal("assertion-replayed")
        return replace(client, firmware=_firmware(claims))

    async def caller(self, token: str, *, now: datetime) -> Caller:
        """Who holds this token. Refusals `token-invalid`, `institution-suspended`, `terminal-suspended`,
        `too-many-requests` for one that asks more often than any may."""
        digest = sha256(token.encode()).digest()  # as `_digest`: every request comes here, and a call is a twentieth
        held = self._cache.get(digest)
        if held is None or not held[0] <= now < held[1]:  # a clock set back trusts nothing
            expires, caller = await self._means(token, digest, now)
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            held = now, min(now + _CACHED, expires), caller, caller.app or caller.agent_id
            self._cache[digest] = held
        if self._callers.limits:
            self._callers.check(held[3], now.timestamp())
        return held[2]

    async def _means(self, token: str, digest: bytes, now: datetime) -> tuple[datetime, Caller]:
        row, client = await self._holder(digest)
        if row is None:
            return await self._granted_to(token, now)
        if client is None or row["expires"] <= now:
            raise Refusal("token-invalid")
        client.check_active()
        # What was taken from the registration since is taken from its tokens too.
        caller = client.caller([scope for scope in row["scopes"] if _covered(scope, client.scopes, client.kind)])
        return row["expires"], caller

    async def _granted_to(self, token: str, now: datetime) -> tuple[datetime, Caller]:
        """Of a token that a resident granted to an app: the resident, as far as was granted. Of one that came of a
        launch: the member of the staff, as they stand now, in that visit."""
        held = await self.grants.bearer(token, now)
        if held is None:
            raise Refusal("token-invalid")
        if held.practitioner:
            staff = await staff_caller(self._db, str(held.practitioner))
            return held.expires, replace(
                staff, scopes=frozenset(held.scopes), app=held.client_id, app_name=held.name_zh, visit=held.visit,
                app_sees_sensitive=True,  # what staff may see of them, the table and the resident say
            )  # fmt: skip
        try:
            resident = await self._residents(held.person)
        except Refusal as refusal:  # nobody any more: erased, or dead
            raise Refusal("token-invalid") from refusal
        return held.expires, replace(
            resident, scopes=frozenset(held.scopes), app=held.client_id, app_name=held.name_zh,
            app_sees_sensitive=held.sensitive, assurance=held.assurance,
        )  # fmt: skip

    async def _keys(self, client: Client, assertion: str, now: datetime) -> jwk.KeySet:
        """The keys registered for a client: those themselves, or what stands at the address it registered."""
        url = client.row["jwks_url"] if client.kind == "app" else ""
        if not url:
            return jwk.KeySet.import_key_set(orjson.loads(client.jwks))
        found: Any = {"keys": await self._key_sets.keys(url, _claimed_key(assertion), now)}
        return jwk.KeySet.import_key_set(found)

    def forget(self, token: str) -> None:
        """Take a token from this worker's cache; others follow within a second."""
        self._cache.pop(_digest(token), None)

    async def revoke(self, token: str, client_id: str) -> None:
        """Forget a token of this client (RFC 7009)."""
        self._cache.pop(_digest(token), None)
        await self._db.execute(SQL.drop_token, _digest(token), client_id)
        await self._db.execute(SQL.drop_own_terminal_token, _digest(token), client_id)

    async def _holder(self, digest: bytes) -> tuple[Any, Client | None]:
        row = await self._db.fetchrow(SQL.token, digest)
        if row is not None:
            return row, await self._app(row["client_id"])
        row = await self._db.fetchrow(SQL.terminal_token, digest)
        return row, await self._terminal(row["terminal_id"]) if row is not None else None

    async def _app(self, client_id: str) -> Client | None:
        row = await self._db.fetchrow(SQL.app, client_id)
        return Client("app", client_id, row, row["jwks"], row["scopes"]) if row is not None else None

    async def _terminal(self, terminal_id: str) -> Client | None:
        row = await self._db.fetchrow(SQL.terminal_client, terminal_id)
        if row is None:
            return None
        return Client("terminal", terminal_id, row, row["jwks"], scopes_of_kind(row["kind"]))

    async def _patient_app(self, client_id: str) -> Client | None:
        app = await patient_app(self._db, client_id)
        if app is None or app.jwks is None:  # a public app has nothing to prove itself with
            return None
        row = {"active": app.active, "institution_id": app.institution_id}
        return Client("patient-app", client_id, row, orjson.dumps(app.jwks).decode(), app.scopes)

    async def _forget_expired(self, now: datetime) -> None:
        """Once in a while drop what has expired, so that the tables do not grow with every sign-in."""
        if now.timestamp() - self._swept >= _SWEEP_SECONDS:
            self._swept = now.timestamp()
            await forget_expired(self._db, now)
            await self.grants.forget_expired(now)


async def forget_expired(db: Database, now: datetime) -> None:
    """Drop tokens and assertions that have expired."""
    await db.execute(SQL.forget_expired, now)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _claimed_client(assertion: str) -> str:
    try:
        payload = assertion.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        client = claims["iss"]
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise Refusal("client-invalid", reason="it is not a JWT with an iss claim") from error
    if not isinstance(client, str) or "\x00" in client:
        raise Refusal("client-invalid", reason="iss is not text")
    return client


def _claimed_key(assertion: str) -> str:
    """The key id in an assertion's header, "" for none that is text; only compared with those held."""
    try:
        header = assertion.split(".", maxsplit=1)[0]
        said = orjson.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except ValueError:
        return ""
    kid = said.get("kid") if isinstance(said, dict) else None
    return kid if isinstance(kid, str) else ""


def _verified(
    assertion: str, keys: jwk.KeySet, client_id: str, audiences: Sequence[str], now: datetime
) -> dict[str, Any]:
    try:
        token = jwt.decode(assertion, keys, algorithms=_ALGORITHMS)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refusal("client-invalid", reason="its signature does not verify with a registered key") from error
    claims = token.claims
    if str(token.header.get("typ", "JWT")).upper() != "JWT":
        raise Refusal("client-invalid", reason="its typ is not JWT")
    stamp = now.timestamp()
    aud = claims.get("aud")
    named = [one for one in (aud if isinstance(aud, list) else [aud]) if isinstance(one, str)]
    exp, nbf, jti = claims.get("exp"), claims.get("nbf", stamp), claims.get("jti")
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise Refusal("client-invalid", reason="iss and sub must both be the client_id")
    if not set(named) & set(audiences):
        raise Refusal("client-invalid", reason="aud is not this token endpoint")
    if not isinstance(exp, int | float) or not stamp - _LEEWAY < exp <= stamp + _LONGEST + _LEEWAY:
        raise Refusal("client-invalid", reason="exp is past, or more than five minutes ahead")
    if not isinstance(nbf, int | float) or nbf > stamp + _LEEWAY:
        raise Refusal("client-invalid", reason="nbf is in the future")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 256 or not jti.isprintable():
        raise Refusal("client-invalid", reason="jti is missing")
    return claims


def _firmware(claims: dict[str, Any]) -> str:
    """What a terminal says of its own firmware; kept for the operator, believed by nobody."""
    said = claims.get("firmware")
    return said if isinstance(said, str) and len(said) <= _FIRMWARE_CHARS and said.isprintable() else ""


def _granted(asked: str, registered: Sequence[str], kind: str) -> tuple[str, ...]:
    if not asked.strip():
        return tuple(registered)
    granted = tuple(scope for scope in asked.split() if _covered(scope, registered, kind))
    if not granted:
        raise Refusal("scope-insufficient", expected=" ".join(registered))
    return granted


def _covered(scope: str, registered: Sequence[str], kind: str) -> bool:
    if kind == "terminal":
        return scope in registered
    return any(_within(scope, held) for held in registered)


def _within(scope: str, held: str) -> bool:
    # A narrower scope than the registered one may always be asked for.
    full = Caller(kind="app", agent_id="", scopes=frozenset({held}))
    context, _, rest = scope.partition("/")
    kind, _, verbs = rest.partition(".")
    letters = {"read": "rs", "write": "cud", "*": "cruds"}.get(verbs, verbs)
    if (
        context != "system"
        or not letters
        or not set(letters) <= set("cruds")
        or not (kind == "*" or _is_type_name(kind))
    ):
        return False
    return all(full.may(kind, letter) for letter in letters)


def _is_type_name(kind: str) -> bool:
    return kind.isascii() and kind.isalpha() and len(kind) <= 64
