"""Keys by address: asked seldom, from the registered address only, and nothing that stands there does harm."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwk

from support import Platform, assert_refused
from yima import directory
from yima.directory.key_sets import KeySets
from yima.directory.register import is_key_address
from yima.runtime.errors import Refusal

NOW = datetime(2026, 11, 1, tzinfo=UTC)


class Publisher:
    """A program's own web server, with its keys; `hits` counts what it was asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.hits: list[str] = []
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.hits.append(self.path)
                while self.path == "/dripping":
                    self.wfile.write(b" ")
                    time.sleep(0.2)
                status, body, more = publisher.answer(self.path)
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        good = json.dumps({"keys": self.keys}).encode()
        return {
            "/jwks": (200, good, {}),
            "/moved": (302, b"", {"location": "/jwks"}),
            "/large": (200, good + b" " * 70_000, {}),
            "/html": (200, b"<html>", {}),
            "/list": (200, b"[]", {}),
            "/broken": (500, good, {}),
            "/none": (200, b'{"keys": []}', {}),
            "/many": (200, json.dumps({"keys": self.keys * 50}).encode(), {}),
            "/symmetric": (200, b'{"keys": [{"kty": "oct", "k": "AAAA"}]}', {}),
        }.get(path, (404, b"", {}))

    def new_key(self) -> jwk.ECKey:
        key = jwk.ECKey.generate_key("P-256")
        self.keys = [key.as_dict(private=False) | {"kid": key.thumbprint()}]
        return key


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    made = Publisher()
    made.new_key()
    yield made
    made.server.shutdown()
    made.server.server_close()


async def test_keys_are_asked_for_once_and_again_when_old_or_when_another_is_named(publisher: Publisher) -> None:
    sets, url = KeySets(development=True), f"{publisher.base}/jwks"
    first = publisher.keys[0]["kid"]
    for second in range(0, 290, 10):
        assert (await sets.keys(url, first, NOW + timedelta(seconds=second)))[0]["kid"] == first
    assert len(publisher.hits) == 1

    second_kid = publisher.new_key().thumbprint()  # rotated: the new key is named by an assertion
    assert (await sets.keys(url, second_kid, NOW + timedelta(seconds=290)))[0]["kid"] == second_kid
    for _ in range(20):  # and now somebody names keys that there are not
        await sets.keys(url, "no such key", NOW + timedelta(seconds=300))
    assert len(publisher.hits) == 2

    publisher.new_key()  # the old key is taken away: it counts for five minutes at most
    held = await sets.keys(url, second_kid, NOW + timedelta(seconds=300 + 300))
    assert [key["kid"] for key in held] == [publisher.keys[0]["kid"]]


async def test_an_address_that_falls_silent_counts_for_an_hour(publisher: Publisher) -> None:
    sets, url = KeySets(development=True), f"{publisher.base}/jwks"
    await sets.keys(url, "", NOW)
    publisher.server.shutdown()
    publisher.server.server_close()
    assert await sets.keys(url, "", NOW + timedelta(minutes=50))
    with pytest.raises(Refusal, match="client-invalid"):
        await sets.keys(url, "", NOW + timedelta(minutes=61))


BAD = ["/moved", "/large", "/html", "/list", "/broken", "/none", "/many", "/symmetric", "/missing", "/dripping"]


@pytest.mark.parametrize("path", BAD)
async def test_what_stands_there_does_no_harm(publisher: Publisher, path: str) -> None:
    sets = KeySets(development=True)
    for _ in range(3):
        with pytest.raises(Refusal, match="client-invalid"):
            await sets.keys(publisher.base + path, "", NOW)
    assert publisher.hits == [path], "asked once, nothing followed"


async def test_inner_addresses_are_not_asked(publisher: Publisher) -> None:
    port = publisher.server.server_port
    for host in ("127.0.0.1", "localhost", "[::1]", "0", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]"):
        with pytest.raises(Refusal, match="client-invalid"):
            await KeySets(development=False).keys(f"http://{host}:{port}/jwks", "", NOW)
    assert not publisher.hits


async def test_all_addresses_together_have_a_budget(publisher: Publisher) -> None:
    sets = KeySets(development=True)
    for number in range(50):
        with pytest.raises(Refusal, match="client-invalid"):
            await sets.keys(f"{publisher.base}/missing{number}", "", NOW)
    assert len(publisher.hits) == 30


ADDRESSES = {
    "https://a.example/jwks": True, "http://127.0.0.1:9/jwks": True, "http://a.example/jwks": False,
    "https://u:p@a.example/": False, "file:///etc/passwd": False, "https://": False, "https://a.example/#x": False,
    "https://a.example/ x": False, "gopher://a.example": False, "https://a.example:x/": False,
}  # fmt: skip


@pytest.mark.parametrize("url", ADDRESSES)
def test_which_address_may_be_registered(url: str) -> None:
    assert is_key_address(url) is ADDRESSES[url]


async def test_an_app_signs_in_with_the_keys_it_publishes(platform: Platform, publisher: Publisher) -> None:
    hospital = await platform.institution("K")
    hospital.key = publisher.new_key()
    app = directory.App(hospital.client_id, hospital.number, "HIS", {}, jwks_url=f"{publisher.base}/jwks")
    async with platform.database.transaction() as c:
        await directory.register_app(c, app)
    assert (await hospital.ask_token()).status_code == 200
    named = {"alg": "ES256", "kid": "x", "jku": f"{publisher.base}/other"}
    assert_refused(await hospital.ask_token(hospital.assertion(header=named)), 401, "client-invalid")
    assert publisher.hits == ["/jwks"]
    for wrong in ({"jwks": {"keys": publisher.keys}}, {"jwks_url": "http://a.example/"}):
        said = {"client_id": "k", "institution_id": hospital.number, "name": "K", "jwks": {}, "jwks_url": app.jwks_url}
        with pytest.raises(Refusal, match="field-invalid"):
            async with platform.database.transaction() as c:
                await directory.register_app(c, directory.App(**(said | wrong)))
