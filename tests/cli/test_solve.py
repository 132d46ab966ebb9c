"""`ratiocast solve --value`: what a plan is worth beside others, and who may go early."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import app
from cli.output import print_table
from domain.errors import BadInput


def test_solve_says_what_scenarios_and_a_float_are_worth_and_who_may_go_early(tmp_path: Path) -> None:
    from optimizer import Problem

    first = datetime(2026, 3, 2, 12, tzinfo=UTC)
    staff = [{"staff_id": who, "home_room_id": "a", "shifts": [{"start": 0, "end": 4}]} for who in ("tim", "una")]
    courses = [{"weight": 0.9, "required": {"a": [1] * 4}}, {"weight": 0.1, "required": {"a": [2, 2, 1, 1]}}]
    case = Problem.model_validate(
        {
            "center_id": "c", "label": "2026-03-02", "slots": [first + timedelta(minutes=15 * n) for n in range(4)],
            "days": [{"day": date(2026, 3, 2), "start": 0, "end": 4}], "rooms": [{"room_id": "a"}], "staff": staff,
            "scenarios": courses,
        }
    )  # fmt: skip
    path = tmp_path / "problem.json"
    path.write_text(case.model_dump_json())
    said = CliRunner().invoke(app, ["solve", str(path), "--seconds", "1", "--value"]).output
    assert "One more float prevents" in said
    assert "q90" in said
    assert "12:30" in said.partition("may go early")[2]


def test_a_table_shows_names_as_they_are_written_and_its_title_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("A title that is wider than the table", ["room"], [["Infants [red]"]])
    said = capsys.readouterr().out
    assert said.startswith("A title that is wider than the table\n")
    assert "Infants [red]" in said


def refused(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert isinstance(result.exception, BadInput), result.output
    return str(result.exception)


@pytest.mark.parametrize("command", ["solve", "floats"])
def test_a_plan_that_could_not_be_written_is_refused_before_the_work(tmp_path: Path, command: str) -> None:
    nowhere = tmp_path / "none" / "plan.json"
    assert refused(command, "unread.json", "--out", str(nowhere)).startswith(
        f"--out: there is no folder {nowhere.parent}"
    )
    assert (
        refused(command, "unread.json", "--out", str(tmp_path)) == f"--out: {tmp_path} is a folder; name a file in it"
    )


@pytest.mark.parametrize("command", ["solve", "floats"])
def test_a_file_that_is_no_problem_is_told_in_one_sentence(tmp_path: Path, command: str) -> None:
    path = tmp_path / "problem.json"
    assert refused(command, str(path)).startswith(f"{path} cannot be read: No such file or directory; give")
    path.write_bytes(b"\xff\xfe\x00")
    assert refused(command, str(path)).startswith(f"{path} is not text in UTF-8; give")
    path.write_text("{}")
    assert refused(command, str(path)).startswith(f"{path}: field '")
    assert "is missing" in refused(command, str(path))
