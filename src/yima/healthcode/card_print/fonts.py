"""Finding fonts with Chinese glyphs on this machine, and knowing which characters each of them draws.

Nothing is shipped: a font with all of GB 18030 has 15 MB. Looked for are the setting `card_font`, then the usual places
of Linux and macOS, then what fontconfig knows. A character that the first font lacks is taken from the next; one that
none has is refused, never printed as a box.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont, TTLibError

from yima.runtime.errors import Refusal

_WANTED: Final = frozenset(map(ord, "居民健康码姓名证件号0123456789*·•AZaz"))
_NO_EMBEDDING: Final = 0x0002  # OS/2 fsType, bit 1: restricted licence
_MOST: Final = 12  # fonts of fontconfig that are opened for a rare character; each takes half a second, once
_PLACES: Final = (
    # (path, face in a collection); sans before serif, because small print is easier to read in it
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),  # Debian, Ubuntu: fonts-noto-cjk
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),  # Arch, Alpine
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", 2),  # older Fedora
    ("/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc", 2),  # Fedora, openEuler
    ("/usr/share/fonts/adobe-source-han-sans/SourceHanSansCN-Regular.otf", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/System/Library/Fonts/Hiragino Sans GB.ttc", 0),
    ("/System/Library/Fonts/STHeiti Light.ttc", 1),
    ("/System/Library/Fonts/Supplemental/Songti.ttc", 0),
    ("/System/Library/Fonts/Supplemental/Arial Unicode.ttf", 0),
)


@dataclass(frozen=True, slots=True)
class Font:
    """One face of a font file."""

    path: Path
    face: int
    """Its number in a collection (.ttc), 0 otherwise."""


def fonts_for(texts: Sequence[str], chosen: Path | None) -> list[Font]:
    """The fonts that draw every character of the texts, best first: usually one.

    Refusal `font-missing` when there is no Chinese font, or when a character is in none of them.
    """
    missing = {ord(sign) for text in texts for sign in text if not sign.isspace()}
    used: list[Font] = []
    known: set[Path] = set()
    for font in _candidates(chosen):
        if font.path in known:  # the faces of a collection differ in shapes, hardly in what they have
            continue
        known.add(font.path)
        has = characters(font)
        if (used and not missing & has) or (not used and not has >= _WANTED):
            continue
        used.append(font)
        missing -= has
        if not missing:
            return used
    reason = ", ".join(f"U+{sign:04X}" for sign in sorted(missing)[:3]) if used else "Chinese"
    raise Refusal("font-missing", field="card_font", reason=reason)


def _candidates(chosen: Path | None) -> Iterator[Font]:
    usual = (Font(Path(path), face) for path, face in _PLACES)
    first = [Font(chosen, 0)] if chosen else []
    # A generator: fontconfig is asked, and further fonts are opened, only when those before them were not enough.
    return (font for font in chain(first, usual, _from_fontconfig()) if font.path.is_file())


def _from_fontconfig() -> Iterator[Font]:
    yield from _listed()


@cache
def _listed() -> tuple[Font, ...]:
    """Scalable fonts that fontconfig knows for Chinese, regular weights first; none where there is no fontconfig."""
    program = shutil.which("fc-list")
    if not program:
        return ()
    asked = [program, "--format", "%{weight}\t%{index}\t%{file}\n", ":lang=zh-cn:scalable=true"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout  # noqa: S603  ours
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = []
    for line in said.splitlines():
        weight, index, path = line.split("\t", 2)
        if weight.isdigit() and index.isdigit() and int(index) < 1 << 16:  # the high half numbers variations
            rows.append((abs(int(weight) - 80), "Serif" in path, path, int(index)))  # 80 is regular
    faces = {path: Font(Path(path), index) for _, _, path, index in sorted(rows, reverse=True)}  # the best of each file
    return tuple(reversed(faces.values()))[:_MOST]


@lru_cache(maxsize=16)
def characters(font: Font) -> frozenset[int]:
    """The code points that a font draws; none of a font that is broken or may not be embedded."""
    try:
        with TTFont(font.path, fontNumber=font.face, lazy=True) as opened:
            if ("glyf" not in opened and "CFF " not in opened) or opened["OS/2"].fsType & 0x000F == _NO_EMBEDDING:
                return frozenset()
            return frozenset(opened.getBestCmap() or ())
    except (TTLibError, OSError, KeyError, AssertionError, ValueError):  # whatever fontTools makes of a broken file
        return frozenset()
