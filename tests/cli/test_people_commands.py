"""`yima staff` and `yima operator`, spoken to as a terminal does, on a platform in this process."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from support import Platform
from yima.cli.people import operator_commands, staff_commands
from yima.runtime import clock
from yima.runtime.errors import Refusal

LINK = re.compile(r"http://localhost:8420/(clinician|operator)/sign-in/enrol#((?:[0-9A-Z]{4}-){5}[0-9A-Z]{4})\n$")


async def say(platform: Platform, *args: str) -> Result:
    """Run a command in a thread; its work runs on the platform's own loop."""
    loop = asyncio.get_running_loop()

    def run(_data: Path | None, work: Callable[..., Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work(platform.access), loop).result(30)

    app = {"staff": staff_commands, "operator": operator_commands}[args[0]](run)
    return await asyncio.to_thread(CliRunner().invoke, app, list(args[1:]))


async def test_people_are_registered_invited_suspended_and_closed(platform: Platform) -> None:
    place = (await platform.institution("P")).code
    for kind, whom, words in (
        ("staff", (place, "N7"), ("--name", "赵护士", "--role", "nurse")),
        ("operator", ("op-new",), ("--name", "陈敏", "--right", "accounts", "--right", "export")),
    ):
        assert (await say(platform, kind, "add", *whom, *words)).exit_code == 0
        invited = (await say(platform, kind, "invite", *whom)).stdout
        link = LINK.search(invited)
        assert link
        role, code = link.groups()
        assert (await platform.access.accounts.offer(role, code, "0" * 32, clock.now())).invitation.name
        listed = (await say(platform, kind, "list", *whom[:-1])).stdout
        row = next(line for line in listed.splitlines() if line.startswith(f"{whom[-1]}\t"))
        assert row.endswith("\tnot set up")
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
