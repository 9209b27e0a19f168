"""Bytes to a resource and back, exactly: decimals keep their digits, keys their order, and nothing ambiguous passes.

FHIR R4 json.html; RFC 8259. Hostile input is answered by cheap tests on the bytes first; the slow, precise way runs
only to name the place of a mistake that is already certain or likely.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from yima.runtime.errors import Refusal

MAX_DEPTH: Final = 64
MAX_DIGITS: Final = 40
MAX_EXPONENT: Final = 300

_NOT_BRACKETS: Final = bytes(b for b in range(256) if b not in b"[]{}")
_SUSPECT_ESCAPE: Final = re.compile(rb"\\[bf]|\\u00(?:[01]|22|3[aA])|\\u[fF]{3}[eEfF]")
"""Escapes of what text may not hold, and those that hide '"' or ':'."""
_NO_CHARACTERS: Final = ("\ufffe".encode(), "\uffff".encode())
_KEY_END: Final = re.compile(rb'"[ \t\r\n]*:')
_SPACED_COLON: Final = (b" :", b"\t:", b"\n:", b"\r:")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML cannot say (XML 1.0, section 2.2): in a record it would be in the way of all who read it as XML."""
_DIGITS_TO_ZERO: Final = bytes(ord("0") if chr(b).isdigit() and b < 128 else b for b in range(256))
_TOO_LONG: Final = b"0" * (MAX_DIGITS + 1)
_STEEP: Final = re.compile(rb"[\[{]{%d}" % (MAX_DEPTH + 1))


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal can hold
        raise Refusal("number-out-of-range") from None
    _, digits, exponent = value.as_tuple()
    if len(digits) > MAX_DIGITS or not isinstance(exponent, int) or abs(exponent) > MAX_EXPONENT:
        raise Refusal("number-out-of-range")
    return value


def read_decimal(text: str, field: str) -> Decimal:
    """A decimal as R4 writes it. Refusals `field-invalid`, `number-out-of-range`."""
    if not _DECIMAL.fullmatch(text):
        raise Refusal("field-invalid", field=field, expected="a decimal number")
    return _decimal(text)


_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,400})(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,9})?")
_decoder: Final = msgspec.json.Decoder(float_hook=_decimal)
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


def encode(tree: Any) -> bytes:
    """Compact UTF-8 JSON in key order; `Decimal` as the number it was written as (exponents in Python's form)."""
    return _encoder.encode(tree)


def parse(body: bytes) -> dict[str, Any]:
    """The resource in a request body. Numbers with a point or exponent become `Decimal`.

    Refusals: those of `parse_value`, field-missing (no resourceType).
    """
    tree = parse_value(body)
    if type(tree) is not dict:
        raise Refusal("json-malformed", reason="the top level is not an object")
    if type(tree.get("resourceType")) is not str:
        raise Refusal("field-missing", field="resourceType", expected="a FHIR R4 resource type")
    return tree


def parse_value(body: bytes) -> Any:
    """Any JSON value in a request body, under the same rules as a resource: a JSON Patch is a list.

    Refusals: json-malformed, json-duplicate-key, json-too-deep, number-out-of-range, field-invalid (control
    characters).
    """
    deep = _maybe_deep(body)
    tree = _decode(body)
    if deep:
        refuse_deep(tree)
    _refuse_ambiguity(body, tree)
    return tree


def _decode(body: bytes) -> Any:
    try:
        return _decoder.decode(body)
    except RecursionError:
        raise Refusal("json-too-deep", limit=MAX_DEPTH) from None
    except msgspec.ValidationError:  # msgspec's word for an integer longer than it reads
        raise Refusal("number-out-of-range") from None
    except msgspec.DecodeError as error:
        raise Refusal("json-malformed", reason=_reason(str(error))) from None
    except UnicodeDecodeError:
        raise Refusal("json-malformed", reason="it is not UTF-8") from None


def _reason(text: str) -> str:
    return text.removeprefix("JSON is malformed: ")


def _maybe_deep(body: bytes) -> bool:
    """False when certainly not too deep: the innermost bracket pairs are struck out, one level in each round."""
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return False
    brackets = body.translate(None, _NOT_BRACKETS)
    if _STEEP.search(brackets):
        return True
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if not brackets:
            return False
    return True  # too deep, or brackets inside strings: only the tree can tell


def refuse_deep(tree: Any) -> None:
    """Refusal `json-too-deep` for a tree that `parse` would not read back."""
    if _depth_over(tree, MAX_DEPTH):
        raise Refusal("json-too-deep", limit=MAX_DEPTH)


def _depth_over(tree: Any, limit: int) -> bool:
    level = [tree] if type(tree) in (dict, list) else []
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _refuse_ambiguity(body: bytes, tree: Any) -> None:
    """Duplicate keys, control characters, endless integers.

    A body that is written again byte for byte has lost nothing. Else the keys in the body and in the tree are counted
    by the closing quote and colon that follow each; a string that contains `":` is counted on both sides. Where an
    escape could hide one, the slow way decides.
    """
    suspect = b"\\" in body and _SUSPECT_ESCAPE.search(body) is not None
    written = encode(tree)
    if written != body and (suspect or _keys_in(body) != written.count(b'":')):
        _refuse_duplicate_keys(body)
    if suspect or any(code in body for code in _NO_CHARACTERS):
        for path, text in _strings(tree, str(tree.get("resourceType", "")) if type(tree) is dict else "$"):
            if _CONTROL.search(text):
                raise Refusal("field-invalid", field=path, expected="text without control characters")
    if _TOO_LONG in body.translate(_DIGITS_TO_ZERO) and _has_long_integer(tree):
        raise Refusal("number-out-of-range")


def _keys_in(body: bytes) -> int:
    if any(spaced in body for spaced in _SPACED_COLON):
        return len(_KEY_END.findall(body))
    return body.count(b'":')


class _Pairs(list[tuple[str, Any]]):
    """An object with its keys as written."""


def _refuse_duplicate_keys(body: bytes) -> None:
    tree = json.loads(body, object_pairs_hook=_Pairs, parse_float=str, parse_int=str)
    _walk_pairs(tree, "")


def _walk_pairs(node: Any, path: str) -> None:
    if isinstance(node, _Pairs):
        seen: set[str] = set()
        for key, value in node:
            if key in seen:
                raise Refusal("json-duplicate-key", field=path or "$", key=key[:64])
            seen.add(key)
            _walk_pairs(value, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for at, item in enumerate(node):
            _walk_pairs(item, f"{path}[{at}]")


def _strings(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every string and key of a tree with its path."""
    if type(node) is str:
        yield path, node
    elif type(node) is dict:
        for key, value in node.items():
            yield path, key
            yield from _strings(value, f"{path}.{key}")
    elif type(node) is list:
        for at, item in enumerate(node):
            yield from _strings(item, f"{path}[{at}]")


def _has_long_integer(node: Any) -> bool:
    if type(node) is int:
        return bool(abs(node) >= 10**MAX_DIGITS)
    children = node.values() if type(node) is dict else node if type(node) is list else ()
    return any(map(_has_long_integer, children))
