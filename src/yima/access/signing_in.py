"""How people come in by browser: sign-in, proving it once more, and the end of sessions. Each is a line of the log.

Until a sign-in is proved nothing says whether there is such an account: one refusal, the same work, the same waits.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from yima import audit, authentication, mpi
from yima.access.context import Context
from yima.authentication import ACCOUNT, ADDRESS, Account, Means, Method, Session, Try, Vouched
from yima.directory import Caller
from yima.runtime import logs
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal

KINDS: Final = {"clinician": "practitioner", "operator": "operator", "resident": "resident"}
"""Who comes in by which door."""
Who = Callable[[str, str], Awaitable[Caller]]
"""Role and subject to the caller they are now. Refusals `sign-in-needed`, `institution-suspended`,
`account-suspended`."""
_KNOWN: Final = "known-browser"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser before anything is proved."""

    token: str
    """Of the sign-in page; form tokens and challenges are bound to it."""
    network: str
    device: str
    """Browser and system, in words."""
    known: str = ""
    """What `Entered.known` once gave it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says to prove who they are: name, password and code, or the answer of a passkey."""

    name: str = ""
    password: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    passkey: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Entered:
    """A session just opened."""

    cookie: str
    known: str
    """By which this browser is known at the next sign-in: strangers' tries then do not make it wait."""
    invited: bool
    """Whether somebody else made an invitation that could replace the ways of this account: its owner must hear."""


class SigningIn:
    """The door's part for sign-in; `Access.signing_in`."""

    def __init__(self, cx: Context, means: Means, who: Who) -> None:
        self._cx = cx
        self._means = means
        self._who = who

    def passkey_request(self, role: str, visitor: Visitor, now: datetime) -> Mapping[str, Any]:
        """What a browser is asked for sign-in by passkey: whichever the person has for this place."""
        return self._means.passkeys.request(self._means.challenges.new(f"sign-in/{role}", visitor.token, now))

    async def enter(self, role: str, visitor: Visitor, said: Said, now: datetime) -> Entered:
        """Open a session. Refusals `sign-in-failed`, `passkey-invalid`, `too-many-attempts`, `overloaded`; and told
        only to who has proved who they are: `institution-suspended`."""
        kind = kind_of(role)
        tries = self._tries(kind, visitor, said)
        await self._means.attempts.enter(tries, now)
        try:
            account, method = await self._proved(role, visitor, said, now)
        except Refusal as refusal:
            if refusal.code != "overloaded":
                await self._log(_nobody(kind), "denied", refusal.code, {"event": "signed-in"}, now)
            raise
        await self._means.attempts.passed(tries, now)
        return await self.opened(role, visitor, account, method, now)

    async def _proved(self, role: str, visitor: Visitor, said: Said, now: datetime) -> tuple[Account, Method]:
        proofs, kind = self._means.proofs, kind_of(role)
        if said.passkey:
            use = f"sign-in/{role}"
            return await proofs.passkey(kind, said.passkey, use=use, session=visitor.token, now=now), "passkey"
        return await proofs.password(kind, said.name, said.password, said.code, now)

    async def opened(
        self, role: str, visitor: Visitor, account: Account, method: Method | Vouched, now: datetime
    ) -> Entered:
        """A session for the owner of an account, who has proved who they are. Refusals `sign-in-failed`, also
        when the account was taken away meanwhile or a death was reported, `institution-suspended`,
        `account-suspended`."""
        by = method if isinstance(method, str) else "oidc"
        try:
            caller = await self._who(role, account.subject)
        except Refusal as refusal:
            detail: dict[str, Any] = {"event": "signed-in", "method": by}
            await self._log(_nobody(account.kind, account.subject), "denied", refusal.code, detail, now)
            if refusal.code == "sign-in-needed":
                raise Refusal("sign-in-failed") from refusal
            raise
        what = "recovery-used" if method == "recovery" else "signed-in"
        async with self._cx.database.transaction() as c:
            await authentication.hold_account(c, account)
            await self._check_lives(c, caller)
            cookie = await self._means.browsers.open(
                c, account.kind, account.subject, method=method, device=visitor.device, now=now
            )
            await authentication.happened(c, account.kind, account.subject, what, visitor.device, now)
            detail = {"event": what, "device": visitor.device}
            detail |= {"provider": method.provider} if isinstance(method, Vouched) else {}
            await audit.append(c, [line(caller, "ok", by, detail, now)])
        known = self._known_as(account.kind, visitor, account.name) or secrets.token_hex(8)
        waiting = await self._means.enrolment.waiting(account.kind, account.subject, now)
        invited = any(one.inviter != f"{account.kind}/{account.subject}" for one in waiting)
        return Entered(cookie, self._cx.sessions.seal(_KNOWN, f"{account.kind}/{account.name}\n{known}"), invited)

    async def _check_lives(self, c: Connection, caller: Caller) -> None:
        """Refusal `sign-in-failed` for a resident whose death was reported: by a code to the phone they come in no more
        either. A counter undoes a report that was wrong."""
        known = await mpi.identity(c, self._cx.vault, caller.person) if caller.kind == "resident" else None
        if known is not None and known.deceased:
            raise Refusal("sign-in-failed")

    def _tries(self, kind: str, visitor: Visitor, said: Said) -> Sequence[Try]:
        """What a sign-in is counted on. A passkey cannot be guessed: its owner is not made to wait for others."""
        address = Try("address", visitor.network, ADDRESS)
        if said.passkey:
            return [address]
        name = authentication.folded(said.name)
        if known := self._known_as(kind, visitor, name):
            return [address, Try("browser", known, ACCOUNT)]
        return [address, Try("account", f"{kind}/{name}", ACCOUNT)]

    def _known_as(self, kind: str, visitor: Visitor, name: str) -> str:
        """The mark of a browser that signed in under this name before, or ""."""
        said, _, known = self._cx.sessions.unseal(_KNOWN, visitor.known).partition("\n")
        return known if said == f"{kind}/{name}" else ""

    # --- once more ---------------------------------------------------------------------------------------------------

    async def again_request(self, role: str, cookie: str, now: datetime) -> tuple[Mapping[str, Any] | None, bool]:
        """What a browser is asked to prove it once more by passkey, None for who has none; whether a code would do."""
        session = await self._means.browsers.find(kind_of(role), cookie, now)
        account = await authentication.account_of(self._cx.database, session.kind, session.subject)
        if account is None and session.kind == "resident":  # who comes in by phone has none
            return None, False
        account = await self._account(session)
        known = [one.credential for one in await authentication.passkeys_of(self._cx.database, account)]
        challenge = self._means.challenges.new(f"again/{role}", session.session_id, now)
        return self._means.passkeys.request(challenge, known) if known else None, account.totp is not None

    async def prove_again(self, role: str, cookie: str, said: Said, now: datetime) -> str:
        """Prove who one is once more, by code or passkey: the cookie from now on. The old one is worth nothing.

        Refusals `sign-in-needed`, `sign-in-failed`, `passkey-invalid`, `too-many-attempts`.
        """
        session = await self._means.browsers.find(kind_of(role), cookie, now)
        account = await self._account(session)
        caller = await self._who(role, session.subject)
        tries = [Try("again", f"{session.kind}/{session.subject}", ACCOUNT)]
        await self._means.attempts.enter(tries, now)
        try:
            method = await self._proved_again(role, session, account, said, now)
        except Refusal as refusal:
            await self._log(caller, "denied", refusal.code, {"event": "proved-again"}, now)
            raise
        await self._means.attempts.passed(tries, now)
        async with self._cx.database.transaction() as c:
            renewed = await self._means.browsers.prove_again(c, session, method=method, now=now)
            await audit.append(c, [line(caller, "ok", method, {"event": "proved-again"}, now)])
        return renewed

    async def _proved_again(self, role: str, session: Session, account: Account, said: Said, now: datetime) -> Method:
        if not said.passkey:
            method = await self._means.proofs.code(account, said.code, now)
            if method is None:
                raise Refusal("sign-in-failed")
            return method
        use = f"again/{role}"
        found = await self._means.proofs.passkey(
            session.kind, said.passkey, use=use, session=session.session_id, now=now
        )
        if found.subject != session.subject:
            raise Refusal("passkey-invalid", field="passkey")
        return "passkey"

    async def _account(self, session: Session) -> Account:
        account = await authentication.account_of(self._cx.database, session.kind, session.subject)
        if account is None:
            raise Refusal("sign-in-needed")
        return account

    # --- the end -----------------------------------------------------------------------------------------------------

    async def leave(self, role: str, cookie: str, now: datetime) -> str:
        """End the session of this cookie, if there is one; the provider by which it was opened, "" for none."""
        try:
            session = await self._means.browsers.find(kind_of(role), cookie, now)
        except Refusal:
            return ""
        await self._means.browsers.end(session.session_id)
        await self._log(_nobody(session.kind, session.subject), "ok", "", {"event": "signed-out"}, now)
        return session.provider

    async def _log(self, caller: Caller, outcome: str, basis: str, detail: Mapping[str, Any], now: datetime) -> None:
        await self._cx.appender.append(line(caller, outcome, basis, detail, now))


def line(caller: Caller, outcome: str, basis: str, detail: Mapping[str, Any], now: datetime) -> audit.Event:
    """A line of the log about somebody's sign-in; it concerns no record. `basis`: by what, or the refusal's code."""
    return audit.Event(
        person=0, recorded=now, action="sign-in", outcome=outcome, basis=basis, agent=caller.kind,
        institution=caller.institution, institution_name=caller.institution_zh, agent_id=caller.agent_id,
        agent_name=caller.name_zh, department=caller.department, detail=detail, request_id=logs.request_id.get(),
    )  # fmt: skip


def kind_of(role: str) -> str:
    """Who comes in by this door. Refusal `sign-in-needed` for one at which nobody signs in."""
    if role not in KINDS:
        raise Refusal("sign-in-needed")
    return KINDS[role]


def _nobody(kind: str, subject: str = "") -> Caller:
    """Who tried, as far as it is known: never what was typed, which may be a password."""
    return Caller(kind=kind, agent_id=subject)  # type: ignore[arg-type]  # kinds of accounts are kinds of callers
