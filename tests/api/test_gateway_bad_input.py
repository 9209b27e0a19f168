"""Bad envelopes and bad content at business.do: each a clear refusal with a stable code, and nothing written."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from gateway_client import CardClient, card_client, form

from support import Platform, nothing_written, resident_number

REGISTER = "ehc.ehealthcard.register"


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> CardClient:
    return await card_client(platform)


def _other_key(key: bytes) -> bytes:
    return bytes(byte ^ 1 for byte in key)


BAD_ENVELOPES: dict[str, tuple[dict[str, Any], str]] = {
    "an app nobody registered": ({"app_id": "nobody"}, "gateway-app-unknown"),
    "an app id with a NUL": ({"app_id": "a\0b"}, "gateway-app-unknown"),
    "a wrong digest": ({"digest": "0" * 64}, "gateway-digest-invalid"),
    "a digest that is no text": ({"digest": 7}, "gateway-digest-invalid"),
    "no digest": ({"digest": ""}, "gateway-digest-invalid"),
    "a digest in Chinese": ({"digest": "摘要"}, "gateway-digest-invalid"),
    "an old timestamp": ({"timestamp": "1557236049417"}, "gateway-timestamp-stale"),
    "seconds for milliseconds": ({"timestamp": str(int(time.time()))}, "gateway-timestamp-stale"),
    "no timestamp": ({"timestamp": ""}, "gateway-timestamp-stale"),
    "words for a timestamp": ({"timestamp": "now"}, "gateway-timestamp-stale"),
    "another version": ({"version": "X.M.9.9"}, "gateway-unsupported"),
    "AES": ({"enc_type": "AES"}, "gateway-unsupported"),
    "SHA256": ({"digest_type": "SHA256"}, "gateway-unsupported"),
    "another method": ({"method": "ehc.ehealthcard.delete"}, "gateway-unsupported"),
    "somebody's terminal": ({"term_id": "T-ELSEWHERE"}, "terminal-unknown"),
    "content that is no Base64": ({"biz_content": "****"}, "gateway-content-unreadable"),
    "content of half a block": ({"biz_content": "QUJD"}, "gateway-content-unreadable"),
    "content under another key": ({"biz_content": base64.b64encode(b"x" * 32).decode()}, "gateway-content-unreadable"),
    "no content": ({"biz_content": ""}, "gateway-content-unreadable"),
}


@pytest.mark.parametrize("name", BAD_ENVELOPES)
async def test_a_bad_envelope_is_refused_clearly_and_writes_nothing(hospital: CardClient, name: str) -> None:
    changed, error = BAD_ENVELOPES[name]
    changed = dict(changed)
    method = changed.pop("method", REGISTER)
    async with nothing_written(hospital.platform):
        got, _ = await hospital.send(hospital.envelope(method, form(), **changed))
    assert (got["code"], got["error"]) == ("00", error)
    assert got["message"] != got["message_en"]


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "json-malformed"),
    "half a JSON": (b'{"app_id": "x"', "json-malformed"),
    "a list": (b"[]", "json-malformed"),
    "GBK": ('{"app_id": "王"}'.encode("gbk"), "json-malformed"),
    "a key twice": (b'{"app_id": "x", "app_id": "y"}', "json-duplicate-key"),
    "very deep": (b"[" * 100_000, "json-malformed"),
    "no app": (b"{}", "gateway-app-unknown"),
    "half a surrogate": (b'{"app_id": "\\ud800"}', "json-malformed"),
    "an object for an app": (b'{"app_id": {}}', "field-invalid"),
    "too much": (b" " * (1024 * 1024 + 1), "body-too-large"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_bad_body(hospital: CardClient, name: str) -> None:
    body, error = BAD_BODIES[name]
    got, _ = await hospital.send(body)
    assert (got["code"], got["error"]) == ("00", error)


BAD_CONTENTS: dict[str, tuple[str, dict[str, Any] | bytes, str]] = {
    "content in GBK": (REGISTER, '{"name": "王"}'.encode("gbk"), "json-malformed"),
    "content that is no object": (REGISTER, b"[1]", "json-malformed"),
    "no number and no mother": (REGISTER, {"name": "王"}, "field-missing"),
    "a number with a wrong check digit": (REGISTER, form(id_no="999999198503140011"), "field-invalid"),
    "a birthday that the number denies": (REGISTER, form(birthday="1886-03-14"), "field-invalid"),
    "a document type of another province": (REGISTER, form(id_type="111"), "field-invalid"),
    "a sex that no table has": (REGISTER, form(gender="3"), "field-invalid"),
    "an apply mode that no table has": (REGISTER, form(apply_type="9"), "field-invalid"),
    "no name": (REGISTER, form(name=""), "field-missing"),
    "a name with a line end": (REGISTER, form(name="王\n芳"), "field-invalid"),
    "a name of 81 characters": (REGISTER, form(name="王" * 81), "field-invalid"),
    "a date that there is not": (
        REGISTER, form(id_type="03", id_no="E12345678", birthday="2026-02-30"), "field-invalid"
    ),
    "a mother without a document": (REGISTER, form(id_no="", personnelType="2", motherName="李"), "field-missing"),
    "a mother without a name": (
        REGISTER, form(id_no="", personnelType="2", motherIdCode=resident_number()), "field-missing"
    ),
    "a card that there is not": ("ehc.ehealthcard.close", {"ehealth_card_id": "0" * 64}, "card-not-found"),
    "a card id of words": ("ehc.ehealthcode.query", {"ehealth_card_id": "nobody"}, "card-not-found"),
    "no card id": ("ehc.ehealthcode.generate", {}, "field-missing"),
    "another kind of code": ("ehc.ehealthcode.generate", {"ehealth_card_id": "0", "ewmbs": "7"}, "field-invalid"),
    "no code": ("ehc.ehealthcode.verify", {}, "field-missing"),
    "a number for a code": ("ehc.ehealthcode.verify", {"ehealth_code": 5}, "field-missing"),
    "a step that no table has": (
        "ehc.ehealthcode.verify", {"ehealth_code": "x", "medstepcode": "019999"}, "field-invalid"
    ),
    "a channel that no table has": (
        "ehc.ehealthcode.verify", {"ehealth_code": "x", "channelcode": "7"}, "field-invalid"
    ),
    "a terminal nobody registered": (
        "ehc.ehealthcode.verify", {"ehealth_code": f"{'0' * 64}:1", "terminalcode": "X"}, "code-issuer-unknown"
    ),
    "a code of 131 characters": (
        "ehc.ehealthcode.verify", {"ehealth_code": f"{'A' * 64}:0:{'B' * 66}"}, "code-unreadable"
    ),
    "two codes joined": (
        "ehc.ehealthcode.verify", {"ehealth_code": f"{'A' * 32}:1{'B' * 32}:1"}, "code-unreadable"
    ),
    "a GBK scanner": ("ehc.ehealthcode.verify", {"ehealth_code": f"{'A' * 64}:1:\ufffd\ufffd"}, "code-unreadable"),
    "an address on the web": ("ehc.ehealthcode.verify", {"ehealth_code": "https://example.org"}, "code-unreadable"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_CONTENTS)
async def test_bad_content_is_refused_clearly_and_writes_nothing(hospital: CardClient, name: str) -> None:
    method, content, error = BAD_CONTENTS[name]
    async with nothing_written(hospital.platform):
        got, opened = await hospital.send(hospital.envelope(method, content))
    assert (got["code"], got["error"], opened) == ("00", error, {}), got
    sent = json.dumps(content) if isinstance(content, dict) else ""
    assert not any(number in json.dumps(got) for number in _numbers(sent)), "a document number in a refusal"


def _numbers(sent: str) -> list[str]:
    return [
        word.strip('",') for word in sent.split() if len(word.strip('",')) == 18 and word.strip('",')[:17].isdigit()
    ]
