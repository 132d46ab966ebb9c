"""The notebooks run on a small prepared center, use the public interface only, and their twins are in step."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from notebooks.run import HERE, execute, prepare, sources, twin

WEEKS = 3
PUBLIC = {
    "storage.reader", "forecasting", "optimizer", "domain", "evaluator", "reports", "rulebook", "pandas", "numpy",
    "matplotlib",
}  # fmt: skip
NAMES = [path.stem for path in sources()]


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("notebooks") / "center", weeks=WEEKS)


def test_there_are_five_notebooks_in_order() -> None:
    assert [name[:2] for name in NAMES] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_is_in_step_and_holds_no_outputs(name: str) -> None:
    stored = (HERE / f"{name}.ipynb").read_text()
    assert stored == twin(HERE / f"{name}.py"), "run `python -m notebooks.run --pair`"
    cells = json.loads(stored)["cells"]
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_uses_the_public_interface_only(name: str) -> None:
    tree = ast.parse((HERE / f"{name}.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    others = {module for module in imported if module.split(".")[0] not in sys.stdlib_module_names}
    assert {m for m in others if m not in PUBLIC and m.split(".")[0] not in PUBLIC} == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_from_top_to_bottom(name: str, center: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATIOCAST_LAB_DAYS", "1")
    monkeypatch.setenv("RATIOCAST_LAB_SECONDS", "2")
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(center))
    executed = json.loads(execute(name, center).read_text())
    code = [cell for cell in executed["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    pictures = sum("image/png" in out.get("data", {}) for cell in code for out in cell["outputs"])
    assert pictures >= 1
