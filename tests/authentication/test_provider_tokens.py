"""Whatever a provider signs or publishes: it is believed, or refused; nothing else happens."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk

from support.platform import signed
from yima.authentication.external import Expected, Provider, checked_id_token, checked_logout_token
from yima.authentication.external.discovery import endpoints_of
from yima.runtime.errors import Refusal
from yima.runtime.outbound import Reach

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STAMP = int(NOW.timestamp())
KEY = jwk.ECKey.generate_key("P-256")
KEYS: list[dict[str, Any]] = [dict(KEY.as_dict(private=False)) | {"kid": "1"}]
EXPECTED = Expected("https://id.example", "yima", NOW, "n")
RIGHT = {
    "iss": "https://id.example", "aud": "yima", "sub": "s", "iat": STAMP, "exp": STAMP + 60, "nonce": "n",
    "auth_time": STAMP - 5, "acr": "2", "amr": ["pwd"], "sid": "x",
}  # fmt: skip
PROVIDER = Provider(
    provider_id="p", kind="operator", issuer="https://id.example", client_id="yima", name_zh="x", name_en="x"
)
DOCUMENT = {
    "issuer": "https://id.example", "authorization_endpoint": "https://id.example/a",
    "token_endpoint": "https://id.example/t", "jwks_uri": "https://id.example/k",
}  # fmt: skip
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def test_the_right_one_is_believed() -> None:
    found = checked_id_token(signed({"alg": "ES256", "kid": "1"}, RIGHT, KEY), KEYS, EXPECTED)
    assert (found.sub, found.sid, found.acr, found.amr) == ("s", "x", "2", ("pwd",))
    assert int(found.proved.timestamp()) == STAMP - 5
    assert endpoints_of(DOCUMENT, PROVIDER, Reach()).token == "https://id.example/t"


@given(st.dictionaries(st.sampled_from([*RIGHT, "azp", "nbf", "at_hash", "events", "jti"]), json, min_size=1))
def test_any_claims(claims: dict[str, Any]) -> None:
    token = signed({"alg": "ES256", "kid": "1"}, RIGHT | claims, KEY)
    for check in (checked_id_token, checked_logout_token):
        with suppress(Refusal):
            check(token, KEYS, EXPECTED)
            assert claims.get("iss", RIGHT["iss"]) == RIGHT["iss"]
            assert claims.get("aud", "yima") in ("yima", ["yima"])


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "b64", "zip"]), json, min_size=1))
def test_any_header(header: dict[str, Any]) -> None:
    with suppress(Refusal):  # any other error fails
        checked_id_token(signed({"alg": "ES256", "kid": "1"} | header, RIGHT, KEY), KEYS, EXPECTED)


@given(st.text(max_size=60) | st.from_regex(r"[\w-]{0,9}\.[\w-]{0,9}\.[\w-]{0,9}", fullmatch=True))
def test_any_text(token: str) -> None:
    with pytest.raises(Refusal, match="provider-answer-invalid"):
        checked_id_token(token, KEYS, EXPECTED)


@given(st.dictionaries(st.sampled_from([*DOCUMENT, "end_session_endpoint", "code_challenge_methods_supported"]), json))
def test_any_document(said: dict[str, Any]) -> None:
    try:
        found = endpoints_of(DOCUMENT | said, PROVIDER, Reach())
    except ValueError:
        return
    for address in (found.authorization, found.token, found.keys):
        assert address.startswith("https://id.example/")


@pytest.mark.parametrize(
    ("key", "fits"),
    [({}, True), ({"use": "enc"}, False), ({"alg": "RS256"}, False), ({"kid": "2"}, False)],
)  # fmt: skip
def test_which_key(key: dict[str, str], fits: bool) -> None:
    token = signed({"alg": "ES256", "kid": "1"}, RIGHT, KEY)
    if fits:
        assert checked_id_token(token, [KEYS[0] | key], EXPECTED).sub == "s"
        return
    with pytest.raises(Refusal, match="provider-answer-invalid"):
        checked_id_token(token, [KEYS[0] | key], EXPECTED)


def test_without_a_kid_only_where_there_is_no_choice() -> None:
    token, other = signed({"alg": "ES256"}, RIGHT, KEY), jwk.ECKey.generate_key("P-256").as_dict(private=False)
    assert checked_id_token(token, KEYS, EXPECTED).sub == "s"
    with pytest.raises(Refusal, match="no key of the provider fits"):
        checked_id_token(token, [*KEYS, dict(other)], EXPECTED)


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_short_rsa_key_does_not_count() -> None:
    small = jwk.RSAKey.generate_key(1024).as_dict(private=False)
    with pytest.raises(Refusal, match="no key of the provider fits"):
        checked_id_token(signed({"alg": "RS256"}, RIGHT, KEY), [dict(small)], EXPECTED)
