"""A whole platform in the test's own process, spoken to over HTTP (ASGI), and institutions that sign in to it."""

from __future__ import annotations

import base64
import itertools
import json
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwk

from support.makers import visit_bundle
from support.owner import as_owner
from yima import directory, healthcode
from yima.access import Access
from yima.app import Application
from yima.directory import ASSERTION_TYPE
from yima.runtime import clock, ids, settings
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore

BASE = "http://127.0.0.1:8420"
_count = itertools.count(1)


def code_of(response: httpx.Response) -> str:
    """The stable code of a refusal, in whichever protocol it was answered."""
    body = response.json()
    if body.get("resourceType") == "OperationOutcome":
        return str(body["issue"][0]["details"]["coding"][0]["code"])
    return str(body.get("code", ""))


def issues_of(response: httpx.Response) -> list[tuple[str, str]]:
    """(code, path) of every issue of an OperationOutcome."""
    return [
        (issue["details"]["coding"][0]["code"], (issue.get("expression") or [""])[0])
        for issue in response.json()["issue"]
    ]


def signed(header: dict[str, Any], claims: dict[str, Any], key: jwk.ECKey) -> str:
    """A JWS in compact form under ES256, made without the library that checks it: what is wrong in it stays wrong."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    made: Any = key.private_key
    r, s = decode_dss_signature(made.sign(b".".join(parts), ec.ECDSA(hashes.SHA256())))
    parts.append(base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).rstrip(b"="))
    return b".".join(parts).decode()


@dataclass(slots=True)
class Institution:
    """An institution with its app, key and terminal; `call` speaks as that app."""

    platform: Platform
    number: int
    code: str
    client_id: str
    key: jwk.ECKey
    terminal: str
    practitioner: int
    scopes: str = "system/*.cruds"
    _token: str = field(default="", repr=False)

    def assertion(self, **claims: Any) -> str:
        """A client assertion; claims given replace the right ones, None leaves one out."""
        header = claims.pop("header", {"alg": "ES256", "kid": self.key.thumbprint()})
        now = int(time.time())
        right = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": f"{self.platform.base}/oauth/token",
            "exp": now + 240,
            "jti": uuid.uuid4().hex,
        }
        held = {name: value for name, value in (right | claims).items() if value is not None}
        return signed(header, held, self.key)

    async def ask_token(self, assertion: str | None = None, **fields: str) -> httpx.Response:
        """What the token endpoint answers."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion() if assertion is None else assertion,
            "scope": self.scopes,
        }
        return await self.platform.client.post("/oauth/token", data=form | fields)

    async def token(self, scope: str | None = None) -> str:
        """An access token; the usual one is kept."""
        if scope is not None:
            return str((await self.ask_token(scope=scope)).json()["access_token"])
        if not self._token:
            answer = await self.ask_token()
            assert answer.status_code == 200, answer.text
            self._token = answer.json()["access_token"]
        return self._token

    async def call(
        self, method: str, path: str, body: Any = None, *, visit: str = "", token: str | None = None, **headers: str
    ) -> httpx.Response:
        """One request as this institution. A dict becomes FHIR JSON, bytes go as they are; `if_match=` is a header."""
        sent = {"authorization": f"Bearer {await self.token() if token is None else token}"}
        sent |= {"yima-visit": visit} if visit else {}
        if body is not None:
            sent["content-type"] = "application/fhir+json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = {name: value.encode() for name, value in sent.items()}
        content = {"content": body} if body is None or isinstance(body, bytes) else {"json": body}
        return await self.platform.client.request(method, path, headers=raw, **content)

    async def create(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Create a resource; what the platform stored."""
        answer = await self.call("POST", f"/fhir/{resource['resourceType']}", resource)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def submit(self, bundle: dict[str, Any] | None = None, **headers: str) -> list[str]:
        """Submit a Bundle (a small visit when none is given); the addresses of what was stored, `Type/id`."""
        answer = await self.call("POST", "/fhir", bundle or visit_bundle(self.code), **headers)
        assert answer.status_code == 200, answer.text
        return [e["response"]["location"].partition("/_history")[0] for e in answer.json()["entry"]]

    async def scan(self, text: str, **fields: Any) -> httpx.Response:
        """Verify a code at this institution's terminal."""
        body = {"code": text, "terminal": self.terminal, "step": "010102", "purpose": "treatment"} | fields
        return await self.call("POST", "/code/verify", body, content_type="application/json")

    async def visit(self, person: int) -> str:
        """Scan the person's phone here; the handle of the visit."""
        answer = await self.scan(await self.platform.fresh(person))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["visit"])

    def doctor(self) -> directory.Caller:
        """This institution's doctor, who has just proved who they are."""
        return directory.Caller(
            kind="practitioner", agent_id=str(self.practitioner), institution=self.number, proved=clock.now()
        )

    async def break_glass(self, person: int, reason: str = "昏迷送来，无人陪同", *, whole: bool = True) -> str:
        """Open the record in an emergency, as this institution's doctor, by both steps or the first; the handle."""
        caller, glass, now = self.doctor(), self.platform.access.glass, clock.now()
        handle = await glass.open(caller, person, ground="unconscious", reason=reason, terminal=self.terminal, now=now)
        if whole:
            await glass.widen(caller, handle, ground="cause-unclear", reason="需要既往检查结果", now=now)
        return handle


_SHIFTS: Final = (0, 15, -15, 30)
"""Seconds by which a phone's clock may differ."""


def _step(moment: datetime) -> int:
    return int(moment.timestamp()) // 15


@dataclass(slots=True)
class Platform:
    """A running platform: in the test's process (`start`), or behind an address (`attach`)."""

    app: Application | None
    client: httpx.AsyncClient
    database: Database
    keys: FileKeyStore
    data: Path
    database_url: str
    base: str = BASE
    shown: set[tuple[int, int]] = field(default_factory=set)
    """(person, time step) of the codes made so far."""

    @classmethod
    async def start(cls, database_url: str, data: Path, **overrides: Any) -> Platform:
        """The application on this database and data directory."""
        chosen = settings.load(
            {"data": data, "pool_size": 10, "log_level": "error", "sign_in_rate": 1_000_000} | overrides,
            environment={},
            directory=data,
        )
        app = Application(chosen, database_url, BASE)
        await app.start()
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, timeout=60)
        database = await Database.connect(database_url, size=4)
        return cls(app, client, database, FileKeyStore(data / "keys.json"), data, database_url)

    @classmethod
    async def attach(cls, base: str, database_url: str, data: Path) -> Platform:
        """A platform that runs in another process, with a way into its database and its keys."""
        client = httpx.AsyncClient(base_url=base, timeout=60, limits=httpx.Limits(max_connections=50))
        database = await Database.connect(database_url, size=4)
        return cls(None, client, database, FileKeyStore(data / "keys.json"), data, database_url, base)

    async def stop(self) -> None:
        """Close everything again."""
        await self.client.aclose()
        await self.database.close()
        if self.app:
            await self.app.stop()

    @property
    def access(self) -> Access:
        """The door, for what has no address yet."""
        assert self.app, "only in the test's own process"
        found: Access = self.app.state.access
        return found

    async def institution(
        self, name: str = "", *, matching: str = "full", scopes: str = "system/*.cruds", rights: tuple[str, ...] = ()
    ) -> Institution:
        """Register an institution with an app, a key, a terminal and a doctor."""
        code = f"{name or 'H'}{next(_count)}"
        key = jwk.ECKey.generate_key("P-256")
        public = key.as_dict(private=False) | {"kid": key.thumbprint(), "use": "sig", "alg": "ES256"}
        async with self.database.transaction() as c:
            number = await directory.register_institution(
                c, code=code, name_zh=f"{code}医院", name_en=f"Hospital {code}", kind="A100", area="999999"
            )
            await directory.register_terminal(c, number, directory.Terminal(f"{code}-T1", "desk", "0300"))
            await directory.register_terminal(c, number, directory.Terminal(f"{code}-T2", "desk", "0300"))
            doctor = directory.Practitioner(
                0, number, "D1", "王医生", "Dr Wang", "主任医师", "Chief physician", "0300", role="attending-physician"
            )
            practitioner = await directory.register_practitioner(c, doctor)
            app = directory.App(
                f"{code}-his", number, f"{code} HIS", {"keys": [public]}, tuple(scopes.split()), matching,
                frozenset(rights),
            )  # fmt: skip
            await directory.register_app(c, app)
        return Institution(self, number, code, app.client_id, key, f"{code}-T1", practitioner, scopes)

    def dynamic(self, person: int, at: Any = None) -> str:
        """The code on the person's phone now; a fresh one each time, for a code counts once and lasts 15 seconds.
        Clocks may differ by two such steps: four of them are good now. Who needs more asks for `fresh`."""
        now = at or clock.now()
        moments = [now] if at else [now + timedelta(seconds=shift) for shift in _SHIFTS]
        moment = next((one for one in moments if (person, _step(one)) not in self.shown), now)
        self.shown.add((person, _step(moment)))
        return healthcode.dynamic_text(self.keys, "INTL", person, moment)

    async def fresh(self, person: int) -> str:
        """The same, however often: where all that are good now were shown, it is forgotten that they were used."""
        now = clock.now()
        if all((person, _step(now + timedelta(seconds=shift))) in self.shown for shift in _SHIFTS):
            await as_owner(self.database, "delete from healthcode.redemption where person_id = $1", person)
            self.shown = {one for one in self.shown if one[0] != person}
        return self.dynamic(person)

    async def static(self, person: int) -> str:
        """The person's printed code."""
        return healthcode.static_text(await healthcode.card_of(self.database, person), self.keys)

    async def counts(self) -> dict[str, int]:
        """How many rows there are of everything that a submission writes."""
        tables = (
            "records.resource",
            "records.history",
            "mpi.person",
            "mpi.link",
            "healthcode.card",
            "exchange.submission",
        )
        return {name: (await self.database.fetchrow(f"select count(*) from {name}"))[0] for name in tables}

    async def log_of(self, person: int) -> list[dict[str, Any]]:
        """The person's log lines, oldest first."""
        rows = await self.database.fetch(
            "select * from audit.event where person_id = $1 order by recorded, event_id", person
        )
        return [dict(row) for row in rows]

    @staticmethod
    def person_of(address: str) -> int:
        """The person whose record an address `Type/id` stands in."""
        person = ids.home_of(address.rpartition("/")[2])
        assert person, address
        return person
