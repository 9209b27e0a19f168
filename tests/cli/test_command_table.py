"""The table of commands says what the modules declare, and listing commands imports none of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from yima.cli.commands import COMMANDS, declared

ROOM = Path(__file__).parents[2] / "src/yima/cli"
LISTING = """
import sys
from yima.cli import main
sys.argv = ["yima", *sys.argv[1:]]
try:
    main()
finally:
    print(*(name for name in sys.modules if name.startswith("yima.")), file=sys.stderr)
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_module_says(name: str) -> None:
    text = declared(name).help
    assert COMMANDS[name][1] == " ".join(text.split("\n\n")[0].split())


def test_every_command_of_the_room_is_in_the_table() -> None:
    """A module with typer in it is reached: by the table, or from one that the table names."""
    for name in COMMANDS:
        declared(name)
    with_commands = {
        ".".join(("yima", "cli", *path.relative_to(ROOM).with_suffix("").parts))
        for path in ROOM.rglob("*.py")
        if "import typer" in path.read_text(encoding="utf-8")
    }
    assert with_commands <= set(sys.modules), with_commands - set(sys.modules)


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("--help",), ("yima.cli.auditing", "yima.access", "yima.runtime.database")),
        (("audit", "verify", "--help"), ("yima.access", "yima.portals", "yima.healthcode", "yima.runtime.logs")),
        (("witness", "--help"), ("yima.access", "yima.healthcode", "yima.cli.running")),
        (("verify-offline", "--help"), ("yima.access", "yima.portals")),
    ],
)
def test_a_light_command_imports_little(arguments: tuple[str, ...], unwanted: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LISTING, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    imported = set(done.stderr.split())
    assert "yima.cli.commands" in imported
    assert not imported & set(unwanted)
