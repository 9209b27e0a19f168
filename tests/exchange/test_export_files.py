"""Files of an export on the disk: nothing of them is readable, only what was written comes back, in little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from yima.exchange.export_files import PIECE, SealedFile, Size
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore, Vault

LINE = '{"resourceType":"Patient","name":[{"text":"欧阳不应见"}]}'.encode()
MB = 1024 * 1024


@pytest.fixture(scope="module")
def sealer(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault(FileKeyStore(tmp_path_factory.mktemp("keys") / "keys.json"))


@pytest.fixture
def file(sealer: Vault, tmp_path: Path) -> SealedFile:
    return SealedFile(sealer, sealer.new_wrap(), tmp_path / "export-1" / "Patient.ndjson")


def written(file: SealedFile, portions: int = 3, lines: int = 3_000) -> Size:
    size = Size()
    for _ in range(portions):
        size = file.append(size, [LINE] * lines)
    file.end(size)
    return size


def test_what_was_written_comes_back_whole_and_in_parts(file: SealedFile) -> None:
    size = written(file)
    whole = (LINE + b"\n") * 9_000
    assert size == Size(9_000, file.path.stat().st_size - 4 - 29, len(whole))
    assert b"".join(file.read(size, 0, size.plain)) == whole
    for start, stop in [(0, 1), (1, PIECE), (PIECE - 1, PIECE + 1), (PIECE, 2 * PIECE), (size.plain - 1, size.plain)]:
        assert b"".join(file.read(size, start, stop)) == whole[start:stop]
    assert all(len(piece) <= PIECE for piece in file.read(size, 0, size.plain))


def test_nothing_is_readable_and_only_the_owner_may_look(file: SealedFile) -> None:
    written(file)
    held = file.path.read_bytes()
    assert not any(word in held for word in ("欧阳".encode(), b"Patient", b"resourceType", b"name"))
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_worker_wrote_is_written_over(file: SealedFile) -> None:
    size = file.append(Size(), [LINE] * 2_000)
    file.append(size, [b"another"] * 9_000)
    size = file.append(size, [LINE])
    file.end(size)
    assert b"".join(file.read(size, 0, size.plain)) == (LINE + b"\n") * 2_001


FULL = PIECE + 4 + 29
"""Bytes in the file of a piece of full length."""
DAMAGES: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "a bit of the first piece": (lambda held: held[:100] + bytes([held[100] ^ 1]) + held[101:], 0),
    "a bit of the second piece": (lambda held: held[: FULL + 99] + b"\0\0\0\0" + held[FULL + 103 :], 1),
    "two pieces change places": (lambda held: held[FULL : 2 * FULL] + held[:FULL] + held[2 * FULL :], 0),
    "a piece twice": (lambda held: held[:FULL] + held[:FULL] + held[2 * FULL :], 1),
    "another length": (lambda held: b"\xff\xff\xff\xff" + held[4:], 0),
    "no length": (lambda held: b"\0\0\0\0" + held[4:], 0),
    "cut to its first piece": (lambda held: held[:FULL], 0),
    "cut by its end": (lambda held: held[: -(4 + 29)], 0),
    "cut by a byte": (lambda held: held[:-1], 0),
    "something behind its end": (lambda held: held + b"\0", 0),
    "nothing": (lambda _held: b"", 0),
}  # What is done to the file, and how many pieces are given out before it shows.


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_not_given_out(file: SealedFile, damage: str) -> None:
    size = file.append(Size(), [LINE] * 4_000)
    file.end(size)
    change, before = DAMAGES[damage]
    file.path.write_bytes(change(file.path.read_bytes()))
    pieces = file.read(size, 0, size.plain)
    given = [next(pieces) for _ in range(before)]
    with pytest.raises(Refusal, match="export-damaged"):
        next(pieces)
    assert list(pieces) == [], "nothing more"
    assert b"".join(given) == ((LINE + b"\n") * 4_000)[: before * PIECE]


@pytest.mark.parametrize("whose", ["another file", "another export", "another key", "no file", "a part without an end"])
def test_no_file_opens_in_anothers_place(file: SealedFile, sealer: Vault, whose: str) -> None:
    size = file.append(Size(), [LINE])
    file.end(size)
    other = {
        "another file": file._replace(path=file.path.with_name("Observation.ndjson")),
        "another export": file._replace(path=file.path.parent.parent / "export-2" / file.path.name),
        "another key": file._replace(wrap=sealer.new_wrap()),
        "no file": file._replace(path=file.path.with_name("none")),
        "a part without an end": file,
    }[whose]
    if whose == "no file":
        assert not other.path.exists()
    elif other.path != file.path:
        other.path.parent.mkdir(exist_ok=True)
        file.path.rename(other.path)
    elif other is file:
        size = file.append(size, [LINE])
    with pytest.raises(Refusal, match="export-damaged"):
        next(other.read(size, 0, 1))


def test_fifty_megabytes_pass_through_little_memory(file: SealedFile) -> None:
    size = Size()
    for _ in range(25):
        size = file.append(size, [b"x" * 1023] * 2048)
    file.end(size)
    assert size.plain == 50 * MB
    tracemalloc.start()
    passed = sum(len(piece) for piece in file.read(size, 0, size.plain))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert passed == size.plain
    assert most < MB
