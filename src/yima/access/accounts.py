"""Accounts of staff and operators: invitations, setting one up, and what its owner may change.

Staff are invited by an operator with the right `accounts`, or by command. Operators are invited by command only: who
could set up another operator's sign-in anew could be two people, and much here needs two. For the same reason it must
be known first which human being an operator is (`name_human`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from yima import audit, authentication, directory, mpi, oversight
from yima.access import glass
from yima.access.context import Context
from yima.access.giving import hold_person
from yima.access.rights import check_right
from yima.access.signing_in import KINDS, Who, line
from yima.authentication import Account, Invitation, Means, Session, Waiting, Ways
from yima.directory import Caller
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal

_DOORS: Final = {kind: role for role, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation just made; `address` holds its code, which is shown once."""

    name: str
    address: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody who opens an invitation is shown."""

    invitation: Invitation
    caller: Caller
    """Who is invited."""
    app_uri: str = field(repr=False)
    app_secret: str = field(repr=False)
    passkey: Mapping[str, Any] | None = field(repr=False)
    """What the browser is asked to make a passkey; None where passkeys stay as they are."""


@dataclass(frozen=True, slots=True)
class Mine:
    """The own sign-in."""

    ways: Ways
    sessions: Sequence[Session]
    here: str
    """The id of the session that asks."""
    waiting: Sequence[Waiting]
    nobody: bool
    """Whether it is an operator of whom nobody said which human they are: they second nothing, and nobody them."""


@dataclass(frozen=True, slots=True)
class StaffRow:
    """A member of staff, as who invites them sees it."""

    staff: directory.Practitioner
    enrolled: bool


class Accounts:
    """The door's part for accounts; `Access.accounts`."""

    def __init__(self, cx: Context, means: Means, who: Who) -> None:
        self._cx = cx
        self._means = means
        self._who = who

    # --- invitations -------------------------------------------------------------------------------------------------

    async def staff(self, caller: Caller) -> Sequence[StaffRow]:
        """Everybody who can be invited on the operator's page. Refusal `right-needed`."""
        _may_invite(caller, "practitioner")
        known = await authentication.enrolled(self._cx.database, "practitioner")
        found = await directory.practitioners(self._cx.database)
        return [StaffRow(one, str(one.practitioner_id) in known) for one in found]

    async def invite(self, caller: Caller, kind: str, subject: str, now: datetime) -> Invited:
        """Invite somebody to set up sign-in, or to set it up anew; the ways there are count until they do.

        Refusals `right-needed`, `step-up-needed`, `not-found` for who is not on the register or suspended,
        `human-unknown` for an operator of whom nobody said which human they are.
        """
        _may_invite(caller, kind)
        caller.check_fresh(now)
        try:
            invited = await self._who(_DOORS[kind], subject)
        except Refusal as refusal:
            raise Refusal("not-found", field="subject") from refusal
        if kind == "operator" and subject not in await directory.known_humans(self._cx.database):
            raise Refusal("human-unknown", account=f"operator/{subject}")
        return await self._invite(caller, invited, now)

    async def _invite(self, caller: Caller, invited: Caller, now: datetime) -> Invited:
        name, kind, subject = await self._name(invited), invited.kind, invited.agent_id
        async with self._cx.database.transaction() as c:
            code = await self._means.enrolment.invite(
                c, kind, subject, name, inviter=f"{caller.kind}/{caller.agent_id}", now=now
            )
            await _log(c, caller, {"event": "invited", "of": f"{kind}/{subject}"}, now)
        address = f"{self._means.passkeys.origin}/{_DOORS[kind]}/sign-in/enrol#{code}"
        return Invited(name, address, now + authentication.INVITED)

    async def _name(self, invited: Caller) -> str:
        """What somebody types to sign in: an operator's code, or institution and code of a member of staff."""
        if invited.kind == "operator":
            return invited.agent_id
        staff = await directory.practitioner(self._cx.database, int(invited.agent_id))
        return f"{invited.institution_code}/{staff.code if staff else ''}"

    async def offer(self, role: str, code: str, token: str, now: datetime) -> Offer:
        """What an invitation offers. `token`: of the page; a passkey is made for it only. Refusal
        `invitation-invalid`, also for who is suspended meanwhile."""
        found = await self._means.enrolment.invitation(KINDS[role], code, now)
        caller = await self._invited(role, found)
        challenge = self._means.challenges.new(f"enrol/{role}", token, now)
        return Offer(
            found, caller, authentication.app_uri(found.secret, "Yima", found.name),
            authentication.secret_text(found.secret),
            None if found.own else self._means.passkeys.creation(challenge, found.account_id, found.name),
        )  # fmt: skip

    async def set_up_password(self, role: str, code: str, password: str, app_code: str, now: datetime) -> list[str]:
        """Password and authenticator app; the recovery codes, shown once. Refusals `invitation-invalid`,
        `password-too-short`, `-long`, `-common`, `app-code-wrong`."""
        caller = await self._invited(role, await self._means.enrolment.invitation(KINDS[role], code, now))
        async with self._cx.database.transaction() as c:
            used, codes = await self._means.enrolment.with_password(
                c, KINDS[role], code, password=password, app_code=app_code, now=now
            )
            await _log(c, caller, {"event": "enrolled", "with": "password", "by": used.inviter}, now)
        return codes

    async def set_up_passkey(self, role: str, code: str, *, answer: str, label: str, token: str, now: datetime) -> None:
        """A passkey instead. Refusals `invitation-invalid`, `passkey-invalid`."""
        caller = await self._invited(role, await self._means.enrolment.invitation(KINDS[role], code, now))
        async with self._cx.database.transaction() as c:
            challenge = await self._means.challenges.spend(c, answer, f"enrol/{role}", token, now)
        async with self._cx.database.transaction() as c:
            if caller.kind == "resident":
                await hold_person(c, caller.person)
            used = await self._means.enrolment.with_passkey(
                c, KINDS[role], code, answer=answer, challenge=challenge, label=label, now=now
            )
            await _log(c, caller, {"event": "enrolled", "with": "passkey", "by": used.inviter}, now)

    async def _invited(self, role: str, found: Invitation) -> Caller:
        try:
            return await self._who(role, found.subject)
        except Refusal as refusal:
            raise Refusal("invitation-invalid", field="invitation") from refusal

    # --- one's own ---------------------------------------------------------------------------------------------------

    async def mine(self, caller: Caller, cookie: str, now: datetime) -> Mine | None:
        """The own ways, sessions and invitations; None for who has no account (a development session)."""
        account = await authentication.account_of(self._cx.database, caller.kind, caller.agent_id)
        if account is None:
            return None
        return Mine(
            await authentication.ways_of(self._cx.database, account),
            await self._means.browsers.of(caller.kind, caller.agent_id, now),
            cookie.partition(".")[0],
            await self._means.enrolment.waiting(caller.kind, caller.agent_id, now),
            caller.kind == "operator" and caller.agent_id not in await directory.known_humans(self._cx.database),
        )

    async def passkey_creation(self, caller: Caller, cookie: str, now: datetime) -> Mapping[str, Any]:
        """What the browser is asked to make one more passkey."""
        account = await self._account(caller)
        known = [one.credential for one in await authentication.passkeys_of(self._cx.database, account)]
        challenge = self._means.challenges.new("add", cookie.partition(".")[0], now)
        return self._means.passkeys.creation(challenge, account.account_id, account.name, known)

    async def add_passkey(self, caller: Caller, cookie: str, answer: str, label: str, now: datetime) -> None:
        """Keep one more passkey. Refusals `step-up-needed`, `passkey-invalid`."""
        account = await self._changing(caller, now)
        async with self._cx.database.transaction() as c:
            challenge = await self._means.challenges.spend(c, answer, "add", cookie.partition(".")[0], now)
        made = self._means.passkeys.registered(answer, challenge)
        async with self._cx.database.transaction() as c:
            await authentication.hold_account(c, account)
            await authentication.put_passkey(c, account.account_id, made, label, now)
            await self._changed(c, caller, "passkey-added", now)

    async def remove_passkey(self, caller: Caller, credential: bytes, now: datetime) -> None:
        """Take one away. Refusals `step-up-needed`, `not-found`, `last-way`."""
        account = await self._changing(caller, now)
        async with self._cx.database.transaction() as c:
            await authentication.drop_passkey(c, account, credential)
            await self._changed(c, caller, "passkey-removed", now)

    async def change_password(self, caller: Caller, cookie: str, password: str, now: datetime) -> None:
        """A new password; every other session ends. Refusals `step-up-needed`, `not-found`, and those of passwords."""
        account = await self._changing(caller, now)
        kept = await authentication.new_password(self._means.passwords, account, password)
        async with self._cx.database.transaction() as c:
            await authentication.set_password(c, account, kept)
            await authentication.end_sessions(c, caller.kind, caller.agent_id, but=cookie.partition(".")[0])
            await self._changed(c, caller, "password-changed", now)

    async def renew_codes(self, caller: Caller, now: datetime) -> list[str]:
        """Fresh recovery codes; those before are worth nothing. Refusals `step-up-needed`, `not-found`."""
        account = await self._changing(caller, now)
        if account.password is None:
            raise Refusal("not-found", field="password")
        async with self._cx.database.transaction() as c:
            codes = await authentication.renew_codes(c, account.account_id)
            await self._changed(c, caller, "codes-renewed", now)
        return codes

    async def begin_anew(self, caller: Caller, now: datetime) -> Invited:
        """An invitation of oneself, to set up password and authenticator app anew. Refusal `step-up-needed`."""
        await self._changing(caller, now)
        return await self._invite(caller, caller, now)

    async def withdraw(self, caller: Caller, now: datetime) -> None:
        """Nobody can use an invitation of oneself any more; for who did not ask for one."""
        async with self._cx.database.transaction() as c:
            await authentication.withdraw_invitations(c, caller.kind, caller.agent_id)
            await self._changed(c, caller, "invitation-withdrawn", now)

    async def end_session(self, caller: Caller, session_id: str, now: datetime) -> None:
        """End one of the own sessions. Refusal `not-found` for any other."""
        mine = await self._means.browsers.of(caller.kind, caller.agent_id, now)
        if session_id not in {one.session_id for one in mine}:
            raise Refusal("not-found", field="session")
        await self._means.browsers.end(session_id)

    async def leave_everywhere(self, caller: Caller, now: datetime) -> None:
        """End every session one has, this one too."""
        async with self._cx.database.transaction() as c:
            await authentication.end_sessions(c, caller.kind, caller.agent_id)
            await self._changed(c, caller, "signed-out-everywhere", now)

    async def _account(self, caller: Caller) -> Account:
        account = await authentication.account_of(self._cx.database, caller.kind, caller.agent_id)
        if account is None:
            raise Refusal("not-found", field="account")
        return account

    async def _changing(self, caller: Caller, now: datetime) -> Account:
        account = await self._account(caller)
        caller.check_fresh(now)
        return account

    async def _changed(self, c: Connection, caller: Caller, what: str, now: datetime) -> None:
        await authentication.happened(c, caller.kind, caller.agent_id, what, "", now)
        await _log(c, caller, {"event": what}, now)

    async def name_human(self, caller: Caller, code: str, system: str, number: str, now: datetime) -> None:
        """Say which human being an operator is, by a document in hand; only a keyed hash of its number is kept.

        Refusals `right-needed`, `field-invalid`, `not-found`, `human-taken` when that human has another operator's
        account.
        """
        check_right(caller, "operators")
        named = mpi.human_of_number(system, number)
        if named is None:
            raise Refusal("field-invalid", field="number", expected="the number of a national document")
        async with self._cx.database.transaction() as c:
            await directory.name_human(c, self._cx.vault, code, named)
            await authentication.happened(c, "operator", code, "human-named", "", now)
            await _log(c, caller, {"event": "human-named", "of": f"operator/{code}"}, now)

    # --- who leaves, by command --------------------------------------------------------------------------------------

    async def suspend(self, caller: Caller, kind: str, subject: str, now: datetime) -> None:
        """Suspend somebody: refused everywhere within a second, signed out, and no invitation counts. Refusals
        `right-needed`, `not-found`."""
        async with self._cx.database.transaction() as c:
            await self._standing(c, caller, (kind, subject), "suspended", now)
            await authentication.end_sessions(c, kind, subject)
            await authentication.withdraw_invitations(c, kind, subject)

    async def resume(self, caller: Caller, kind: str, subject: str, now: datetime) -> None:
        """Let somebody in again, by the ways they had. Refusals `right-needed`, `not-found`, and `access-stopped` for
        staff whom two privacy officers must let in (`access.glass_desk`)."""
        async with self._cx.database.transaction() as c:
            await self._standing(c, caller, (kind, subject), "active", now)

    async def _standing(self, c: Connection, caller: Caller, whom: tuple[str, str], status: str, now: datetime) -> None:
        check_right(caller, "operators")
        kind, subject = whom
        if kind == "operator":
            found = await directory.operator(c, subject)
            if found is None:
                raise Refusal("not-found", field="operator")
            await directory.register_operator(c, replace(found, status=status))
        else:
            if status == "active" and await oversight.is_stopped(c, int(subject)):
                raise Refusal("access-stopped", field="subject")
            await directory.set_practitioner_status(c, int(subject), status)
            if status != "active":
                await glass.close(c, "practitioner", int(subject), now)
        await _log(c, caller, {"event": status, "of": f"{kind}/{subject}"}, now)

    async def close(self, caller: Caller, kind: str, subject: str, now: datetime) -> None:
        """Take an account away with its ways, sessions and invitations: who leaves for good, or must begin from
        nothing. Refusals `right-needed`, `not-found`."""
        check_right(caller, "operators")
        account = await authentication.account_of(self._cx.database, kind, subject)
        if account is None:
            raise Refusal("not-found", field="account")
        async with self._cx.database.transaction() as c:
            await authentication.remove_account(c, kind, subject)
            await _log(c, caller, {"event": "account-closed", "of": f"{kind}/{subject}"}, now)


def _may_invite(caller: Caller, kind: str) -> None:
    check_right(caller, "accounts" if kind == "practitioner" else "operators")


async def _log(c: Connection, caller: Caller, detail: Mapping[str, Any], now: datetime) -> None:
    await audit.append(c, [line(caller, "ok", "", detail, now)])
