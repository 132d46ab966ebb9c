"""`python -m notebooks.run [name ...]`: pair and execute the notebooks on a small simulated center.

`--pair` only writes the .ipynb files anew (without outputs). With RATIOCAST_DATA_DIR set to a folder that holds a
published snapshot the notebooks run on that instead.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from pydantic import SecretStr

from cli.output import console
from cli.processes import Processes
from domain.errors import RatiocastError
from storage.settings import load_settings

HERE = Path(__file__).parent
STEPS = ("ingest", "build", "train", "forecast", "plan", "publish")


def main(arguments: list[str]) -> int:
    pair()
    if arguments == ["--pair"]:
        return 0
    names = arguments or [path.stem for path in sources()]
    data_dir = Path(os.environ.get("RATIOCAST_DATA_DIR") or prepare(Path(".ratiocast/notebooks"))).resolve()
    for name in names:
        started = time.perf_counter()
        execute(name, data_dir)
        console.print(f"{name}: ran in {time.perf_counter() - started:.0f} s")
    return 0


def sources() -> list[Path]:
    """The percent-format sources, in order."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def pair() -> None:
    """Write each notebook's .ipynb twin, without outputs."""
    for source in sources():
        source.with_suffix(".ipynb").write_text(twin(source))


def twin(source: Path) -> str:
    """The .ipynb text of a source: the same cells, no outputs, stable ids."""
    notebook = jupytext.read(source)
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return str(jupytext.writes(notebook, fmt="ipynb")) + "\n"


def execute(name: str, data_dir: Path) -> Path:
    """Run one notebook; the executed copy lies beside the data. A cell that fails raises with its text."""
    notebook = jupytext.read(HERE / f"{name}.py")
    os.environ["RATIOCAST_DATA_DIR"] = str(data_dir)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": HERE.parent}}
    ).execute()
    out = data_dir / f"{name}.executed.ipynb"
    out.write_text(jupytext.writes(notebook, fmt="ipynb"))
    return out


def prepare(folder: Path, weeks: int = 10) -> Path:
    """A data folder of one small simulated center: the whole pipeline, run once and kept."""
    if (folder / "ready").exists():
        return folder
    from flows.steps import STEPS as FLOW_STEPS
    from flows.steps import open_run

    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / "platform.json"
    ready.unlink(missing_ok=True)
    console.print(f"Preparing a small simulated center with {weeks} weeks of history in {folder} ...")
    with Processes(folder / "logs") as processes:
        shape = ["--size", "small", "--weeks", str(weeks), "--clock", "2026-05-15T15:00:00Z", "--speed", "0"]
        processes.start("platform", ["sandbox", *shape, "--port", "0", "--ready-file", str(ready)], {})
        deadline = time.monotonic() + 120
        while not ready.exists():
            processes.fail_if_ended()
            if time.monotonic() > deadline:
                raise RatiocastError("the platform double was not ready within 120 s")
            time.sleep(0.1)
        told = json.loads(ready.read_text())
        settings = load_settings(
            data_dir=folder, platform_url=told["url"], platform_token=SecretStr(told["token"]), clock=told["clock_url"]
        )
        for step in STEPS:
            FLOW_STEPS[step](open_run(settings))
    (folder / "ready").write_text("")
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
