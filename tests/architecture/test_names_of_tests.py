"""Modules beside tests are imported by their bare names: two of one name would hide each other in a whole run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


def test_each_module_has_a_name_of_its_own() -> None:
    tests = Path(__file__).parents[1]
    # A folder with __init__.py is imported by its own name.
    bare = [file.stem for file in tests.rglob("*.py") if not (file.parent / "__init__.py").exists()]
    twice = {name for name, times in Counter(bare).items() if times > 1} - {"conftest"}
    assert not twice
