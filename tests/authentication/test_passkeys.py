"""Passkeys: what proves somebody, and every way in which an answer of a browser can be wrong."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest

from support.authenticator import PRESENT, VERIFIED, Authenticator, text_of
from yima.authentication import Challenges, Passkey, Passkeys
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore

BASE = "http://127.0.0.1:8420"
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
HANDLE, CHALLENGE = b"sixteen bytes ok", b"a challenge of at least 16 bytes"
PLACE = Passkeys(BASE, "Yima")


def made(device: Authenticator) -> Passkey:
    credential, public, counter = PLACE.registered(device.create(PLACE.creation(CHALLENGE, HANDLE, "h1/d1")), CHALLENGE)
    return Passkey(credential, public, counter, "phone", NOW, None)


def asserted(device: Authenticator, kept: Passkey, **changed: Any) -> int:
    return PLACE.asserted(device.get(PLACE.request(CHALLENGE), **changed), CHALLENGE, kept, HANDLE)


def test_what_is_asked_of_the_browser() -> None:
    asked = PLACE.creation(CHALLENGE, HANDLE, "h1/d1", [b"one"])
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["attestation"] == "none"
    assert asked["excludeCredentials"] == [{"type": "public-key", "id": text_of(b"one")}]
    assert PLACE.request(CHALLENGE)["userVerification"] == "required"
    assert (PLACE.rp_id, PLACE.origin) == ("localhost", "http://localhost:8420"), "no browser takes a bare address"
    real = Passkeys("https://yima.example", "Yima")
    assert (real.rp_id, real.origin) == ("yima.example", "https://yima.example")


def test_a_passkey_proves_who_holds_it_again_and_again() -> None:
    device = Authenticator()
    kept = made(device)
    for expected in (1, 2, 3):
        counter = asserted(device, kept)
        assert counter == expected
        kept = replace(kept, counter=counter)
    without = Authenticator(steps=0)
    assert asserted(without, made(without)) == 0, "passkeys that are shared between devices do not count"


@pytest.mark.parametrize(
    "lie",
    [{"origin": "https://yima.example"}, {"origin": "http://localhost:8421"}, {"origin": "https://localhost:8420"},
     {"origin": "http://evil.localhost:8420"}, {"origin": ""}, {"rp_id": "evil.example"}, {"flags": PRESENT},
     {"flags": VERIFIED}, {"flags": 0}, {"cross_origin": True}],
    ids=str,
)  # fmt: skip
def test_what_proves_nothing(lie: dict[str, Any]) -> None:
    honest, liar = Authenticator(), Authenticator(**lie)
    kept = made(honest)
    liar.key, liar.credential, liar.handle = honest.key, honest.credential, honest.handle
    with pytest.raises(Refusal, match="passkey-invalid"):
        asserted(liar, kept)
    with pytest.raises(Refusal, match="passkey-invalid"):
        made(liar)


@pytest.mark.parametrize(
    "changed",
    [{"signature": text_of(b"x" * 70)}, {"signature": ""}, {"userHandle": text_of(b"another account!")},
     {"kind": "webauthn.create"}, {"authenticatorData": ""}, {"authenticatorData": text_of(bytes(37))},
     {"clientDataJSON": text_of(b"{}")}, {"clientDataJSON": text_of(b"\xff\xfe")}, {"clientDataJSON": 7}],
    ids=str,
)  # fmt: skip
def test_what_was_changed_on_the_way(changed: dict[str, Any]) -> None:
    device = Authenticator()
    kept = made(device)
    with pytest.raises(Refusal, match="passkey-invalid"):
        asserted(device, kept, **changed)


def test_another_key_another_challenge_another_credential() -> None:
    device, other = Authenticator(), Authenticator()
    kept = made(device)
    answer = device.get(PLACE.request(b"another challenge, also long enough"))
    for said, key in ((answer, kept), (device.get(PLACE.request(CHALLENGE)), made(other))):
        with pytest.raises(Refusal, match="passkey-invalid"):
            PLACE.asserted(said, CHALLENGE, key, HANDLE)


def test_a_cloned_authenticator_is_seen_by_its_counter() -> None:
    device = Authenticator()
    kept = made(device)
    kept = replace(kept, counter=asserted(device, kept))
    device.counter = 0  # the copy was made before
    with pytest.raises(Refusal, match="passkey-invalid"):
        asserted(device, kept)


@pytest.mark.parametrize("algorithm", [-65535, -47, -38, 0, 5])
def test_algorithms_that_are_not_on_the_list(algorithm: int) -> None:
    with pytest.raises(Refusal, match="passkey-invalid"):
        made(Authenticator(algorithm=algorithm))


@pytest.mark.parametrize(
    "attestation",
    [b"", b"\xff", b"\x9b" + b"\xff" * 8, b"\x81" * 5000, cbor2.dumps({"fmt": "none"}), cbor2.dumps([1, 2, 3]),
     cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": b"short"}), b"\xbb" + b"\xff" * 8],
    ids=len,
)  # fmt: skip
def test_hostile_attestations(attestation: bytes) -> None:
    answer = json.loads(Authenticator().create(PLACE.creation(CHALLENGE, HANDLE, "x")))
    answer["response"]["attestationObject"] = base64.urlsafe_b64encode(attestation).decode().rstrip("=")
    with pytest.raises(Refusal, match="passkey-invalid"):
        PLACE.registered(json.dumps(answer), CHALLENGE)


@pytest.mark.parametrize("answer", ["", "{", "[]", "null", "7", '{"rawId": 7}', "[" * 100_000, '{"a":1}' * 3000])
async def test_what_is_no_answer(answer: str, db: Database, keys: FileKeyStore) -> None:
    for refused in (PLACE.registered, lambda said, _: PLACE.asserted(said, CHALLENGE, made(Authenticator()), HANDLE)):
        with pytest.raises(Refusal, match="passkey-invalid"):
            refused(answer, CHALLENGE)
    async with db.transaction() as c:
        with pytest.raises(Refusal, match="passkey-invalid"):
            await Challenges(keys).spend(c, answer, "sign-in", "s", NOW)


async def test_a_challenge_counts_once_for_one_use_in_one_session_in_time(db: Database, keys: FileKeyStore) -> None:
    challenges, device = Challenges(keys), Authenticator()

    async def spend(answer: str, use: str = "sign-in", session: str = "mine", now: datetime = NOW) -> bytes:
        async with db.transaction() as c:
            return await challenges.spend(c, answer, use, session, now)

    def answer() -> str:
        return device.get(PLACE.request(challenges.new("sign-in", "mine", NOW)))

    said = answer()
    assert await spend(said)
    wrong: list[tuple[str, dict[str, Any]]] = [
        (said, {}),
        (answer(), {"use": "add"}),
        (answer(), {"session": "another's"}),
        (answer(), {"now": NOW + timedelta(minutes=5, seconds=1)}),
        (device.get(PLACE.request(CHALLENGE)), {}),
        (device.get(PLACE.request(b"")), {}),
    ]
    for one, how in wrong:
        with pytest.raises(Refusal, match="passkey-invalid"):
            await spend(one, **how)
