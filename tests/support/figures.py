"""Figures of a run: shown with `pytest -rP`, and kept under .yima/reports/ for the note."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parents[2] / ".yima" / "reports"


def report(name: str, figures: dict[str, Any]) -> None:
    """Print and keep what was measured."""
    print(f"{name}: {json.dumps(figures)}")  # noqa: T201  that is what it is for
    _FOLDER.mkdir(parents=True, exist_ok=True)
    (_FOLDER / f"{name}.json").write_text(json.dumps(figures) + "\n")
