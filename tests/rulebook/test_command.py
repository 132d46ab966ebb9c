"""`ratiocast rules` as people use it."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from cli import app
from rulebook import codes


def test_list_names_every_jurisdiction() -> None:
    result = CliRunner().invoke(app, ["rules", "list", "--json"])
    assert result.exit_code == 0
    assert [row["code"] for row in json.loads(result.output)] == codes()


def test_list_prints_the_table_of_the_readme() -> None:
    result = CliRunner().invoke(app, ["rules", "list", "--markdown"])
    assert result.output.splitlines()[0].startswith("| code |")
    assert len(result.output.splitlines()) == len(codes()) + 2


def test_show_explains_a_jurisdiction() -> None:
    result = CliRunner().invoke(app, ["rules", "show", "TX", "--on", "2026-03-02"])
    assert result.exit_code == 0
    assert "26 TAC 746" in result.output
    assert "Not known" in result.output


def test_check_answers_as_json() -> None:
    command = [
        "rules",
        "check",
        "TX",
        "--ages",
        "8,14,26",
        "--staff",
        "Lead Teacher,Aide:17y",
        "--time",
        "07:10",
        "--json",
    ]
    result = CliRunner().invoke(app, command)
    body = json.loads(result.output)
    assert (body["required"], body["counted"], body["compliant"]) == (1, 1, True)
    assert body["uncounted"][0]["reason"] == "is 17 years old, under 18"
    assert body["may_leave"]["a1"]["allowed"] is False


def test_check_takes_nap_building_and_options() -> None:
    nap = ["rules", "check", "OH", "--ages", "26x14", "--staff", "Teacher", "--nap", "--asleep", "14", "--json"]
    assert json.loads(CliRunner().invoke(app, nap).output)["compliant"] is False
    body = json.loads(CliRunner().invoke(app, [*nap, "--building", "14/2"]).output)
    assert (body["required"], body["compliant"]) == (1, True)
    bound = json.loads(CliRunner().invoke(app, [*nap, "--building", "24/2/1"]).output)
    assert (bound["required"], bound["compliant"]) == (2, False)
    option = ["rules", "check", "KS", "--ages", "6nx4", "--staff", "Teacher", "--option", "infants=1:4", "--json"]
    assert json.loads(CliRunner().invoke(app, option).output)["required"] == 1
