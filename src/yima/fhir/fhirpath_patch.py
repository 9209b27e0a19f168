"""FHIRPath Patch (R4 fhirpatch.html): Parameters with operations add, insert, delete, replace and move.

All operations or none, each on what the one before left; a mistake is named by its place in the Parameters. An element
from which the last content is taken goes with it, for FHIR has no empty elements.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Final

from yima.fhir.fhirpath import Context, Node, compile_expression, root
from yima.fhir.patch import MAX_OPERATIONS, json_patch
from yima.fhir.tables import KINDS, Element, choice_key, elements_of
from yima.fhir.wire import MAX_DEPTH, refuse_deep
from yima.runtime.errors import Refusal

_STEPS: Final = 100_000
"""Items that all paths of one patch may look at together."""


@dataclass(frozen=True, slots=True)
class _Value:
    """What to put somewhere: a value of a named type, or the parts of an object yet to be made."""

    type: str
    value: Any
    twin: Any = None
    parts: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation, with where it stands in the Parameters."""

    where: str
    parts: dict[str, dict[str, Any]]

    def text(self, name: str) -> str:
        """The text of a part. Refusals `field-missing`, `field-invalid`."""
        part = self._part(name)
        found = part.get("valueString", part.get("valueCode"))
        if type(found) is not str:
            raise Refusal("field-invalid", field=f"{self.where}.part", expected=f"{name} as valueString or valueCode")
        return found

    def number(self, name: str) -> int:
        """The whole number of a part, from 0. Refusals `field-missing`, `field-invalid`."""
        part = self._part(name)
        found = next((part[key] for key in ("valueInteger", "valueUnsignedInt", "valuePositiveInt") if key in part), -1)
        if type(found) is not int or found < 0:
            raise Refusal("field-invalid", field=f"{self.where}.part", expected=f"{name} as valueInteger from 0")
        return found

    def value(self) -> _Value:
        """The part `value`. Refusals `field-missing`, `field-invalid`."""
        return _value(self._part("value"), self.where)

    def _part(self, name: str) -> dict[str, Any]:
        if name not in self.parts:
            raise Refusal("field-missing", field=f"{self.where}.part", expected=f"a part named {name}")
        return self.parts[name]


def patched(resource: dict[str, Any], patch: Any) -> dict[str, Any]:
    """A patched copy of the resource: by a JSON Patch, which is a list, or a FHIRPath Patch, which is Parameters.

    Refusals: those of `json_patch` and `fhirpath_patch`.
    """
    return fhirpath_patch(resource, patch) if isinstance(patch, dict) else json_patch(resource, patch)


def fhirpath_patch(resource: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """A patched copy of the resource; it is not validated here.

    Refusals: `field-missing` and `field-invalid` for an operation that is none or a path that leads nowhere or to
    several places, `expression-invalid` and `expression-failed` for the path itself, `too-costly`, `json-too-deep`.
    """
    if parameters.get("resourceType") != "Parameters":
        raise Refusal("field-invalid", field="resourceType", expected="Parameters (R4 fhirpatch.html)")
    rows = parameters.get("parameter", [])
    if not isinstance(rows, list) or len(rows) > MAX_OPERATIONS:
        raise Refusal("too-costly", limit=f"{MAX_OPERATIONS} operations")
    tree = copy.deepcopy(resource)
    steps = _STEPS
    for at, row in enumerate(rows):
        operation = _operation(row, f"Parameters.parameter[{at}]")
        node = root(tree)
        context = Context(resource=node, container=node, steps=steps)
        try:
            _apply(operation, node, context)
        except RecursionError:
            raise Refusal("json-too-deep", limit=MAX_DEPTH) from None
        steps = context.steps
    refuse_deep(tree)
    return tree


def _operation(row: Any, where: str) -> _Operation:
    if not isinstance(row, dict) or row.get("name") != "operation" or not isinstance(row.get("part"), list):
        raise Refusal("field-invalid", field=where, expected="a parameter named operation, with parts")
    return _Operation(where, {str(part.get("name")): part for part in row["part"] if isinstance(part, dict)})


def _apply(operation: _Operation, node: Node, context: Context) -> None:
    kind = operation.text("type")
    if kind not in ("add", "insert", "delete", "replace", "move"):
        raise Refusal("field-invalid", field=f"{operation.where}.part", expected="add, insert, delete, replace or move")
    found = _targets(operation, node, context)
    if kind == "delete":
        if found:
            _delete(_one(found, operation))
    elif kind == "add":
        _add(_one(found, operation), operation)
    elif kind == "replace":
        _replace(_one(found, operation), operation)
    elif kind == "insert":
        _insert(found, operation)
    else:
        _move(found, operation)


def _targets(operation: _Operation, node: Node, context: Context) -> list[Node]:
    path = operation.text("path")
    try:
        items = compile_expression(path).evaluate(node, context)
    except Refusal as refusal:
        where = f"{operation.where}.part"
        raise Refusal(refusal.code, **(refusal.params | {"field": where})) from None  # type: ignore[arg-type]  # str and int
    found = [item for item in items if isinstance(item, Node)]
    if len(found) < len(items):
        raise Refusal("field-invalid", field=f"{operation.where}.part", expected="a path to elements of the resource")
    return found


def _one(found: list[Node], operation: _Operation) -> Node:
    if len(found) != 1:
        said = "nothing" if not found else f"{len(found)} elements"
        raise Refusal("field-invalid", field=f"{operation.where}.part", expected=f"a path to one element, not {said}")
    return found[0]


def _value(part: dict[str, Any], where: str) -> _Value:
    if "resource" in part:
        return _Value("Resource", part["resource"])
    if isinstance(part.get("part"), list):
        return _Value("", None, parts=tuple(inner for inner in part["part"] if isinstance(inner, dict)))
    keys = {key.removeprefix("_") for key in part if key.removeprefix("_").startswith("value")}
    if len(keys) != 1:
        raise Refusal("field-missing", field=f"{where}.part", expected="a value[x], a resource or parts")
    [key] = keys
    return _Value(key.removeprefix("value"), part.get(key), part.get("_" + key))


# --- what is done ----------------------------------------------------------------------------------------------------
def _add(holder: Node, operation: _Operation) -> None:
    if not isinstance(holder.value, dict):
        raise Refusal("field-invalid", field=f"{operation.where}.part", expected="a path to an element that has others")
    name = operation.text("name")
    _put(holder.value, holder.type, name, operation.value(), operation.where)


def _put(holder: dict[str, Any], type_name: str, name: str, value: _Value, where: str) -> None:
    """Add an element of that name, at the end of those that are there."""
    element = _element(type_name, name, where)
    key, made = _key(element, name, value, where), _made(element, type_name, value, where)
    if element.many:
        values = holder.setdefault(key, [])
        if value.twin is not None or "_" + key in holder:
            twins = holder.setdefault("_" + key, [])
            twins += [None] * (len(values) - len(twins)) + [value.twin]
        values.append(made)
        return
    if key in holder:
        raise Refusal("field-invalid", field=f"{where}.part", expected=f"replace for {name}, which is there already")
    _set(holder, key, made, value.twin)


def _set(holder: dict[str, Any], key: str, made: Any, twin: Any) -> None:
    for place, content in ((key, made), ("_" + key, twin)):
        if content is None:
            holder.pop(place, None)
        else:
            holder[place] = content


def _element(type_name: str, name: str, where: str) -> Element:
    known = elements_of(type_name) if type_name in KINDS else {}
    for element in known.values():
        if name == element.name or (element.choice and name in (choice_key(element.name, t) for t in element.types)):
            return element
    raise Refusal("field-invalid", field=f"{where}.part", expected=f"the name of an element of {type_name}")


def _key(element: Element, name: str, value: _Value, where: str) -> str:
    if not element.choice or name != element.name:
        return name
    key = element.name + value.type
    if key not in (choice_key(element.name, t) for t in element.types):
        raise Refusal("field-invalid", field=f"{where}.part", expected=f"a value of: {', '.join(element.types)}")
    return key


def _made(element: Element, type_name: str, value: _Value, where: str) -> Any:
    """The value itself, or an object of the element's own type made of parts."""
    if not value.parts:
        return value.value
    own = next((t for t in element.types if t in KINDS), type_name)
    made: dict[str, Any] = {}
    for part in value.parts:
        _put(made, own, str(part.get("name")), _value(part, where), where)
    return made


def _replace(node: Node, operation: _Operation) -> None:
    holder = node.holder
    if holder is None:
        raise Refusal("field-invalid", field=f"{operation.where}.part", expected="a path inside the resource")
    value = operation.value()
    name = node.key
    element = _element(holder.type, name, operation.where)
    made = _made(element, holder.type, value, operation.where)
    if node.at >= 0:
        holder.value[name][node.at] = made
        if value.twin is not None or "_" + name in holder.value:
            twins = holder.value.setdefault("_" + name, [None] * len(holder.value[name]))
            twins[node.at] = value.twin
            if not any(twins):
                del holder.value["_" + name]
        return
    if element.choice and value.type:
        _set(holder.value, name, None, None)
        name = _key(element, element.name, value, operation.where)
    _set(holder.value, name, made, value.twin)


def _delete(node: Node) -> None:
    holder = node.holder
    if holder is None:
        raise Refusal("field-invalid", field="Parameters", expected="DELETE for a whole resource")
    own = holder.value if isinstance(holder.value, dict) else holder.twin
    for key in (node.key, "_" + node.key):
        if key in own and node.at >= 0:
            if node.at < len(own[key]):
                del own[key][node.at]
            if not any(item is not None for item in own[key]):
                del own[key]
        else:
            own.pop(key, None)
    if not own and holder.holder is not None:
        _delete(holder)


def _insert(found: list[Node], operation: _Operation) -> None:
    holder, key = _list_of(found, operation)
    at = operation.number("index")
    _within(at, len(found), operation)
    value = operation.value()
    element = _element(holder.type, key, operation.where)
    for place, content in ((key, _made(element, holder.type, value, operation.where)), ("_" + key, value.twin)):
        if place in holder.value or content is not None:
            holder.value.setdefault(place, [None] * len(found)).insert(at, content)


def _move(found: list[Node], operation: _Operation) -> None:
    holder, key = _list_of(found, operation)
    source, destination = operation.number("source"), operation.number("destination")
    _within(source, len(found) - 1, operation)
    _within(destination, len(found) - 1, operation)
    for place in (key, "_" + key):
        if place in holder.value:
            holder.value[place].insert(destination, holder.value[place].pop(source))


def _list_of(found: list[Node], operation: _Operation) -> tuple[Node, str]:
    """The one array that the path names whole."""
    holder = found[0].holder if found else None
    if holder is not None and found[0].at == 0:
        key = found[0].key
        if [node.at for node in found] == list(range(len(holder.value.get(key, ())))) and all(
            node.holder is not None and node.holder.value is holder.value and node.key == key for node in found
        ):
            return holder, key
    raise Refusal("field-invalid", field=f"{operation.where}.part", expected="a path to all elements of one list")


def _within(at: int, last: int, operation: _Operation) -> None:
    if at > last:
        raise Refusal("field-invalid", field=f"{operation.where}.part", expected=f"a place from 0 to {last}")
