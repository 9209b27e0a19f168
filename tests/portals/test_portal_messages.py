"""Every sentence exists in both languages, is used, and takes the same placeholders in both."""

from __future__ import annotations

import re
import string
from importlib.resources import files
from pathlib import Path

import pytest

from yima import consent, healthcode
from yima.portals.layout.messages import PORTALS, Messages, messages
from yima.runtime.errors import KINDS

ROOT = Path(str(files("yima.portals")))
CALL = re.compile(r"""(?<![\w.])(?:t|words)(?:\.count|\.has)?\(\s*["']([\w.\-]+)["']\s*(~|[,)]| if)""")


def sources(portal: str) -> str:
    """All templates and Python of a portal."""
    folder = ROOT / portal
    return "\n".join(
        path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*")) if path.suffix in (".html", ".py")
    )


def table(portal: str) -> Messages:
    """The portal's own words and the shared ones."""
    return {**messages("layout"), **messages(portal)}


@pytest.mark.parametrize("portal", PORTALS)
def test_both_languages(portal: str) -> None:
    for key, row in messages(portal).items():
        assert set(row) == {"zh", "en"}, key
        assert all(text.strip() for text in row.values()), key


@pytest.mark.parametrize("portal", PORTALS)
def test_same_placeholders(portal: str) -> None:
    for key, row in messages(portal).items():
        fields = {lang: {name for _, name, _, _ in string.Formatter().parse(row[lang]) if name} for lang in row}
        if not key.endswith(".one"):
            assert fields["zh"] == fields["en"], key


@pytest.mark.parametrize("portal", PORTALS)
def test_every_used_key_exists(portal: str) -> None:
    known = table(portal)
    for key, after in CALL.findall(sources(portal)):
        if after == "~" or key.endswith("."):
            assert any(name.startswith(key) for name in known), key
        else:
            assert key in known or f"{key}.one" in known, key


@pytest.mark.parametrize("portal", PORTALS)
def test_every_key_is_used(portal: str) -> None:
    text = "\n".join(sources(one) for one in PORTALS) if portal == "layout" else sources(portal) + sources("layout")
    prefixes = {key for key, after in CALL.findall(text) if after == "~" or key.endswith(".")}
    prefixes |= set(re.findall(r"f?[\"']([a-z.\-]+\.)\{", text))
    for key in messages(portal):
        stem = re.sub(r"\.(one|many)$", "", key)
        used = f'"{stem}"' in text or f"'{stem}'" in text or any(key.startswith(prefix) for prefix in prefixes)
        assert used, key


def test_data_has_words() -> None:
    """What comes from other rooms as a code has words here."""
    resident, clinician = table("resident"), table("clinician")
    for cls in (*consent.CLASSES, "all"):
        assert f"class.{cls}" in resident
    assert all(f"class.{cls}" in clinician for cls in consent.CLASSES)
    assert all(step.zh and step.en for step in healthcode.STEPS.values())
    assert all(kind.zh and kind.en for kind in KINDS.values())
