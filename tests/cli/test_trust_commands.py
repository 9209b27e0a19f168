"""`yima trust`: what the operator sees of the keys, and does to them."""

from __future__ import annotations

import re

import pytest

from support import Platform
from yima.cli import trust as command
from yima.runtime.errors import Refusal

KEY = re.compile(r"^([0-9a-f]{16})  ES256 +identity +signing", re.MULTILINE)


async def test_list_rotate_revoke(platform: Platform) -> None:
    access = platform.access
    assert "no keys yet" in await command.listed(access)
    await platform.client.get("/.well-known/trust-list")
    shown = await command.listed(access)
    first = KEY.findall(shown)
    assert len(first) == 1
    assert re.search(r"ES256 +root +\d{4}-\d\d-\d\d", shown)
    assert re.search(r"ES256 +shc +waiting +\d{4}-\d\d-\d\d +\d{4}-\d\d-\d\d +0 +1000000", shown)

    said = await command.rotate(access, "ES256", "identity")
    second = KEY.findall(await command.listed(access))
    assert said.startswith(second[0])
    assert second != first

    assert "revoked" in await command.revoke(access, second[0], "copied from a backup")
    assert re.search(rf"{second[0]} +ES256 +identity +revoked", await command.listed(access))
    events = await platform.database.fetch("select act, by_whom, reason from healthcode.signer_event order by event")
    last = events[-1]
    assert (last["act"], last["reason"]) == ("revoked", "copied from a backup")
    assert last["by_whom"].startswith("operator:")


@pytest.mark.parametrize(("algorithm", "use"), [("RS256", "identity"), ("ES256", "everything"), ("", "")])
async def test_what_cannot_be_rotated(platform: Platform, algorithm: str, use: str) -> None:
    with pytest.raises(Refusal) as refused:
        await command.rotate(platform.access, algorithm, use)
    assert refused.value.code == "field-invalid"


@pytest.mark.parametrize("key", ["", "xyz", "00", "0011223344556677"])
async def test_what_cannot_be_revoked(platform: Platform, key: str) -> None:
    with pytest.raises(Refusal) as refused:
        await command.revoke(platform.access, key, "no reason")
    assert refused.value.code == "signer-unknown"
