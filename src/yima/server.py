"""Serving: granian workers over one database; they die with the process that started them."""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from granian.constants import Interfaces, Loops
from granian.server import Server

from yima.app import Application
from yima.runtime import logs
from yima.runtime.errors import Refusal
from yima.runtime.settings import Settings

_PR_SET_PDEATHSIG: Final = 1
_DRAIN_SECONDS: Final = 10
_ALLOCATIONS: Final = 20_000
"""Objects between two looks at the youngest; the default of 700 looks several times for each batch of scans."""


def serve(settings: Settings, database_url: str, *, ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished first. `ready` is called when the port listens."""
    refuse_taken(settings)
    parent = os.getpid()

    def load(*_: Any, **__: Any) -> Application:
        _die_with(parent)
        logs.configure(settings.log_format, settings.log_level)
        application = Application(settings, database_url, settings.public_url)
        _spare_the_collector()
        return application

    server = Server(
        "yima.app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        loop=Loops.uvloop,
        websockets=False,
        backlog=2048,
        log_enabled=False,
        process_name=None,
        workers_kill_timeout=_DRAIN_SECONDS,
    )
    if ready is not None:
        server.on_startup(ready)
    server.serve(target_loader=load, wrap_loader=False)


def refuse_taken(settings: Settings) -> None:
    """Refusal `port-taken` where somebody listens already.

    Granian's workers share a port, and would share a stranger's: two deployments would answer by turns.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Refusal("port-taken", field="port", port=settings.port) from None
            raise


def _spare_the_collector() -> None:
    """What was loaded by now stays for ever: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS)


def _die_with(parent: int) -> None:
    """Ask the kernel to end this worker when its parent is killed, so that no orphan goes on answering (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
