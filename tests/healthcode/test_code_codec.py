"""The codes as text: made, read, opened, timed, and refused with the right code when anything is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA256, SM3, Hash
from cryptography.hazmat.primitives.hmac import HMAC
from deployments import ALL, NOW, PROFILES, SeededKeys
from hypothesis import given, settings
from hypothesis import strategies as st

from yima.healthcode import base45, codec, dynamic_text
from yima.healthcode import profiles as profiles_module
from yima.healthcode.keyring import ROTATION_SECONDS, keyring
from yima.healthcode.profiles import profile_named
from yima.runtime.errors import Refusal

HERE = SeededKeys(1)
UNIX = int(NOW.timestamp())
PERSON = 0x5A5A_1234_5678
CARD_ID = bytes(range(10))

persons = st.integers(1, 2**47 - 1)
profiles = st.sampled_from(PROFILES)


def outcome(text: str, *, unix: int = UNIX, keys: SeededKeys = HERE, profiles: frozenset[str] = ALL) -> object:
    """The person or card id a text stands for, or the code of its refusal."""
    ring = keyring(keys)
    try:
        code = codec.read(text)
        if isinstance(code, codec.StaticCode):
            codec.check_static(code, ring, profiles)
            return code.card_id
        opened = codec.open_dynamic(code, ring, profiles, unix)
        codec.check_time(code, opened, unix)
    except Refusal as refusal:
        return refusal.code
    return opened.person


def dynamic(profile: str = "INTL", person: int = PERSON, unix: int = UNIX, keys: SeededKeys = HERE) -> str:
    return codec.make_dynamic(keyring(keys).dynamic(profile, unix), person, unix)


def static(profile: str = "INTL", keys: SeededKeys = HERE) -> str:
    return codec.make_static(keyring(keys).static(profile), CARD_ID)


@given(person=persons, unix=st.integers(1_600_000_000, 4_000_000_000), profile=profiles)
def test_a_dynamic_code_names_its_person(person: int, unix: int, profile: str) -> None:
    text = dynamic(profile, person, unix)
    assert len(text) == 55
    assert outcome(text, unix=unix) == person


@given(
    person=persons, slot=st.integers(0, 2**32 - 1), generation=st.integers(0, 255), bearer=st.integers(0, 2**24 - 1),
    profile=profiles,
)  # fmt: skip
def test_the_block_holds_person_slot_generation_and_bearer(
    person: int, slot: int, generation: int, bearer: int, profile: str
) -> None:
    """`person 6 | slot 4 | generation 1 | bearer 3 | zero 2`: decision 0036."""
    key = keyring(HERE).dynamic(profile, UNIX)
    block = codec.make_block(key, person, slot, generation, bearer)
    said = person.to_bytes(6, "big") + slot.to_bytes(4, "big") + bytes((generation,))
    said += bearer.to_bytes(3, "big") + bytes(2)
    assert key.decrypt(block) == said
    signed = codec.header("dynamic", key) + block + (UNIX // 15).to_bytes(4, "big")
    text = codec.PREFIX + base45.encode(signed + key.profile.mac(codec.code_key(key, block), signed)[:12])
    code = codec.read(text)
    assert isinstance(code, codec.DynamicCode)
    assert codec.open_dynamic(code, keyring(HERE), ALL, UNIX) == codec.Opened(person, slot, generation, bearer)


@pytest.mark.parametrize("at", [14, 15])
@pytest.mark.parametrize("profile", PROFILES)
def test_the_two_zero_bytes_must_come_back_zero(profile: str, at: int) -> None:
    """Even under a right MAC: they are kept for a later form of the code."""
    key = keyring(HERE).dynamic(profile, UNIX)
    said = bytearray(key.decrypt(codec.make_block(key, PERSON, UNIX // 900, 7)))
    said[at] = 1
    block = key.encrypt(bytes(said))
    signed = codec.header("dynamic", key) + block + (UNIX // 15).to_bytes(4, "big")
    text = codec.PREFIX + base45.encode(signed + key.profile.mac(codec.code_key(key, block), signed)[:12])
    assert outcome(text) == "code-signature-invalid"


@given(card_id=st.binary(min_size=10, max_size=10), profile=profiles)
def test_a_static_code_names_its_card(card_id: bytes, profile: str) -> None:
    text = codec.make_static(keyring(HERE).static(profile), card_id)
    assert len(text) == 34
    assert outcome(text) == card_id


def test_two_codes_share_no_bytes_but_the_header() -> None:
    one, other = (base45.decode(dynamic(unix=UNIX + wait)[4:]) for wait in (0, codec.SLOT_SECONDS))
    assert one[:2] == other[:2]
    assert one[2:18] != other[2:18]
    assert sum(a == b for a, b in zip(one[2:18], other[2:18], strict=True)) < 5


def test_profiles_stand_side_by_side_until_one_is_switched_off() -> None:
    assert outcome(dynamic("SM")) == outcome(dynamic("INTL")) == PERSON
    assert outcome(dynamic("SM"), profiles=frozenset({"INTL"})) == "code-issuer-unknown"
    assert outcome(static("SM"), profiles=frozenset({"INTL"})) == "code-issuer-unknown"


def test_sm_primitives_agree_with_the_standards() -> None:
    block = bytes.fromhex("0123456789abcdeffedcba9876543210")
    encrypt, decrypt = profile_named("SM").blocks(block)
    assert encrypt(block).hex() == "681edf34d206965e86b3e94f536e4246"  # GB/T 32907-2016, example 1
    assert decrypt(encrypt(block)) == block
    # RFC 2104 by its definition, over SM3 of GB/T 32905: H(K ^ opad | H(K ^ ipad | text))
    inner, outer = (bytes(b ^ pad for b in b"key".ljust(64, b"\0")) for pad in (0x36, 0x5C))
    expected = sm3(outer + sm3(inner + b"text"))
    assert profile_named("SM").mac(b"key", b"text") == profile_named("SM").keyed_mac(b"key")(b"text") == expected


def sm3(message: bytes) -> bytes:
    digest = Hash(SM3())
    digest.update(message)
    return digest.finalize()


def test_an_unknown_profile_is_a_wrong_setting() -> None:
    with pytest.raises(Refusal) as refusal:
        profile_named("TLS")
    assert refusal.value.code == "setting-invalid"


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("make", [dynamic, static])
def test_scanners_may_lower_and_pad_a_code(make, profile: str) -> None:
    text = make(profile)
    for scanned in (text.lower(), f"  {text}\r\n", f"{text}\n", f"{text}\t", f"\t{text} "):
        assert outcome(scanned) == outcome(text)


STEP = 15
START = UNIX - UNIX % STEP  # the first second of the code's step


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (START, PERSON),
        (START + 44, PERSON),
        (START + 45, "code-expired"),
        (START + 300, "code-expired"),
        (START + 40 * 86400, "code-expired"),
        (START + 400 * 86400, "code-expired"),
        (START - 30, PERSON),
        (START - 31, "clock-skew"),
        (START - 300, "clock-skew"),
    ],
)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_code_lives_75_seconds(profile: str, seen: int, expected: object) -> None:
    assert outcome(dynamic(profile), unix=seen) == expected


def test_clock_skew_tells_the_platforms_time() -> None:
    code = codec.read(dynamic(unix=UNIX + 600))
    assert isinstance(code, codec.DynamicCode)
    with pytest.raises(Refusal) as refusal:
        codec.check_time(code, codec.Opened(PERSON, (UNIX + 600) // 900, 0), UNIX)
    assert refusal.value.params["server_time"] == "2026-03-02T09:07:03+00:00"


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (-1, PERSON), (-2, PERSON), (-3, "clock-skew"), (-60, "clock-skew"),
        (59, PERSON), (61, PERSON), (62, "code-expired"), (600, "code-expired"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("profile", PROFILES)
def test_a_slots_key_makes_no_codes_outside_its_slot(profile: str, offset: int, expected: object) -> None:
    """A phone, or a thief of one slot's key, signs a time step outside the slot with a right MAC."""
    key = keyring(HERE).dynamic(profile, UNIX)
    slot = UNIX // 900
    t = slot * 60 + offset
    block = codec.make_block(key, PERSON, slot, 0)
    signed = codec.header("dynamic", key) + block + t.to_bytes(4, "big")
    text = codec.PREFIX + base45.encode(signed + key.profile.mac(codec.code_key(key, block), signed)[:12])
    assert outcome(text, unix=t * 15) == expected


def test_keys_rotate_and_the_last_one_still_opens() -> None:
    turn = (UNIX // ROTATION_SECONDS + 1) * ROTATION_SECONDS
    ring = keyring(HERE)
    before, after = ring.dynamic("INTL", turn - 1), ring.dynamic("INTL", turn)
    assert after.number == before.number + 1
    late = codec.make_block(before, PERSON, turn // 900, 0)  # of a batch fetched before the turn, shown after it
    signed = codec.header("dynamic", before) + late + (turn // 15).to_bytes(4, "big")
    text = codec.PREFIX + base45.encode(signed + before.profile.mac(codec.code_key(before, late), signed)[:12])
    assert outcome(text, unix=turn + 3) == PERSON
    assert outcome(dynamic(unix=turn), unix=turn - 5) == PERSON  # the other worker's clock is five seconds ahead
    assert outcome(text, unix=turn + ROTATION_SECONDS) == "code-expired"


def test_codes_of_other_deployments_are_told_apart() -> None:
    others = [SeededKeys(seed) for seed in range(2, 402)]
    dynamics = [outcome(dynamic(profile, keys=keys)) for keys in others for profile in PROFILES]
    statics = [outcome(static(profile, keys=keys)) for keys in others for profile in PROFILES]
    for outcomes in (dynamics, statics):
        assert set(outcomes) <= {"code-issuer-unknown", "code-signature-invalid"}
        assert outcomes.count("code-signature-invalid") <= 4  # 800 draws of two keys in 4096: 0.4 expected


def test_a_key_id_shared_by_chance_does_not_open_foreign_codes() -> None:
    ring, seed = keyring(HERE), 2
    wanted = ring.dynamic("INTL", UNIX).key_id
    while keyring(SeededKeys(seed)).dynamic("INTL", UNIX).key_id != wanted:
        seed += 1
    assert outcome(dynamic(keys=SeededKeys(seed))) == "code-signature-invalid"


FAMILY = {"code-unreadable", "code-issuer-unknown", "code-signature-invalid"}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("make", [dynamic, static])
def test_every_flipped_bit_is_found(make, profile: str) -> None:
    data = base45.decode(make(profile)[4:])
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        found = outcome(codec.PREFIX + base45.encode(bytes(flipped)))
        assert found in FAMILY
        if bit >= 16:
            assert found == "code-signature-invalid"


@settings(max_examples=300)
@given(at=st.integers(0, 33), value=st.integers(1, 255), profile=profiles, person=persons)
def test_no_changed_byte_passes(at: int, value: int, profile: str, person: int) -> None:
    data = bytearray(base45.decode(dynamic(profile, person)[4:]))
    data[at] ^= value
    assert outcome(codec.PREFIX + base45.encode(bytes(data))) in FAMILY


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("make", [dynamic, static])
def test_a_code_cut_short_is_damaged_and_joined_ones_are_unreadable(make, profile: str) -> None:
    text = make(profile)
    for end in range(len(text)):
        assert outcome(text[:end]) == ("code-unreadable" if end < 7 else "code-signature-invalid"), end
    for joined in (text + text, text + text[4:], dynamic(profile) + text, text + "0" * 51):
        assert outcome(joined) == "code-unreadable"


@given(cut=st.integers(1, 16), profile=profiles)
def test_parts_of_two_codes_make_none(cut: int, profile: str) -> None:
    one, other = dynamic(profile), dynamic(profile, person=PERSON + 1)
    cut = 4 + 3 * cut
    assert outcome(one[:cut] + other[cut:]) == ("code-signature-invalid" if cut > 7 else PERSON + 1)


HOSTILE = [
    "", " ", "YM1", "YM1:", "YM2:" + "0" * 51, "http://169.254.169.254/latest", "https://example.org/?q=" + "A" * 90,
    "javascript:alert(1)", "YM1:" + "A" * 200, "A" * 131, " " * 131, "A" * 1_000_000,
    "YM1：" + "0" * 51, "98FF9F2C05145CB9305E9D8A57E072BB:0:00:TOKEN:5100A0013", "YM1:'; drop table card; --",
    "健康码".encode("gbk").decode("latin-1"), "健康码".encode("gbk").decode("utf-8", "surrogateescape"), "\ud800" * 55,
    "YM1:" + "\x00" * 51, "YM1:" + "0" * 25 + "\x1b" + "0" * 25, "YM1:" + "0" * 25 + "\n" + "0" * 25,
    "YM1:" + "０" * 51, "ﬀM1:" + "0" * 51, "YM1:" + "ı" * 51, "\u3000" + "YM1:" + "0" * 51, "\ufeffYM1:" + "0" * 51,
    "YM1:" + ":" * 51, "YM1:" + "0" * 51, "YM1:" + "0" * 30, "HC1:" + "0" * 51, "shc:/" + "5" * 100,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_unreadable(text: str) -> None:
    assert outcome(text) == "code-unreadable"


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=140), st.text(alphabet=base45.ALPHABET.decode(), max_size=60).map("YM1:".__add__)))
def test_any_other_text_is_refused(text: str) -> None:
    assert outcome(text) in FAMILY | {"code-expired"}


def test_the_server_made_code_is_that_of_the_moment() -> None:
    assert dynamic_text(HERE, "SM", PERSON, NOW) == dynamic("SM")
    assert dynamic_text(HERE, "SM", PERSON, NOW + timedelta(seconds=15)) != dynamic("SM")


@pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 200])
@pytest.mark.parametrize("profile", PROFILES)
def test_macs_agree_with_an_independent_hmac(profile: str, length: int) -> None:
    key, message = bytes(range(256))[:length], b"what the code says" * 7
    other = HMAC(key, SM3() if profile == "SM" else SHA256())
    other.update(message)
    expected = other.finalize()
    family = profile_named(profile)
    assert family.mac(key, message) == family.keyed_mac(key)(message) == expected


def test_sm3_where_the_interpreter_has_none() -> None:
    fallback = profiles_module._Sm3()
    assert profiles_module._mac(fallback)(b"key", b"text") == profile_named("SM").mac(b"key", b"text")
    assert profiles_module._keyed(fallback)(b"key")(b"text") == profile_named("SM").mac(b"key", b"text")
