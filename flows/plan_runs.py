"""The memory of a planning run that did not come to its end, so that the next one takes it up and does not start again.

The run's file says as of when it plans; which centers it has done is in the warehouse: the instant of their plans.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from domain.errors import BadInput
from domain.time import format_instant, parse_instant
from flows.artifacts import write_file
from storage.warehouse import Warehouse, disk_errors

STALE = timedelta(hours=12)  # an older run is not worth finishing: so much has been learnt since
_FILE = Path("plans") / "unfinished.json"


@dataclass(frozen=True, slots=True)
class PlanRun:
    now: datetime  # what is known at this instant is what is planned with
    resumed: bool


def take_up(data_dir: Path, now: datetime, week: str) -> PlanRun:
    """The unfinished run for the same week (as it was named), if it is not stale; else a new one as of now."""
    path = data_dir / _FILE
    try:
        told = json.loads(path.read_text())
        begun = parse_instant(told["now"])
        if told["week"] == week and timedelta(0) <= now - begun < STALE:
            return PlanRun(begun, resumed=True)
    except (FileNotFoundError, BadInput, ValueError, KeyError, TypeError):
        pass  # none, or one that is not readable: begin anew
    write_file(path, json.dumps({"now": format_instant(now), "week": week}).encode())
    return PlanRun(now, resumed=False)


def done_by(warehouse: Warehouse, run: PlanRun) -> set[str]:
    """Centers that the run has planned."""
    if not run.resumed:
        return set()
    rows = warehouse.rows("SELECT center_id, made_at FROM plans")
    return {row["center_id"] for row in rows if row["made_at"] == run.now}


def finish(data_dir: Path) -> None:
    with disk_errors(data_dir):
        (data_dir / _FILE).unlink(missing_ok=True)
