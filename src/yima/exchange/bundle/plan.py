"""Read a Bundle (FHIR R4 http.html, section 3.1.0.11 batch/transaction)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from yima import fhir
from yima.access import Entry
from yima.runtime.errors import Refusal

_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_MISTAKES = 20
_JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Reading:
    """A GET inside a Bundle: answered after the writes."""

    url: str


@dataclass(frozen=True, slots=True)
class Patching:
    """A patch: of what, by address or by a search, and how. It becomes an update once that has been read."""

    type: str
    id: str
    condition: str
    patch: Any
    """A JSON Patch (a list) or a FHIRPath Patch (Parameters)."""
    if_match: int | None
    path: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a Bundle asks for, entry by entry."""

    kind: Literal["transaction", "batch"]
    entries: tuple[Entry | Reading | Patching | Refusal, ...]
    """A Refusal stands for a patch that could not be made."""
    key: str
    """`Bundle.identifier` as `system|value`, empty when it has none."""

    @property
    def writes(self) -> list[Entry | Refusal]:
        """The entries that change something, or cannot, in order."""
        return [entry for entry in self.entries if isinstance(entry, Entry | Refusal)]


def plan(bundle: Mapping[str, Any], *, max_entries: int) -> Plan:
    """The plan of a Bundle. Refusals: `field-invalid`, `field-missing`, `too-many-entries`, and what `fhir.validate`
    finds.

    All mistakes of all entries are reported together (up to twenty), each with its path in the Bundle.
    """
    kind = bundle.get("type")
    if kind not in ("transaction", "batch"):
        raise Refusal("field-invalid", field="Bundle.type", expected="transaction or batch")
    rows = bundle.get("entry") or []
    if not isinstance(rows, list):
        raise Refusal("field-invalid", field="Bundle.entry", expected="a list")
    if len(rows) > max_entries:
        raise Refusal("too-many-entries", field="Bundle.entry", limit=max_entries)
    entries: list[Entry | Reading | Patching] = []
    mistakes: list[Refusal] = []
    for position, row in enumerate(rows):
        try:
            entries.append(_entry(row, f"Bundle.entry[{position}]"))
        except Refusal as refusal:
            mistakes += [refusal, *refusal.also]
            if len(mistakes) >= _MISTAKES:
                break
    mistakes += _repeated(entries)
    if mistakes:
        first = mistakes[0]
        raise Refusal(first.code, also=tuple(mistakes[1:_MISTAKES]), **cast(Any, first.params))
    return Plan(kind, tuple(entries), _key(bundle.get("identifier")))


def _key(identifier: Any) -> str:
    if identifier is None:
        return ""
    system, value = (
        (identifier.get("system", ""), identifier.get("value")) if isinstance(identifier, dict) else ("", None)
    )
    if not isinstance(system, str) or not isinstance(value, str) or not value:
        raise Refusal("field-invalid", field="Bundle.identifier", expected="an Identifier with a value")
    return f"{system}|{value}"


def _entry(row: Any, path: str) -> Entry | Reading | Patching:
    if not isinstance(row, dict) or not isinstance(row.get("request"), dict):
        raise Refusal("field-missing", field=f"{path}.request", expected="method and url")
    request = row["request"]
    method, url = request.get("method"), request.get("url")
    if not isinstance(url, str) or not url:
        raise Refusal(
            "field-missing", field=f"{path}.request.url", expected="a relative address such as Patient or Patient/[id]"
        )
    if method == "GET":
        return Reading(url)
    if method not in _WRITES:
        raise Refusal("field-invalid", field=f"{path}.request.method", expected="GET, POST, PUT, PATCH or DELETE")
    resource_type, resource_id, condition = _address(url, path)
    if method == "PATCH":
        return Patching(
            resource_type, resource_id, condition, _patch(row, resource_id or condition, path), _match(request, path),
            f"{path}.resource",
        )  # fmt: skip
    if method == "DELETE":
        if not (resource_id or condition):
            raise Refusal("field-invalid", field=f"{path}.request.url", expected="[type]/[id] or [type]?[search]")
        return Entry(
            condition=condition,
            method=method,
            type=resource_type,
            id=resource_id,
            path=path,
            if_match=_match(request, path),
            full_url=_text(row, "fullUrl", path),
        )
    resource = row.get("resource")
    if not isinstance(resource, dict):
        raise Refusal("field-missing", field=f"{path}.resource", expected=f"a {resource_type}")
    if resource.get("resourceType") != resource_type:
        found = str(resource.get("resourceType"))[:64]
        raise Refusal("resource-type-mismatch", field=f"{path}.resource", found=found, expected=resource_type)
    checked(resource, f"{path}.resource")
    if method == "POST" and (resource_id or condition):
        raise Refusal("field-invalid", field=f"{path}.request.url", expected="only the resource type, for POST")
    if method == "PUT" and not (resource_id or condition):
        raise Refusal("field-invalid", field=f"{path}.request.url", expected="[type]/[id] or [type]?[search], for PUT")
    return Entry(
        method=method,
        type=resource_type,
        id=resource_id,
        condition=condition or _text(request, "ifNoneExist", path).lstrip("?"),
        full_url=_text(row, "fullUrl", path),
        resource=resource,
        if_match=_match(request, path),
        path=f"{path}.resource",
    )


def _patch(row: Mapping[str, Any], place: str, path: str) -> Any:
    """The patch of an entry: Parameters, or a Binary with a JSON Patch (R4 http.html#patch)."""
    if not place:
        raise Refusal(
            "field-invalid", field=f"{path}.request.url", expected="[type]/[id] or [type]?[search], for PATCH"
        )
    resource = row.get("resource")
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if kind == "Parameters":
        return resource
    if not isinstance(resource, dict) or kind != "Binary" or resource.get("contentType") != _JSON_PATCH:
        raise Refusal(
            "field-invalid",
            field=f"{path}.resource",
            expected=f"Parameters, or a Binary with contentType {_JSON_PATCH}",
        )
    try:
        return fhir.parse_value(base64.b64decode(str(resource.get("data")), validate=True))
    except ValueError:
        raise Refusal("field-invalid", field=f"{path}.resource.data", expected="a JSON Patch in base64") from None


def _text(holder: Mapping[str, Any], name: str, path: str) -> str:
    value = holder.get(name, "")
    if not isinstance(value, str):
        raise Refusal("field-invalid", field=f"{path}.{name}", expected="text")
    return value


def _match(request: Mapping[str, Any], path: str) -> int | None:
    try:
        return version_of(request.get("ifMatch"), request.get("ifNoneMatch") if request["method"] == "PUT" else None)
    except Refusal as refusal:
        raise Refusal(refusal.code, **cast(Any, refusal.params | {"field": f"{path}.request.ifMatch"})) from None


def checked(resource: dict[str, Any], path: str) -> None:
    """`fhir.validate`, with the paths of its refusals as the sender of a Bundle knows them."""
    try:
        fhir.validate(resource)
    except Refusal as refusal:
        moved = [_moved(r, path) for r in (refusal, *refusal.also)]
        raise Refusal(moved[0].code, also=tuple(moved[1:]), **cast(Any, moved[0].params)) from None


def version_of(etag: Any, none_match: Any = None) -> int | None:
    """The version that an If-Match names (`W/"3"`), 0 for `If-None-Match: *`, or None without either.

    Refusal `field-invalid` when it names none.
    """
    if not etag:
        return 0 if none_match == "*" else None
    text = str(etag).removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Refusal("field-invalid", field="If-Match", expected='a version, e.g. W/"3"')
    return int(text)


def _moved(refusal: Refusal, path: str) -> Refusal:
    inner = (refusal.field or "").partition(".")[2]
    params = refusal.params | {"field": f"{path}.{inner}" if inner else path}
    return Refusal(refusal.code, **cast(Any, params))


def _address(url: str, path: str) -> tuple[str, str, str]:
    place, _, condition = url.partition("?")
    parts = place.strip("/").split("/")
    if parts[0] not in fhir.TYPES or len(parts) > 2:
        raise Refusal("field-invalid", field=f"{path}.request.url", expected="[type], [type]/[id] or [type]?[search]")
    return parts[0], parts[1] if len(parts) == 2 else "", condition


def _repeated(entries: list[Entry | Reading | Patching]) -> list[Refusal]:
    """A fullUrl must name one entry, or references to it mean nothing."""
    seen: set[str] = set()
    repeated = []
    for entry in entries:
        if isinstance(entry, Entry) and entry.full_url:
            if entry.full_url in seen:
                field = entry.path.replace(".resource", ".fullUrl")
                repeated.append(Refusal("field-invalid", field=field, expected="a fullUrl that no other entry has"))
            seen.add(entry.full_url)
    return repeated
