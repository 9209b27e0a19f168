"""What a line of a file is: a submission, a Bundle or one resource of a bulk export. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson

from yima import fhir
from yima.cli.bulk.lines import Line
from yima.cli.loading import Item
from yima.runtime.errors import Refusal

CHUNK: Final = 500
"""Resources in one transaction, at most."""
_WINDOW_LINES: Final = 20_000
_WINDOW_BYTES: Final = 64 << 20
_ADDRESS: Final = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9.\-]{1,64}")


@dataclass(frozen=True, slots=True)
class Submission:
    """A line that is a submission of its own: what `yima synth` writes, or a Bundle."""

    line: Line
    item: Item

    @property
    def digest(self) -> bytes:
        """What it is known by when the load is resumed."""
        said = (self.item.institution, self.item.key, self.item.body)
        return _digest(b"\n".join(part if isinstance(part, bytes) else part.encode() for part in said))


@dataclass(frozen=True, slots=True)
class Resource:
    """A line that is one resource. Keys are `institution Type/id` with the id of the source."""

    line: Line
    institution: str
    type: str
    key: str
    patient: str | None
    """Key of the patient it is about; None: nobody, it stands on the shelf."""
    digest: bytes


def part_of(line: Line, institution: str | None) -> Submission | Resource:
    """What a line is. Refusals: `json-malformed` and its kin, `field-missing` when nobody is said to submit it."""
    if line.refusal:
        raise line.refusal
    tree = _tree(line.body)
    if "bundle" in tree and "resourceType" not in tree:
        return Submission(line, _item(tree))
    if institution is None:
        raise Refusal("field-missing", field="--institution", expected="the code of the institution that submits")
    if tree.get("resourceType") == "Bundle":
        return Submission(line, Item(institution, "", line.body))
    return _resource(line, tree, institution)


def _tree(body: bytes) -> dict[str, Any]:
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        fhir.parse(body)  # says what is wrong, exactly
        raise Refusal("json-malformed", reason="it cannot be read") from None
    if type(tree) is not dict:
        raise Refusal("json-malformed", reason="the line is not an object")
    return tree


def _item(row: dict[str, Any]) -> Item:
    if not (isinstance(row.get("institution"), str) and isinstance(row.get("key"), str)):
        raise Refusal("field-missing", field="institution", expected="a submission with institution, key and bundle")
    return Item(row["institution"], row["key"], orjson.dumps(row["bundle"]))


def _resource(line: Line, tree: dict[str, Any], institution: str) -> Resource:
    kind, named, digest = tree.get("resourceType"), tree.get("id"), _digest(line.body)
    if kind not in fhir.TYPES:
        raise Refusal("resource-type-unknown", field="resourceType", found=str(kind)[:64])
    try:
        about = fhir.patient_references(tree)[:1] if kind != "Patient" else []
    except (TypeError, AttributeError):  # not yet validated: what is of the wrong shape is refused when it is sent
        about = []
    name = named if isinstance(named, str) else f"#{digest.hex()}"
    patient = f"{institution} {about[0]}" if about else None
    return Resource(line, institution, kind, f"{institution} {kind}/{name}", patient, digest)


@lru_cache(10_000)  # systems, profiles and patients come again and again
def address(reference: str) -> str | None:
    """The resource type of a reference that may name a resource of the source, `Patient/123`; None for others."""
    found = _ADDRESS.fullmatch(reference)
    return found[1] if found else None


def windows(resources: Iterable[Resource]) -> Iterator[list[Resource]]:
    """The resources as they come, so many at a time as are sorted by patient in memory."""
    window: list[Resource] = []
    size = 0
    for resource in resources:
        window.append(resource)
        size += len(resource.line.body)
        if len(window) >= _WINDOW_LINES or size >= _WINDOW_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window


def chunks(window: Iterable[Resource], most: int = CHUNK) -> Iterator[list[Resource]]:
    """One transaction each: a patient's resources together where they fit, small records side by side.

    The same window gives the same chunks, so that a resumed load asks for what was stored under the same key.
    """
    groups: dict[str, list[Resource]] = {}
    for resource in window:
        groups.setdefault(resource.patient or "", []).append(resource)
    chunk: list[Resource] = []
    for group in groups.values():
        if chunk and len(chunk) + len(group) > most:
            yield chunk
            chunk = []
        for start in range(0, len(group), most):
            chunk += group[start : start + most]
            if len(chunk) >= most:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:16]
