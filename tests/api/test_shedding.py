"""What a worker takes on: the gates by class, their limits, and who makes room for whom."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from yima.api.shedding import CLASSES, OTHERS, READS, SCANS, SUBMISSIONS, Class, Gate, Gates, class_of

CLASS_OF = [
    ("POST", "/code/verify", SCANS),
    ("POST", "/oauth/token", SCANS),
    ("POST", "/erhc/ehealthcard/business.do", SCANS),
    ("GET", "/fhir/Patient/a", READS),
    ("POST", "/fhir/Observation/_search", READS),
    ("POST", "/fhir", SUBMISSIONS),
    ("PUT", "/fhir/Patient/a", SUBMISSIONS),
    ("DELETE", "/fhir/Patient/a", SUBMISSIONS),
    ("GET", "/resident/code", OTHERS),
    ("GET", "/nowhere", OTHERS),
    ("GET", "/health/live", None),
    ("GET", "/metrics", None),
]


@pytest.mark.parametrize(("method", "path", "expected"), CLASS_OF)
def test_each_request_has_its_class(method: str, path: str, expected: Class | None) -> None:
    assert class_of(method, path) == expected


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _gate(clock: Clock, betters: tuple[Gate, ...] = ()) -> Gate:
    return Gate(Class("x", 2, 8, 0.1), betters, clock)


def test_no_more_than_the_limit_are_under_way() -> None:
    gate = _gate(Clock())
    assert [gate.enter() for _ in range(10)] == [True] * 8 + [False] * 2
    gate.leave(0.01)
    assert gate.enter()
    assert not gate.enter()


def test_a_standing_queue_lowers_the_limit_to_its_floor_and_quick_answers_raise_it_again() -> None:
    clock = Clock()
    gate, seen = _gate(clock), []
    for seconds in [0.5] * 8 + [0.01] * 8:
        assert gate.enter()
        clock.now += 0.2
        gate.leave(seconds)
        seen.append(gate.limit)
    assert seen == [6, 4, 3, 2, 2, 2, 2, 2, 3, 4, 5, 6, 7, 8, 8, 8]


def test_one_slow_request_among_quick_ones_is_no_queue() -> None:
    clock = Clock()
    gate = _gate(clock)
    for seconds in (0.01, 5.0, 0.01, 5.0) * 5:
        assert gate.enter()
        clock.now += 0.06
        gate.leave(seconds)
    assert gate.limit == 8


def test_a_lower_class_keeps_its_floor_while_a_higher_one_is_turned_away() -> None:
    clock = Clock()
    higher = _gate(clock)
    lower = _gate(clock, (higher,))
    assert [higher.enter() for _ in range(9)].count(False) == 1
    assert [lower.enter() for _ in range(4)] == [True, True, False, False]
    clock.now += 1.5  # the higher class has had room for more than a second
    assert [lower.enter() for _ in range(4)] == [True] * 4


def test_the_order_of_the_classes_is_the_promise() -> None:
    assert [kind.name for kind in CLASSES] == ["scans", "reads", "submissions", "others"]


@pytest.mark.parametrize(("path", "kind"), [("/code/verify", "problem"), ("/fhir/Patient", "fhir")])
async def test_the_answer_is_whole_and_names_the_request(path: str, kind: str) -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    gates = Gates("zh")
    waits = set()
    for _ in range(6):
        sent.clear()
        await gates.turn_away(gates.scans, path, "request-77", send)
        start, body = sent
        headers = dict(start["headers"])
        assert (start["status"], headers[b"content-length"]) == (503, str(len(body["body"])).encode())
        assert headers[b"x-request-id"] == b"request-77"
        waits.add(int(headers[b"retry-after"]))
        said = orjson.loads(body["body"])
        if kind == "fhir":
            assert said["issue"][0]["details"]["coding"][0]["code"] == "overloaded"
        else:
            assert (said["code"], said["request_id"]) == ("overloaded", "request-77")
    assert waits == {1, 2, 3}
