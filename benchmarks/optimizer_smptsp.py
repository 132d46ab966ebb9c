"""SMPTSP: every task is a one-adult block, every worker a float; use as few floats as possible.

Ours beside HiGHS alone and CP-SAT alone, the same time and two workers each, and the published bounds. `met`: ours is
proven wherever one of them proves it, and elsewhere no worse than theirs. The instances of the literature (not shipped)
are read from `../shared/instances/smptsp` beside the checkout or RATIOCAST_SHARED; those of `_smptsp_family` are made
anew. `python -m benchmarks.optimizer_smptsp [WORD ...]` runs those whose names contain one of the words, for instance
`seed1`, all that are made.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks._smptsp_family import instances
from optimizer import check_blocks, fewest_floats, read_blocks

SECONDS = 60.0
SEEDS = (1, 2)
START_SECONDS = 10.0  # a solver that overruns its limit is ended


def run(names: list[str] | None = None, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """One row per instance."""
    rows = []
    with TemporaryDirectory() as folder:
        for path, known in [*_published(), *_made(Path(folder))]:
            if not names or any(name in path.stem for name in names):
                rows.append(row(path, seconds, known))
                print(rows[-1], flush=True)
    return rows


def _published() -> list[tuple[Path, dict[str, str]]]:
    """Files of the literature with the bounds published; none where they are not beside the checkout."""
    folder = Path(os.environ.get("RATIOCAST_SHARED", Path(__file__).parents[2] / "shared")) / "instances" / "smptsp"
    if not folder.is_dir():
        return []
    with (folder / "reference_bounds.csv").open() as file:
        bounds = {row["instance"]: row for row in csv.DictReader(file)}
    return [(path, bounds.get(path.stem, {})) for path in sorted(folder.glob("*.dat"))]


def _made(folder: Path) -> list[tuple[Path, dict[str, str]]]:
    """Files of the generated instances, in that folder."""
    found: list[tuple[Path, dict[str, str]]] = []
    for seed in SEEDS:
        for problem in instances(seed):
            found.append((folder / f"{problem.label}.json", {}))
            found[-1][0].write_text(problem.model_dump_json())
    return found


def row(path: Path, seconds: float, known: dict[str, str]) -> dict[str, Any]:
    problem = read_blocks(path)
    cpu = _children_cpu()
    plan = fewest_floats(problem, seconds)
    assert not check_blocks(problem, plan)
    assert plan.uncovered_weight == plan.uncovered_bound
    ours: dict[str, Any] = {"ours": plan.floats_used, "bound": plan.floats_bound, "uncovered": plan.uncovered_weight}
    ours["status"], ours["seconds"] = plan.status, round(plan.seconds, 1)
    ours["cpu"] = round(_children_cpu() - cpu, 1)
    others = {who: alone(who, path, seconds) for who in ("highs", "cpsat")}
    proven = any(other["value"] is not None and other["value"] == other["bound"] for other in others.values())
    best = min((other["value"] for other in others.values() if other["value"] is not None), default=10**9)
    met = plan.status == "optimal" if proven else plan.floats_used <= best
    told = {who: _told(other) for who, other in others.items()}
    return {
        "instance": path.stem, **ours, **told, "met": met,
        "published_lb": known.get("ref_lb", ""), "published_ub": known.get("ref_ub", ""),
    }  # fmt: skip


def alone(who: str, path: Path, seconds: float) -> dict[str, Any]:
    """Value, bound and seconds of one solver by itself."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks._smptsp_alone", who, str(path), str(seconds)]
    found: dict[str, Any] = {"value": None, "bound": 0}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + START_SECONDS)
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        found["overran"] = True
    return found | {"seconds": round(time.perf_counter() - started, 1)}


def _told(found: dict[str, Any]) -> str:
    value = "none" if found["value"] is None else found["value"]
    overran = ", ended" if found.get("overran") else ""
    return f"{value} (bound {found['bound']}, {found['seconds']} s{overran})"


def _children_cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


if __name__ == "__main__":
    from benchmarks.__main__ import save, show

    found = run(sys.argv[1:])
    show("optimizer_smptsp", found)
    save("optimizer_smptsp", found)
