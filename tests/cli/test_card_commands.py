"""`yima card`, spoken to as a terminal does, on a platform in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from support import Platform, as_owner, patient, resident_number
from yima import healthcode
from yima.cli.cards import card_commands
from yima.runtime import ids
from yima.runtime.errors import Refusal


async def say(platform: Platform, *args: str) -> Result:
    """Run a command in a thread; its work runs on the platform's own loop."""
    loop = asyncio.get_running_loop()

    def run(_data: Path | None, work: Callable[..., Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work(platform.access), loop).result(30)

    return await asyncio.to_thread(CliRunner().invoke, card_commands(run), list(args))


@pytest.fixture
async def person(platform: Platform) -> str:
    hospital = await platform.institution("A")
    made = await hospital.create(patient(national=resident_number()))
    return ids.person_text(Platform.person_of(f"Patient/{made['id']}"))


async def test_a_card_is_lost_replaced_cancelled_and_restored(platform: Platform, person: str) -> None:
    first = (await say(platform, "status", person)).stdout
    assert first.startswith("active formal ")
    expected = {"lost": "lost", "found": "active", "reissue": "active", "cancel": "cancelled", "restore": "active"}
    for command, status in expected.items():
        done = await say(platform, command, person, "--reason", "a test")
        assert (done.exit_code, done.stdout.split()[0]) == (0, status), command
    shown = (await say(platform, "status", person)).stdout
    assert shown.split()[2:6] != first.split()[2:6]
    assert "cancel: active -> cancelled, system/command-line a test" in shown
    refused = await say(platform, "activate", "nobody")
    assert isinstance(refused.exception, Refusal)
    await say(platform, "cancel", person)
    refused = await say(platform, "lost", person)
    assert "card-state" in str(refused.exception)


async def test_cards_in_bulk_for_who_has_none(platform: Platform, person: str, tmp_path: Path) -> None:
    number = ids.person_from_text(person)
    await as_owner(platform.database, "delete from healthcode.card where person_id = $1", number)
    (tmp_path / "people.txt").write_text(f"{person}\n\n0000000001\n")
    for made in (1, 0):
        done = await say(platform, "pre-issue", str(tmp_path / "people.txt"))
        assert f"{made} cards made in advance, {2 - made} persons left" in done.stdout
    assert (await healthcode.card_of(platform.database, number or 0)).status == "pre-issued"
    (tmp_path / "people.txt").write_text(f"{person}\nnot a person\n")
    refused = await say(platform, "pre-issue", str(tmp_path / "people.txt"))
    assert "line 2" in str(refused.exception)
