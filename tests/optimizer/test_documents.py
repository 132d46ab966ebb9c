"""The documents on the docs page are real: the problem is read, solved, and its plan is the one shown."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import app
from domain.errors import BadInput, NotFound
from optimizer import Plan, Problem, check, greedy

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "samples" / "coverage-problem.json"


def block(name: str) -> str:
    found = re.search(rf"```json {name}\n(.*?)```", (ROOT / "docs" / "formats.md").read_text(), re.DOTALL)
    assert found, f"docs/formats.md has no block '{name}'"
    return found.group(1)


def test_the_plan_on_the_page_answers_the_problem_on_the_page() -> None:
    problem, plan = Problem.read(block("coverage-problem")), Plan.read(block("plan"))
    assert check(problem, plan) == []
    assert plan.status == "optimal"


def test_every_field_of_a_problem_is_on_the_page() -> None:
    page = (ROOT / "docs" / "formats.md").read_text()
    schema = Problem.model_json_schema()
    names = {*schema["properties"], *schema["$defs"]["Adult"]["properties"], *schema["$defs"]["Shift"]["properties"]}
    assert [name for name in sorted(names) if f"`{name}`" not in page and f'"{name}"' not in page] == []


def test_solve_writes_a_plan_that_is_checked(tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    result = CliRunner().invoke(app, ["solve", str(SAMPLE), "--out", str(out), "--seconds", "2"])
    assert result.exit_code == 0, result.output
    assert check(Problem.read(SAMPLE.read_text()), Plan.read(out.read_text())) == []


def test_solve_names_the_file_and_the_field_that_are_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(json.loads(SAMPLE.read_text()) | {"slot_minutes": 7}))
    result = CliRunner().invoke(app, ["solve", str(wrong)])
    assert isinstance(result.exception, BadInput)
    assert "wrong.json: field 'slot_minutes'" in str(result.exception)


def test_callout_reads_the_stored_week_and_says_who_covers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATIOCAST_DATA_DIR", str(tmp_path))
    folder = tmp_path / "plans" / "c-001"
    folder.mkdir(parents=True)
    problem = Problem.read(SAMPLE.read_text())
    (folder / "2026-W10.problem.json").write_text(SAMPLE.read_text())
    (folder / "2026-W10.plan.json").write_text(greedy(problem).model_dump_json())
    asked = ["callout", "--staff", "ana", "--date", "2026-03-02", "--json"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    assert answer["sentence"].startswith("Without Ana")
    assert answer["calls"][0]["staff_id"] == "ivo"
    assert not [i for i in answer["plan"]["assignments"] if i["staff_id"] == "ana"]
    missing = CliRunner().invoke(app, ["callout", "--staff", "zoe", "--date", str(date(2026, 3, 2))])
    assert isinstance(missing.exception, NotFound)
