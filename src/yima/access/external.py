"""Sign-in by an OpenID provider of somebody else's: who is sent there and for what, and what is made of the answer.

A provider says that it has somebody before it whom it calls so. Who that is here was said once by themselves: with an
invitation in hand, or signed in. Staff and operators come in by two factors, as by every other way; whether a provider
proves two is what was registered for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey

from yima import audit, authentication
from yima.access.context import Context
from yima.access.giving import hold_giver
from yima.access.signing_in import Entered, SigningIn, Visitor, Who, kind_of, line
from yima.authentication import ADDRESS, Account, Means, Try, Vouched
from yima.authentication.external import (
    Asked,
    Asking,
    Bound,
    Endpoints,
    Expected,
    Provider,
    Purpose,
    Trip,
    Vouching,
    address_of,
    bind,
    checked_id_token,
    page_mark,
    session_mark,
    wrong,
)
from yima.directory import Caller, KeySets, Pace
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.keys import KeyStore, signing_key

_LEAST: Final = {"practitioner": 2, "operator": 2, "resident": 1}
"""How many factors a provider must prove."""
_ASKED: Final = (10.0, 300.0)
"""Codes that one worker takes to one provider: a second in the long run, and at once."""


@dataclass(frozen=True, slots=True)
class Going:
    """Somebody wants to go to a provider, from a page of this role in this language."""

    role: str
    provider_id: str
    lang: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Away:
    """Where the browser is to be sent."""

    provider: Provider
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Back:
    """What came of it. `purpose` says what it was for; `carried` what was being done."""

    purpose: Purpose
    carried: Mapping[str, str] = field(repr=False)
    entered: Entered | None = None
    """A session just opened."""
    cookie: str = field(default="", repr=False)
    """Of a session that was proved anew."""


class External:
    """The door's part for providers; `Access.external`."""

    def __init__(self, cx: Context, means: Means, signing_in: SigningIn, who: Who, asking: Asking) -> None:
        self._cx = cx
        self._means = means
        self._signing_in = signing_in
        self._who = who
        self._asking = asking
        self._pace = Pace(*_ASKED)

    def redirect_uri(self, role: str, provider_id: str) -> str:
        """Where a provider sends browsers back to: an address of its own, so that no other's answer arrives there."""
        return f"{self._means.base_url}/{role}/sign-in/from/{provider_id}"

    async def offered(self, role: str, caller: Caller | None = None) -> Sequence[Provider]:
        """The providers by which people may come in at this door; for somebody known, those that are for them."""
        found = await self._means.providers.active(kind_of(role))
        return [one for one in found if caller is None or one.institution in (0, caller.institution)]

    async def bound(self, caller: Caller) -> Sequence[Bound]:
        """The providers by which somebody signs in."""
        account = await authentication.account_of(self._cx.database, caller.kind, caller.agent_id)
        return await self._means.providers.bound(account) if account else []

    async def bound_here(self, role: str, cookie: str, now: datetime) -> Sequence[Bound]:
        """Those by which the owner of this session may prove once more who they are. Refusal `sign-in-needed`."""
        session = await self._means.browsers.find(kind_of(role), cookie, now)
        account = await authentication.account_of(self._cx.database, session.kind, session.subject)
        return [one for one in await self._means.providers.bound(account) if one.active] if account else []

    # --- away --------------------------------------------------------------------------------------------------------

    async def to_sign_in(self, going: Going, visitor: Visitor, wanted: str) -> Away:
        """To come in; `wanted`: the page to go to then. Refusals `not-found`, `provider-unreachable`."""
        return await self._sent(going, page_mark(visitor.token), "sign-in", {"next": wanted})

    async def to_enrol(self, going: Going, visitor: Visitor, invitation: str) -> Away:
        """With an invitation, to bind oneself. Refusals as above, and `invitation-invalid`."""
        found = await self._means.enrolment.invitation(kind_of(going.role), invitation, going.now)
        try:
            caller = await self._who(going.role, found.subject)
        except Refusal as refusal:
            raise Refusal("invitation-invalid", field="invitation") from refusal
        if found.own or going.provider_id not in {one.provider_id for one in await self.offered(going.role, caller)}:
            raise Refusal("not-found", field="provider")
        return await self._sent(going, page_mark(visitor.token), "invited", {"invitation": invitation})

    async def to_bind(self, going: Going, caller: Caller, cookie: str) -> Away:
        """Signed in, to have one more way. Refusals `step-up-needed`, `not-found`, `assurance-too-low`,
        `provider-bound`, `provider-unreachable`."""
        _check_fresh(caller, going.now)
        if going.provider_id not in {one.provider_id for one in await self.offered(going.role, caller)}:
            raise Refusal("not-found", field="provider")
        if going.provider_id in {one.provider_id for one in await self.bound(caller)}:
            raise Refusal("provider-bound")
        session = await self._means.browsers.find(kind_of(going.role), cookie, going.now)
        return await self._sent(going, session_mark(session.session_id), "bind", {})

    async def to_prove_again(self, going: Going, cookie: str, waiting: Mapping[str, str]) -> Away:
        """Signed in, to prove it once more; `waiting`: what is to be done then. Refusals `sign-in-needed`, `not-found`,
        `provider-unreachable`."""
        if going.provider_id not in {one.provider_id for one in await self.bound_here(going.role, cookie, going.now)}:
            raise Refusal("not-found", field="provider")
        session = await self._means.browsers.find(kind_of(going.role), cookie, going.now)
        return await self._sent(going, session_mark(session.session_id), "again", waiting)

    async def _sent(self, going: Going, browser: str, purpose: Purpose, carried: Mapping[str, str]) -> Away:
        provider = await self._provider(going.role, going.provider_id)
        endpoints = await self._asking.endpoints(provider, going.now)
        state, trip = await self._means.trips.begin(provider.provider_id, browser, purpose, carried, going.now)
        asked = Asked(
            self.redirect_uri(going.role, provider.provider_id), state, trip, anew=purpose != "sign-in",
            longest=self._means.browsers.longest, acr_values=provider.wanted_acrs(_LEAST[provider.kind]),
            lang=going.lang,
        )  # fmt: skip
        return Away(provider, address_of(provider, endpoints, asked))

    async def _provider(self, role: str, provider_id: str) -> Provider:
        provider = await self._means.providers.find(provider_id)
        if provider is None or provider.kind != kind_of(role) or provider.status != "active":
            raise Refusal("not-found", field="provider")
        return provider

    # --- and back ----------------------------------------------------------------------------------------------------

    async def returned(self, going: Going, visitor: Visitor, cookie: str, answer: Mapping[str, str]) -> Back:
        """The browser is back with the provider's answer; `cookie`: of its session, if it has one.

        Refusals: `not-found`, `too-many-attempts`, `too-many-requests`, `provider-unreachable`, `provider-denied`,
        `provider-answer-invalid` for whatever proves nothing, `provider-weak`, `provider-unbound`, `provider-bound`,
        `invitation-invalid`, `sign-in-needed`, `institution-suspended`.
        """
        tries = [Try("address", visitor.network, ADDRESS)]
        await self._means.attempts.enter(tries, going.now)
        event = "signed-in"
        try:
            provider = await self._provider(going.role, going.provider_id)
            trip = await self._trip(provider, visitor, cookie, answer, going.now)
            event = _EVENTS[trip.purpose]
            vouching = await self._vouching(provider, trip, answer, going)
            back = await self._carried_out(going, provider, trip, vouching, (visitor, cookie))
        except Refusal as refusal:
            if refusal.code != "provider-unreachable":
                detail = {"event": event, "provider": going.provider_id[:40]}
                nobody = Caller(kind=kind_of(going.role), agent_id="")  # type: ignore[arg-type]  # kinds of accounts are kinds of callers
                await self._cx.appender.append(line(nobody, "denied", refusal.code, detail, going.now))
            raise
        await self._means.attempts.passed(tries, going.now)
        return back

    async def _trip(
        self, provider: Provider, visitor: Visitor, cookie: str, answer: Mapping[str, str], now: datetime
    ) -> Trip:
        """What this very browser was sent for."""
        session_id = cookie.partition(".")[0]
        browsers = [page_mark(visitor.token), *([session_mark(session_id)] if session_id else [])]
        trip = await self._means.trips.back(provider.provider_id, answer.get("state", ""), browsers, now)
        if trip is None:
            raise wrong("no sign-in of this browser waits for it")
        return trip

    async def _vouching(self, provider: Provider, trip: Trip, answer: Mapping[str, str], going: Going) -> Vouching:
        endpoints = await self._asking.endpoints(provider, going.now)
        _check_issuer(provider, endpoints, answer)
        if "error" in answer:
            raise Refusal("provider-denied")
        self._pace.check(provider.provider_id, going.now.timestamp())
        id_token, access_token = await self._asking.tokens(
            provider, endpoints, answer.get("code", ""), trip,
            self.redirect_uri(going.role, provider.provider_id), going.now,
        )  # fmt: skip
        keys = await self._asking.keys(provider, endpoints, id_token, going.now)
        anew = trip.purpose != "sign-in"
        since = trip.made if anew else going.now - self._means.browsers.longest
        expected = Expected(
            provider.issuer, provider.client_id, going.now, trip.nonce, access_token, proved_since=since, says_when=anew
        )
        vouching = checked_id_token(id_token, keys, expected)
        if provider.proves(vouching.acr, vouching.amr) < _LEAST[provider.kind]:
            raise Refusal("provider-weak")
        return vouching

    async def _carried_out(
        self, going: Going, provider: Provider, trip: Trip, vouching: Vouching, browser: tuple[Visitor, str]
    ) -> Back:
        visitor, cookie = browser
        vouched = self._vouched(provider, vouching)
        if trip.purpose == "bind":
            await self._bind(going, provider, vouching, cookie)
            return Back("bind", trip.carried)
        if trip.purpose == "again":
            return Back("again", trip.carried, cookie=await self._prove_again(going, provider, vouching, cookie))
        if trip.purpose == "invited":
            account = await self._enrol(going, provider, vouching, trip.carried.get("invitation", ""))
        else:
            account = await self._account(going, provider, vouching)
        entered = await self._signing_in.opened(going.role, visitor, account, vouched, going.now)
        return Back(trip.purpose, trip.carried, entered)

    def _vouched(self, provider: Provider, vouching: Vouching) -> Vouched:
        session = self._means.providers.session(provider, vouching.sid)
        return Vouched(
            provider.provider_id, session, provider.proves(vouching.acr, vouching.amr), vouching.proved
        )  # fmt: skip

    async def _account(self, going: Going, provider: Provider, vouching: Vouching) -> Account:
        """Whose account it is; nothing says which of the reasons there are why it is nobody's."""
        account = await self._means.providers.account(provider, vouching.sub, going.now)
        if account is None or account.kind != provider.kind:
            raise Refusal("provider-unbound")
        await self._owner(going.role, provider, account.subject)
        return account

    async def _owner(self, role: str, provider: Provider, subject: str) -> Caller:
        try:
            caller = await self._who(role, subject)
        except Refusal as refusal:
            raise Refusal("provider-unbound" if refusal.code == "sign-in-needed" else refusal.code) from refusal
        if provider.institution not in (0, caller.institution):
            raise Refusal("provider-unbound")
        return caller

    async def _enrol(self, going: Going, provider: Provider, vouching: Vouching, invitation: str) -> Account:
        kind = kind_of(going.role)
        found = await self._means.enrolment.invitation(kind, invitation, going.now)
        caller = await self._owner(going.role, provider, found.subject)
        async with self._cx.database.transaction() as c:
            used, account = await self._means.enrolment.with_provider(
                c, kind, invitation, provider_id=provider.provider_id,
                subject=self._means.providers.subject(provider, vouching.sub), now=going.now,
            )  # fmt: skip
            detail = {"event": "enrolled", "with": "oidc", "provider": provider.provider_id, "by": used.inviter}
            await audit.append(c, [line(caller, "ok", "", detail, going.now)])
        return account

    async def _bind(self, going: Going, provider: Provider, vouching: Vouching, cookie: str) -> None:
        session = await self._means.browsers.find(kind_of(going.role), cookie, going.now)
        caller = await self._owner(going.role, provider, session.subject)
        async with self._cx.database.transaction() as c:
            if caller.kind == "resident":
                await hold_giver(c, replace(caller, session=session.session_id))
            account = await authentication.kept_account(c, self._cx.vault, session.kind, session.subject, going.now)
            subject = self._means.providers.subject(provider, vouching.sub)
            await bind(c, provider.provider_id, subject, account.account_id, going.now)
            await self._changed(c, caller, "provider-added", provider.provider_id, going.now)

    async def _prove_again(self, going: Going, provider: Provider, vouching: Vouching, cookie: str) -> str:
        session = await self._means.browsers.find(kind_of(going.role), cookie, going.now)
        account = await self._account(going, provider, vouching)
        if (account.kind, account.subject) != (session.kind, session.subject):
            raise Refusal("provider-unbound")
        caller = await self._who(going.role, session.subject)
        vouched = self._vouched(provider, vouching)
        async with self._cx.database.transaction() as c:
            renewed = await self._means.browsers.prove_again(c, session, method=vouched, now=going.now)
            detail = {"event": "proved-again", "provider": provider.provider_id}
            await audit.append(c, [line(caller, "ok", "oidc", detail, going.now)])
        return renewed

    async def unbind(self, caller: Caller, provider_id: str, now: datetime) -> None:
        """Sign in by it no longer. Refusals `step-up-needed`, `not-found`, `last-way`."""
        _check_fresh(caller, now)
        account = await authentication.account_of(self._cx.database, caller.kind, caller.agent_id)
        if account is None:
            raise Refusal("not-found", field="account")
        async with self._cx.database.transaction() as c:
            await authentication.drop_provider(c, account, provider_id)
            await self._changed(c, caller, "provider-removed", provider_id, now)

    async def _changed(self, c: Connection, caller: Caller, what: str, provider_id: str, now: datetime) -> None:
        await authentication.happened(c, caller.kind, caller.agent_id, what, "", now)
        await audit.append(c, [line(caller, "ok", "", {"event": what, "provider": provider_id}, now)])


def asking_with(keys: KeyStore, key_sets: KeySets, development: bool) -> Asking:
    """What asks providers, proving with the platform's own key who asks (private_key_jwt)."""

    def sign(claims: Mapping[str, Any]) -> str:
        key = ECKey.import_key(signing_key(keys, "platform/signing/1"))
        header = {"alg": "ES256", "typ": "JWT", "kid": key.thumbprint()}
        return jwt.encode(header, dict(claims), key, algorithms=["ES256"])

    return Asking(key_sets, sign, development=development)


_EVENTS: Final[Mapping[Purpose, str]] = {
    "sign-in": "signed-in", "invited": "enrolled", "bind": "provider-added", "again": "proved-again",
}  # fmt: skip


def _check_issuer(provider: Provider, endpoints: Endpoints, answer: Mapping[str, str]) -> None:
    """Whose answer it is (RFC 9207, section 2.4): a provider that says it always says it."""
    said = answer.get("iss")
    if said != provider.issuer and (said is not None or endpoints.says_issuer):
        raise wrong("it does not come from this provider")


def _check_fresh(caller: Caller, now: datetime) -> None:
    """Who changes the own ways in proved just now, and surely, who they are."""
    caller.check_assured()
    caller.check_fresh(now)
