"""`yima load`: files of any size through the inbox, resumable, with ids mapped and a file of what was refused.

Face: `load_command` (as it is typed), `load` (the whole command), `Report` (what it did), `tune` (for a process that
only loads). See docs/loading.md.
"""

from yima.cli.bulk.command import load_command
from yima.cli.bulk.run import Report, load
from yima.cli.bulk.worker import tune

__all__ = ["Report", "load", "load_command", "tune"]
