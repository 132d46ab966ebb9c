"""`python -m benchmarks [name ...]`: run all or the named ones, print tables, write JSON to results/."""

from __future__ import annotations

import importlib
import json
import pkgutil
import platform
import sys
import time
from pathlib import Path
from typing import Any

from cli.output import console, print_table

RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> int:
    known = {module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])}
    runnable = [name for name in sorted(known) if not name.startswith("_") and _has_run(name)]
    unknown = sorted(set(names) - set(runnable))
    if unknown:
        console.print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(runnable)}")
        return 2
    for name in names or runnable:
        console.rule(name)
        started = time.perf_counter()
        rows = importlib.import_module(f"benchmarks.{name}").run()
        show(name, rows)
        save(name, rows)
        console.print(f"{name}: {time.perf_counter() - started:.0f} s")
    return 0


def show(name: str, rows: list[dict[str, Any]]) -> None:
    """One table, columns in order of first appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    print_table(name, columns, [[_cell(row.get(column, "")) for column in columns] for row in rows])


def save(name: str, rows: list[dict[str, Any]]) -> Path:
    """Rows and the kind of machine, as JSON; figures are of that machine on that day."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    path.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1, default=str) + "\n")
    return path


def _has_run(name: str) -> bool:
    source = (
        (Path(__file__).parent / f"{name}.py").read_text() if (Path(__file__).parent / f"{name}.py").exists() else ""
    )
    return "\ndef run(" in source


def _cell(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
