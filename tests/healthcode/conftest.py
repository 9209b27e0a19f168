"""The phone's and the scanner's modules, run by node as a browser runs them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yima.healthcode import phone_scripts

NODE = shutil.which("node")


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str, Any], Any]:
    """Runs a module against the scripts with a JSON value in `input`; its printed JSON. Skipped without node."""
    if NODE is None:
        pytest.skip("node is not installed: the phone's script was not run")
    for name, script in phone_scripts().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(script)
    (tmp_path / "package.json").write_text('{"type": "module"}')

    def node(source: str, given: object) -> object:
        (tmp_path / "input.json").write_text(json.dumps(given))
        head = 'import { readFileSync } from "node:fs";\nconst input = JSON.parse(readFileSync("input.json"));\n'
        (tmp_path / "main.js").write_text(head + source)
        done = subprocess.run([str(NODE), "main.js"], cwd=tmp_path, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return node
