"""The documents say what is so: generated pages are current, links lead somewhere, lists are whole."""

from __future__ import annotations

import re
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from house import ROOMS, ROOT, files

sys.path.insert(0, str(ROOT / "tools"))
import error_table
import permissions_table

DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
PAGES = [path for path in files() if path.suffix == ".md" and "vendor" not in path.parts]
MADE_LATER = "docs/images/"
"""Screenshots are taken by the browser tests; a page may name one that is not there yet."""


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_table_of_refusals_is_current() -> None:
    assert _read(DOCS / "errors.md") == error_table.page(_read(error_table.CATALOGUE)), (
        "run python tools/error_table.py"
    )


def test_the_table_of_permissions_is_current() -> None:
    assert _read(permissions_table.PAGE) == permissions_table.page(), "run python tools/permissions_table.py"


def test_every_refusal_is_complete() -> None:
    kinds = tomllib.loads(_read(error_table.CATALOGUE))
    for code, row in kinds.items():
        assert set(row) - {"security"} == {"status", "issue", "en", "zh", "mend_en", "mend_zh"}, code
        assert re.search(r"[\u4e00-\u9fff]", row["zh"] + row["mend_zh"]), f"{code} has no Chinese"
        for language in ("", "mend_"):
            places = [set(re.findall(r"\{(\w+)\}", row[f"{language}{one}"])) for one in ("en", "zh")]
            assert places[0] == places[1], f"{code}: the two languages say different things"


def test_every_refusal_is_raised_somewhere_and_none_is_unknown() -> None:
    kinds = set(tomllib.loads(_read(error_table.CATALOGUE)))
    sources = [_read(path) for path in (ROOT / "src").rglob("*.py")]
    text = "\n".join(sources)
    raised = set(re.findall(r"Refusal\(\s*\"([a-z-]+)\"", text))
    assert raised <= kinds, raised - kinds
    unused = {code for code in kinds if f'"{code}"' not in text}
    assert not unused, f"in the catalogue, never raised: {unused}"


def _documented() -> set[str]:
    return set(re.findall(r"^\| `([\w.-]+)` \|", _read(DOCS / "dependencies.md"), re.MULTILINE))


def test_every_dependency_is_justified_and_no_other() -> None:
    project = tomllib.loads(_read(ROOT / "pyproject.toml"))
    extras = chain.from_iterable(project["project"]["optional-dependencies"].values())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"], *extras]
    names = {re.split(r"[^\w-]", one)[0] for one in [*wanted, *project["build-system"]["requires"]]}
    vendored = {
        path.name for path in (ROOT / "src/yima/portals/static/vendor").iterdir() if path.suffix in (".js", ".mjs")
    }
    system = {"chromium", "fonts-noto-cjk"}
    assert _documented() == names | vendored | system


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_context_decision_consequence_and_check(path: Path) -> None:
    text = _read(path)
    assert text.startswith(f"# {path.stem[:4]} "), "the title begins with the number"
    for section in ("## Context", "## Decision", "## Consequence", "## Check"):
        assert section in text
    assert len(text.splitlines()) <= 60, "one page"
    if path.stem.startswith("0000"):
        return
    named = re.findall(r"`((?:tests|tools)/[\w./]+|\[tool\.importlinter\][^`]*)`", text.partition("## Check")[2])
    assert named, "no check guards it"
    for one in named:
        assert one.startswith("[tool.") or (ROOT / one.partition("::")[0]).exists(), one


def test_decisions_are_listed() -> None:
    listed = re.findall(r"^\|.*\((\d{4}-[\w-]+\.md)\)", _read(DOCS / "decisions" / "README.md"), re.MULTILINE)
    assert listed == [path.name for path in DECISIONS]
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", _read(path)):
        if re.match(r"[a-z]+:", target):
            continue
        there = (path.parent / target).resolve()
        shown = there.relative_to(ROOT).as_posix() if there.is_relative_to(ROOT) else target
        assert there.exists() or shown.startswith(MADE_LATER), f"{target} does not exist"


def test_excerpts_are_from_files_that_run() -> None:
    text = _read(DOCS / "api.md")
    found = re.findall(r"<!-- from ([\w./]+) -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert len(found) > 5
    for source, excerpt in found:
        assert excerpt in _read(DOCS / source), f"not in {source} any more:\n{excerpt}"


def test_the_glossary_has_both_languages_and_every_room() -> None:
    rows = re.findall(r"^\| \*\*([^|]+)\*\* \| ([^|]+) \| ([^|]+) \|", _read(DOCS / "glossary.md"), re.MULTILINE)
    words = {word.strip() for row in rows for word in re.split(r"[,(]", row[0].rstrip(")"))}
    assert len(rows) > 40
    for word, _, chinese in rows:
        assert re.search(r"[\u4e00-\u9fff]", chinese), f"{word} has no Chinese"
    assert set(ROOMS) <= {word.replace(" ", "") for word in words}, set(ROOMS) - words


def test_the_two_readmes_have_the_same_parts() -> None:
    english, chinese = _read(ROOT / "README.md"), _read(ROOT / "README.zh-CN.md")
    for sign in (r"^## ", r"^```", r"^\|", r"!\[", r"<!-- figures:"):
        count = [len(re.findall(sign, text, re.MULTILINE)) for text in (english, chinese)]
        assert count[0] == count[1], sign
