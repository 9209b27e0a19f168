"""The command line: `yima demo | serve | migrate | synth | load | code show | code verify`."""

from yima.cli.commands import main

__all__ = ["main"]
