"""What the flows have published: forecasts, risks and plans, from the newest snapshot, read-only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query

from api.access import may, require_center
from api.dependencies import CenterQuery, TheService
from api.errors import responses
from api.plan_files import PlanFiles
from api.service import Service
from domain.errors import NotFound
from domain.time import iso_week_start
from storage.ledger.access import Principal

if TYPE_CHECKING:
    import pandas as pd

    from storage.reader import Reader as SnapshotReader

router = APIRouter(prefix="/v1", tags=["published"])
Forecasts = Annotated[Principal, Depends(may("forecasts.read"))]
Plans = Annotated[Principal, Depends(may("plans.read"))]
Week = Annotated[str, Path(pattern=r"^\d{4}-W\d{2}$", description="Such as 2026-W48.")]
T = TypeVar("T")
_ROWS = 20_000


@router.get("/forecasts", responses=responses(404, 503))
async def forecasts(
    service: TheService,
    caller: Forecasts,
    center_id: CenterQuery,
    room_id: Annotated[str | None, Query(max_length=64)] = None,
    horizon: Annotated[str | None, Query(max_length=20, description="short or week")] = None,
) -> list[dict[str, Any]]:
    """Headcounts to come: quantiles and mean per room and time, of the newest origin."""
    require_center(caller, center_id)

    def read(reader: SnapshotReader) -> list[dict[str, Any]]:
        wanted, values = "center_id = ?", [center_id]
        for column, value in (("room_id", room_id), ("horizon", horizon)):
            if value is not None:
                wanted, values = f"{wanted} AND {column} = ?", [*values, value]
        sql = f"SELECT * FROM forecasts WHERE {wanted} ORDER BY room_id, target_time LIMIT {_ROWS}"  # noqa: S608
        return rows_of(reader, sql, values)

    return await snapshot(service, read)


@router.get("/forecasts/health", responses=responses(404, 503))
async def forecast_health(service: TheService, caller: Forecasts, center_id: CenterQuery) -> list[dict[str, Any]]:
    """How the forecasts of the last four weeks did per room and horizon, and where a plain rule stands in."""
    require_center(caller, center_id)
    return await snapshot(service, lambda reader: json_rows(reader.frame("forecast_health", center_id)))


@router.get("/forecasts/gaps", responses=responses(404, 503))
async def gap_odds(service: TheService, caller: Forecasts, center_id: CenterQuery) -> list[dict[str, Any]]:
    """p_short: the odds that a room by itself lacks a counted adult 15 and 30 minutes after the newest origin. Those of
    the week planned are `/v1/risks`."""
    require_center(caller, center_id)
    return await snapshot(service, lambda reader: json_rows(reader.frame("gap_odds", center_id)))


@router.get("/risks", responses=responses(404, 503))
async def risks(service: TheService, caller: Forecasts, center_id: CenterQuery) -> list[dict[str, Any]]:
    """The odds of a gap per room and quarter of an hour of the coming days."""
    require_center(caller, center_id)
    sql = f"SELECT * FROM risks WHERE center_id = ? ORDER BY room_id, slot LIMIT {_ROWS}"  # noqa: S608
    return await snapshot(service, lambda reader: rows_of(reader, sql, [center_id]))


@router.get("/plans", responses=responses(404, 503))
async def plans(service: TheService, caller: Plans, center_id: CenterQuery) -> list[dict[str, Any]]:
    """The weeks there are plans for. Of a week somebody has accepted a plan for, that plan, by whom and when."""
    require_center(caller, center_id)
    sql = "SELECT center_id, week, made_at, status, gap, sha256 FROM plans WHERE center_id = ? ORDER BY week"
    rows = await snapshot(service, lambda reader: rows_of(reader, sql, [center_id]))
    files = PlanFiles(service.settings.data_dir, center_id)
    return await asyncio.to_thread(lambda: [row | _accepted(files, row["week"]) for row in rows])


@router.get("/plans/{week}", responses=responses(400, 404, 503))
async def plan(week: Week, service: TheService, caller: Plans, center_id: CenterQuery) -> dict[str, Any]:
    """The coverage plan of a week and the problem it solves: the accepted one, else the planner's."""
    require_center(caller, center_id)
    iso_week_start(week)
    sql = "SELECT * FROM plans WHERE center_id = ? AND week = ?"
    found = await snapshot(service, lambda reader: rows_of(reader, sql, [center_id, week]))
    if not found:
        raise NotFound(f"no plan of {center_id} for {week} has been published")
    row, files = found[0], PlanFiles(service.settings.data_dir, center_id)
    texts = {name: json.loads(row[name] or "null") for name in ("problem", "plan")}
    accepted = await asyncio.to_thread(_accepted, files, week)
    if accepted["accepted_at"] and (kept := await asyncio.to_thread(files.read, week, "accepted")):
        texts = {"problem": kept.problem.model_dump(mode="json"), "plan": kept.plan.model_dump(mode="json")}
    return row | accepted | texts


def _accepted(files: PlanFiles, week: str) -> dict[str, Any]:
    """What an acceptance changes in a plan's row."""
    record = files.acceptance(week)
    if record is None:
        return {"accepted_at": None, "accepted_by": None}
    shown = {"status", "gap", "sha256", "accepted_at", "accepted_by"}
    return record.model_dump(mode="json", include=shown)


async def snapshot(service: Service, read: Callable[[SnapshotReader], T]) -> T:
    """Run `read` on the newest snapshot, in a thread. NothingPublished if there is none."""

    def work() -> T:
        from storage.reader import open_reader  # with the warehouse: only who asks for what is published has it

        with open_reader(service.settings.data_dir) as reader:
            return read(reader)

    return await asyncio.to_thread(work)


def rows_of(reader: SnapshotReader, sql: str, values: list[Any]) -> list[dict[str, Any]]:
    """Rows of a query as JSON values."""
    return json_rows(reader.query(sql, values))


def json_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON values: instants as RFC 3339, missing numbers as null."""
    found: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", date_format="iso", date_unit="s"))
    return found
