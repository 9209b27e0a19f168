"""What `yima register terminal`, `yima register counter` and `yima terminal` do, on a running platform."""

from __future__ import annotations

import json
import re

import pytest
import zxingcpp
from joserfc import jwk
from PIL import Image

from support import Institution, Platform
from yima import directory
from yima.cli import devices, registering
from yima.directory import Terminal
from yima.healthcode import Counter
from yima.runtime.errors import Refusal


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("R")


def public(**also: str) -> bytes:
    return json.dumps(jwk.ECKey.generate_key("P-256").as_dict(private=False) | also).encode()


async def test_a_terminal_its_keys_and_its_line(platform: Platform, hospital: Institution) -> None:
    made = Terminal("R-K1", "kiosk", "0300", "大厅", "010101", "0101012")
    assert await registering.terminal(platform.access, hospital.code, made, public(kid="one")) == "one"
    a_set = b'{"keys": [' + public(kid="two") + b"]}"
    assert await registering.terminal(platform.access, hospital.code, made, a_set) == "two"
    assert await registering.terminal(platform.access, hospital.code, made, None) == "", "its keys stay"
    line = next(one for one in await registering.terminals(platform.access, hospital.code) if one.startswith("R-K1"))
    assert line == "R-K1  kiosk  active  keys: one two  seen: never"
    await registering.remove_key(platform.access, "R-K1", "one")
    known = await directory.terminal(platform.database, "R-K1")
    assert known
    assert known.key_ids == ("two",)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"kind": "toaster"}, None),
        ({"step": "1"}, None),
        ({"step": "010101", "scene": "0101051"}, None),
        ({"terminal_id": "a b"}, None),
        ({}, b"{"),
        ({}, b"[]"),
        ({}, b'{"keys": []}'),
    ],
)
async def test_what_is_no_terminal(hospital: Institution, wrong: dict[str, str], key: bytes | None) -> None:
    made = Terminal(**({"terminal_id": "R-K2", "kind": "desk", "department": "0300"} | wrong))
    with pytest.raises(Refusal, match="field-invalid"):
        await registering.terminal(hospital.platform.access, hospital.code, made, key)
    assert await directory.terminal(hospital.platform.database, "R-K2") is None, "nothing of it is kept"


async def test_a_counters_poster_says_its_code(hospital: Institution) -> None:
    made = Counter("", 0, "0300", "N", "内科 <一>", "Internal & general", "二楼")
    access = hospital.platform.access
    text, picture = await registering.counter(access, hospital.code, made, ".png")
    with (hospital.platform.access.settings.data / "n.png").open("wb") as file:
        file.write(picture)
    read = zxingcpp.read_barcodes(Image.open(file.name))
    assert [one.text for one in read] == [text]
    again, poster = await registering.counter(access, hospital.code, made, ".svg")
    assert again == text
    words = re.sub(r"<[^>]+>", "|", poster.decode())
    assert all(said in words for said in ("内科 &lt;一&gt;", "Internal &amp; general", f"{hospital.code}医院", text))
    with pytest.raises(Refusal, match="field-invalid"):
        await registering.counter(access, hospital.code, made, ".pdf")


async def test_the_demos_kiosk_and_counter_stay_the_same(platform: Platform, hospital: Institution) -> None:
    first = await devices.demo_devices(platform.access, platform.keys, hospital.code)
    assert await devices.demo_devices(platform.access, platform.keys, hospital.code) == first
    known = await directory.terminal(platform.database, first["kiosk"]["terminal"])
    assert known
    assert known.key_ids == (first["kiosk"]["private_key_jwk"]["kid"],)
