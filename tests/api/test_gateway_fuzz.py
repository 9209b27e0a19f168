"""Whatever the gateway is sent, by whoever: an answer in the family's words, never a 5xx, never a person too many."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gateway_client import BUSINESS, OPEN, CardClient, OpenClient, card_client, open_client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import Platform, nothing_written
from yima.api.gateway.card_methods import METHODS as CARD_METHODS
from yima.api.gateway.open_methods import METHODS as OPEN_METHODS
from yima.runtime.errors import KINDS

QUIET = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = [
    "id_no", "id_type", "name", "gender", "birthday", "ehealth_card_id", "ehealth_code", "ewmbs", "orgcode", "orgname",
    "medstepcode", "terminalcode", "personnelType", "motherName", "motherIdCode", "idNumber", "idType", "qrCodeText",
    "healthCardId", "childInfo", "healthCardItems", "patid", "time", "scene", "app_id", "commonIn", "req", "sign",
]  # fmt: skip
TEXT = st.text(max_size=20) | st.sampled_from(
    ["01", "2", "999999198503140019", "\x00", "\ud800", "1985-02-30", "A" * 64 + ":1", "Ａ：1", "9" * 400, "'; --"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.sampled_from(WORDS), JSON, max_size=8)


@pytest.fixture(scope="module")
async def card(platform: Platform) -> CardClient:
    return await card_client(platform)


@pytest.fixture(scope="module")
async def platform_app(platform: Platform) -> OpenClient:
    return await open_client(platform)


def check(said: dict[str, Any]) -> None:
    """A refusal of the catalogue, or done."""
    code = said.get("error") or said.get("commonOut", {}).get("errorCode", "")
    assert code == "" or code in KINDS, said
    assert code != "internal"


@given(body=JSON)
@QUIET
async def test_any_body_at_either_address(platform: Platform, body: Any) -> None:
    async with nothing_written(platform):
        for path in (BUSINESS, f"{OPEN}/registerHealthCard", f"{OPEN}/getAppToken"):
            answer = await platform.client.post(path, content=json.dumps(body).encode())
            assert answer.status_code == 200, answer.text
            check(answer.json())


@given(method=st.sampled_from(sorted(CARD_METHODS)), content=FIELDS)
@QUIET
async def test_any_fields_of_any_card_method(card: CardClient, method: str, content: dict[str, Any]) -> None:
    plain = json.dumps(content).encode()
    answer = await card.platform.client.post(BUSINESS, json=card.envelope(method, plain))
    assert answer.status_code == 200, answer.text
    check(answer.json())


@given(method=st.sampled_from(sorted(OPEN_METHODS)), req=FIELDS)
@QUIET
async def test_any_fields_of_any_open_method(platform_app: OpenClient, method: str, req: dict[str, Any]) -> None:
    try:
        body = json.dumps(platform_app.envelope(req)).encode()
    except UnicodeEncodeError:  # half a surrogate pair cannot be signed
        return
    answer = await platform_app.platform.client.post(f"{OPEN}/{method}", content=body)
    assert answer.status_code == 200, answer.text
    check(answer.json())
