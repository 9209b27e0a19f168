"""An app in a resident's hands, written after SMART App Launch 2.2 and the RFCs, and the resident's browser."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwk

from support import BASE, Institution, Platform, patient, resident_number
from support.platform import signed
from yima import directory
from yima.runtime import clock, ids

ALL = "openid fhirUser launch/patient patient/*.rs offline_access"
BACK = "https://app.example/back"


@dataclass
class Resident:
    """Somebody with a record, and a browser that is signed in."""

    platform: Platform
    patient: str
    person: int

    @classmethod
    async def at(cls, hospital: Institution) -> Resident:
        made = await hospital.create(patient(national=resident_number()))
        return cls(hospital.platform, made["id"], Platform.person_of(f"Patient/{made['id']}"))

    def cookies(self) -> dict[str, str]:
        cookie = self.platform.access.callers.session("resident", ids.person_text(self.person), clock.now())
        return {"yima_resident": cookie}

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=self.platform.client._transport, base_url=BASE, cookies=self.cookies(), timeout=60
        )


@dataclass
class SmartApp:
    """A registered app; `key` makes it a confidential one."""

    platform: Platform
    client_id: str
    redirect_uri: str = BACK
    key: jwk.ECKey | None = None
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @classmethod
    async def registered(cls, hospital: Institution, *, confidential: bool = False, **said: Any) -> SmartApp:
        app = cls(hospital.platform, f"app-{secrets.token_hex(4)}")
        app.key = jwk.ECKey.generate_key("P-256") if confidential else None
        keys = {"keys": [app.key.as_dict(private=False) | {"kid": app.key.thumbprint()}]} if app.key else None
        made = {"name_zh": "血糖日记", "name_en": "Glucose diary", "redirect_uris": (BACK, f"{BACK}?x=1")} | said
        async with app.platform.database.transaction() as c:
            await directory.register_patient_app(
                c, directory.PatientApp(client_id=app.client_id, institution_id=hospital.number, jwks=keys, **made)
            )
        return app

    def request(self, **changed: str | None) -> dict[str, str]:
        """The parameters of an authorisation request; None leaves one out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        right: dict[str, str | None] = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri, "scope": ALL,
            "state": "s-1", "aud": f"{BASE}/fhir", "code_challenge": challenge, "code_challenge_method": "S256",
            "nonce": "n-1",
        }  # fmt: skip
        return {name: value for name, value in (right | changed).items() if value is not None}

    async def authorize(self, resident: Resident, *, without: tuple[str, ...] = (), **changed: str | None) -> str:
        """Ask, and let the resident allow everything but `without`; where the browser goes then."""
        async with resident.browser() as browser:
            asked = await browser.get("/oauth/authorize", params=self.request(**changed))
            assert asked.status_code == 303, asked.text
            place = asked.headers["location"]
            if not place.startswith("/"):
                return place
            page = (await browser.get(place)).text
            fields = form_fields(page) | {"answer": "grant"}
            said = await browser.post("/resident/apps/ask", data={k: v for k, v in fields.items() if k not in without})
            assert said.status_code == 303, said.text
            return said.headers["location"]

    async def code(self, resident: Resident, **changed: Any) -> str:
        return answer_of(await self.authorize(resident, **changed))["code"]

    async def post(self, path: str, **form: str) -> httpx.Response:
        """A form as this app sends it: with its assertion when it has a key, else with its client_id."""
        who = {"client_id": self.client_id}
        if self.key:
            kind = directory.ASSERTION_TYPE
            who = {"client_assertion_type": kind, "client_assertion": self.assertion()}
        return await self.platform.client.post(path, data=who | form)

    def assertion(self, **changed: Any) -> str:
        assert self.key
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": f"{BASE}/oauth/token", "exp": int(time.time()) + 200,
            "jti": uuid.uuid4().hex,
        }  # fmt: skip
        header = {"alg": "ES256", "kid": self.key.thumbprint()} | changed.pop("header", {})
        return signed(header, claims | changed, self.key)

    async def redeem(self, code: str, **changed: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }  # fmt: skip
        return await self.post("/oauth/token", **(form | changed))

    async def refresh(self, token: str, **more: str) -> httpx.Response:
        return await self.post("/oauth/token", grant_type="refresh_token", refresh_token=token, **more)

    async def tokens(self, resident: Resident, **changed: Any) -> dict[str, Any]:
        answer = await self.redeem(await self.code(resident, **changed))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def read(self, token: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} | more.pop("headers", {})
        return await self.platform.client.request(method, path, headers=headers, **more)


def form_fields(page: str) -> dict[str, str]:
    """What a browser would send with the page's form as it stands: hidden fields and ticked boxes."""
    fields = {}
    for tag in re.findall(r"<input [^>]*>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ('type="hidden"' in tag or " checked" in tag):
            fields[name[1]] = value[1] if value else "on"
    return fields


def answer_of(address: str) -> dict[str, str]:
    """The parameters with which the browser came back to the app."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query, keep_blank_values=True).items()}
