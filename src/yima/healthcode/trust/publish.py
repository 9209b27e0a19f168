"""What a worker serves of all this: the trust list, the roots, the status lists and what changed in them.

Every worker serves the same: trust lists are kept as they were signed, and what a status list says follows from the
revocations and the hour alone. Both are kept in memory; a flood of requests costs one small query a second for each
list, and a list is built again only when it changed or its hour is over.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import struct
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from yima.crypto import ALGORITHMS, Algorithm
from yima.healthcode.trust import jws, statuslist, trustlist
from yima.healthcode.trust.certificate import USES, Use
from yima.healthcode.trust.issuance import status_uri
from yima.healthcode.trust.rules import DEFAULT_FRESHNESS, DEFAULT_RULES, Freshness, Rules
from yima.healthcode.trust.signers import LOCK, SQL, Signer, authorities, ensure_authorities, rotate, signer
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import KeyStore

TTL: Final = timedelta(hours=1)
_LOOK_AGAIN: Final = 1.0  # seconds for which a worker believes that a list has not changed
_KEPT: Final = 512
_RENEW: Final = timedelta(hours=12)
"""A trust list is good for a day and replaced after half of it."""


@dataclass(frozen=True, slots=True)
class Published:
    """Something to be served as it is."""

    body: bytes
    media_type: str
    etag: str
    """A strong entity tag with its quotes, or a weak one: two workers sign the same list differently."""
    max_age: int
    """Seconds for which whoever fetched it need not ask again."""


@dataclass(slots=True)
class _Held:
    published: Published
    state: tuple[object, ...]
    looked: float


class Publisher:
    """The public face of trust in one worker."""

    def __init__(
        self, database: Database, keys: KeyStore, base_url: str,
        rules: Rules = DEFAULT_RULES, freshness: Freshness = DEFAULT_FRESHNESS,
    ) -> None:  # fmt: skip
        self._database = database
        self._keys = keys
        self._base_url = base_url
        self._rules = rules
        self._expiry = freshness.refuse
        self._held: OrderedDict[tuple[object, ...], _Held] = OrderedDict()
        self._looking: dict[tuple[object, ...], asyncio.Task[Published]] = {}
        self.built = 0
        """Lists built and signed since the start; a test sees that a flood builds none."""

    @property
    def aggregation_uri(self) -> str:
        """Where the addresses of all status lists are listed."""
        return f"{self._base_url}/.well-known/status-lists"

    async def trust_list(self, algorithm: Algorithm, now: datetime) -> Published:
        """The present trust list of a family; a new version when something changed or half a day has passed."""
        return await self._kept(
            ("trust", algorithm),
            lambda: self._trust_state(algorithm, now),
            lambda _: self._database.retry(lambda c: self._publish_trust(c, algorithm, now)),
        )

    async def roots(self, now: datetime) -> Published:
        """The root certificates of both families in PEM, to be pinned by whoever got them on a way they trust."""

        async def make(c: Connection) -> bytes:
            for algorithm in ALGORITHMS:
                await ensure_authorities(c, self._keys, algorithm, now, self._rules)
            roots = [one for one in await authorities(c, ALGORITHMS) if one.level == "root"]
            return b"".join(x509.load_der_x509_certificate(r.certificate).public_bytes(Encoding.PEM) for r in roots)

        async def build(_: tuple[object, ...]) -> Published:
            body = await self._database.retry(make)
            return Published(body, "application/x-pem-file", f'"{_tag(body)}"', 86400)

        return await self._kept(("roots",), _never_changes, build)

    async def aggregation(self, now: datetime) -> list[str]:
        """The addresses of all status lists of credentials that may still be valid (draft, section 9.3)."""
        rows = await self._database.fetch(SQL.published_lists, now)
        return [status_uri(self._base_url, row["number"]) for row in rows]

    async def status_list(self, number: int, media_type: str, now: datetime) -> Published:
        """A status list, as `statuslist.JWT` or `.CWT`. Refusal `not-found`."""
        return await self._kept(
            ("list", number, media_type),
            lambda: self._list_state(number, now),
            lambda state: self._build_list(number, media_type, now, state),
        )

    async def changes(self, number: int, since: int, now: datetime) -> Published:
        """What was revoked in a list after a version. Refusals `not-found`, `field-invalid` for a version to come."""
        return await self._kept(
            ("changes", number, since),
            lambda: self._list_state(number, now),
            lambda state: self._build_changes(number, since, now, state),
        )

    async def rotate(self, algorithm: Algorithm, use: Use, *, by: str, now: datetime) -> Signer:
        """End the present signer's turn early, by an operator's hand; who signs now."""
        return await self._database.retry(lambda c: rotate(c, self._keys, algorithm, use, now, self._rules, by=by))

    async def _kept(
        self,
        name: tuple[object, ...],
        look: Callable[[], Awaitable[tuple[object, ...]]],
        build: Callable[[tuple[object, ...]], Awaitable[Published]],
    ) -> Published:
        """From memory; looked after once a second, by one task for all who ask meanwhile."""
        held = self._held.get(name)
        if held is not None and time.monotonic() - held.looked < _LOOK_AGAIN:
            return held.published
        task = self._looking.get(name)
        if task is None:
            task = self._looking[name] = asyncio.create_task(self._look(name, look, build))
            task.add_done_callback(lambda _: self._looking.pop(name))
        return await asyncio.shield(task)  # who goes away does not take it from the others

    async def _look(
        self,
        name: tuple[object, ...],
        look: Callable[[], Awaitable[tuple[object, ...]]],
        build: Callable[[tuple[object, ...]], Awaitable[Published]],
    ) -> Published:
        state, held = await look(), self._held.get(name)
        if held is None or held.state != state:
            held = _Held(await build(state), state, 0)
            self.built += 1
        held.looked = time.monotonic()
        self._held[name] = held
        self._held.move_to_end(name)
        while len(self._held) > _KEPT:
            self._held.popitem(last=False)
        return held.published

    async def _trust_state(self, algorithm: Algorithm, now: datetime) -> tuple[object, ...]:
        row = await self._database.fetchrow(SQL.trust_state, algorithm, now)
        due = row["issued"] is None or now >= row["issued"] + _RENEW
        return (row["signers"], row["begun"], row["revoked"], row["ended"], row["version"], now if due else None)

    async def _publish_trust(self, c: Connection, algorithm: Algorithm, now: datetime) -> Published:
        await c.execute(SQL.lock, LOCK)
        # All of them, so that every key stands in the list before anything signed by it can be met.
        uses = [use for use in USES if algorithm == "ES256" or use != "shc"]  # SMART Health Cards know ES256 only
        chosen = {use: await signer(c, self._keys, algorithm, use, now, self._rules) for use in uses}["trust-list"]
        issuers = [one.certificate for one in await authorities(c, [algorithm]) if one.level == "issuer"]
        rows = await c.fetch(SQL.signers, [algorithm], now)
        said = trustlist.content(
            issuers, [trustlist.entry(row, status_uri(self._base_url, row["number"])) for row in rows]
        )
        latest = await c.fetchrow(SQL.latest_trust_list, algorithm)
        digest = trustlist.digest({**said, "base": self._base_url})
        if latest is None or latest["content"] != digest or now >= latest["issued"] + _RENEW:
            version = latest["version"] + 1 if latest else 1
            claims = trustlist.claims(said, f"{self._base_url}/.well-known/trust-list", version, now)
            token = jws.sign(chosen.key, trustlist.header(chosen.key_id, chosen.chain), claims)
            await c.execute(SQL.add_trust_list, algorithm, version, now, digest, token)
        else:
            version, token = latest["version"], latest["token"]
        return Published(token.encode(), trustlist.MEDIA_TYPE, f'"{algorithm.lower()}-{version}"', 300)

    async def _list_state(self, number: int, now: datetime) -> tuple[object, ...]:
        """The version of a list, when it was last changed, and the hour."""
        row = await self._database.fetchrow(SQL.list_state, number, now)
        if row is None:
            raise Refusal("not-found", field="status list")
        hour = math.floor(now.timestamp() / TTL.total_seconds()) * TTL.total_seconds()
        issued = max(datetime.fromtimestamp(hour, UTC), row["changed"] or datetime.fromtimestamp(0, UTC))
        return (row["status_version"], issued, row["algorithm"], row["status_bits"], row["revoked_signers"])

    async def _build_list(self, number: int, media_type: str, now: datetime, state: tuple[Any, ...]) -> Published:
        version, issued, algorithm, places, _ = state
        revoked = await self._revoked(number, 0, version)
        lst = await asyncio.to_thread(lambda: statuslist.compress(statuslist.pack(places, revoked)))
        make = statuslist.cwt_claims if media_type == statuslist.CWT else statuslist.jwt_claims
        said = make(status_uri(self._base_url, number), version, self._times(issued), lst, self.aggregation_uri)
        return await self._signed(media_type, algorithm, said, now)

    async def _build_changes(self, number: int, since: int, now: datetime, state: tuple[Any, ...]) -> Published:
        version, issued, algorithm, _, _ = state
        if since > version:
            raise Refusal("field-invalid", field="since", expected=f"at most {version}, the present version")
        revoked = await self._revoked(number, since, version)
        uri = status_uri(self._base_url, number)
        said = statuslist.delta_claims(uri, since, version, self._times(issued), revoked)
        return await self._signed(statuslist.DELTA, algorithm, said, now)

    async def _revoked(self, number: int, since: int, version: int) -> tuple[int, ...]:
        held: bytes = (await self._database.fetchrow(SQL.revoked_until, number, since, version))["indexes"]
        return struct.unpack(f">{len(held) // 4}i", held)

    async def _signed(self, media_type: str, algorithm: Algorithm, said: Any, now: datetime) -> Published:
        chosen = await self._database.retry(lambda c: signer(c, self._keys, algorithm, "status-list", now, self._rules))
        if isinstance(said, bytes):
            body = statuslist.sign_cwt(chosen.key, chosen.key_id, said, self._rules.sm2_algorithm)
        else:
            body = statuslist.sign_jwt(chosen.key, chosen.key_id, media_type, said)
        tag = _tag(repr((media_type, chosen.key_id, said)).encode())
        return Published(body, media_type, f'W/"{tag}"', 60)

    def _times(self, issued: datetime) -> statuslist.Times:
        return statuslist.Times(issued, issued + self._expiry, TTL)


async def _never_changes() -> tuple[object, ...]:
    return ()


def _tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:20]
