"""A FHIR package is read within bounds, and never onto a disk."""

from __future__ import annotations

import gzip
import json

import pytest

from support.packages import definition, package, packed
from yima.packages import read_package
from yima.runtime.errors import Refusal

PROFILE = definition("http://e/p", "Patient", {"path": "Patient.name", "min": 1})
META = json.dumps({"name": "x", "version": "1"}).encode()


def test_profiles_and_terminology_are_sorted_out() -> None:
    core = PROFILE | {"derivation": "specialization"}
    logical = PROFILE | {"kind": "logical"}
    codes = {"resourceType": "ValueSet", "url": "http://e/v", "status": "draft"}
    found = read_package(package(PROFILE, core, logical, codes, {"resourceType": "Patient"}))
    assert (found.name, found.version, len(found.profiles), len(found.terminology)) == ("example.test", "1.0.0", 1, 1)
    assert "status" not in found.profiles[0], "only what checking needs"


def test_paths_are_names_only() -> None:
    """Nothing is extracted, so nowhere is climbed to; only files right below package/ count."""
    profile = json.dumps(PROFILE).encode()
    files = {
        "../../etc/x.json": profile,
        "/package/y.json": profile,
        "package/../z.json": profile,
        "package/other/a.json": profile,
    }
    assert read_package(packed({"package/package.json": META, **files})).profiles == []


BAD = [
    b"",
    b"{}",
    gzip.compress(b"no tar"),
    package(PROFILE)[:-40],
    packed({}),
    packed({"package/package.json": b"{}"}),
    packed({"package/package.json": b"[" * 100_000}),
    packed({"package/package.json": b'{"name": "", "version": "1"}'}),
]


@pytest.mark.parametrize("content", BAD, ids=range(len(BAD)))
def test_what_is_no_package_is_refused(content: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        read_package(content)
    assert caught.value.code in ("package-invalid", "json-malformed", "json-too-deep")


def test_a_small_file_that_unpacks_to_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yima.packages.reading.MAX_UNPACKED", 1024**2)
    bomb = packed({"package/package.json": META, "package/big.json": b" " * 8 * 1024**2})
    assert len(bomb) < 20_000
    with pytest.raises(Refusal) as caught:
        read_package(bomb)
    assert "unpacks to more" in str(caught.value)


def test_a_file_that_cannot_be_read_stops_no_other() -> None:
    broken = {"resourceType": "StructureDefinition", "derivation": "constraint", "kind": "resource"}
    found = read_package(package(broken, PROFILE))
    assert len(found.profiles) == 1
    assert len(found.left) == 1
