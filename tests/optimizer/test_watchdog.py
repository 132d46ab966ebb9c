"""There is always an answer in time, whatever becomes of the solver; the same question has the same answer."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from problems import floater, problem, teacher

from domain.errors import BadInput
from optimizer import Plan, Problem, check, greedy, solve, watchdog
from optimizer.planner import plan

ROOT = Path(__file__).parents[2]


def sample() -> Problem:
    return Problem.read((ROOT / "data" / "samples" / "coverage-problem.json").read_text())


def test_the_answer_of_the_solver_s_own_process_is_checked_and_read_back() -> None:
    case = problem({"a": [1] * 4, "b": [1] * 4}, [teacher("t", "a", 0, 4), floater("f", 0, 4)])
    answer = solve(case, 60)
    assert answer.status == "optimal"
    assert check(case, answer) == []


@pytest.mark.parametrize("body", ["import sys; sys.exit(3)", "print('{')", "import time; time.sleep(60)"])
def test_a_solver_that_dies_raves_or_hangs_is_ended_and_greedy_answers(
    body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "START_SECONDS", 0.5)
    answer = solve(sample(), 0.5, (sys.executable, "-c", body))
    assert answer.status == "fallback"
    assert check(sample(), answer) == []


def test_a_solver_that_overruns_is_ended_with_the_processes_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "START_SECONDS", 3.0)
    told = tmp_path / "pid"
    body = f"import os, time; child = os.fork(); child and open({str(told)!r}, 'w').write(str(child)); time.sleep(600)"
    assert solve(sample(), 0.5, (sys.executable, "-c", body)).status == "fallback"
    left = time.monotonic() + 30
    while runs(int(told.read_text())):
        assert time.monotonic() < left, "it still runs"
        time.sleep(0.02)


def runs(process: int) -> bool:
    """Whether a process does anything yet: one that was killed and that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_plan_the_checker_refuses_is_not_returned(tmp_path: Path) -> None:
    bad = greedy(sample()).model_copy(update={"assignments": (), "method": "bad"})
    (tmp_path / "bad.json").write_text(bad.model_dump_json() + "\n")
    command = (sys.executable, "-c", f"print(open({str(tmp_path / 'bad.json')!r}).read())")
    assert solve(sample(), 1.0, command).method == "greedy"


def test_the_same_problem_and_seed_have_the_same_plan() -> None:
    def told(answer: Plan) -> str:
        return answer.model_copy(update={"seconds": 0}).model_dump_json()

    assert told(greedy(sample())) == told(greedy(sample()))
    case = problem(
        {"a": [1, 2, 1, 1, 2, 0], "b": [1, 0, 1, 2, 1, 1]},
        [
            teacher("t", "a", 0, 6, breaks=[{"break_id": "x", "start": 1, "end": 5, "slots": 1}]),
            floater("f", 0, 6),
            floater("g", 1, 6),
        ],
    )
    first, second = plan(case, 120), plan(case, 120)
    assert first.status == "optimal"
    assert told(first) == told(second)


def test_the_order_of_staff_and_rooms_does_not_matter() -> None:
    case = sample()
    turned = Problem.model_validate(
        case.model_dump() | {"staff": tuple(reversed(case.staff)), "rooms": tuple(reversed(case.rooms))}
    )
    assert greedy(case).assignments == greedy(turned).assignments


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"slots": ["2026-03-02T07:00:00"]}, "slots"),
        ({"scenarios": [{"weight": 0.5, "required": {"a": [1]}}]}, "sum to 0.5"),
        ({"scenarios": [{"weight": 1, "required": {"a": [1, 2]}}]}, "scenarios[0].required.a"),
        ({"scenarios": [{"weight": 1, "required": {"a": [-1]}}]}, "scenarios[0].required.a[0]"),
        ({"rooms": [{"room_id": "a"}, {"room_id": "a"}]}, "room_id 'a' occurs twice"),
        ({"staff": [{"staff_id": "s", "home_room_id": "zzz"}]}, "staff[0] (s)"),
        ({"staff": [{"staff_id": "s", "shifts": [{"start": 0, "end": 9}]}]}, "shifts"),
        ({"staff": [{"staff_id": "s", "shifts": [{"start": 1, "end": 1}]}]}, "staff[0].shifts[0]"),
        ({"days": [{"day": "2026-03-02", "start": 0, "end": 2}]}, "days"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"surprise": 1}, "surprise"),
        ({"locks": [{"staff_id": "x", "start": 0, "end": 1}]}, "locks[0].staff_id"),
    ],
)
def test_a_malformed_problem_is_refused_with_the_name_of_the_field(edit: dict[str, object], words: str) -> None:
    plain = problem({"a": [1]}, []).model_dump(mode="json") | edit
    with pytest.raises(BadInput) as error:
        Problem.read(json.dumps(plain))
    assert words in str(error.value)
