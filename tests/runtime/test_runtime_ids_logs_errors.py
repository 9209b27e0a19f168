"""Ids, the clock, log lines, metrics and the words of refusals."""

from __future__ import annotations

import asyncio
import io
import json
import string
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from yima.runtime import clock, ids, logs, metrics
from yima.runtime.errors import KINDS, Refusal, problem

PERSONS = st.integers(1, 2**47 - 1)


@given(PERSONS)
def test_a_person_id_and_its_text_are_one(person: int) -> None:
    text = ids.person_text(person)
    assert len(text) == 10
    assert ids.person_from_text(text) == person
    assert ids.home_of(ids.new_resource_id(person)) == person
    assert ids.home_of_handle(ids.new_handle(person)) == person


@given(PERSONS, PERSONS)
def test_texts_sort_as_their_numbers(one: int, other: int) -> None:
    assert (ids.person_text(one) < ids.person_text(other)) == (one < other)


@given(st.text(st.sampled_from(string.printable + "０é\x00"), max_size=34))
def test_other_texts_name_nobody(text: str) -> None:
    person = ids.person_from_text(text)
    assert person is None or ids.person_text(person) == text
    home = ids.home_of(text)
    assert home is None or text.startswith(ids.person_text(home) + "-")
    assert ids.home_of_handle(text) is None or text[10] == "."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "zzzzzzzzzz",
        "4000000000",
        "000000000A",
        "00000000i0",
        "0000000000-000000000000u",
        "0000000000_0000000000000",
    ],
)
def test_what_is_too_large_or_of_another_alphabet_is_no_id(text: str) -> None:
    assert ids.person_from_text(text) is None
    assert ids.home_of(text) is None


def test_ids_are_fresh_and_fit_the_codes_block() -> None:
    made = {ids.new_person_id() for _ in range(2000)}
    assert len(made) == 2000
    assert all(0 < person < 2**47 for person in made)
    assert len({ids.new_resource_id(5) for _ in range(2000)} | {ids.new_handle(5) for _ in range(2000)}) == 4000
    assert ids.new_person_id(lambda _: 0) == 1, "0 is the shelf, never a person"
    assert ids.home_of(ids.new_resource_id(ids.SHELF)) == ids.SHELF


def test_the_clock_is_utc_and_can_be_stopped() -> None:
    assert clock.now().tzinfo is UTC
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    clock.set_source(lambda: moment)
    try:
        assert clock.now() == moment
    finally:
        clock.set_source(None)
    assert clock.now() > moment


# --- logs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Any:
    """What was logged, as objects."""
    before = structlog.get_config()
    structlog.reset_defaults()
    logs.configure("json", "info")
    structlog.configure(cache_logger_on_first_use=False)
    yield lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    structlog.configure(**before)


def test_only_words_of_the_list_reach_the_log(lines: Any) -> None:
    number = "110101199001020000"
    logs.get("room").warning(
        "event", status=200, person=number, name="张伟", _hidden=number, token="secret", reason="why", exc_info=True
    )
    [line] = lines()
    assert line["status"] == 200
    assert line["room"] == "room"
    assert line["reason"] == "why", "what was dropped does not displace what was said"
    assert line["dropped"] == "_hidden,exc_info,name,person,token"
    assert set(line) <= logs.ALLOWED
    assert not any(secret in json.dumps(line, ensure_ascii=False) for secret in (number, "张伟", "secret"))


def test_a_line_carries_its_request_and_the_level_counts(lines: Any) -> None:
    token = logs.request_id.set("r-1")
    logs.get("room").info("one")
    logs.get("room").debug("too quiet")
    logs.request_id.reset(token)
    logs.get("room").error("two")
    one, two = lines()
    assert (one["event"], one["level"], one["request_id"]) == ("one", "info", "r-1")
    assert (two["event"], "request_id" in two) == ("two", False)


def test_no_word_of_the_list_names_a_person() -> None:
    assert not logs.ALLOWED & {
        "person",
        "name",
        "number",
        "identifier",
        "phone",
        "token",
        "visit",
        "patient",
        "body",
        "url",
        "query",
    }


def test_metrics_are_text_and_their_labels_name_no_person() -> None:
    for seconds in (0.001, 0.0011, 0.3, 99.0):
        metrics.answered("a.test", "GET", 200, seconds)
    metrics.decided("denied", "a-test")
    body, kind = metrics.render()
    assert kind.startswith("text/plain")
    families = text_string_to_metric_families(body.decode())
    ours = [sample for family in families for sample in family.samples if sample.name.startswith("yima_")]
    assert {"yima_http_requests_total", "yima_disclosures_total"} <= {sample.name for sample in ours}
    known = {"route", "method", "status", "outcome", "basis", "le", "class", "family", "code", "kind"}
    assert {label for sample in ours for label in sample.labels} <= known
    of_test = {(s.name, s.labels.get("le")): s.value for s in ours if s.labels.get("route") == "a.test"}
    assert of_test["yima_http_requests_total", None] == of_test["yima_http_request_seconds_count", None] == 4
    assert [of_test["yima_http_request_seconds_bucket", le] for le in ("0.001", "0.0025", "0.5", "+Inf")] == [
        1,
        2,
        3,
        4,
    ]
    assert of_test["yima_http_request_seconds_sum", None] == pytest.approx(99.3021)


def test_lines_for_people_go_to_standard_error_whoever_has_closed_pythons_own(
    lines: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = io.StringIO()
    monkeypatch.setattr(sys, "stderr", gone)  # as who runs a command in this process has it
    logs.configure("console", "info")
    structlog.configure(cache_logger_on_first_use=False)
    gone.close()
    logs.get("room").warning("张 \ud800", count=2, name="李")
    line = capfd.readouterr().err
    assert [word in line for word in ("张", "\\ud800", "count=2", "room=room", "李")] == [True, True, True, True, False]


async def test_lines_of_requests_are_json_with_the_request_id_and_written_before_the_loop_waits(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logs.configure("json", "info")
    token = logs.request_id.set("r-12345678")
    try:
        logs.answered("GET", "fhir_read.read", 200, 1.25)
        logs.answered("GET", "fhir_read.read", 404, 0.5)
        await asyncio.sleep(0)
        written = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    finally:
        logs.request_id.reset(token)
        logs.configure(level="error")
    assert [line["status"] for line in written] == [200, 404]
    for line in written:
        assert set(line) <= logs.ALLOWED
        assert (line["request_id"], line["event"], line["level"]) == ("r-12345678", "request", "info")
        assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None
    logs.answered("GET", "fhir_read.read", 200, 1.25)
    await asyncio.sleep(0)
    assert not capfd.readouterr().err  # only errors are wanted now


# --- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", KINDS)
def test_every_refusal_speaks_both_languages_and_survives_missing_words(code: str) -> None:
    refusal = Refusal(code)
    for language in ("en", "zh"):
        assert refusal.text(language)  # type: ignore[arg-type]  # the two of Language
        assert refusal.mend(language)  # type: ignore[arg-type]
    assert "{" not in str(refusal)
    assert any("\u4e00" <= c <= "\u9fff" for c in refusal.text("zh"))
    assert refusal.text("en").isascii()
    assert 400 <= refusal.status < 600


def test_what_a_caller_sent_is_repeated_as_it_is_and_never_formatted() -> None:
    refusal = Refusal("field-invalid", field="{expected.__class__} %s {0}", expected="{field}")
    assert "{expected.__class__} %s {0}" in refusal.text("en")
    assert "{field}" in refusal.text("zh")


def test_a_problem_lists_every_mistake() -> None:
    refusal = Refusal(
        "field-missing",
        field="a",
        expected="x",
        also=(Refusal("field-invalid", field="b", expected="y"),),
        retry_after=3,
    )
    body = problem(refusal, "zh", "r-1")
    assert (body["code"], body["status"], body["request_id"], body["field"]) == ("field-missing", 422, "r-1", "a")
    assert body["type"] == "urn:yima:error:field-missing"
    assert body["title"] == body["messages"]["zh"]["text"] != body["messages"]["en"]["text"]
    assert [(e["code"], e["field"]) for e in body["errors"]] == [("field-missing", "a"), ("field-invalid", "b")]
    assert "errors" not in problem(Refusal("csrf"), "en", "r")
    assert "field" not in problem(Refusal("csrf"), "en", "r")


def test_a_code_outside_the_catalogue_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        Refusal("unheard-of")
