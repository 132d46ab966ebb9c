"""Plans that people accepted in the console, kept in the warehouse: every acceptance of a week, the newest in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api.plan_files import PlanFiles
from domain.errors import RatiocastError
from flows.plan import PLANS
from storage.warehouse import Warehouse

_ENDING = ".accepted.json"


def keep_accepted(warehouse: Warehouse, data_dir: Path) -> list[str]:
    """Store what was accepted since the last time. Returns what could not be read, in words."""
    known = {
        (row["center_id"], row["week"], row["accepted_at"]) for row in warehouse.rows("SELECT * FROM accepted_plans")
    }
    rows, problems = [], []
    for path in sorted((data_dir / PLANS).glob(f"*/*{_ENDING}")):
        try:
            row = _row(PlanFiles(data_dir, path.parent.name), path.name.removesuffix(_ENDING))
        except RatiocastError as error:
            problems.append(f"an accepted plan of center {path.parent.name} is not in the warehouse: {error}")
            continue
        if row is not None and (row["center_id"], row["week"], row["accepted_at"]) not in known:
            rows.append(row)
    warehouse.add_new("accepted_plans", rows)
    return problems


def _row(files: PlanFiles, week: str) -> dict[str, Any] | None:
    """None while the console is between writing the plan and its record."""
    record, kept = files.acceptance(week), files.read(week, "accepted")
    if record is None or kept is None or record.sha256 != kept.plan.problem_hash:
        return None
    texts = {"problem": kept.problem.model_dump_json(), "plan": kept.plan.model_dump_json()}
    return record.model_dump() | texts
