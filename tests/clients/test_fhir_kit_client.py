"""fhir-kit-client, a third-party client library from npm, against a real server."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support import SYNTHEA, Platform, report, serving
from support.npm import installed, names_no_host, said_by
from yima.runtime.keys import FileKeyStore

HERE = Path(__file__).resolve().parent / "node"


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client with its dependencies, as locked, in a temporary directory."""
    if not SYNTHEA.is_dir():
        pytest.skip("*** THE NPM CLIENT WAS NOT TRIED: ../shared/data/synthea-r4 is not there ***")
    return installed(HERE, tmp_path_factory.mktemp("node"), "client.mjs")


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
    assert names_no_host(HERE)


async def test_it_signs_in_submits_reads_and_searches(live: Platform, where: Path) -> None:
    institution = await live.institution("npm")
    bundles = []
    for path in sorted(SYNTHEA.glob("*.json.gz")):
        bundles.append(where / path.stem)
        bundles[-1].write_bytes(gzip.decompress(path.read_bytes()))
    key = institution.key.as_dict(private=True) | {"kid": institution.key.thumbprint()}
    config = {"base": live.base, "clientId": institution.client_id, "jwk": key, "bundles": list(map(str, bundles))}
    figures = await asyncio.to_thread(said_by, where, "client.mjs", config, seconds=200)
    assert figures["resources"] == figures["compared"] == 7395
    report("fhir-kit-client", figures)
