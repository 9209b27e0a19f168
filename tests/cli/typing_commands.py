"""A command as it is typed, run in this process: what it prints and how it ends, without a second of imports."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
from pathlib import Path

import pytest

from yima.cli import main


def typed(*args: str, data: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run `yima ARGS --data DATA` with `text` on its standard input; as `subprocess.run` would answer."""
    line, out, err = ["yima", *args, "--data", str(data)], io.StringIO(), io.StringIO()
    before = signal.getsignal(signal.SIGTERM)
    status: int | str | None = 0
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.MonkeyPatch.context() as place,
        ):
            place.setattr("sys.argv", line)
            place.setattr("sys.stdin", io.StringIO(text))
            main()
    except SystemExit as ended:
        status = ended.code
    finally:
        signal.signal(signal.SIGTERM, before)
    return subprocess.CompletedProcess(line, int(status or 0), out.getvalue(), err.getvalue())
