"""The house as its source shows it: rooms, modules, imports, and the files of the repository."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "yima"
ROOMS = sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))
_NOT_OURS = {
    ".git", ".venv", ".yima", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__", "dist",
}  # fmt: skip


@dataclass(frozen=True)
class Module:
    """One file of the package, parsed."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        """The room it lies in; its own name for the files beside the rooms (`app`, `server`)."""
        return self.name.split(".")[1] if "." in self.name else ""


@cache
def modules() -> dict[str, Module]:
    """Every module of the package by dotted name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return found


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """What a module imports, as (line, dotted name); `from yima.mpi import Person` gives `yima.mpi` only."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                is_package = module.path.name == "__init__.py"
                above = module.name.split(".")[: len(module.name.split(".")) - node.level + is_package]
                base = ".".join([*above, *([base] if base else [])])
            named = [f"{base}.{alias.name}" for alias in node.names]
            whole = [name for name in named if name in modules()]
            yield from ((node.lineno, name) for name in whole)
            if len(whole) < len(named):
                yield node.lineno, base


def files() -> list[Path]:
    """The files of the repository: what git tracks or would track; without git, all that no tool made."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if asked.returncode == 0:
        return [path for name in asked.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]
    return [p for p in ROOT.rglob("*") if p.is_file() and not _NOT_OURS & set(p.relative_to(ROOT).parts)]
