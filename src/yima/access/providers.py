"""The register of OpenID providers, kept by command; and what a provider says when somebody left there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlencode

from yima import audit
from yima.access.context import Context
from yima.access.external import Away
from yima.access.signing_in import line
from yima.authentication import Means
from yima.authentication.external import (
    Asking,
    Ended,
    Endpoints,
    Expected,
    Provider,
    checked_logout_token,
    is_issuer,
    is_provider_id,
)
from yima.directory import Caller
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal

_LOGOUT_KEPT: Final = timedelta(hours=1)
"""How long it is known which logout tokens were used; they count for ten minutes."""


class ProviderRegister:
    """The door's part for the register of providers; `Access.provider_register`."""

    def __init__(self, cx: Context, means: Means, asking: Asking) -> None:
        self._cx = cx
        self._means = means
        self._asking = asking

    def logout_uri(self, provider_id: str) -> str:
        """Where a provider says that somebody left (OpenID Connect Back-Channel Logout 1.0)."""
        return f"{self._means.base_url}/oauth/providers/{provider_id}/logout"

    async def registered(self, caller: Caller) -> Sequence[Provider]:
        """Every provider. Refusal `right-needed`."""
        _check_system(caller)
        return await self._means.providers.all()

    async def register(self, caller: Caller, provider: Provider, now: datetime) -> Endpoints:
        """Put one on the register, or change one, once it has been asked what it says of itself. Refusals
        `right-needed`, `field-invalid`, `provider-unreachable`."""
        _check_system(caller)
        if not is_provider_id(provider.provider_id):
            raise Refusal("field-invalid", field="ID", expected="up to 40 of a-z, 0-9 and -")
        if not is_issuer(provider.issuer):
            raise Refusal("field-invalid", field="--issuer", expected="an https address without query and fragment")
        endpoints = await self._asking.endpoints(provider, now)
        put = self._means.providers.put
        await self._settle(caller, "registered", provider.provider_id, now, lambda c: put(c, provider, now))
        return endpoints

    async def set_status(
        self, caller: Caller, provider_id: str, status: Literal["active", "suspended"], now: datetime
    ) -> None:
        """Suspend a provider: nobody comes in by it, and every session that it opened ends; or let it in again.
        Refusals `right-needed`, `not-found`."""
        put = self._means.providers.set_status
        await self._settle(caller, status, provider_id, now, lambda c: put(c, provider_id, status))

    async def remove(self, caller: Caller, provider_id: str, now: datetime) -> None:
        """Take one away with whatever is bound to it. Refusals `right-needed`, `not-found`."""
        remove = self._means.providers.remove
        await self._settle(caller, "removed", provider_id, now, lambda c: remove(c, provider_id))

    async def _settle(
        self, caller: Caller, what: str, provider_id: str, now: datetime, act: Callable[[Connection], Awaitable[None]]
    ) -> None:
        _check_system(caller)
        async with self._cx.database.transaction() as c:
            await act(c)
            await audit.append(c, [line(caller, "ok", "", {"event": f"provider-{what}", "provider": provider_id}, now)])

    # --- the end -----------------------------------------------------------------------------------------------------

    async def farewell(self, provider_id: str, now: datetime) -> Away | None:
        """Where somebody whom a provider let in may leave there as well (OpenID Connect RP-Initiated Logout 1.0);
        None where it has no such page, or cannot be asked."""
        provider = await self._means.providers.find(provider_id) if provider_id else None
        if provider is None:
            return None
        try:
            end = (await self._asking.endpoints(provider, now)).end_session
        except Refusal:
            return None
        joined = "&" if "?" in end else "?"
        return Away(provider, f"{end}{joined}{urlencode({'client_id': provider.client_id})}") if end else None

    async def logged_out(self, provider_id: str, token: str, now: datetime) -> None:
        """A provider says that somebody left there: the sessions that it opened for them end, on every worker with the
        next request. Refusals `not-found`, `logout-token-invalid`, `provider-unreachable`."""
        provider = await self._means.providers.find(provider_id)
        if provider is None:
            raise Refusal("not-found", field="provider")
        ended = await self._ended(provider, token, now)
        async with self._cx.database.transaction() as c:
            if not await self._means.providers.is_first(c, provider, ended.jti, now + _LOGOUT_KEPT):
                raise Refusal("logout-token-invalid", reason="it was used before")
            await self._means.providers.logged_out(c, provider, ended.sub, ended.sid)
            nobody = Caller(kind=provider.kind, agent_id="")  # type: ignore[arg-type]  # kinds of accounts are kinds of callers
            detail = {"event": "signed-out", "provider": provider.provider_id}
            await audit.append(c, [line(nobody, "ok", "oidc", detail, now)])

    async def _ended(self, provider: Provider, token: str, now: datetime) -> Ended:
        endpoints = await self._asking.endpoints(provider, now)
        try:
            keys = await self._asking.keys(provider, endpoints, token, now)
            return checked_logout_token(token, keys, Expected(provider.issuer, provider.client_id, now))
        except Refusal as refusal:
            if refusal.code != "provider-answer-invalid":
                raise
            raise Refusal("logout-token-invalid", reason=refusal.params["reason"]) from refusal


def _check_system(caller: Caller) -> None:
    if caller.kind != "system":
        raise Refusal("right-needed", expected="command-line")
