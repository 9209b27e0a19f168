"""Programs of npm in tests: their dependencies as locked, installed into a temporary directory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def installed(folder: Path, where: Path, program: str) -> Path:
    """`where`, with the program of that folder and its dependencies in it; skips loudly where npm cannot."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not (npm and node):
        pytest.skip(f"*** {folder.name} WAS NOT TRIED: node and npm are not here ***")
    for name in ("package.json", "package-lock.json", program):
        shutil.copy(folder / name, where)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=where, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"*** {folder.name} WAS NOT TRIED: npm ci failed: {done.stderr[-300:]} ***")
    return where


def said_by(where: Path, program: str, question: Any, *, seconds: int = 60) -> Any:
    """The line of JSON that the program prints, asked by JSON on its standard input."""
    done = subprocess.run(
        [str(shutil.which("node")), program],
        cwd=where,
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=os.environ | {"NODE_OPTIONS": ""},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def names_no_host(folder: Path) -> bool:
    """Whether the folder's lock file leaves open where packages are fetched from (funding links aside)."""
    text = (folder / "package-lock.json").read_text()
    for funding in ("https://opencollective.com", "https://github.com/sponsors"):
        text = text.replace(funding, "")
    return '"resolved"' not in text and "://" not in text
