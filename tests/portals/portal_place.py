"""The running application with people for the pages, and browsers that sign in to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

from support import BASE, Platform, patient
from yima import healthcode, mpi
from yima.access import Access
from yima.directory import Caller
from yima.runtime import clock, ids


def form_token(page: str) -> str:
    """The form token of a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


@dataclass(frozen=True)
class Place:
    """The running application and what the tests need to know about its people."""

    platform: Platform
    full: str
    """Person text of somebody with a rich record (hypertension and diabetes)."""
    sensitive: str
    """Person text of somebody with psychiatric entries."""
    number: str
    """The document number of `full`."""
    doctor: str
    other_doctor: str
    """Practitioner ids at two institutions."""

    def browser(self, *, lang: str = "zh", ease: bool = False, script: bool = False) -> httpx.AsyncClient:
        """A browser without scripts; with `script` it asks as our own module does."""
        cookies = {"yima_lang": lang, **({"yima_ease": "on"} if ease else {})}
        headers = {"yima-script": "1"} if script else {}
        transport = httpx.ASGITransport(app=self.platform.app)
        return httpx.AsyncClient(transport=transport, base_url=BASE, cookies=cookies, headers=headers)

    async def enter(self, browser: httpx.AsyncClient, role: str, subject: str) -> httpx.AsyncClient:
        """Sign in with a development ticket, as a person does who clicks the printed link."""
        answer = await browser.get(f"/dev/sign-in/{self.access.callers.ticket(role, subject)}")
        assert answer.status_code == 303
        return browser

    @property
    def access(self) -> Access:
        """The door."""
        return self.platform.access

    async def code(self, person: str) -> str:
        """What the phone of that person shows now."""
        return await self.platform.fresh(ids.person_from_text(person) or 0)

    async def printed(self, person: str) -> str:
        """The text of that person's printed card."""
        card = await healthcode.card_of(self.access.database, ids.person_from_text(person) or 0)
        return healthcode.static_text(card, self.platform.keys)

    async def newcomer(self) -> str:
        """Somebody of whom only a name, a sex and a birth date were ever submitted."""
        hospital = await self.platform.institution("N")
        created = await hospital.create(patient())
        person = await mpi.person_of_patient(self.access.database, created["id"])
        assert person is not None
        return ids.person_text(person)

    async def caller(self, practitioner: str) -> Caller:
        """A clinician as access knows them."""
        now = clock.now()
        return await self.access.callers.caller(
            "clinician", self.access.callers.session("clinician", practitioner, now), now
        )

    async def terminal(self, practitioner: str) -> str:
        """A terminal at the clinician's institution."""
        return (await self.access.my_terminals(await self.caller(practitioner)))[0].terminal_id
