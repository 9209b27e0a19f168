"""Resources as XML and back (R4 xml.html). A tree read from XML is what its JSON would have given.

The order of elements comes from the same tables as validation. No DTD is read, so there are no entities, and nothing is
ever fetched: Expat is told to stop at a DOCTYPE.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from yima.fhir.narrative import XHTML
from yima.fhir.primitives import CHECKS
from yima.fhir.tables import TYPES, choice_key, elements_of
from yima.fhir.wire import MAX_DEPTH, read_decimal
from yima.runtime.errors import Refusal

NAMESPACE: Final = "http://hl7.org/fhir"
_NUMBERS: Final = frozenset(("integer", "unsignedInt", "positiveInt"))
_LONGEST_INTEGER: Final = 20
_PLAIN: Final = re.compile(r"""[^<>&"\n\r\t]*""").fullmatch
_BLANK: Final = " \t\r\n"


# --- out -------------------------------------------------------------------------------------------------------------
def to_xml(resource: dict[str, Any]) -> bytes:
    """A valid resource as XML in UTF-8."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>']
    _resource(out, resource, f' xmlns="{NAMESPACE}"')
    return "".join(out).encode()


def _resource(out: list[str], node: dict[str, Any], attributes: str = "") -> None:
    name = node["resourceType"]
    out.append(f"<{name}{attributes}>")
    _children(out, node, name)
    out.append(f"</{name}>")


def _children(out: list[str], node: dict[str, Any], type_name: str) -> None:
    places, rank = _places(type_name), _ranks(type_name)
    # A primitive and its `_` twin are one element; where only the twin is there, it stands for both.
    skipped = "resourceType" if type_name in TYPES else ""
    keys = {key.removeprefix("_"): None for key in node if key != skipped}
    for key in sorted(keys, key=rank.__getitem__) if len(keys) > 1 else keys:
        value, twin = node.get(key), node.get(f"_{key}")
        if _is_attribute(key, type_name):
            continue
        kind = places[key]
        if type(value) is list or type(twin) is list:
            values, twins = value or [None] * len(twin or ()), twin or [None] * len(value or ())
            for one, beside in zip(values, twins, strict=True):
                _element(out, key, kind, one, beside)
        else:
            _element(out, key, kind, value, twin)


def _element(out: list[str], key: str, kind: str, value: Any, twin: Any) -> None:
    if kind in CHECKS and kind != "xhtml":
        said = "" if value is None else f" value={_quoted(value)}"
        inner: list[str] = []
        if twin:
            _children(inner, twin, "Element")
        head = f"<{key}{_attributes(twin, 'Element') if twin else ''}{said}"
        out.append(f"{head}>{''.join(inner)}</{key}>" if inner else f"{head}/>")
    elif kind == "xhtml":
        out.append(value)
    elif _holds_resource(kind):
        out.append(f"<{key}>")
        _resource(out, value)
        out.append(f"</{key}>")
    else:
        out.append(f"<{key}{_attributes(value, kind)}>")
        _children(out, value, kind)
        out.append(f"</{key}>")


def _attributes(node: dict[str, Any], type_name: str) -> str:
    names = ("id", "url") if type_name == "Extension" else ("id",)
    return "".join(f" {name}={_quoted(node[name])}" for name in names if name in node)


def _quoted(value: Any) -> str:
    text = value if type(value) is str else str(value).lower() if value is True or value is False else str(value)
    if _PLAIN(text):
        return f'"{text}"'
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _is_attribute(key: str, type_name: str) -> bool:
    return (key == "id" and type_name not in TYPES) or (key == "url" and type_name == "Extension")


def _holds_resource(kind: str) -> bool:
    """Whether the element wraps a whole resource: any (`Resource`), or of a given type (Bundle.entry.response)."""
    return kind == "Resource" or kind in TYPES


@cache
def _places(type_name: str) -> dict[str, str]:
    """JSON key -> type, in the order in which XML demands the elements."""
    return {
        choice_key(element.name, kind) if element.choice else element.name: kind
        for element in elements_of(type_name).values()
        for kind in element.types
    }


@cache
def _ranks(type_name: str) -> dict[str, int]:
    return {key: at for at, key in enumerate(_places(type_name))}


@cache
def _many(type_name: str) -> frozenset[str]:
    return frozenset(element.name for element in elements_of(type_name).values() if element.many)


# --- in --------------------------------------------------------------------------------------------------------------
def parse_xml(body: bytes) -> dict[str, Any]:
    """The resource in an XML body, as `parse` would give it from JSON; `validate` checks what is in it.

    Refusals: `xml-malformed` (with a DOCTYPE, another namespace, or text where none may be), `json-too-deep`,
    `field-unknown`, `field-invalid`, `number-out-of-range`, `resource-type-unknown`.
    """
    root = _Reader(body).root()
    if root.name not in TYPES:
        raise Refusal("resource-type-unknown", field="resourceType", type=root.name[:64])
    return _read_resource(root, root.name)


class _Node:
    """One element while it is read."""

    __slots__ = ("attributes", "children", "name", "raw")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[_Node] = []
        self.raw = ""
        """Of a narrative's div: its bytes as they stand."""


class _Reader:
    """Expat's events as a tree of FHIR elements; narrative is kept as text."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._stack: list[_Node] = []
        self._root: _Node | None = None
        self._narrative = 0
        """Depth inside a div, 0 outside."""
        self._began = 0
        parser = expat.ParserCreate("UTF-8", " ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser

    def root(self) -> _Node:
        """The whole document."""
        try:
            self._parser.Parse(self._body, True)
        except expat.ExpatError as error:
            raise Refusal("xml-malformed", reason=f"{expat.ErrorString(error.code)}, line {error.lineno}") from None
        assert self._root is not None  # noqa: S101  expat does not end without an element
        return self._root

    def _refuse_doctype(self, *_: object) -> None:
        raise Refusal("xml-malformed", reason="it has a DOCTYPE")

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        namespace, _, name = qualified.rpartition(" ")
        if self._narrative:
            self._narrative += 1
            return
        if namespace == XHTML and name == "div" and self._stack:
            self._narrative, self._began = 1, self._parser.CurrentByteIndex
            return
        if namespace != NAMESPACE:
            raise Refusal("xml-malformed", reason=f"<{name[:64]}> is not in the namespace {NAMESPACE}")
        if len(self._stack) >= MAX_DEPTH:
            raise Refusal("json-too-deep", limit=MAX_DEPTH)
        node = _Node(name, {key: value for key, value in attributes.items() if " " not in key})
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self._root = node
        self._stack.append(node)

    def _end(self, _: str) -> None:
        if self._narrative:
            self._narrative -= 1
            if not self._narrative:
                self._keep_narrative()
            return
        self._stack.pop()

    def _keep_narrative(self) -> None:
        end = self._body.index(b">", self._parser.CurrentByteIndex) + 1
        raw = self._body[self._began : end].decode()
        if not raw.startswith("<div") or "xmlns" not in raw.partition(">")[0]:
            raise Refusal("xml-malformed", reason=f'a narrative is <div xmlns="{XHTML}">, without a prefix')
        node = _Node("div", {})
        node.raw = raw
        self._stack[-1].children.append(node)

    def _text(self, text: str) -> None:
        if not self._narrative and text.strip(_BLANK):
            raise Refusal("xml-malformed", reason="there is text between the elements; values stand in attributes")


def _read_resource(node: _Node, path: str) -> dict[str, Any]:
    return {"resourceType": node.name} | _read_children(node, node.name, path)


def _read_children(node: _Node, type_name: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    places, many = _places(type_name), _many(type_name)
    for name, value in node.attributes.items():
        if not _is_attribute(name, type_name):
            raise Refusal("field-unknown", field=f"{path}.{name[:64]}", expected="an element, not an attribute")
        found[name] = value
    for child in node.children:
        key = child.name
        where = f"{path}.{key[:64]}"
        kind = places.get(key)
        if kind is None or _is_attribute(key, type_name):
            raise Refusal("field-unknown", field=where, expected="an element of R4")
        if key in many:
            _put_many(found, key, kind, child, f"{where}[{len(found.get(key, found.get(f'_{key}', ())))}]")
        elif key in found or f"_{key}" in found:
            raise Refusal("field-invalid", field=where, expected="one element of that name")
        else:
            value, twin = _read(kind, child, where)
            found |= {key: value} if value is not None else {}
            found |= {f"_{key}": twin} if twin else {}
    return found


def _put_many(found: dict[str, Any], key: str, kind: str, child: _Node, where: str) -> None:
    """One more of a repeating element; values and their extensions run in parallel (R4 json.html#primitive)."""
    value, twin = _read(kind, child, where)
    before = len(found.get(key) or found.get(f"_{key}") or ())
    for place, content in ((key, value), (f"_{key}", twin or None)):
        if place in found:
            found[place].append(content)
        elif content is not None:
            found[place] = [None] * before + [content]


def _read(kind: str, node: _Node, where: str) -> tuple[Any, dict[str, Any]]:
    """The value of an element and, of a primitive, what goes into its `_` twin."""
    if kind == "xhtml":
        return node.raw or None, {}
    if _holds_resource(kind):
        if len(node.children) != 1 or node.children[0].name not in TYPES:
            raise Refusal("field-invalid", field=where, expected="one FHIR R4 resource")
        return _read_resource(node.children[0], where), {}
    if kind not in CHECKS:
        return _read_children(node, kind, where), {}
    attributes = dict(node.attributes)
    said = attributes.pop("value", None)
    beside = _Node(node.name, attributes)
    beside.children = node.children
    return None if said is None else _primitive(kind, said, where), _read_children(beside, "Element", where)


def _primitive(kind: str, text: str, where: str) -> Any:
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "decimal":
        number = read_decimal(text, where)
        return int(text) if number == number.to_integral_value() and text.lstrip("-").isdecimal() else number
    if kind in _NUMBERS and text.lstrip("-").isdecimal() and len(text) < _LONGEST_INTEGER:
        return int(text)
    return text
