"""The service as a process: uvicorn around the app."""

from __future__ import annotations

import uvicorn

from api.app import create_app
from connectors.clock import open_clock
from storage.ledger import open_ledger
from storage.settings import Settings

_GRACEFUL_SECONDS = 5  # open event streams would hold a shutdown up for ever


def serve(settings: Settings, *, console: bool = True) -> None:
    """Run until a signal comes. StoreBusy or StoreError at once if the ledger is in use or out of reach."""
    open_ledger(settings.ledger_location).close()  # one sentence now, not a traceback from within the app
    app = create_app(settings, open_clock(settings), console=console)
    uvicorn.run(
        app, host=settings.host, port=settings.port, log_level="warning", access_log=False,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )  # fmt: skip
