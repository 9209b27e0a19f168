"""`yima staff`, `yima operator` and `yima mpi`, spoken to as a terminal does, on a platform in this process."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from support import Platform, patient, resident_number
from yima.cli.people import operator_commands, staff_commands
from yima.cli.persons import person_commands
from yima.directory import Caller
from yima.mpi import RESIDENT_NUMBER
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

_STEWARD = Caller(kind="system", agent_id="cli")
LINK = re.compile(r"http://localhost:8420/(clinician|operator)/sign-in/enrol#((?:[0-9A-Z]{4}-){5}[0-9A-Z]{4})\n$")


async def say(platform: Platform, *args: str, typed: str | None = None) -> Result:
    """Run a command in a thread; its work runs on the platform's own loop."""
    loop = asyncio.get_running_loop()

    def run(_data: Path | None, work: Callable[..., Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work(platform.access), loop).result(30)

    app = {"staff": staff_commands, "operator": operator_commands, "mpi": person_commands}[args[0]](run)
    return await asyncio.to_thread(CliRunner().invoke, app, list(args[1:]), typed)


async def test_people_are_registered_invited_suspended_and_closed(platform: Platform) -> None:
    place = (await platform.institution("P")).code
    for kind, whom, words in (
        ("staff", (place, "N7"), ("--name", "赵护士", "--role", "nurse")),
        ("operator", ("op-new",), ("--name", "陈敏", "--right", "accounts", "--right", "export")),
    ):
        assert (await say(platform, kind, "add", *whom, *words)).exit_code == 0
        if kind == "operator":
            assert "human-unknown" in str((await say(platform, kind, "invite", *whom)).exception)
            number = resident_number()
            told = await say(platform, kind, "human", *whom, typed=f"{number}\n")
            assert (told.exit_code, number in told.output) == (0, False)
        invited = (await say(platform, kind, "invite", *whom)).stdout
        link = LINK.search(invited)
        assert link
        role, code = link.groups()
        assert (await platform.access.accounts.offer(role, code, "0" * 32, clock.now())).invitation.name
        listed = (await say(platform, kind, "list", *whom[:-1])).stdout
        row = next(line for line in listed.splitlines() if line.startswith(f"{whom[-1]}\t"))
        assert row.endswith("\tnot set up" if kind == "staff" else "\tnot set up\thuman known")
        assert ("nurse\tactive" in row) or ("active\taccounts,export" in row)
        assert (await say(platform, kind, "suspend", *whom)).exit_code == 0
        with pytest.raises(Refusal, match="invitation-invalid"):
            await platform.access.accounts.offer(role, code, "0" * 32, clock.now())
        assert isinstance((await say(platform, kind, "invite", *whom)).exception, Refusal), "suspended"
        assert "\tsuspended" in (await say(platform, kind, "list", *whom[:-1])).stdout
        assert (await say(platform, kind, "resume", *whom)).exit_code == 0
        assert LINK.search((await say(platform, kind, "invite", *whom)).stdout)
        assert isinstance((await say(platform, kind, "close", *whom)).exception, Refusal), "there is no account yet"


@pytest.mark.parametrize(
    "args",
    [("staff", "invite", "nowhere", "1"), ("staff", "invite", "P1", "nobody"), ("operator", "invite", "nobody"),
     ("operator", "add", "op-x", "--name", "x", "--right", "everything"), ("operator", "suspend", "nobody"),
     ("staff", "add", "nowhere", "1", "--name", "x")],
    ids=" ".join,
)  # fmt: skip
async def test_who_is_not_there(platform: Platform, args: tuple[str, ...]) -> None:
    assert isinstance((await say(platform, *args)).exception, Refusal)


async def test_a_number_goes_to_whom_it_names_and_back(platform: Platform) -> None:
    hospital, number = await platform.institution("M"), resident_number()
    wrong, right = [
        Platform.person_of(f"Patient/{(await hospital.create(said))['id']}")
        for said in (patient(national=number), patient(birthDate="1971-03-04"))
    ]
    words = ("mpi", "move-number", ids.person_text(right), "--reason", "登错")
    assert isinstance((await say(platform, *words, typed=f"{resident_number()}\n")).exception, Refusal)
    told = await say(platform, *words, typed=f"{number}\n")
    assert (told.exit_code, number in told.output) == (0, False)
    events = (await say(platform, "mpi", "events", ids.person_text(right))).stdout
    assert f" number {ids.person_text(right)}, system/command-line 登错" in events
    undo = re.search(r"yima mpi undo (\d+)", told.output)
    assert undo
    assert (await say(platform, "mpi", "undo", "9" * 30, "--reason", "看错")).exit_code == 2
    assert (await say(platform, "mpi", "undo", undo[1], "--reason", "看错")).exit_code == 0
    held = await platform.access.reviews.holder(_STEWARD, RESIDENT_NUMBER, number, clock.now())
    assert held == wrong
