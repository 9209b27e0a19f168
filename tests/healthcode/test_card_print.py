"""The printed card: sizes, fonts, texts that fit, and pictures that other programs read."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from support import report
from yima import healthcode
from yima.healthcode import PrintedCard, card_pdf
from yima.healthcode.card_print import fonts, layout
from yima.healthcode.card_print.sheet import Box, Sheet
from yima.runtime.errors import Refusal

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
CODE = "YM1:2A4KTE5Q8N0W7HZ3B1X9VC6M2PLD0S"  # as long as a printed code
CARDS = {
    "short": PrintedCard("张伟", "Zhang Wei", "110***********1X", "6312 3456 7890 1234", CODE),
    "long": PrintedCard(
        "阿卜杜热合曼·艾力艾克拜尔·买买提吐尔逊·伊敏",
        "Abdurahman Ali-Akbar Muhammad Tursun Imin",
        "653***********1X",
        "6312 3456 7890 1234",
        CODE,
    ),
    "rare": PrintedCard("𠮷田㛃·䶮喆", "", "", "6312 3456 7890 1234", CODE),
    "latin": PrintedCard("", "Hubert Wolfeschlegelsteinhausenbergerdorff", "E1*****89", "6312 3456 7890 1234", CODE),
    "endless": PrintedCard("欧阳" * 60, "Xyz" * 80, "1" * 40, "6312 3456 7890 1234", CODE),
}
MILLIMETRES = {"id1": (85.60, 53.98, 2), "a6": (105.0, 148.0, 1)}


@pytest.fixture(scope="module", autouse=True)
def _a_font() -> None:
    try:
        fonts.fonts_for(["张"], None)
    except Refusal:
        pytest.skip("*** THE PRINTED CARD WAS NOT TRIED: no Chinese font on this machine (Debian: fonts-noto-cjk) ***")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All cards in one file of each size."""
    folder = tmp_path_factory.mktemp("cards")
    paths = {size: folder / f"{size}.pdf" for size in MILLIMETRES}
    for size, path in paths.items():
        path.write_bytes(card_pdf(list(CARDS.values()), size, now=NOW))
    return paths


@pytest.mark.parametrize("size", MILLIMETRES)
def test_pages_fonts_and_vectors(made: dict[str, Path], size: str) -> None:
    pdf = made[size].read_bytes()
    width, height, pages = MILLIMETRES[size]
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert boxes
    for box in boxes:
        assert [float(side) * 25.4 / 72 for side in box] == [
            pytest.approx(width, abs=0.02),
            pytest.approx(height, abs=0.02),
        ]
    assert int(re.search(rb"/Count (\d+)", pdf)[1]) == pages * len(CARDS)  # type: ignore[index]
    assert re.search(rb"/FontFile[23]", pdf), "the font is in the file"
    assert b"/Subtype /Type1\n" not in pdf, "no font that a reader would have to have"
    assert b"/Subtype /Image" not in pdf, "codes are vectors"
    said = pdf + b"".join(_streams(pdf))
    for secret in (CODE, *(card.masked_number for card in CARDS.values() if card.masked_number)):
        assert secret.encode() not in said, "text is in glyph numbers; the code only as a drawing"
    report(f"printed cards {size}", {"cards": len(CARDS), "bytes": len(pdf)})


def _tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"*** THE PRINTED CARD WAS NOT READ BY ANOTHER PROGRAM: {name} (poppler-utils) is not here ***")
    return str(found)


def _streams(pdf: bytes) -> list[bytes]:
    found = []
    for body in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(body))
        except zlib.error:
            found.append(body)
    return found


@pytest.mark.parametrize("size", MILLIMETRES)
def test_a_printer_s_picture_is_read_by_another_program(made: dict[str, Path], size: str, tmp_path: Path) -> None:
    """Poppler draws at 300 dpi, zxing reads: the code, at error level Q, nothing else."""
    command = [_tool("pdftoppm"), "-r", "300", "-gray", made[size], "page"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    width, height, sides = MILLIMETRES[size]
    pages = [Image.open(path) for path in sorted(tmp_path.glob("page*.pgm"))]
    assert len(pages) == sides * len(CARDS)
    for number, page in enumerate(pages):
        assert page.size == pytest.approx([side / 25.4 * 300 for side in (width, height)], abs=1.5)
        _nothing_on_the_edge(page)
        for picture in (page, page.resize((page.width // 2, page.height // 2))):  # and at 150 dpi, as a bad copy
            found = [(one.text, one.ec_level) for one in zxingcpp.read_barcodes(picture)]
            assert found == ([(CODE, "Q")] if number % sides == 0 else [])


def _nothing_on_the_edge(page: Image.Image) -> None:
    edge = 24  # 2 mm: what a cutter may take
    inner = page.crop((edge, edge, page.width - edge, page.height - edge))
    blank = Image.new("L", page.size, 255)
    blank.paste(inner, (edge, edge))
    assert blank.tobytes() == page.tobytes()


@pytest.mark.parametrize("size", MILLIMETRES)
def test_texts_can_be_read_back(made: dict[str, Path], size: str) -> None:
    said = _said_by("pdftotext", "-raw", str(made[size]), "-")
    sides = MILLIMETRES[size][2]
    pages = ["".join(page.split()) for page in said.split("\f")]
    for number, (name, card) in enumerate(CARDS.items()):
        text = "".join(pages[number * sides : (number + 1) * sides])
        whole = (card.name, card.latin_name, card.masked_number) if name != "endless" else ()
        for part in (*whole, card.number, "拾到", "丢失", "Lost:", "Found:"):
            assert "".join(part.split()) in text, part
    rows = _said_by("pdffonts", str(made[size])).splitlines()[2:]
    assert rows
    assert all(" yes yes yes " in row for row in rows), "embedded, subset, with Unicode"


def _said_by(tool: str, *arguments: str) -> str:
    return subprocess.run([_tool(tool), *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    made = Sheet(layout.ID1, ["".join(map(chr, range(0x4E00, 0x4E40))), "·ABCdef -"], None, NOW)
    made.page()
    return made


NAMES = st.text(st.sampled_from([*map(chr, range(0x4E00, 0x4E40)), *"····ABCdef -"]), min_size=1, max_size=150)


@settings(max_examples=120, deadline=None)
@given(text=NAMES, width=st.floats(12, 90), height=st.floats(5, 20), size=st.floats(4, 28), lines=st.integers(1, 3))
def test_every_text_fits_its_box(sheet: Sheet, text: str, width: float, height: float, size: float, lines: int) -> None:
    for set_it in (sheet.text, sheet.name):
        said = set_it(Box(1, 1, width, height), text, size, lines=lines)
        assert said.size <= size
        assert said.height <= height + 0.01 or len(said.lines) == 1
        assert all(sheet._width(line, said.size) <= width + 0.01 for line in said.lines)
        shown, whole = "".join("".join(said.lines).split()), "".join(text.split())
        assert shown == whole or (shown.endswith("…") and whole.startswith(shown[:-1]) and said.size < 4.5)


def test_a_name_is_broken_between_its_parts(sheet: Sheet) -> None:
    name = "一丁丂七丄丅丆万·丈三上下丌不·与丏丐丑丒专且丕"
    said = sheet.name(Box(1, 1, 44, 12), name, 17, lines=2)
    assert all(line.endswith("·") for line in said.lines[:-1])


def test_a_character_that_no_font_has_is_refused_and_named() -> None:
    """Never a box: the clerk can write the name by hand, or install a font."""
    card = PrintedCard("张\U0010fffe", "", "", "6312 3456 7890 1234", CODE)
    with pytest.raises(Refusal) as caught:
        card_pdf([card], "id1", now=NOW)
    assert caught.value.code == "font-missing"
    assert "U+10FFFE" in caught.value.text("zh")
    assert "张" not in str(caught.value.params)


def test_without_any_chinese_font(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fonts, "_PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    fonts._listed.cache_clear()
    try:
        with pytest.raises(Refusal) as caught:
            card_pdf([CARDS["short"]], "a6", now=NOW)
        assert caught.value.code == "font-missing"
        assert "card_font" in caught.value.mend("en")
    finally:
        monkeypatch.undo()
        fonts._listed.cache_clear()


def test_a_font_of_one_s_own_comes_first_and_a_broken_one_is_passed_over(tmp_path: Path) -> None:
    usual = fonts.fonts_for(["张"], None)[0]
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"\0\1\0\0 no font at all")
    for chosen in (broken, tmp_path / "not there.ttf"):
        assert fonts.fonts_for(["张"], chosen)[0] == usual
    if usual.path.suffix != ".ttc":
        own = tmp_path / usual.path.name
        shutil.copy(usual.path, own)
        assert fonts.fonts_for(["张"], own)[0].path == own


@pytest.mark.parametrize("size", ["", "A6", "a4", "id-1"])
def test_other_sizes_are_refused(size: str) -> None:
    with pytest.raises(Refusal) as caught:
        card_pdf([CARDS["short"]], size, now=NOW)
    assert caught.value.code == "field-invalid"


def test_sizes_of_the_face() -> None:
    assert set(healthcode.CARD_SIZES) == set(MILLIMETRES)
