"""The public lists over HTTP."""

from __future__ import annotations

from support import Platform


async def test_smoke(platform: Platform) -> None:
    got = await platform.client.get("/.well-known/trust-list")
    assert got.status_code == 200, got.text
    print(got.headers, len(got.content))
    got = await platform.client.get("/.well-known/trust-list?profile=sm2")
    assert got.status_code == 200, got.text
    got = await platform.client.get("/.well-known/trust-roots")
    print(got.text)
    got = await platform.client.get("/.well-known/status-lists")
    print(got.text)
    for uri in got.json()["status_lists"]:
        got = await platform.client.get(uri)
        print(got.headers, got.text[:100])
        assert got.status_code == 200
