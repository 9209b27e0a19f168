"""A platform as in production, people who are enrolled, and browsers at its doors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape

import httpx

from support import BASE, Institution, Platform, be_humans
from yima import authentication, directory
from yima.directory import Caller
from yima.runtime import clock

COMMAND = Caller(kind="system", agent_id="command-line")
PASSWORD = "vier worte sind genug"
_FIELD = re.compile(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"')
_OPTIONS = re.compile(r'data-options="([^"]*)"')


def fields_of(page: str, action: str) -> dict[str, str]:
    """The fields with values of the page's form that goes there."""
    found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert found, f"no form to {action}"
    return {name: unescape(value) for name, value in _FIELD.findall(found[0])}


def options_of(page: str) -> str:
    """What the page asks the browser for as a passkey."""
    found = _OPTIONS.search(page)
    assert found
    return unescape(found[1])


@dataclass(slots=True)
class Person:
    """Somebody with password and authenticator app."""

    role: str
    subject: str
    name: str
    secret: bytes
    codes: list[str]
    password: str = PASSWORD

    def code(self) -> str:
        """What the app shows now."""
        return authentication.code_at(self.secret, clock.now())


@dataclass(slots=True)
class Entrance:
    """The doors of a platform."""

    platform: Platform
    hospital: Institution
    people: dict[str, Person] = field(default_factory=dict)

    async def invited(self, kind: str, subject: str) -> tuple[str, str]:
        """Name and code of a new invitation."""
        made = await self.platform.access.accounts.invite(COMMAND, kind, subject, clock.now())
        return made.name, made.address.partition("#")[2]

    async def enrolled(self, role: str, subject: str) -> Person:
        """Somebody who set up password and app."""
        access, now = self.platform.access, clock.now()
        name, code = await self.invited("operator" if role == "operator" else "practitioner", subject)
        offer = await access.accounts.offer(role, code, "0" * 32, now)
        secret, earlier = offer.invitation.secret, now - timedelta(seconds=30)
        app_code = authentication.code_at(secret, earlier)
        codes = await access.accounts.set_up_password(role, code, PASSWORD, app_code, now)
        return Person(role, subject, name, secret, codes)

    async def doctor(self, code: str) -> Person:
        """A new member of staff, enrolled."""
        one = directory.Practitioner(0, self.hospital.number, code, "李医生", "Dr Li", "医师", "Physician", "0300")
        async with self.platform.database.transaction() as c:
            number = await directory.register_practitioner(c, one)
        return await self.enrolled("clinician", str(number))

    async def operator(self, code: str, *rights: str) -> Person:
        """A new operator, enrolled."""
        one = directory.Operator(code, "陈敏", "Chen Min", frozenset(rights), organisation="一码市数据局")
        async with self.platform.database.transaction() as c:
            await directory.register_operator(c, one)
        await be_humans(self.platform.database, self.platform.access.vault, code)
        return await self.enrolled("operator", code)

    def browser(self, lang: str = "en", address: str = "127.0.0.1") -> httpx.AsyncClient:
        """A browser without scripts, at this address of the network."""
        transport = httpx.ASGITransport(app=self.platform.app, client=(address, 5000))
        agent = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0"
        return httpx.AsyncClient(
            transport=transport, base_url=BASE, cookies={"yima_lang": lang}, headers={"user-agent": agent}
        )

    async def try_in(self, browser: httpx.AsyncClient, role: str, **said: str) -> httpx.Response:
        """Fill in the sign-in form and send it."""
        page = await browser.get(f"/{role}/sign-in")
        fields = fields_of(page.text, f"/{role}/sign-in")
        return await browser.post(f"/{role}/sign-in", data=fields | said)

    async def fresh(self, person: Person) -> str:
        """What the app shows now, which counts even if it was used: tests do not wait half a minute for the next."""
        kind = "operator" if person.role == "operator" else "practitioner"
        await self.platform.database.execute(
            "update authentication.account set totp_step = 0 where kind = $1 and subject = $2", kind, person.subject
        )
        return person.code()

    async def enter(self, browser: httpx.AsyncClient, person: Person) -> httpx.Response:
        """Sign in rightly."""
        answer = await self.try_in(
            browser, person.role, name=person.name, password=person.password, code=await self.fresh(person)
        )
        assert answer.status_code == 303, answer.text
        return answer
