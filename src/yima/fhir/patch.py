"""JSON Patch (RFC 6902) on a resource: all operations or none, each mistake named by its place in the patch."""

from __future__ import annotations

import copy
from typing import Any, Final

from yima.fhir.wire import refuse_deep
from yima.runtime.errors import Refusal

MAX_OPERATIONS: Final = 1000
MAX_COPIED: Final = 100_000
"""Values (and 64 characters of text) that one patch may copy: each copy may double what is there."""
_TEXT: Final = 64
_END: Final = "-"


def json_patch(resource: dict[str, Any], operations: Any) -> dict[str, Any]:
    """A patched copy of the resource.

    Refusals: `field-invalid` (not a list of operations, a path that is not there), `patch-test-failed` (RFC 6902,
    section 4.6), `too-costly` beyond 1,000 operations or 100,000 copied values, `json-too-deep`. The result is not
    validated here.
    """
    if not isinstance(operations, list):
        raise Refusal("field-invalid", field="$", expected="a list of operations (RFC 6902)")
    if len(operations) > MAX_OPERATIONS:
        raise Refusal("too-costly", limit=f"{MAX_OPERATIONS} operations")
    tree: Any = copy.deepcopy(resource)
    copier = _Copier()
    for at, operation in enumerate(operations):
        tree = _applied(tree, operation, f"$[{at}]", copier)
    refuse_deep(tree)
    if not isinstance(tree, dict):
        raise Refusal("field-invalid", field="$", expected="a patch that leaves a resource")
    return tree


class _Copier:
    """Makes the copies of one patch, and counts them."""

    def __init__(self) -> None:
        self._left = MAX_COPIED

    def copy(self, value: Any) -> Any:
        """A copy of what stands somewhere. Refusals `too-costly`, `json-too-deep`."""
        refuse_deep(value)
        self._left -= _weight(value)
        if self._left < 0:
            raise Refusal("too-costly", limit=f"{MAX_COPIED} copies")
        return copy.deepcopy(value)


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return 1 + len(value) // _TEXT
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_weight, inner))


def _applied(tree: Any, operation: Any, where: str, copier: _Copier) -> Any:
    if not isinstance(operation, dict) or not isinstance(operation.get("op"), str):
        raise Refusal("field-invalid", field=where, expected="an object with op and path")
    path = _pointer(operation, "path", where)
    match operation["op"]:
        case "add":
            return _add(tree, path, _value(operation, where), where)
        case "remove":
            return _remove(tree, path, where)[0]
        case "replace":
            value = _value(operation, where)
            _get(tree, path, where)
            return _replace(tree, path, value, where)
        case "move":
            source = _pointer(operation, "from", where)
            if path[: len(source)] == source and path != source:
                raise Refusal("field-invalid", field=f"{where}.from", expected="a place outside what is moved")
            left, taken = _remove(tree, source, where)
            return _add(left, path, taken, where)
        case "copy":
            return _add(tree, path, copier.copy(_get(tree, _pointer(operation, "from", where), where)), where)
        case "test":
            if not _same(_get(tree, path, where), _value(operation, where)):
                raise Refusal("patch-test-failed", field=f"{where}.path")
            return tree
    raise Refusal("field-invalid", field=f"{where}.op", expected="add, remove, replace, move, copy or test")


def _pointer(operation: dict[str, Any], name: str, where: str) -> list[str]:
    """A JSON Pointer as its parts (RFC 6901, section 4)."""
    text = operation.get(name)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise Refusal("field-invalid", field=f"{where}.{name}", expected="a JSON Pointer such as /name/0/given")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _value(operation: dict[str, Any], where: str) -> Any:
    if "value" not in operation:
        raise Refusal("field-missing", field=f"{where}.value", expected="what to put there")
    return operation["value"]


def _get(tree: Any, path: list[str], where: str) -> Any:
    for part in path:
        if isinstance(tree, dict) and part in tree:
            tree = tree[part]
        elif isinstance(tree, list):
            tree = tree[_index(part, where, len(tree) - 1)]
        else:
            raise _nowhere(where)
    return tree


def _add(tree: Any, path: list[str], value: Any, where: str) -> Any:
    if not path:
        return value
    holder = _get(tree, path[:-1], where)
    if isinstance(holder, dict):
        holder[path[-1]] = value
    elif isinstance(holder, list):
        holder.insert(len(holder) if path[-1] == _END else _index(path[-1], where, len(holder)), value)
    else:
        raise _nowhere(where)
    return tree


def _replace(tree: Any, path: list[str], value: Any, where: str) -> Any:
    if not path:
        return value
    holder = _get(tree, path[:-1], where)
    if isinstance(holder, list):
        holder[_index(path[-1], where, len(holder) - 1)] = value
    else:
        holder[path[-1]] = value
    return tree


def _remove(tree: Any, path: list[str], where: str) -> tuple[Any, Any]:
    """The tree without what stood there, and what stood there."""
    if not path:
        raise Refusal("field-invalid", field=f"{where}.path", expected="a place inside the resource")
    taken = _get(tree, path, where)
    holder = _get(tree, path[:-1], where)
    if isinstance(holder, list):
        del holder[_index(path[-1], where, len(holder) - 1)]
    else:
        del holder[path[-1]]
    return tree, taken


def _index(part: str, where: str, last: int) -> int:
    if not (part.isascii() and part.isdecimal()) or (len(part) > 1 and part[0] == "0") or int(part[:9]) > last:
        raise _nowhere(where)
    return int(part)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON values: true is not 1 (RFC 6902, section 4.6)."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _nowhere(where: str) -> Refusal:
    return Refusal("field-invalid", field=f"{where}.path", expected="a place that the resource has")
