"""fhir-kit-client, a third-party client library from npm, against a real server."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support import SYNTHEA, Platform, report, serving
from yima.runtime.keys import FileKeyStore

HERE = Path(__file__).resolve().parent / "node"


def _loudly(reason: str) -> None:
    pytest.skip(f"*** THE NPM CLIENT WAS NOT TRIED: {reason} ***")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client with its dependencies, as locked, in a temporary directory."""
    if not (shutil.which("node") and shutil.which("npm")):
        _loudly("node and npm are not here")
    if not SYNTHEA.is_dir():
        _loudly("../shared/data/synthea-r4 is not there")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "client.mjs"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        [str(shutil.which("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        _loudly(f"npm ci failed: {done.stderr[-300:]}")
    return folder


@pytest.fixture(scope="module")
async def live(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """`yima serve` in a process of its own."""
    data = tmp_path_factory.mktemp("serving")
    FileKeyStore(data / "keys.json").secret("warm")
    with serving(data, YIMA_DATABASE_URL=database_url) as running:
        platform = await Platform.attach(running.base, database_url, data)
        yield platform
        await platform.stop()


def test_the_lock_names_no_host() -> None:
    text = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert "://" not in text.replace("https://opencollective.com", "").replace("https://github.com/sponsors", "")


async def test_it_signs_in_submits_reads_and_searches(live: Platform, installed: Path) -> None:
    institution = await live.institution("npm")
    bundles = []
    for path in sorted(SYNTHEA.glob("*.json.gz")):
        bundles.append(installed / path.stem)
        bundles[-1].write_bytes(gzip.decompress(path.read_bytes()))
    key = institution.key.as_dict(private=True) | {"kid": institution.key.thumbprint()}
    config = {"base": live.base, "clientId": institution.client_id, "jwk": key, "bundles": list(map(str, bundles))}
    done = await asyncio.to_thread(
        subprocess.run,
        [str(shutil.which("node")), "client.mjs"],
        cwd=installed,
        input=json.dumps(config),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=os.environ | {"NODE_OPTIONS": ""},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    figures = json.loads(done.stdout)
    assert figures["resources"] == figures["compared"] == 7395
    report("fhir-kit-client", figures)
