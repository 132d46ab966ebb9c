"""The habits of the house that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "api", "cli", "connectors", "domain", "evaluator", "flows", "forecasting", "optimizer", "reports", "rulebook",
    "sandbox", "storage",
)  # fmt: skip
PURE = ("domain", "rulebook", "evaluator", "optimizer", "forecasting", "reports")


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def test_nothing_below_the_edges_reads_the_time() -> None:
    """Born of forecasts that could not be repeated: `now` is an argument."""
    calls = re.compile(r"(datetime\.now|datetime\.utcnow|date\.today|time\.time\(|pd\.Timestamp\.now)")
    found = [
        f"{path.relative_to(ROOT)}: {call}"
        for path in sources(*PURE)
        for call in calls.findall(path.read_text())
        if path != ROOT / "domain" / "time.py"
    ]
    assert found == []


def test_no_file_is_called_utils() -> None:
    assert [p for p in sources(*PACKAGES) if p.stem in ("utils", "helpers", "common", "manager")] == []


def test_every_package_says_what_lives_there() -> None:
    silent = [p for p in PACKAGES if not ast.get_docstring(ast.parse((ROOT / p / "__init__.py").read_text()))]
    assert silent == []


@pytest.mark.parametrize("suffix", [".py", ".md", ".toml", ".txt", ".yaml", ".html", ".css", "Makefile"])
def test_no_committed_text_names_a_registry_or_a_path_of_a_machine(suffix: str) -> None:
    hosts = ("pypi" + ".org", "npmjs" + ".org", "files.python" + "hosted", "/ro" + "ot/", "index" + "-url")
    listed = subprocess.run(["git", "ls-files", f"*{suffix}"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = [
        f"{name}: {host}"
        for name in listed.stdout.splitlines()
        if (ROOT / name).exists()
        for host in hosts
        if host in (ROOT / name).read_text(errors="replace")
    ]
    assert found == []


def test_every_error_is_documented_in_the_tree_at_the_top_of_the_file() -> None:
    tree = ast.parse((ROOT / "domain" / "errors.py").read_text())
    drawn = ast.get_docstring(tree) or ""
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert [name for name in names if name not in drawn] == []


def test_the_wheel_carries_every_file_that_is_read_at_run_time() -> None:
    """Born of rules that were found in a checkout and nowhere else."""
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    carried = {
        path
        for package, patterns in setup["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    read = [ROOT / "data" / "rules", *(ROOT / package for package in PACKAGES)]
    files = {path for folder in read for path in folder.rglob("*") if path.is_file() and "__pycache__" not in str(path)}
    assert {path for path in files if path.suffix not in (".py", ".pyc")} - carried == set()
