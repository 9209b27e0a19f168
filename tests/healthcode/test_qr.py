"""Drawn codes are read back by a reader, from each of the three drawings."""

from __future__ import annotations

import io
import re

import pytest
import zxingcpp
from deployments import NOW, PROFILES, SeededKeys
from PIL import Image

from yima.healthcode import Card, dynamic_text, qr_png, qr_svg, qr_terminal, static_text
from yima.healthcode.qr import modules
from yima.runtime.errors import Refusal

KEYS = SeededKeys(1)
DYNAMIC = [dynamic_text(KEYS, profile, 4711, NOW) for profile in PROFILES]
STATIC = [static_text(Card(4711, bytes(10), "1" * 16, "active", profile, NOW), KEYS) for profile in PROFILES]


def scan(image: Image.Image) -> zxingcpp.Barcode:
    (found,) = zxingcpp.read_barcodes(image.convert("L"))
    return found


@pytest.mark.parametrize("text", DYNAMIC + STATIC)
@pytest.mark.parametrize("scale", [1, 3, 8])
def test_a_png_reads_back(text: str, scale: int) -> None:
    image = Image.open(io.BytesIO(qr_png(text, scale)))
    image.load()
    assert image.mode == "1"
    assert image.size == (len(modules(text)) * scale,) * 2
    assert scan(image).text == text


def test_codes_are_version_3_at_their_levels() -> None:
    for text, level in [(DYNAMIC[0], "M"), (STATIC[0], "Q")]:
        assert len(modules(text)) == 29 + 8  # version 3 has 29 modules: the alphanumeric mode was used
        assert scan(Image.open(io.BytesIO(qr_png(text)))).ec_level == level


@pytest.mark.parametrize("text", DYNAMIC + STATIC)
def test_an_svg_draws_the_same_modules(text: str) -> None:
    svg = qr_svg(text)
    side = len(modules(text))
    drawn = [[False] * side for _ in range(side)]
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-", svg):
        for column in range(int(x), int(x) + int(length)):
            drawn[int(y)][column] = True
    assert drawn == modules(text)
    assert f'viewBox="0 0 {side} {side}"' in svg
    assert text not in svg


@pytest.mark.parametrize("text", DYNAMIC + STATIC)
def test_terminal_text_reads_back(text: str) -> None:
    light = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
    lines = qr_terminal(text).split("\n")
    image = Image.new("L", (len(lines[0]), 2 * len(lines)))
    for y, line in enumerate(lines):
        for x, cell in enumerate(line):
            for half, value in enumerate(light[cell]):
                image.putpixel((x, 2 * y + half), value)
    assert scan(image.resize((image.width * 4, image.height * 4), Image.Resampling.NEAREST)).text == text


def test_a_text_that_fits_no_symbol_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        qr_png("A" * 5000)
    assert refusal.value.code == "field-invalid"
