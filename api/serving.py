"""The service as a process: uvicorn around the app."""

from __future__ import annotations

import ctypes
import gc
import os
import socket
import sys
from contextlib import suppress

import uvicorn

from api.app import create_app
from connectors.clock import open_clock
from storage.ledger import open_ledger
from storage.settings import Settings

_GRACEFUL_SECONDS = 5  # open event streams would hold a shutdown up for ever
_NOT_STARTED = 1  # exit code: it could not be done; the log has said why
_SWITCH_SECONDS = 0.0002  # how long the event loop and the ledger's writer keep the interpreter from each other
_ARENAS, _M_ARENA_MAX = 2, -8  # the second is glibc's own number of that option (malloc.h)


def serve(settings: Settings, *, console: bool = True) -> None:
    """Run until a signal comes. StoreBusy or StoreError at once if the ledger is in use or out of reach."""
    share_arenas()
    open_ledger(settings.ledger_location).close()  # one sentence now, not a traceback from within the app
    app = create_app(settings, open_clock(settings), console=console)
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_level="warning", access_log=False,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )  # fmt: skip
    sys.setswitchinterval(_SWITCH_SECONDS)
    server = _Server(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(_NOT_STARTED)


def share_arenas() -> None:
    """glibc gives each new thread an arena of its own, up to eight per core, and what is free in one no other takes.
    Two are enough where one interpreter runs one thread at a time. Other C libraries, and who has chosen a number in
    the environment, are left as they are."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_M_ARENA_MAX, _ARENAS)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """What stands after the start stays: the garbage collector need not walk through it again and again."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
