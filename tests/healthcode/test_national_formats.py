"""The national card's ids, code texts, tokens and envelopes: vectors, round trips, and whatever a scanner may send."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import gmalg
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from yima.healthcode.national import envelope, ids, qr, sm, tables, token
from yima.healthcode.national.qr import NationalCode
from yima.mpi import is_national
from yima.runtime.errors import Refusal
from yima.runtime.settings import Settings, describe

MINDEX = "ABD17E7ED399EF68AB5660155D6E226D2C92EAC3254A4A66BED83AED0ADA1E9E"
ROOT = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
KEY = bytes(range(32))
CARD = "98FF9F2C05145CB9305E9D8A57E072BB51180CA49E5BE5E9D41BCE3A9A571928"
WHOLE = NationalCode(CARD, "F0" * 16, organisation="5100A0013")

T = TypeVar("T")
cards = st.sampled_from([32, 64]).flatmap(lambda n: st.text("0123456789ABCDEF", min_size=n, max_size=n))
blocks = st.text("0123456789ABCDEF", min_size=32, max_size=32)
organisations = st.text("0123456789ABCDEFGHXYZ-", max_size=9)
moments = st.integers(946684800, 4102444800).map(lambda unix: datetime.fromtimestamp(unix, UTC))


# --- ids -------------------------------------------------------------------------------------------------------------


def test_the_published_vector() -> None:
    """Design note healthcode, 6.1, as reproduced from public integrators' code."""
    assert ids.spreading_factor(MINDEX).hex().upper() == "92CDCE45A16799FD"
    assert ids.holder_key(ROOT, MINDEX).hex().upper() == "86C63180C2806ED1F47B859DE501215B"
    assert ids.card_id(ROOT, MINDEX, "01", "11010020171225006X") == CARD
    assert ids.document_of(ROOT, MINDEX, CARD) == "0111010020171225006X"


def test_sm4_and_sm3_are_the_standards() -> None:
    """GB/T 32907 appendix A.1 and GB/T 32905 appendix A.1."""
    plain = bytes.fromhex("0123456789abcdeffedcba9876543210")
    assert sm.encrypt(plain, plain).hex() == "681edf34d206965e86b3e94f536e4246"
    assert sm.sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@given(st.binary(min_size=1, max_size=200), st.binary(min_size=16, max_size=16))
def test_an_independent_implementation_agrees(data: bytes, key: bytes) -> None:
    digest = gmalg.SM3()
    digest.update(data)
    assert sm.sm3(data) == digest.value()
    padded = sm.pad(data)
    cipher = gmalg.SM4(key)
    assert sm.encrypt(key, padded) == b"".join(cipher.encrypt(padded[i : i + 16]) for i in range(0, len(padded), 16))
    assert sm.unpad(sm.decrypt(key, sm.encrypt(key, padded))) == data


@given(st.text("0123456789ABCDEFX", min_size=1, max_size=30), st.sampled_from(["01", "08", "111"]))
def test_a_card_id_holds_its_document(number: str, kind: str) -> None:
    assume(len(kind) + len(number) <= 32)
    card = ids.card_id(ROOT, MINDEX, kind, number)
    assert ids.CARD_ID.fullmatch(card)
    assert ids.document_of(ROOT, MINDEX, card) == kind + number


def test_what_makes_no_card_id() -> None:
    for number in ("1" * 31, "号码"):
        with pytest.raises(ValueError, match=r"32 characters|ascii"):
            ids.card_id(ROOT, MINDEX, "01", number)


@pytest.mark.parametrize("recipe", ids.MINDEX_RECIPES)
def test_recipes_of_the_person_index_id(recipe: ids.MindexRecipe) -> None:
    ours = ids.mindex(recipe, KEY, "01", "11010020171225006X", "某某")
    assert len(bytes.fromhex(ours)) == 32
    other_name = ids.mindex(recipe, KEY, "01", "11010020171225006X", "某人")
    assert (other_name == ours) is (recipe == "sm3-type-number")
    assert (ids.mindex(recipe, bytes(32), "01", "11010020171225006X", "某某") == ours) is (recipe != "keyed")


@given(moments)
def test_a_validity_block_says_its_time_only_to_its_key(at: datetime) -> None:
    block = ids.validity_block(ROOT, at)
    assert ids.read_validity(ROOT, block) == at
    assert ids.read_validity(KEY[:16], block) is None


@given(blocks)
def test_any_block_is_a_time_or_nothing(block: str) -> None:
    ids.read_validity(ROOT, block)


# --- the text of a code ----------------------------------------------------------------------------------------------


@given(cards, blocks, st.booleans(), organisations, st.integers(0, 2**15 - 1), st.booleans())
def test_codes_are_read_as_they_were_written(
    card: str, block: str, dynamic: bool, organisation: str, nonce: int, in_person: bool
) -> None:
    code = NationalCode(card, block if dynamic else "", organisation=organisation)
    if dynamic:
        code = token.bind(KEY, code, nonce, generation=3, in_person=in_person)
    text = qr.write(code)
    assert len(text) <= 130
    assert qr.looks_national(text)
    for form in (text, text.replace(":", "："), f" {text}\r\n", f"{len(card)}:{text}" if len(text) < 127 else text):
        assert qr.read(form) == code


READ = {
    f"{CARD}:1": NationalCode(CARD),
    f"{CARD}:1::5100A0013": NationalCode(CARD, organisation="5100A0013"),
    f"{CARD}：1": NationalCode(CARD),
    f"{CARD.lower()}:1": NationalCode(CARD),
    f"85:{CARD}:1": NationalCode(CARD),
    f"{CARD}:0:{'F0' * 16}": NationalCode(CARD, "F0" * 16),
    f"{CARD}:0:{'f0' * 16}:TOKEN:5100A0013": NationalCode(CARD, "F0" * 16, "TOKEN", "5100A0013"),
}
UNREADABLE = {
    "two static codes joined": f"{CARD}:1{CARD}:1",
    "two codes with a line end between": f"{CARD}:1\n{CARD}:1",
    "131 characters": f"{CARD}:0:{'F' * 64}:",
    "GBK read as UTF-8": f"{CARD}:1::\ufffd\ufffd",
    "Chinese": f"{CARD}:1::医院",
    "a NUL": f"{CARD}:1::\0",
    "no colon": CARD,
    "six parts": f"{CARD}:0:{'F' * 32}:T:O:X",
    "another kind": f"{CARD}:2",
    "half a card id": f"{CARD[:40]}:1",
    "a static code with a token": f"{CARD}:1:TOKEN:ORG",
    "a dynamic code without validity": f"{CARD}:0",
    "a validity of 31 digits": f"{CARD}:0:{'F' * 31}",
    "a token with a slash": f"{CARD}:0:{'F' * 32}:a/b:O",
    "an address": "https://example.org/98FF:1",
    "nothing": "",
}


@pytest.mark.parametrize("text", READ)
def test_every_form_of_the_field_is_read(text: str) -> None:
    assert qr.read(text) == READ[text]


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_national_code_says_why_and_never_repeats_it(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        qr.read(UNREADABLE[name])
    assert caught.value.code == "code-unreadable"
    assert "(" in caught.value.text("en")
    assert CARD[:10] not in f"{caught.value.text('en')}{caught.value.text('zh')}{caught.value.mend('en')}"


def _or_refused(work: Callable[[], T], *codes: str) -> T | None:
    """What `work` gives, None when it refuses with one of the codes."""
    try:
        return work()
    except Refusal as refusal:
        if refusal.code not in codes:
            raise
        return None


@given(st.one_of(st.text(max_size=200), st.text("0123456789ABCDEF:：01 \n", max_size=140)))
def test_whatever_is_scanned_is_a_code_or_refused(text: str) -> None:
    qr.looks_national(text)
    code = _or_refused(lambda: qr.read(text), "code-unreadable")
    assert code is None or qr.read(qr.write(code)) == code


# --- what binds a dynamic code ---------------------------------------------------------------------------------------


def test_every_part_of_a_code_is_bound() -> None:
    whole = token.bind(KEY, WHOLE, 7, generation=1, in_person=True)
    assert token.check(KEY, whole, 1) == token.Bound(in_person=True)
    other = token.bind(KEY, replace(WHOLE, card_id="0" * 64), 7, generation=1, in_person=True)
    flipped = base64.b32encode(base64.b32decode(whole.token + "====")[:0] + b"\x00" * 12).decode().rstrip("=")
    splices = {
        "card": replace(whole, card_id="0" * 64),
        "validity": replace(whole, validity="F1" * 16),
        "organisation": replace(whole, organisation="5100A0014"),
        "no organisation": replace(whole, organisation=""),
        "no token": replace(whole, token=""),
        "another's token": replace(whole, token=other.token),
        "a made-up token": replace(whole, token=flipped),
        "a short token": replace(whole, token=whole.token[:-1]),
        "a token with spare bits": replace(whole, token=whole.token[:-1] + "B"),
        "a token in small letters": replace(whole, token=whole.token.lower()),
        "a token of other characters": replace(whole, token="1" * 20),
    }
    for name, spliced in splices.items():
        assert token.check(KEY, spliced, 1) is None, name
    assert token.check(KEY, whole, 2) is None, "after a reissue"
    assert token.check(bytes(32), whole, 1) is None, "under another platform's key"


@given(st.integers(0, 95))
def test_no_bit_of_a_token_can_be_changed(bit: int) -> None:
    whole = token.bind(KEY, WHOLE, 7, generation=1, in_person=False)
    number = int.from_bytes(base64.b32decode(whole.token + "===="), "big") ^ (1 << bit)
    changed = base64.b32encode(number.to_bytes(12, "big")).decode().rstrip("=")
    assert token.check(KEY, replace(whole, token=changed), 1) is None


def test_two_codes_of_one_second_are_two() -> None:
    one, two = (token.bind(KEY, WHOLE, nonce, generation=0, in_person=False) for nonce in (1, 2))
    assert token.fingerprint(one) != token.fingerprint(two)


def test_an_organisation_that_does_not_fit_is_left_out() -> None:
    long = token.bind(KEY, replace(WHOLE, organisation="12345678MA00000000"), 7, generation=0, in_person=False)
    assert long.organisation == ""
    assert token.check(KEY, qr.read(qr.write(long)), 0)


# --- envelopes -------------------------------------------------------------------------------------------------------

FIELDS = {
    "app_id": "a", "digest_type": "SM3", "enc_type": "SM4", "method": "ehc.ehealthcode.verify", "term_id": "SK0001",
    "timestamp": "1557236049417", "version": "X.M.0.1",
}  # fmt: skip


def test_the_canonical_text_of_a_card_system() -> None:
    assert envelope.canonical(FIELDS, '{"k":1}', "s") == (
        'app_id=a&biz_content={"k":1}&digest_type=SM3&enc_type=SM4&method=ehc.ehealthcode.verify&term_id=SK0001'
        "&timestamp=1557236049417&version=X.M.0.1&app_secret=s"
    )


@given(st.text(max_size=100), st.text(max_size=40))
def test_a_digest_holds_for_its_content_only(plain: str, given_digest: str) -> None:
    right = envelope.digest(FIELDS, plain, "s")
    assert envelope.digest_holds(FIELDS, plain, "s", f" {right.upper()} ")
    assert not envelope.digest_holds(FIELDS, plain + "x", "s", right)
    assert not envelope.digest_holds(FIELDS, plain, "t", right)
    assert not envelope.digest_holds(FIELDS, plain, "s", given_digest)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.booleans())
def test_content_is_opened_as_it_was_sealed(plain: str, hexadecimal: bool) -> None:
    sealed = envelope.seal(ROOT, plain, hexadecimal=hexadecimal)
    assert envelope.is_hexadecimal(sealed) is hexadecimal
    assert envelope.open_content(ROOT, sealed) == plain


@given(st.one_of(st.text(max_size=100), st.binary(max_size=96).map(lambda raw: base64.b64encode(raw).decode())))
def test_any_content_is_opened_or_refused(content: str) -> None:
    _or_refused(lambda: envelope.open_content(ROOT, content), "gateway-content-unreadable", "json-malformed")


def test_gbk_is_said_to_be_gbk() -> None:
    sealed = base64.b64encode(sm.encrypt(ROOT, sm.pad('{"name":"王"}'.encode("gbk")))).decode()
    with pytest.raises(Refusal) as caught:
        envelope.open_content(ROOT, sealed)
    assert "GBK" in caught.value.text("en")


def test_the_signature_of_the_open_platform() -> None:
    values = {"b": "2", "a": "1", "empty": "", "none": None, "sign": "x", "n": 0, "o": {"z": 1, "y": "中"}}
    text = 'a=1&b=2&n=0&o={"z":1,"y":"中"}secret'
    right = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert envelope.sign(values, "secret") == right
    sorted_text = text.replace('{"z":1,"y":"中"}', '{"y":"中","z":1}')
    for spoken in (text, sorted_text):
        given_sign = base64.b64encode(hashlib.sha256(spoken.encode()).digest()).decode()
        assert envelope.sign_holds(values, "secret", given_sign)
    assert not envelope.sign_holds(values | {"a": "3"}, "secret", right)
    assert not envelope.sign_holds(values, "secreT", right)


@given(
    st.dictionaries(st.text(max_size=8), st.one_of(st.none(), st.integers(), st.text(max_size=8), st.lists(st.text())))
)
def test_any_members_can_be_signed(values: dict[str, object]) -> None:
    assert envelope.sign_holds(values, "s", envelope.sign(values, "s"))


# --- dialects --------------------------------------------------------------------------------------------------------


def test_settings_name_the_dialects_and_recipes_there_are() -> None:
    page = describe()
    assert ", ".join(tables.dialect_names()) in page
    assert ", ".join(ids.MINDEX_RECIPES) in page
    assert Settings().national_dialect in tables.dialect_names()


@pytest.mark.parametrize("name", tables.dialect_names())
def test_every_dialect_is_whole(name: str) -> None:
    dialect = tables.dialect(name)
    assert is_national(dialect.system("01", "id_type"))
    assert {dialect.sex("1", "gender"), dialect.sex("女", "gender")} == {"male", "female"}
    assert dialect.step("", "medstepcode") == "000000"
    for system in dialect.documents.values():
        assert dialect.documents[dialect.document_type(system)] == system


def test_shenzhen_differs_by_its_table_alone() -> None:
    assert tables.dialect("shenzhen").system("111", "id_type") == "urn:yima:id:birth-certificate"
    with pytest.raises(Refusal):
        tables.dialect("national").system("111", "id_type")
    with pytest.raises(Refusal) as caught:
        tables.dialect("atlantis")
    assert caught.value.code == "setting-invalid"


@given(moments)
def test_time_is_written_as_china_reads_it(at: datetime) -> None:
    digits = sm.decrypt(ROOT, bytes.fromhex(ids.validity_block(ROOT, at)))[:7].hex()
    assert digits == (at + timedelta(hours=8)).strftime("%Y%m%d%H%M%S")


# --- the page for the engineer ---------------------------------------------------------------------------------------


def test_the_worked_examples_of_the_page_are_right() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "healthcode" / "gateway.md").read_text(encoding="utf-8")
    secret, key = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", bytes.fromhex("0123456789abcdeffedcba9876543210")
    assert f"Secret `{secret}`, key `{key.hex()}`" in page
    card, open_platform = re.findall(r"```text\n(.*?)\n```", page, re.DOTALL)
    sent = json.loads(re.findall(r"```json\n(.*?)\n```", page, re.DOTALL)[0])
    plain = envelope.open_content(key, sent["biz_content"])
    assert envelope.canonical(sent, plain, secret) == card
    assert envelope.digest_holds(sent, plain, secret, sent["digest"])
    values = dict(part.split("=", 1) for part in open_platform.removesuffix(secret).split("&"))
    assert f"gives `{envelope.sign(values, secret)}`" in page
    for name in tables.dialect_names():
        assert f"`{name}`" in page
