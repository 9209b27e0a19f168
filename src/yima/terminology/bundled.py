"""What R4 itself brings: its CodeSystems, ValueSets and ConceptMaps (tools/terminology_table.py), unpacked when first
asked for and kept by each worker."""

from __future__ import annotations

import lzma
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from yima.terminology.tree import Tree

Resource = dict[str, Any]


@cache
def _resources() -> dict[tuple[str, str], Resource]:
    """All by (type, url), in the order of their ids."""
    packed = files("yima.terminology").joinpath("data", "r4.json.xz").read_bytes()
    rows: list[Resource] = msgspec.json.decode(lzma.decompress(packed))
    return {(row["resourceType"], row["url"]): row for row in rows}


@cache
def _by_id() -> dict[tuple[str, str], Resource]:
    return {(row["resourceType"], row["id"]): row for row in _resources().values()}


def bundled(kind: str, url: str) -> Resource | None:
    """A resource of R4 by its canonical address."""
    return _resources().get((kind, url))


def bundled_by_id(kind: str, wanted: str) -> Resource | None:
    """A resource of R4 by its id there."""
    return _by_id().get((kind, wanted))


def all_bundled(kind: str) -> Iterable[Resource]:
    """All of a type."""
    return (row for (named, _), row in _resources().items() if named == kind)


@cache
def bundled_system(url: str) -> Tree | None:
    """A code system of R4, if R4 lists its concepts."""
    found = bundled("CodeSystem", url)
    tree = Tree(found) if found and found.get("content") not in ("not-present", "supplement") else None
    return tree if tree and tree.is_listed else None
