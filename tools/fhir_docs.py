"""The second half of docs/fhir.md, made from the tests that name a capability: `python tools/fhir_docs.py`.

A test names what it shows by `@pytest.mark.capability("read", ..)`, in the words of `capabilities_of`; its name and
docstring are the sentence. tests/api/test_capability.py sees to it that each capability of /fhir/metadata is named.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "fhir.md"
_MARK: Final = "<!-- From here on written by tools/fhir_docs.py from the tests; a test keeps it true. -->"
GROUPS: Final = {
    "Reading and history": r"read|vread|versioned|readHistory|conditionalRead|history-\w+",
    "Writing": r"create|update|updateCreate|patch|delete|conditional\w+( \w+)?|patchFormat .*|referencePolicy .*",
    "Bundles": r"transaction|batch",
    "Searching": r"search.*",
    "Operations": r"operation .*",
    "Formats": r"format .*",
}
_FLAGS: Final = ("readHistory", "updateCreate", "conditionalCreate", "conditionalUpdate")


def capabilities_of(statement: Mapping[str, Any]) -> set[str]:
    """What a CapabilityStatement says is offered, as the tests name it: `read`, `conditionalCreate`, `operation $meta`,
    `searchParam token`, `searchParam token:not`, `format json`, .."""
    found = {f"format {text.rpartition('+')[2]}" for text in statement["format"]}
    found |= {f"patchFormat {text}" for text in statement["patchFormat"]}
    for rest in statement["rest"]:
        found |= set(_interactions(rest)).union(*map(_of_resource, rest["resource"]))
    return found


def _of_resource(resource: Mapping[str, Any]) -> Iterator[str]:
    yield from _interactions(resource)
    yield resource["versioning"]
    yield from (name for name in _FLAGS if resource.get(name))
    if resource.get("conditionalRead", "not-supported") != "not-supported":
        yield "conditionalRead"
    if resource.get("conditionalDelete", "not-supported") != "not-supported":
        yield f"conditionalDelete {resource['conditionalDelete']}"
    yield from (f"referencePolicy {text}" for text in resource.get("referencePolicy", ()))
    yield from (name for name in ("searchInclude", "searchRevInclude") if resource.get(name))
    for param in resource.get("searchParam", ()):
        yield f"searchParam {param['type']}"
        yield from (
            f"searchParam {param['type']}{text}" for text in re.findall(r":\S+", param.get("documentation", ""))
        )


def _interactions(held: Mapping[str, Any]) -> Iterator[str]:
    yield from (one["code"] for one in held["interaction"])
    yield from (f"operation ${one['name']}" for one in held.get("operation", ()))


def sentences() -> dict[str, list[str]]:
    """Capability -> what the tests that name it say, in the order of files and lines."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "mark.capability(" in text else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for name in _named_by(node):
                    found[name].append(_sentence(node))
    return found


def _named_by(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.capability":
            yield from (ast.literal_eval(argument) for argument in mark.args)


def _sentence(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    words = node.name.removeprefix("test_").replace("_", " ")
    more = " ".join((ast.get_docstring(node) or "").split())
    return f"{words[0].upper()}{words[1:]}.{' ' if more else ''}{more}"


def page(said: Mapping[str, list[str]], head: str) -> str:
    """The page: its head, which is written by hand, and what the tests say, group by group."""
    lines = [head.partition(_MARK)[0].rstrip(), "", _MARK, "", "## What the tests show", ""]
    lines += ["Each capability of `/fhir/metadata` with the tests that name it, by what they say.", ""]
    for title, pattern in GROUPS.items():
        names = sorted(name for name in said if re.fullmatch(pattern, name))
        lines += [f"### {title}", "", "| capability | shown |", "|---|---|"]
        lines += [f"| `{name}` | {'<br>'.join(map(_cell, dict.fromkeys(said[name])))} |" for name in names]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(sentences(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}\n")
