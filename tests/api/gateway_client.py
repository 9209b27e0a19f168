"""A hospital's client of the national gateway, written from docs/healthcode/gateway.md and not from the server's code.

SM3 and SM4 come from gmalg, not from the library that the server uses.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

import gmalg
import httpx

from support import Institution, Platform, resident_number
from yima import directory

BUSINESS = "/erhc/ehealthcard/business.do"
OPEN = "/rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj"
_count = itertools.count(1)


def birthday() -> str:
    """A random date of birth: one day has only a thousand numbers, and tests would meet each other's people."""
    return f"{1930 + secrets.randbelow(70)}-{1 + secrets.randbelow(12):02d}-{1 + secrets.randbelow(28):02d}"


def form(**also: Any) -> dict[str, Any]:
    """A registration as an integrator sends it, of somebody whom no other test meets."""
    born = birthday()
    made = {
        "register_no": "R20260001", "register_time": "20261123083000", "apply_type": "3", "id_type": "01",
        "id_no": resident_number(born), "name": "王小芳", "gender": "2", "nation": "01", "nationality": "CHN",
        "domicile": "某省某市", "birthday": born, "cellphone": f"139{secrets.randbelow(10**8):08d}",
        "telephone": "", "address": "某区某路1号", "workcode": "1", "maritalstatus": "10", "rzfs": "05", "file1": "",
    }  # fmt: skip
    return made | also


def sm3(text: str) -> str:
    digest = gmalg.SM3()
    digest.update(text.encode())
    return digest.value().hex()


def encipher(key: bytes, plain: bytes) -> bytes:
    padded = plain + bytes([16 - len(plain) % 16]) * (16 - len(plain) % 16)
    cipher = gmalg.SM4(key)
    return b"".join(cipher.encrypt(padded[i : i + 16]) for i in range(0, len(padded), 16))


def decipher(key: bytes, sealed: bytes) -> bytes:
    cipher = gmalg.SM4(key)
    plain = b"".join(cipher.decrypt(sealed[i : i + 16]) for i in range(0, len(sealed), 16))
    return plain[: -plain[-1]]


@dataclass
class CardClient:
    """Speaks to business.do as one app."""

    platform: Platform
    institution: Institution
    app_id: str
    secret: str
    key: bytes
    term_id: str

    def envelope(self, method: str, content: dict[str, Any] | bytes, **changed: Any) -> dict[str, Any]:
        """A signed envelope; `changed` members are signed too, but for `digest` and `biz_content`, which replace."""
        plain = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
        said = {
            "app_id": self.app_id, "term_id": self.term_id, "method": method, "version": "X.M.0.1",
            "timestamp": str(int(time.time() * 1000) + next(_count)), "digest_type": "SM3", "enc_type": "SM4",
        }  # fmt: skip
        said |= {name: value for name, value in changed.items() if name in said}
        text = "&".join(
            f"{name}={plain.decode(errors='replace') if name == 'biz_content' else said[name]}"
            for name in (
                "app_id",
                "biz_content",
                "digest_type",
                "enc_type",
                "method",
                "term_id",
                "timestamp",
                "version",
            )
        )
        said["digest"] = sm3(f"{text}&app_secret={self.secret}")
        said["biz_content"] = base64.b64encode(encipher(self.key, plain)).decode()
        return said | {name: value for name, value in changed.items() if name in ("digest", "biz_content")}

    async def send(self, body: dict[str, Any] | bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        """The answer as it came, and its content in the clear; checks what every answer owes its reader."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await self.platform.client.post(BUSINESS, content=raw, headers={"content-type": "application/json"})
        assert answer.status_code == 200, answer.text
        return self.opened(answer)

    def opened(self, answer: httpx.Response) -> tuple[dict[str, Any], dict[str, Any]]:
        got = answer.json()
        assert answer.headers["cache-control"] == "no-store"
        if not got["biz_content"]:
            return got, {}
        plain = decipher(self.key, base64.b64decode(got["biz_content"])).decode()
        names = ("app_id", "biz_content", "code", "digest_type", "enc_type", "message", "timestamp")
        text = "&".join(f"{name}={plain if name == 'biz_content' else got[name]}" for name in names)
        assert got["digest"] == sm3(f"{text}&app_secret={self.secret}")
        return got, json.loads(plain)

    async def call(self, method: str, **content: Any) -> dict[str, Any]:
        """The content of an answer that must be code 10."""
        got, opened = await self.send(self.envelope(f"ehc.{method}", content))
        assert got["code"] == "10", got
        return opened

    async def refused(self, method: str, **content: Any) -> str:
        """The stable code of an answer that must not be code 10."""
        got, opened = await self.send(self.envelope(f"ehc.{method}", content))
        assert (got["code"], opened) == ("00", {}), got
        assert got["message"]
        assert got["message_en"]
        return str(got["error"])


@dataclass
class OpenClient:
    """Speaks to the open platform as one app."""

    platform: Platform
    institution: Institution
    app_id: str
    secret: str
    token: str = ""

    def envelope(self, req: dict[str, Any], *, token: str | None = None, **changed: Any) -> dict[str, Any]:
        common = {
            "appToken": self.token if token is None else token, "requestId": uuid.uuid4().hex.upper(),
            "hospitalId": self.institution.code, "timestamp": str(int(time.time())), "channelNum": 0,
        }  # fmt: skip
        common |= {name: value for name, value in changed.items() if name != "sign"}
        values = {**common, **req}
        parts = []
        for name in sorted(values):
            value = values[name]
            text = value if isinstance(value, str) else "" if value is None else _compact(value)
            parts += [f"{name}={text}"] if text else []
        digest = hashlib.sha256(("&".join(parts) + self.secret).encode()).digest()
        common["sign"] = changed.get("sign", base64.b64encode(digest).decode())
        return {"commonIn": common, "req": req}

    async def send(self, method: str, body: dict[str, Any] | bytes, base: str = OPEN) -> dict[str, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        answer = await self.platform.client.post(
            f"{base}/{method}", content=raw, headers={"content-type": "application/json;charset=utf-8"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        got = dict(answer.json())
        if isinstance(body, dict):
            assert got["commonOut"]["requestId"] == body["commonIn"]["requestId"]
        return got

    async def sign_in(self, base: str = OPEN) -> OpenClient:
        got = await self.send("getAppToken", self.envelope({"appId": self.app_id}, token=""), base)
        assert got["commonOut"]["resultCode"] == 0, got
        assert got["rsp"]["expiresIn"] == 7200
        self.token = got["rsp"]["appToken"]
        return self

    async def call(self, method: str, **req: Any) -> dict[str, Any]:
        got = await self.send(method, self.envelope(req))
        assert got["commonOut"]["resultCode"] == 0, got
        return dict(got["rsp"])

    async def refused(self, method: str, **req: Any) -> str:
        got = await self.send(method, self.envelope(req))
        assert got["commonOut"]["resultCode"] != 0, got
        assert got["commonOut"]["errMsg"]
        assert got["rsp"] == {}
        return str(got["commonOut"]["errorCode"])


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


async def card_client(platform: Platform, name: str = "A", **also: Any) -> CardClient:
    """A hospital with a card-system app."""
    place = await platform.institution(name)
    new = directory.NewGateway(
        app_id=f"{place.code}-card", institution_id=place.number, family="card",
        terminals=(place.terminal, place.terminal.replace("-T1", "-T2")), **also,
    )  # fmt: skip
    async with platform.database.transaction() as c:
        made = await directory.register_gateway(c, platform.access.vault, new)
    return CardClient(platform, place, made.app_id, made.app_secret, bytes.fromhex(made.sm4_key), made.term_id)


async def open_client(platform: Platform, name: str = "E", **also: Any) -> OpenClient:
    """A hospital with an open-platform app, signed in."""
    place = await platform.institution(name)
    new = directory.NewGateway(
        app_id=f"{place.code}-open", institution_id=place.number, family="open-platform", terminals=(place.terminal,),
        **also,
    )  # fmt: skip
    async with platform.database.transaction() as c:
        made = await directory.register_gateway(c, platform.access.vault, new)
    return await OpenClient(platform, place, made.app_id, made.app_secret).sign_in()
