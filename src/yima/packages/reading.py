"""A FHIR package (`.tgz`, as NPM packs it) to its resources: never written to a disk, and all of it bounded.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from yima.fhir import parse, parse_value
from yima.fhir.profiles import trimmed
from yima.runtime.errors import Refusal

MAX_PACKED: Final = 128 * 1024**2
MAX_UNPACKED: Final = 1024**3
_MAX_FILE: Final = 64 * 1024**2
_MAX_FILES: Final = 50_000
_TERMINOLOGY: Final = ("CodeSystem", "ValueSet", "ConceptMap")


@dataclass(slots=True)
class Package:
    """What of a package can be used here."""

    name: str
    version: str
    profiles: list[dict[str, Any]] = field(default_factory=list)
    """StructureDefinitions that constrain R4, trimmed to what checking needs."""
    terminology: list[tuple[str, bytes]] = field(default_factory=list)
    """(file name, CodeSystem, ValueSet or ConceptMap as FHIR JSON)."""
    left: list[str] = field(default_factory=list)
    """Files that could not be read, with the reason."""


def read_package(content: bytes) -> Package:
    """The package in a `.tgz`. Refusal `package-invalid` when it is none, or beyond the bounds."""
    if len(content) > MAX_PACKED:
        raise _invalid(f"more than {MAX_PACKED // 1024**2} MiB")
    package: Package | None = None
    waiting: list[tuple[str, bytes]] = []
    for name, body in _files(content):
        if name == "package/package.json":
            package = _described(body)
        elif name.startswith("package/") and name.endswith(".json") and name.count("/") == 1:
            waiting.append((name.removeprefix("package/"), body))
    if package is None:
        raise _invalid("no package/package.json in it")
    for name, body in waiting:
        _sort(package, name, body)
    return package


def _invalid(reason: str) -> Refusal:
    return Refusal("package-invalid", reason=reason)


class _Bounded(io.RawIOBase):
    """Unpacks as it is read, and not beyond the limit: a small file may unpack to petabytes."""

    def __init__(self, content: bytes) -> None:
        self._packed = gzip.GzipFile(fileobj=io.BytesIO(content))
        self._left = MAX_UNPACKED

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Refusal `package-invalid` beyond the limit."""
        found = self._packed.read(size if 0 <= size < self._left else self._left + 1)
        self._left -= len(found)
        if self._left < 0:
            raise _invalid(f"it unpacks to more than {MAX_UNPACKED // 1024**2} MiB")
        return found


def _files(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Every regular file with its path in the archive, which is only a name here."""
    try:
        with tarfile.open(fileobj=_Bounded(content), mode="r|") as archive:
            for number, member in enumerate(archive):
                if number > _MAX_FILES:
                    raise _invalid(f"more than {_MAX_FILES} files")
                if not member.isreg():
                    continue
                if member.size > _MAX_FILE:
                    raise _invalid(f"a file of more than {_MAX_FILE // 1024**2} MiB")
                held = archive.extractfile(member)
                if held is not None:
                    yield member.name.removeprefix("./"), held.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise _invalid("it is no gzip with a tar archive, or it is damaged") from error


def _described(body: bytes) -> Package:
    said = parse_value(body)
    name, version = (said.get("name"), said.get("version")) if isinstance(said, dict) else (None, None)
    if not isinstance(name, str) or not isinstance(version, str) or not name or len(name + version) > 200:
        raise _invalid("its package.json has no name and version")
    return Package(name, version)


def _sort(package: Package, name: str, body: bytes) -> None:
    if b'"resourceType"' not in body:
        return
    try:
        resource = parse(body)
        kind = resource["resourceType"]
        if kind == "StructureDefinition" and _constrains(resource):
            package.profiles.append(trimmed(resource))
        elif kind in _TERMINOLOGY:
            package.terminology.append((name, body))
    except (Refusal, TypeError, ValueError, KeyError, AttributeError) as error:
        package.left.append(f"{name[:100]}: {error}")


def _constrains(definition: dict[str, Any]) -> bool:
    return definition.get("derivation") == "constraint" and definition.get("kind") in ("resource", "complex-type")
