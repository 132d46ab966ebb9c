"""The double as an HTTP application: `create_app(world, now=...)`; every path of the contract, and /control.

Run it with uvicorn. The world is seen as of the double's clock; while the clock runs, events stream to the webhook.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from domain.errors import RatiocastError
from sandbox import control, lists, writes
from sandbox.clock import SandboxClock
from sandbox.mischief import Faults, MischiefMiddleware
from sandbox.platform import Platform, Token
from sandbox.webhooks import Webhooks
from sandbox.world import World

READ_TOKEN = "sandbox-read"  # noqa: S105 - a double's, published on purpose
WRITE_TOKEN = "sandbox-write"  # noqa: S105
_TICK_SECONDS = 0.1


def create_app(
    world: World, *, now: datetime, speed: float = 0.0, tokens: dict[str, Token] | None = None, seed: int = 0
) -> FastAPI:
    """The double of a world whose clock starts at `now`; speed 0 stands, 1 is real time, 60 a minute a second.

    Webhook misbehaviour of the data (doubles 1 %, out of order 2 %) follows the world's fault multiplier; all else is
    off until asked for at /control/faults.
    """
    clock = SandboxClock(now, speed)
    given = tokens or {READ_TOKEN: Token(), WRITE_TOKEN: Token(write=True)}
    platform, faults = Platform(world, clock, given), Faults(seed)
    faults.set({"duplicate": min(1.0, 0.01 * world.knobs.faults), "reorder": min(1.0, 0.02 * world.knobs.faults)})
    webhooks = Webhooks(faults, clock, seed)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(webhooks.run()), asyncio.create_task(_tick(platform, webhooks))]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(title="Platform double", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.platform, app.state.faults, app.state.webhooks = platform, faults, webhooks
    app.include_router(lists.router)
    app.include_router(writes.router)
    app.include_router(control.router)
    app.add_exception_handler(RatiocastError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_middleware(MischiefMiddleware, faults=faults)
    return app


async def _tick(platform: Platform, webhooks: Webhooks) -> None:
    """While the clock runs, hand events to the webhook as they become recorded."""
    while True:
        webhooks.send(platform.advance())
        await asyncio.sleep(_TICK_SECONDS)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status = error.http_status if isinstance(error, RatiocastError) else 500
    return JSONResponse({"error": str(error)}, status_code=status)


async def _malformed(_: Request, error: Exception) -> JSONResponse:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    where = ".".join(str(part) for part in first.get("loc", ()))
    return JSONResponse({"error": f"{where}: {first.get('msg', 'malformed')}"}, status_code=422)
