"""A deployment small enough for one request: two institutions, staff, a terminal, apps with their keys."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwk, jwt

from yima import directory
from yima.app import Application
from yima.runtime.settings import Settings

_BASE = "http://127.0.0.1:8420"


@dataclass(frozen=True)
class Deployment:
    """A started application and a client that speaks to it without a network."""

    app: Application
    client: httpx.AsyncClient
    terminal: str
    keys: dict[str, Any]

    async def token(self) -> str:
        """A token of the institution's app, by SMART Backend Services."""
        url, now = f"{_BASE}/oauth/token", int(time.time())
        claims = {"iss": "h1-his", "sub": "h1-his", "aud": url, "exp": now + 240, "jti": secrets.token_hex(16)}
        key = jwk.ECKey.import_key(self.keys)
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": directory.ASSERTION_TYPE,
            "client_assertion": jwt.encode({"alg": "ES256", "kid": key.thumbprint()}, claims, key, algorithms=["ES256"]),
        }
        answer = await self.client.post("/oauth/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@pytest.fixture(scope="module")
async def deployment(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """A running application over this module's database."""
    settings = Settings(data=Path(tmp_path_factory.mktemp("data")), development=True, pool_size=4)
    app = Application(settings, database_url, _BASE)
    await app.start()
    key = jwk.ECKey.generate_key("P-256")
    public = key.as_dict(private=False) | {"kid": key.thumbprint()}
    async with app.state.access.database.transaction() as c:
        number = await directory.register_institution(
            c, code="h1", name_zh="一码县医院", name_en="Yima County Hospital", kind="A100", area="609901"
        )
        await directory.register_terminal(c, number, directory.Terminal("h1-desk-1", "desk", "0300"))
        await directory.register_app(c, directory.App("h1-his", number, "HIS", {"keys": [public]}))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=_BASE) as client:
        yield Deployment(app, client, "h1-desk-1", key.as_dict(private=True))
    await app.stop()
