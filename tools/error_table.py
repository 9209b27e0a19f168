"""docs/errors.md, made from the catalogue `src/yima/runtime/errors.toml`: `python tools/error_table.py`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "src" / "yima" / "runtime" / "errors.toml"
PAGE = ROOT / "docs" / "errors.md"
_HEAD = """\
# Refusals

Written by `tools/error_table.py` from `src/yima/runtime/errors.toml`; a test keeps it true.

Every refusal has a stable code, the same in every protocol and language. On `/fhir` it is an OperationOutcome
(`issue.details.coding.code`, `issue.expression` names the place), at the token endpoint an OAuth error with the same
`code`, elsewhere an RFC 9457 problem document (`application/problem+json`: `code`, `title`, `detail`, `field`,
`request_id`, both languages in `messages`). `{...}` stands for what the answer fills in.

Words that code fills in (`expected="at most 5 characters"`) are English there. `src/yima/runtime/phrases.toml` has
their Chinese, looked up when a Chinese text is made: `"at most {} characters" = "至多 {} 个字符"`, with `{}` for
each hole of an f-string. For a new phrase add its line; `tests/architecture/test_phrases.py` names those without
one, and those that nothing says any more.
"""
_COLUMNS = "| code | status | what happened · 含义 | what to do · 处理 |"


def page(catalogue: str) -> str:
    """The page for the text of a catalogue, group by group."""
    kinds = tomllib.loads(catalogue)
    lines = [_HEAD]
    for title, codes in _groups(catalogue):
        lines += [f"## {title}", "", _COLUMNS, "|---|---|---|---|"]
        for code in codes:
            row = {name: _cell(value) for name, value in kinds[code].items() if name != "security"}
            happened, mend = f"{row['en']}<br>{row['zh']}", f"{row['mend_en']}<br>{row['mend_zh']}"
            lines.append(f"| `{code}` | {row['status']} | {happened} | {mend} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _groups(catalogue: str) -> list[tuple[str, list[str]]]:
    """The headings of the catalogue (`# --- words ---`) with the codes below each."""
    groups: list[tuple[str, list[str]]] = []
    for line in catalogue.splitlines():
        if heading := re.match(r"# -{3,} (.+?) -{3,}", line):
            groups.append((heading[1].capitalize(), []))
        elif code := re.match(r"\[([a-z-]+)\]", line):
            groups[-1][1].append(code[1])
    return groups


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(CATALOGUE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}\n")
