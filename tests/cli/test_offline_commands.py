"""`yima verify-offline` as a clinic without network runs it: files, no database, exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typing_commands import typed

from support.credentials import Issuing
from yima.healthcode import trust
from yima.runtime import clock
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore

BASE = "http://127.0.0.1:8420"
Ask = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
async def files(db: Database, keys: FileKeyStore, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What a scanner fetched, and two credentials, one of them revoked."""
    folder, now = tmp_path_factory.mktemp("fetched"), clock.now()
    issuing, publisher = Issuing(db, keys, BASE), trust.Publisher(db, keys, BASE)
    texts = {}
    for name in ("good", "ended"):
        texts[name], place = await issuing.card(now)
    async with db.transaction() as c:
        assert await trust.revoke_of(c, 4_000_000_001, now) == 2
    texts["good"], place = await issuing.card(now)
    bodies = {
        "trust": (await publisher.trust_list("ES256", now)).body,
        "roots": (await publisher.roots(now)).body,
        "status": (await publisher.status_list(place.list, trust.CWT, now)).body,
        **{name: text.encode() for name, text in texts.items()},
        "other": b'{"keys": []}',
    }
    for name, body in bodies.items():
        (folder / name).write_bytes(body)
    return {name: folder / name for name in bodies}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    nowhere = tmp_path_factory.mktemp("empty")

    def run(text: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        done = typed("verify-offline", "-", *map(str, arguments), data=nowhere, text=text.read_text())
        assert not list(nowhere.iterdir()), "it made something"
        return done

    return run


@pytest.mark.parametrize("pinned", [True, False])
def test_a_good_one(files: dict[str, Path], ask: Ask, pinned: bool) -> None:
    roots = ["--roots", files["roots"]] if pinned else []
    done = ask(files["good"], "--trust", files["trust"], "--status", files["status"], *roots)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["form"], said["status"]) == ("identity", "good")


def test_a_good_one_in_a_process_of_its_own(files: dict[str, Path], tmp_path: Path) -> None:
    given = ["--trust", str(files["trust"]), "--status", str(files["status"]), "--data", str(tmp_path / "none")]
    command = [sys.executable, "-m", "yima", "verify-offline", "-", *given]
    text = files["good"].read_text()
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["status"] == "good"
    assert not (tmp_path / "none").exists(), "it made something"


def test_without_its_status_list_it_says_so(files: dict[str, Path], ask: Ask) -> None:
    assert json.loads(ask(files["good"], "--trust", files["trust"]).stdout)["status"] == "not-checked"


@pytest.mark.parametrize(
    ("text", "listed", "code"),
    [
        ("ended", "status", "credential-revoked"),
        ("roots", "status", "code-unreadable"),
        ("good", "other", "status-list-"),
    ],
)
def test_what_is_refused(files: dict[str, Path], ask: Ask, text: str, listed: str, code: str) -> None:
    done = ask(files[text], "--trust", files["trust"], "--status", files[listed])
    assert done.returncode == 1
    assert code in done.stderr
    assert any("一" <= character <= "鿿" for character in done.stderr)
    assert "Traceback" not in done.stderr
