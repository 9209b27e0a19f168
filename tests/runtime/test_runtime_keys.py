"""The key store and what keys do at rest."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import secrets
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.fingerprint import check_fingerprint
from yima.runtime.keys import FileKeyStore, Vault, signing_key


def _secret_of(path: Path, name: str, ready: Any, found: Any) -> None:
    store = FileKeyStore(path)
    ready.wait()
    found.put((name, store.secret(name)))


def test_a_secret_is_made_once_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys.json"
    store = FileKeyStore(path)
    first = store.secret("a")
    assert len(first) == 32
    assert store.secret("a") == first == FileKeyStore(path).secret("a")
    assert store.secret("b") != first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.with_suffix(".new").exists()


def test_processes_that_need_the_same_secret_at_once_get_the_same_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready, found = context.Event(), context.Queue()
    names = ["same"] * 4 + ["x", "y"]
    workers = [context.Process(target=_secret_of, args=(tmp_path / "keys.json", name, ready, found)) for name in names]
    for worker in workers:
        worker.start()
    ready.set()
    answers = [found.get(timeout=20) for _ in workers]
    for worker in workers:
        worker.join()
    kept = FileKeyStore(tmp_path / "keys.json")
    assert sorted(name for name, _ in answers) == sorted(names)
    assert all(kept.secret(name) == secret for name, secret in answers), "no secret that was given out is lost"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o606, 0o601])
def test_a_store_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.json"
    FileKeyStore(path).secret("a")
    path.chmod(mode)
    with pytest.raises(Refusal) as refused:
        FileKeyStore(path)
    assert refused.value.code == "key-store-invalid"


def test_a_leftover_of_a_crashed_worker_lends_its_rights_to_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    leftover = path.with_suffix(".new")
    leftover.write_text("half")
    leftover.chmod(0o666)
    FileKeyStore(path).secret("a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


GOOD = base64.b64encode(bytes(32)).decode()
BROKEN = [
    "",
    "{",
    "[]",
    '"x"',
    "5",
    '{"a": 5}',
    '{"a": null}',
    '{"a": "???"}',
    json.dumps({"a": GOOD[:20]}),
    json.dumps({"a": GOOD, "b": ""}),
]


@pytest.mark.parametrize("text", BROKEN)
def test_a_store_that_is_damaged_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(Refusal, match="key-store-invalid"):
        FileKeyStore(path)
    assert path.read_text() == text


def test_a_secret_that_cannot_be_kept_is_not_given_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileKeyStore(tmp_path / "keys.json")
    store.secret("a")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            store.secret("b")
    monkeypatch.undo()
    assert FileKeyStore(tmp_path / "keys.json").secret("b") == store.secret("b")


# --- the vault ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    """The vault of another deployment."""
    return Vault(FileKeyStore(tmp_path_factory.mktemp("other") / "keys.json"))


def test_a_blind_index_is_stable_and_its_purposes_and_deployments_are_apart(vault: Vault, other: Vault) -> None:
    index = vault.blind("identifier/national", "1")
    assert (len(index), index[0]) == (17, 1), "it says its generation"
    assert index == Vault(vault.store).blind("identifier/national", "1")
    others = [
        vault.blind("identifier/national", "2"),
        vault.blind("identifier/local", "1"),
        other.blind("identifier/national", "1"),
    ]
    assert index not in others


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_again_and_never_looks_the_same(vault: Vault, plain: bytes) -> None:
    wrap = vault.new_wrap()
    one, two = vault.seal(wrap, plain), vault.seal(wrap, plain)
    assert one != two
    assert vault.open(wrap, one) == vault.open(wrap, two) == plain
    assert len(plain) < 6 or plain not in one


def test_nothing_opens_with_other_keys_or_after_a_change(vault: Vault, other: Vault) -> None:
    wrap = vault.new_wrap()
    sealed = vault.seal(wrap, b"110101199001020000")
    flipped = [sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1 :] for n in range(len(sealed))]
    attempts = [
        (other, wrap, sealed),
        (vault, vault.new_wrap(), sealed),
        (vault, wrap[:-1] + bytes([wrap[-1] ^ 1]), sealed),
        (vault, b"", sealed),
        (vault, secrets.token_bytes(40), sealed),
        (vault, wrap[:20], sealed),
        *(
            (vault, wrap, changed)
            for changed in (*flipped, b"", sealed[:5], sealed[:12], sealed[:-1], sealed + b"\x00")
        ),
    ]
    for opener, with_wrap, what in attempts:
        with pytest.raises(Refusal) as refused:
            opener.open(with_wrap, what)
        assert refused.value.code == "key-store-invalid"
        assert "1101011990" not in str(refused.value)


def test_without_its_wrap_what_was_sealed_is_gone(vault: Vault) -> None:
    """Erasing a person is forgetting the wrap: no other wrap of the same vault opens what it sealed."""
    sealed = vault.seal(vault.new_wrap(), b"erased")
    for _ in range(20):
        with pytest.raises(Refusal):
            vault.open(vault.new_wrap(), sealed)


def test_a_signing_key_follows_from_its_secret(keys: FileKeyStore) -> None:
    one, again, other = (signing_key(keys, name).private_numbers().private_value for name in ("s/1", "s/1", "s/2"))
    assert one == again != other


async def test_a_database_is_used_with_the_keys_it_was_written_with(db: Database, tmp_path: Path) -> None:
    first, second = (Vault(FileKeyStore(tmp_path / name / "keys.json")) for name in ("first", "second"))
    await check_fingerprint(db, first)
    await check_fingerprint(db, first)
    with pytest.raises(Refusal) as refused:
        await check_fingerprint(db, second)
    assert refused.value.code == "key-store-invalid"
