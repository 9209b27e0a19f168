"""Terminals that sign in with keys of their own, for tests of what they may do."""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx
from joserfc import jwk

from support import Institution, patient, resident_number
from support.platform import signed
from yima import directory
from yima.directory import ASSERTION_TYPE, Terminal
from yima.runtime import clock, ids


@dataclass(slots=True)
class Device:
    """A terminal of an institution with its key."""

    at: Institution
    name: str
    key: jwk.ECKey
    token: str = ""

    async def sign_in(self, **fields: str) -> httpx.Response:
        """What the token endpoint answers."""
        now = int(time.time())
        claims = {
            "iss": self.name, "sub": self.name, "aud": f"{self.at.platform.base}/oauth/token", "exp": now + 240,
            "jti": uuid.uuid4().hex,
        }  # fmt: skip
        assertion = signed({"alg": "ES256", "kid": self.key.thumbprint()}, claims, self.key)
        form = {
            "grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion,
        }  # fmt: skip
        return await self.at.platform.client.post("/oauth/token", data=form | fields)

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request with the terminal's token."""
        if not self.token:
            self.token = (await self.sign_in()).json()["access_token"]
        return await self.at.call(method, path, body, token=self.token, content_type="application/json")


async def enrol(at: Institution, kind: str = "kiosk", department: str = "0300") -> Device:
    """Register a terminal with a key."""
    key, name = jwk.ECKey.generate_key("P-256"), f"{at.code}-{uuid.uuid4().hex[:6]}"
    async with at.platform.database.transaction() as c:
        where = Terminal(name, kind, department, "门诊大厅 1 号机", "010101", "0101012")
        await directory.register_terminal(c, at.number, where, now=clock.now())
        await directory.add_terminal_key(c, name, key.as_dict(private=False))
    return Device(at, name, key)


async def admit(at: Institution) -> tuple[int, directory.Caller]:
    """Somebody new with a document and a phone, and the same as the resident who is signed in."""
    born = date(1930, 1, 1) + timedelta(days=secrets.randbelow(27_000))  # so that numbers never meet by chance
    said = patient(at.code, national=resident_number(born.isoformat()), birthDate=born.isoformat())
    created = await at.create(said)
    person = at.platform.person_of(f"Patient/{created['id']}")
    return person, directory.Caller(
        kind="resident", agent_id=ids.person_text(person), person=person, proved=clock.now()
    )
