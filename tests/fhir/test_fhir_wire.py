"""Bytes in and out: exact, unambiguous, and cheap to refuse."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima import fhir
from yima.runtime.errors import Refusal

BAD_BODIES = [
    # (what, body, code, field)
    ("empty", b"", "json-malformed", None),
    ("truncated", b'{"resourceType":"Patient"', "json-malformed", None),
    ("two values", b'{"resourceType":"Patient"} {}', "json-malformed", None),
    ("trailing comma", b'{"resourceType":"Patient",}', "json-malformed", None),
    ("byte order mark", b'\xef\xbb\xbf{"resourceType":"Patient"}', "json-malformed", None),
    ("NaN", b'{"resourceType":"Observation","valueQuantity":{"value":NaN}}', "json-malformed", None),
    ("Infinity", b'{"resourceType":"Observation","valueQuantity":{"value":-Infinity}}', "json-malformed", None),
    ("leading zero", b'{"resourceType":"Patient","x":01}', "json-malformed", None),
    ("invalid UTF-8", b'{"resourceType":"Patient","id":"\xff"}', "json-malformed", None),
    ("surrogate as UTF-8", b'{"resourceType":"Patient","id":"\xed\xa0\x80"}', "json-malformed", None),
    ("lone high surrogate", b'{"resourceType":"Patient","id":"\\ud800"}', "json-malformed", None),
    ("lone high surrogate, then text", b'{"resourceType":"Patient","id":"\\ud800xxxxxxxx"}', "json-malformed", None),
    ("lone low surrogate", b'{"resourceType":"Patient","id":"\\udc00"}', "json-malformed", None),
    ("raw control character", b'{"resourceType":"Patient","id":"\x01"}', "json-malformed", None),
    ("array", b"[1]", "json-malformed", None),
    ("null", b"null", "json-malformed", None),
    ("no type", b"{}", "field-missing", "resourceType"),
    ("type not text", b'{"resourceType":7}', "field-missing", "resourceType"),
    ("NUL", b'{"resourceType":"Patient","name":[{"family":"a\\u0000b"}]}', "field-invalid", "Patient.name[0].family"),
    ("escape character", b'{"resourceType":"Patient","id":"\\u001b"}', "field-invalid", "Patient.id"),
    ("backspace", b'{"resourceType":"Patient","id":"\\b"}', "field-invalid", "Patient.id"),
    ("form feed", b'{"resourceType":"Patient","a":["x","\\f"]}', "field-invalid", "Patient.a[1]"),
    ("no character of XML", '{"resourceType":"Patient","id":"\uffff"}'.encode(), "field-invalid", "Patient.id"),
    ("the same, escaped", b'{"resourceType":"Patient","id":"a\\ufFfe"}', "field-invalid", "Patient.id"),
    ("NUL in a key", b'{"resourceType":"Patient","a\\u0000":1}', "field-invalid", "Patient"),
    ("1e400", b'{"resourceType":"Observation","valueQuantity":{"value":1e400}}', "number-out-of-range", None),
    ("1e-400", b'{"resourceType":"Observation","valueQuantity":{"value":1e-400}}', "number-out-of-range", None),
    ("1e9999999999999999999", b'{"resourceType":"X","v":1e9999999999999999999}', "number-out-of-range", None),
    ("41 digits", b'{"resourceType":"X","v":0.' + b"1" * 41 + b"}", "number-out-of-range", None),
    ("41-digit integer", b'{"resourceType":"X","v":' + b"7" * 41 + b"}", "number-out-of-range", None),
    ("10,000-digit integer", b'{"resourceType":"X","v":' + b"7" * 10_000 + b"}", "number-out-of-range", None),
    ("negative 10,000-digit integer", b'{"resourceType":"X","v":-' + b"7" * 10_000 + b"}", "number-out-of-range", None),
    ("arrays 100,000 deep", b"[" * 100_000, "json-too-deep", None),
    ("objects 100,000 deep", b'{"a":' * 100_000, "json-too-deep", None),
    (
        "closed, 100,000 deep",
        b'{"resourceType":"X","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "json-too-deep",
        None,
    ),
    ("65 deep", b'{"resourceType":"X","a":' + b"[" * 64 + b"]" * 64 + b"}", "json-too-deep", None),
    (
        "zigzag, 70 deep",
        b'{"resourceType":"X","a":' + b'[1,{"a":' * 35 + b"1" + b"}]" * 35 + b"}",
        "json-too-deep",
        None,
    ),
]


@pytest.mark.parametrize(("body", "code", "field"), [b[1:] for b in BAD_BODIES], ids=[b[0] for b in BAD_BODIES])
def test_bad_bodies_are_refused_by_code(body: bytes, code: str, field: str | None) -> None:
    with pytest.raises(Refusal) as caught:
        fhir.parse(body)
    assert (caught.value.code, caught.value.field) == (code, field)


DUPLICATES = [
    # (body, path of the object, key)
    (b'{"resourceType":"Patient","id":"1","id":"2"}', "$", "id"),
    (b'{"resourceType":"Patient","id":"1","id":"1"}', "$", "id"),
    (b'{"resourceType":"Patient","name":[{"family":"a"},{"family":"a","family":"b"}]}', "name[1]", "family"),
    (b'{"resourceType":"Patient","id" : "1","id": "2"}', "$", "id"),
    (b'{"resourceType":"Patient","id"\n\t:"1","id":"2"}', "$", "id"),
    (b'{"resourceType":"Patient","id":"1","\\u0069d":"2"}', "$", "id"),  # the same key, spelled with an escape
    (b'{"resourceType":"Patient","id":"1","id":"2","a":"x\\u0022:"}', "$", "id"),  # a hidden quote and colon
    (b'{"resourceType":"Patient","id":"1","id":"2","a":"x\\"\\u003a"}', "$", "id"),  # a hidden colon
    (b'{"resourceType":"Patient","id":"1","id":"\\":\\":"}', "$", "id"),  # the lost value has its own quote and colon
    (b'{"resourceType":"Patient","id":"x\\":","id":"2"}', "$", "id"),
    (b'{"resourceType":"Patient","a":{"b":1,"b":2}}', "a", "b"),
]


@pytest.mark.parametrize(("body", "path", "key"), DUPLICATES)
def test_a_key_given_twice_is_named(body: bytes, path: str, key: str) -> None:
    with pytest.raises(Refusal) as caught:
        fhir.parse(body)
    assert (caught.value.code, caught.value.field, caught.value.params["key"]) == ("json-duplicate-key", path, key)


GOOD_BODIES = [
    b'{"resourceType":"Patient","a":"x\\":y"}',
    b'{"resourceType":"Patient","a":"x\\u0022:y"}',
    b'{ "resourceType" :\n"Patient", "a" : "b : c" }',
    b'{"resourceType":"Patient","a":{"id":"1"},"b":{"id":"1"}}',
    '{"resourceType":"Patient","a":"王小明　\\n\\t\\r😀\\ud83d\\ude00"}'.encode(),
    b'{"resourceType":"Patient","a":"' + b"[" * 1000 + b'"}',
    b'{"resourceType":"Patient","a":"' + b"7" * 1000 + b'"}',
    b'{"resourceType":"Patient","a":' + b"[" * 63 + b"]" * 63 + b"}",
    b'{"resourceType":"Patient","a":' + b"7" * 40 + b"}",
]


@pytest.mark.parametrize("body", GOOD_BODIES)
def test_unusual_but_clear_bodies_pass(body: bytes) -> None:
    assert fhir.parse(body) == json.loads(body)


@pytest.mark.parametrize("number", ["0.10", "1.0", "100.00", "0.0", "-0.50", "12345678901234567.8", "1.1E+2", "7", "0"])
def test_decimals_keep_their_digits(number: str) -> None:
    body = b'{"resourceType":"X","v":' + number.encode() + b"}"
    assert fhir.encode(fhir.parse(body)) == body


def test_an_exponent_keeps_its_precision() -> None:
    value = fhir.parse(b'{"resourceType":"X","v":1.20e-9}')["v"]
    assert value == Decimal("1.20e-9")
    assert fhir.parse(b'{"resourceType":"X","v":' + fhir.encode(value) + b"}")["v"].as_tuple() == value.as_tuple()


_NO_TEXT = [*(chr(c) for c in range(32) if c not in (9, 10, 13)), "\ufffe", "\uffff"]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=_NO_TEXT))
"""What XML can say too; the rest is refused."""
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**38), 10**38)
    | TEXT
    | st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20)
)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=40)


def exact(tree: object) -> object:
    """A tree in which 1, 1.0 and True differ, and order counts."""
    if isinstance(tree, dict):
        return [(key, exact(value)) for key, value in tree.items()]
    if isinstance(tree, list):
        return [exact(item) for item in tree]
    return (type(tree).__name__, str(tree))


@given(st.dictionaries(TEXT, TREES))
def test_every_tree_comes_back_exactly(tree: dict[str, object]) -> None:
    resource = {**tree, "resourceType": "Basic"}
    again = fhir.parse(fhir.encode(resource))
    assert exact(again) == exact(resource)
    assert fhir.encode(again) == fhir.encode(resource)


@given(st.dictionaries(TEXT, TREES), st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_spelling_does_not_matter(tree: dict[str, object], ascii_only: bool, indent: int | str | None) -> None:
    resource = json.loads(fhir.encode({**tree, "resourceType": "Basic"}), parse_float=str)
    body = json.dumps(resource, ensure_ascii=ascii_only, indent=indent).encode()
    assert fhir.parse(body) == resource


@given(st.binary(max_size=200) | TEXT.map(str.encode))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        assert "resourceType" in fhir.parse(body)
    except Refusal as refusal:
        assert refusal.status in (400, 422)  # noqa: PT017  both outcomes are right; only other errors are wrong
