"""What the repository must and must not hold."""

from __future__ import annotations

import re
import tomllib

import pytest
from house import ROOT, SOURCE, files

# Put together here, so that this file does not hold what it looks for.
_HOSTS = [
    "py" + "pi.", "python" + "hosted", "npm" + "js.", "deb.de" + "bian", "security.de" + "bian", "snapshot.de" + "bian",
    "registry." + "yarn", "arti" + "factory", "mirrors" + ".", "crates" + ".io", "proxy.go" + "lang", "dev" + "pi",
]  # fmt: skip
_PATHS = ["ro" + "ot", "wo" + "rk", "ho" + "me"]
FORBIDDEN = [
    ("the host of a package registry", re.compile("|".join(map(re.escape, _HOSTS)))),
    ("a path of somebody's machine", re.compile(rf"(?<![\w./\])}}*])/({'|'.join(_PATHS)})/")),
]
# A private key block, or the private member of a JSON Web Key with a value.
SECRETS = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----|\"d\"\s*:\s*\"[A-Za-z0-9_-]{40,}\"")
_TEXT = {
    "", ".css", ".html", ".js", ".json", ".lock", ".md", ".mjs", ".py", ".sh", ".sql", ".svg", ".toml", ".txt",
    ".webmanifest",
}  # fmt: skip
CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache"}
PACKAGED = {
    "", ".py", ".sql", ".toml", ".json", ".html", ".js", ".mjs", ".css", ".svg", ".md", ".txt", ".typed", ".woff2",
    ".png", ".xz", ".dict",
}  # fmt: skip


@pytest.mark.parametrize(("what", "pattern"), FORBIDDEN, ids=["registry", "machine"])
def test_nothing_names(what: str, pattern: re.Pattern[str]) -> None:
    found = []
    for path in files():
        if path.suffix not in _TEXT:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if hit := pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {hit.group()}")
    assert not found, f"{what}: {found[:20]}"


def test_no_private_key_is_kept() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in files()
        if path.suffix in _TEXT and SECRETS.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found, found


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "The Yima contributors" in text


def test_vendored_files_carry_their_licences() -> None:
    vendor = SOURCE / "portals" / "static" / "vendor"
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    about = (vendor / "README.md").read_text(encoding="utf-8")
    code = [path for path in vendor.iterdir() if path.suffix in (".js", ".mjs", ".css")]
    assert code
    for path in code:
        name = path.name.split("-")[0]
        assert path.name in about
        assert name in notice.lower()
        assert (vendor / f"{name}.LICENSE.txt").is_file()


def test_the_wheel_holds_everything_the_package_reads() -> None:
    """hatchling packs what git does not ignore: so every file below src/yima must be one that git would keep."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build == {"targets": {"wheel": {"packages": ["src/yima"]}}}, "no exclusions"
    kept = {path for path in files() if SOURCE in path.parents}
    there = {path for path in SOURCE.rglob("*") if path.is_file() and not CACHES & set(path.parts)}
    assert there == kept
    assert {path.suffix for path in kept} <= PACKAGED, "a new kind of file: does the package need it?"


def test_the_lock_has_a_hash_for_every_package_and_names_no_host() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.split(r"\n(?=[a-z0-9])", text)
    packages = [entry for entry in entries if re.match(r"[a-z0-9][\w.-]*==", entry)]
    assert len(packages) > 30
    assert [entry.splitlines()[0] for entry in packages if "--hash=sha256:" not in entry] == []


def test_the_lock_covers_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[^\w-]", one)[0].lower() for one in wanted}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9][\w-]*)==", lock, re.MULTILINE))
    assert names <= locked, names - locked
