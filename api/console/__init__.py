"""The console: pages for directors, floaters and inspectors, drawn on the server from the service's own parts.

`add_console(app)` adds every page, the static files and errors as pages; call it after the API's own handlers.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from api.console import (
    callout,
    centers,
    families,
    forecasts,
    incidents,
    inspector,
    learn,
    my_day,
    now,
    reports,
    roll_call,
    settings,
    signin,
    week,
    week_edit,
    week_questions,
)
from api.console.board import Boards
from api.console.callouts import CallOuts
from api.console.errors import errors_as_pages
from api.console.links import InspectorVisits
from api.console.solving import Solver
from reports.kept import KeptReports

PAGES: list[APIRouter] = [
    signin.router, now.router, centers.router, my_day.router, week.router, week_edit.router, week_questions.router,
    callout.router, roll_call.router, incidents.router, reports.router, forecasts.router, inspector.router,
    learn.router, settings.router, families.router,
]  # fmt: skip


def add_console(app: FastAPI) -> None:
    for router in PAGES:
        app.include_router(router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=Path(__file__).parents[1] / "static"), name="static")
    app.state.boards, app.state.solver, app.state.call_outs = Boards(), Solver(), CallOuts()
    app.state.inspector_visits, app.state.kept_reports = InspectorVisits(), KeptReports()
    errors_as_pages(app)
