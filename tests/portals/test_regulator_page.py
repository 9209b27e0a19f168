"""The regulator's page: heads, witnesses, counts that tell of nobody, and commands to verify it all; for everybody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support import Platform
from yima import audit
from yima.audit import proof
from yima.portals.layout.messages import messages
from yima.runtime import clock, ids
from yima.runtime.civil import civil_day

COSIGNER = proof.Cosigner(b"w" * 32, "court.example/w1")
LEAST = 10


@pytest.fixture(scope="module")
async def log(platform: Platform) -> proof.Log:
    """Lines of a hospital, a class that is not on our list, and residents; two heads, of which a witness signed one."""
    hospital = await platform.institution("A")
    now, log = clock.now(), platform.access.log
    await log.witnesses.add(COSIGNER.verifier.text(), now)
    await log.witnesses.add(proof.Cosigner(b"n" * 32, "never.example").verifier.text(), now)
    for at, action, outcome, number in (
        (now - timedelta(days=1), "read", "ok", 234),
        (now, "read", "denied", 12),
        (now, "break-glass", "ok", 3),
    ):
        lines = [
            audit.Event(
                person=ids.new_person_id(), recorded=at, action=action, outcome=outcome, institution=hospital.number
            )
            for _ in range(number)
        ]
        async with platform.database.transaction() as c:
            await audit.append(c, lines)
    head = await log.seal(now)
    await log.witnesses.take(head.note + COSIGNER.cosign(head, now), now)
    async with platform.database.transaction() as c:
        await audit.append(c, [audit.Event(person=0, recorded=now, action="export", outcome="ok")])
    await log.seal(now + timedelta(minutes=1))
    return log


async def test_it_says_what_stands_to_anybody_in_both_languages(platform: Platform, log: proof.Log) -> None:
    newest, before, *_ = await log.heads()
    for lang, words in (
        ("zh", ("外部见证方", "已跟上", "尚未签名", "少于 10")),
        ("en", ("Witnesses outside", "Up to date")),
    ):
        answer = await platform.client.get(f"/regulator?lang={lang}")
        assert answer.status_code == 200
        for word in (*words, f"{newest.size:,}", f"{before.size:,}", "court.example/w1", log.verifier.text()):
            assert word.replace("+", "&#43;") in answer.text or word in answer.text, word
        assert f"yima witness --base {platform.base}" in answer.text
        assert proof.text_of(newest.root) in answer.text


async def test_no_number_tells_of_a_few(platform: Platform, log: proof.Log) -> None:
    said = (await platform.client.get("/regulator.json")).json()
    assert said["least"] == LEAST
    assert len(said["days"]) == 7
    assert said["lines"]["read"][:2] == [10, 230]
    assert said["lines"]["break-glass"][0] is None, "three are some, and not told"
    assert said["denied"][0] == 10
    assert said["by_class"] == {"": None, "A": 250}
    numbers = [n for row in said["lines"].values() for n in row] + list(said["by_class"].values())
    assert all(n is None or n % LEAST == 0 for n in numbers)


async def test_the_counts_are_those_of_the_sealed_lines(platform: Platform, log: proof.Log) -> None:
    newest = (await log.heads())[0]
    counted = await audit.tallied(platform.database, civil_day(clock.now()) - timedelta(days=30))
    assert sum(one.lines for one in counted) == newest.size


def test_every_action_of_the_log_has_its_word() -> None:
    assert {f"action.{name}" for name in audit.ACTIONS} == {
        key for key in messages("regulator") if key.startswith("action.")
    }
