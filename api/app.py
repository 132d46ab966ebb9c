"""The app: `create_app(settings, clock)` gives the whole service as one ASGI application.

`app.state.service` is the running `Service`. `ROUTERS` are the API's endpoints; the pages come with `api.console`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.types import Receive, Scope, Send

from api.errors import add_handlers
from api.routes import headcounts, health, incidents, live, proposals, published, records, rules, settings, webhooks
from api.service import Service
from domain.time import Clock
from storage.settings import Settings

ROUTERS: list[APIRouter] = [
    health.router, webhooks.router, live.router, incidents.router, proposals.router, headcounts.router,
    published.router, rules.router, records.router, settings.router,
]  # fmt: skip


class App(FastAPI):
    """Leads deliveries of events straight to their endpoint: to pass the layers of middleware, find a route and solve
    its dependencies costs more than the delivery itself. Everything else goes the usual way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if webhooks.is_delivery(scope):
            await webhooks.take_delivery(self.state.service, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings, clock: Clock, *, console: bool = True) -> FastAPI:
    """The service is opened when the app starts (StoreBusy if another one writes to its ledger) and closed with it.

    Without the `console` there is the API alone, which starts faster and needs less memory.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = Service(settings, clock)
        app.state.service = service
        try:
            await service.start()
            yield
        finally:
            await service.stop()

    app = App(
        title="Ratiocast",
        version="1",
        summary="Keeps every room of a childcare center inside its legal child-to-staff ratio.",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere; docs/api.md and /openapi.json stand here
        redoc_url=None,
    )
    add_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    if console:
        from api.console import add_console

        add_console(app)
    return app
