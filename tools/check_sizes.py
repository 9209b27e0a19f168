"""Sizes of the code beside the aims of the architecture. Fails only above the hard limits; the rest is for the eye."""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = ROOT / "src"
FILE_AIM, FILE_LIMIT = 350, 600
FUNCTION_LIMIT: Final = 80
DUPLICATE_LINES: Final = 6
"""Shorter equal bodies are usually an idiom, not a copy."""
MOCK: Final = re.compile(r"\b(MagicMock|AsyncMock|Mock\(|mocker\b|mock\.|monkeypatch\.setattr|@patch|patch\()")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
DefinitionNode = FunctionNode | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Module:
    """One parsed file."""

    path: Path
    name: str
    lines: int
    tree: ast.Module

    @property
    def shown(self) -> str:
        """Its path from the root of the working copy."""
        return str(self.path.relative_to(ROOT))


def read(folder: Path) -> Iterator[Module]:
    """Every Python file below a folder."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(path, name, text.count("\n"), ast.parse(text))


def functions(module: Module) -> Iterator[FunctionNode]:
    """Every function and method of a file, inner ones too."""
    return (node for node in ast.walk(module.tree) if isinstance(node, FunctionNode))


def length(node: FunctionNode) -> int:
    """Lines from `def` to the end, without the decorators."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def definitions(tree: ast.Module) -> dict[str, DefinitionNode]:
    """The functions and classes at the top of a file."""
    return {node.name: node for node in tree.body if isinstance(node, DefinitionNode)}


def exported(tree: ast.Module) -> list[str]:
    """The names in `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def face(modules: dict[str, Module]) -> Iterator[tuple[str, DefinitionNode]]:
    """What other rooms may use: names in a room's `__all__`; for `runtime`, which has none, every public name."""
    for module in modules.values():
        if module.name.startswith("yima.runtime.") and module.path.name != "__init__.py":
            for name, node in definitions(module.tree).items():
                if not name.startswith("_"):
                    yield f"{module.name}.{name}", node
        for name in exported(module.tree):
            if found := resolve(modules, module.name, name):
                yield f"{module.name}.{name}", found


def resolve(modules: dict[str, Module], package: str, name: str) -> DefinitionNode | None:
    """The definition behind a name of a module, followed through its imports; None for constants and modules."""
    module = modules.get(package)
    if module is None:
        return None
    if found := definitions(module.tree).get(name):
        return found
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name and (node.module, alias.name) != (package, name):
                    return resolve(modules, node.module, alias.name)
    return None


def undocumented(modules: dict[str, Module]) -> tuple[int, list[str]]:
    """How many names the faces have, public methods among them, and which lack a docstring."""
    count, missing = 0, set()
    for label, node in face(modules):
        inner = node.body if isinstance(node, ast.ClassDef) else []
        methods = [item for item in inner if isinstance(item, FunctionNode) and not item.name.startswith("_")]
        for shown, item in [(label, node), *((f"{label}.{method.name}", method) for method in methods)]:
            count += 1
            if not ast.get_docstring(item):
                missing.add(shown)
    return count, sorted(missing)


def duplicates(modules: Sequence[Module]) -> list[str]:
    """Functions with equal bodies (docstrings apart) in several places."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        for node in functions(module):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body and (body[-1].end_lineno or 0) - body[0].lineno + 1 >= DUPLICATE_LINES:
                places["".join(ast.dump(line) for line in body)].append(f"{module.shown}:{node.lineno} {node.name}")
    return [" = ".join(group) for group in places.values() if len(group) > 1]


def mock_share() -> tuple[int, int]:
    """Lines of tests that replace parts of the system, and all lines of tests."""
    lines = [line for path in (ROOT / "tests").rglob("*.py") for line in path.read_text(encoding="utf-8").splitlines()]
    return sum(bool(MOCK.search(line)) for line in lines), len(lines)


def ninth_tenth(sizes: Sequence[int]) -> int:
    """The size that nine tenths do not exceed."""
    return sorted(sizes)[int(len(sizes) * 0.9)] if sizes else 0


def main() -> int:
    """Print the figures; 1 when a hard limit is broken."""
    modules = list(read(SOURCE))
    by_name = {module.name: module for module in modules}
    files = [module.lines for module in modules]
    measured = [
        (length(node), f"{module.shown}:{node.lineno} {node.name}") for module in modules for node in functions(module)
    ]
    sizes = [size for size, _ in measured] or [0]
    names, missing = undocumented(by_name)
    mocks, test_lines = mock_share()
    copies = duplicates(modules)
    rows = [
        ("files", f"{len(files)}, {sum(files)} lines", "", ""),
        ("file lines, 9 of 10", ninth_tenth(files), f"<= {FILE_AIM}", ""),
        ("file lines, most", max(files, default=0), "", f"<= {FILE_LIMIT}"),
        ("functions", len(measured), "", ""),
        ("function lines, median", int(statistics.median(sizes)), "8", ""),
        ("function lines, 9 of 10", ninth_tenth(sizes), "<= 30", ""),
        ("function lines, most", max(sizes), "", f"<= {FUNCTION_LIMIT}"),
        ("face names without docstring", f"{len(missing)} of {names}", "0", ""),
        ("copied functions", len(copies), "0", ""),
        ("mock lines in tests", f"{mocks} of {test_lines} ({100 * mocks / max(test_lines, 1):.1f} %)", "< 1 %", ""),
    ]
    for title, found, aim, limit in rows:
        print(  # noqa: T201  a report is what this prints
            f"{title:32} {found!s:>22}   {'aim ' + aim if aim else '':12} {'limit ' + limit if limit else ''}".rstrip()
        )
    too_long = [f"{module.shown}: {module.lines} lines" for module in modules if module.lines > FILE_LIMIT]
    too_long += [f"{place}: {size} lines" for size, place in measured if size > FUNCTION_LIMIT]
    for title, found_list in [("no docstring", missing), ("copied", copies), ("OVER THE LIMIT", too_long)]:
        for line in found_list[:20]:
            print(f"{title}: {line}")  # noqa: T201  a report is what this prints
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
