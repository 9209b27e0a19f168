"""The command line as a newcomer and an operator use it: a data directory of their own.

Real processes where a database is started, a server, or a load; what else is typed runs in this process (`typed`).
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc import jwk
from typing_commands import typed

from yima.runtime import postgres


def yima(*args: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "yima", *args, *(["--data", str(data)] if data else [])]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data directory that every account gets through, removed with its PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="yima-cli-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path
        postgres.remove(path)


@pytest.fixture(scope="module")
def keys_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("there")


@pytest.fixture
def there(database_url: str, keys_of_all: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory whose database runs already, as the settings say."""
    monkeypatch.setenv("YIMA_DATABASE_URL", database_url)
    return keys_of_all


def test_the_help_says_what_there_is() -> None:
    said = yima("--help").stdout
    for command in ("demo", "serve", "migrate", "synth", "load", "register", "code"):
        assert command in said


def test_migrating_twice_does_the_work_once(data: Path) -> None:
    assert "records/0001" in yima("migrate", data=data).stdout
    assert yima("migrate", data=data).stdout == "nothing to do\n"
    refused = yima("code", "show", "0000000001", data=data)
    assert (refused.returncode, "card-not-found" in refused.stderr) == (1, True)


def test_a_synthetic_city_loads_and_loading_again_changes_nothing(there: Path, tmp_path: Path) -> None:
    counts = json.loads(yima("synth", "--residents", "1", "--seed", "3", "--out", str(tmp_path)).stdout)
    assert counts["residents"] == 1
    lines = (tmp_path / "submissions.ndjson").read_text().splitlines()
    for code in {json.loads(line)["institution"] for line in lines}:
        done = typed("register", "institution", code, "--name-zh", "甲", "--name-en", "A", data=there)
        assert done.returncode == 0, done.stderr
    first = yima("load", str(tmp_path / "submissions.ndjson"), data=there)
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"{counts['visits']} submissions, {counts['resources']} resources, 0 refused" in first.stdout
    again = yima("load", str(tmp_path / "submissions.ndjson"), data=there)
    assert f"{counts['visits']} submissions" in again.stdout


def test_an_app_is_registered_with_public_keys_only(there: Path, tmp_path: Path) -> None:
    assert typed("register", "institution", "T1", "--name-zh", "乙", "--name-en", "B", data=there).returncode == 0
    assert typed("register", "terminal", "T1", "T1-DESK-1", data=there).returncode == 0
    key = jwk.ECKey.generate_key("P-256")
    public, private = tmp_path / "public.json", tmp_path / "private.json"
    public.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    private.write_text(json.dumps({"keys": [key.as_dict(private=True)]}))
    assert typed("register", "app", "T1", "t1-his", "--jwks", str(public), data=there).returncode == 0
    refused = typed("register", "app", "T1", "t1-his", "--jwks", str(private), data=there)
    assert refused.returncode == 1
    assert "field-invalid" in refused.stderr
    assert "公钥" in refused.stderr or "jwks" in refused.stderr
    nowhere = typed("register", "terminal", "NOWHERE", "X", data=there)
    assert (nowhere.returncode, "field-invalid" in nowhere.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("code", "show", "nobody"), "field-invalid"),
        (("code", "show", "0000000001"), "card-not-found"),
        (("code", "verify", "https://evil.example/"), "code-unreadable"),
        (("serve", "--port", "0"), "setting-invalid"),
    ],
)
def test_a_refusal_ends_with_its_code_in_two_languages(there: Path, arguments: tuple[str, ...], code: str) -> None:
    done = typed(*arguments, data=there)
    assert done.returncode == 1
    assert code in done.stderr
    assert any("一" <= character <= "鿿" for character in done.stderr)
    assert "Traceback" not in done.stderr


def test_a_demo_serves_shows_codes_and_is_found_again(data: Path) -> None:
    place = data / "demo"
    place.mkdir(mode=0o711)
    port = _free_port()
    command = [sys.executable, "-m", "yima", "demo", "--port", str(port), "--residents", "3", "--data", str(place)]
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
            try:
                _await_ready(port)
                demo = json.loads((place / "demo.json").read_text())
                assert (place / "demo.json").stat().st_mode & 0o777 == 0o600
                resident = demo["residents"][0]
                printed = typed("code", "show", resident["person"], "--static", data=place).stdout.strip()
                assert printed == resident["static_code"]
                text = typed("code", "show", resident["person"], data=place).stdout.strip()
                said = json.loads(typed("code", "verify", text, data=place).stdout)
                assert (said["person"], said["assurance"]) == (resident["person"], "dynamic")
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) is not None
    postgres.remove(place)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(port: int) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the demo was not ready within a minute")
