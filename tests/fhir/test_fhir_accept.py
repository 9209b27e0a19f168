"""The fast yes of `validation` is never given to what the checks that explain would refuse."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yima import fhir
from yima.fhir import accept
from yima.fhir.checks import any_resource

REFERRING: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "contained": [{"resourceType": "Patient", "id": "p", "name": [{"family": "x"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "1", "display": "one"}]},
    "subject": {"reference": "#p"},
}
WRONG: list[Any] = [
    None, True, 0, 2**31, Decimal("1.5"), 1.5, "", "x y", " x", "x\n", "#p", "#", "2020-02-30", "2020-01-01T24:00:00Z",
    "x" * 65, [], {}, [None], [{}], {"id": "x"}, {"reference": "#q"}, ["system", "code"], {"system": True, "code": "x"},
    {"extension": [{"url": "a", "valueCode": "b"}]}, "http://a.b/c", "final", 1,
]  # fmt: skip
KEYS = ["id", "extension", "_id", "_status", "text", "code", "valueString", "reference", "contained", "foo", "start"]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions are made for every set of keys the first time it comes."""
    monkeypatch.setattr(accept, "_OFTEN", 1)


@pytest.fixture(scope="module")
def small(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A few resources of each type."""
    by_type: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        by_type.setdefault(resource["resourceType"], []).append(resource)
    return [REFERRING, *(one for some in by_type.values() for one in some[:3])]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_what_is_accepted_has_no_mistake(small: list[dict[str, Any]], data: st.DataObject) -> None:
    resource = copy.deepcopy(data.draw(st.sampled_from(small)))
    for _ in range(data.draw(st.integers(1, 3))):
        places = _places(resource)
        holder, key = places[data.draw(st.integers(0, len(places) - 1))]
        what = data.draw(st.sampled_from(["value", "remove", "add", "turn"]))
        if what == "value" and key != "resourceType":
            holder[key] = copy.deepcopy(data.draw(st.sampled_from(WRONG)))
        elif what == "remove" and key != "resourceType":
            del holder[key]
        elif what == "add" and isinstance(holder, dict):
            holder[data.draw(st.sampled_from(KEYS))] = copy.deepcopy(data.draw(st.sampled_from(WRONG)))
        elif what == "turn" and isinstance(holder, dict):
            turned = dict(reversed(holder.items()))
            holder.clear()
            holder.update(turned)
        if not _places(resource):
            return
    assert not accept.accepted(resource) or any_resource(resource) is None


def _places(node: Any) -> list[tuple[Any, Any]]:
    found = []
    for key, value in list(node.items()) if isinstance(node, dict) else list(enumerate(node)):
        found.append((node, key))
        if isinstance(value, dict | list):
            found += _places(value)
    return found


def test_what_is_valid_is_accepted(small: list[dict[str, Any]]) -> None:
    assert [one["resourceType"] for one in small if not accept.accepted(one)] == []


def test_functions_are_forgotten_before_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept, "_MAX_FUNCTIONS", 5)
    for at in range(20):
        keys = ["status", "code", "subject", "valueString", "issued"]
        keys = keys[at % 5 :] + keys[: at % 5]
        values = REFERRING | {"valueString": "x", "issued": "2020-01-01T00:00:00Z", "subject": {"display": "x"}}
        resource = {"resourceType": "Observation"} | {key: values[key] for key in keys}
        fhir.validate(resource)
    assert sum(map(len, accept._TABLES)) <= 5


@pytest.mark.parametrize("reference", ["#q", "#", ""])
def test_a_reference_to_nothing_is_not_accepted(reference: str) -> None:
    assert accept.accepted(REFERRING)
    assert not accept.accepted(REFERRING | {"subject": {"reference": reference}})
    assert not accept.accepted({k: v for k, v in REFERRING.items() if k != "contained"})
