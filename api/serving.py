"""The service as a process: uvicorn around the app."""

from __future__ import annotations

import gc
import socket
import sys
from contextlib import suppress

import uvicorn

from api.app import create_app
from connectors.clock import open_clock
from storage.ledger import open_ledger
from storage.settings import Settings

_GRACEFUL_SECONDS = 5  # open event streams would hold a shutdown up for ever
_NOT_STARTED = 3  # exit code; the log has said why
_SWITCH_SECONDS = 0.0005  # how long the event loop and the ledger's writer keep the interpreter from each other


def serve(settings: Settings, *, console: bool = True) -> None:
    """Run until a signal comes. StoreBusy or StoreError at once if the ledger is in use or out of reach."""
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


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """What stands after the start stays: the garbage collector need not walk through it again and again."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
