"""Passwords, one-time codes and written codes: against the published vectors, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from yima import authentication
from yima.authentication import Passwords, check_password, is_common, totp, written
from yima.runtime.errors import Refusal

RFC_SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    # RFC 6238, appendix B (SHA-1), of which authenticator apps show the last six digits.
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037"),
     (20000000000, "353130")],
)  # fmt: skip
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert authentication.code_at(RFC_SECRET, now) == code
    assert totp.step_of(RFC_SECRET, code, now) == seconds // 30


@pytest.mark.parametrize(("steps", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(steps: int, counts: bool) -> None:
    now = datetime(2026, 11, 23, 8, 0, 7, tzinfo=UTC)
    said = totp.code(RFC_SECRET, int(now.timestamp()) // 30 + steps)
    assert (totp.step_of(RFC_SECRET, said, now) is not None) is counts


@pytest.mark.parametrize("said", ["", "12345", "1234567", "28708２", "-00001", "\x00" * 6, "абвгде", "9" * 10_000])
def test_what_is_no_code_is_none(said: str) -> None:
    assert totp.step_of(RFC_SECRET, said, datetime.fromtimestamp(59, UTC)) is None


def test_an_app_reads_the_secret_from_the_picture_or_by_hand() -> None:
    assert authentication.secret_text(RFC_SECRET) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    uri = authentication.app_uri(RFC_SECRET, "Yima", "h1/d1")
    assert uri == "otpauth://totp/Yima:h1%2Fd1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Yima"


def test_written_codes_are_the_same_however_they_are_typed() -> None:
    code = written.new_code()
    assert len({written.new_code() for _ in range(500)}) == 500
    for typed in (
        code.lower(),
        code.replace("-", " "),
        code.replace("-", ""),
        code.replace("0", "O").replace("1", "l"),
    ):
        assert written.looks_written(typed)
        assert written.digest(typed) == written.digest(code)
    assert not written.looks_written("123456")


@pytest.mark.parametrize(
    "password",
    ["password1234", "Password-2026!", "passwordpassword", "qwertyuiop12", "123456789012", "000000000000",
     "abcabcabcabc", "iloveyou2026!", "woaini5201314", "healthcode2026", "yima20261123", "1qaz2wsx3edc4rfv",
     "zyxwvutsrqponm", "P@ssw0rd2026", "h1/d1-h1/d1-h1/d1", "h1/doctor2026!"],
)  # fmt: skip
def test_what_others_would_try_first_is_refused(password: str) -> None:
    own = ("h1/d1-", "h1/doctor") if "d1" in password or "doctor" in password else ()
    with pytest.raises(Refusal, match="password-too-common"):
        check_password(password, own)


@pytest.mark.parametrize(
    "password",
    ["vier worte sind genug", "839201746523", "春天花会开一二三四五六七", "correct horse 7", "aaaaaaaaaaab",
     "x" * 3 + " y z " + "w" * 4, "😀 zwölf Zeichen"],
)  # fmt: skip
def test_nothing_is_asked_of_a_password_but_length(password: str) -> None:
    check_password(password, ("h1/d1",))


@pytest.mark.parametrize(("password", "code"), [("", "short"), ("elf zeichen", "short"), ("x y" * 43, "long")])
def test_length(password: str, code: str) -> None:
    with pytest.raises(Refusal, match=f"password-too-{code}"):
        check_password(password)


def test_long_input_is_judged_quickly() -> None:
    assert is_common("a" * 128)
    with pytest.raises(Refusal, match="password-too-long"):
        check_password("a b" * 1_000_000)


async def test_passwords_are_kept_as_argon2id() -> None:
    passwords = Passwords(1024)
    kept = await passwords.hash("ｖｉｅｒ worte")
    assert kept.startswith("$argon2id$v=19$m=1024,t=2,p=1$")
    assert await passwords.matches(kept, "vier worte"), "the same characters in another form (NFKC)"
    assert not await passwords.matches(kept, "vier Worte")
    assert not await passwords.matches(None, "nobody's password"), "nobody has the dummy's password"
    assert not await passwords.matches("$argon2id$broken", "x")
    assert Passwords(2048).is_outdated(kept)
    passwords.close()


async def test_a_flood_of_hashes_is_turned_away_before_it_piles_up() -> None:
    passwords = Passwords(1024)
    answers = await asyncio.gather(*(passwords.hash(f"{n}") for n in range(60)), return_exceptions=True)
    refused = [one for one in answers if isinstance(one, Refusal)]
    assert len(refused) == 20
    assert {(one.code, one.retry_after) for one in refused} == {("overloaded", 2)}
    passwords.close()
