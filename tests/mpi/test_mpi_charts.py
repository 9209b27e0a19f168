"""A model as a page and as a difference."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from typer.testing import CliRunner

from yima import mpi
from yima.cli.commands import app

PRESENT = mpi.model_named("2026.2")


def trained(folder: Path) -> Path:
    """A model whose names say a little more."""
    comparisons = {name: dict(rows) for name, rows in PRESENT.comparisons.items()}
    weight = comparisons["name"]["sound"]
    comparisons["name"]["sound"] = msgspec.structs.replace(weight, m=weight.m * 4)
    path = folder / "other.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(PRESENT, version="x<1>", comparisons=comparisons)))
    return path


def test_every_level_has_its_bar_and_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    out = tmp_path / "charts.html"
    found = CliRunner().invoke(app, ["link", "explain-model", str(trained(tmp_path)), "--out", str(out)])
    assert found.exit_code == 0, found.output
    page = out.read_text(encoding="utf-8")
    levels = sum(len(rows) for rows in PRESENT.comparisons.values())
    assert len(re.findall(r'<rect class="(?:for|against)"', page)) == levels
    assert "x&lt;1&gt;" in page
    assert not re.search(r"https?:|src=|<script|@import|url\(|<link", page)
    assert "同一门牌 · the same house number" in page


def test_two_models_are_told_apart(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["link", "diff", "2026.2", str(trained(tmp_path))])
    assert found.exit_code == 0, found.output
    assert [line.split() for line in found.output.splitlines()] == [
        ["name.sound", "9.381", "->", "11.381", "+2.000"], ["1", "differences"],
    ]  # fmt: skip
    page = mpi.model_page(mpi.read_model_file(trained(tmp_path)), PRESENT)
    assert "+11.4 (+2.0)" in page
