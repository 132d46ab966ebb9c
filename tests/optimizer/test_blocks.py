"""The fewest floats for given blocks: proven, checked, in time, and a sentence for whatever cannot be read."""

from __future__ import annotations

import json
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.blocks import floats
from domain.errors import BadInput
from optimizer import BlocksPlan, BlocksProblem, check_blocks, fewest_floats, read_blocks
from optimizer.blocks import solve
from optimizer.blocks.bound import linear_bound, peak_bound, stable_bound
from optimizer.blocks.case import Case
from optimizer.blocks.exact import best_by_model
from optimizer.blocks.search import improve

TEXT = """# two shifts that overlap, one after both
Type = 1
Jobs = 3
 0 4
 2 6
 6 9
Qualifications = 3
2: 0 2
 3: 0, 1 2
1:  2
"""


def case_of(blocks: list[tuple[int, int]], floats: list[list[int]], **fields: object) -> BlocksProblem:
    """Blocks as (start, end) or (start, end, weight); floats as lists of block numbers."""
    return BlocksProblem.model_validate(
        {
            "blocks": [
                {"block_id": f"b{n}", "start": block[0], "end": block[1], "weight": (*block, 1)[2]}
                for n, block in enumerate(blocks)
            ],
            "floats": [{"staff_id": f"f{n}", "blocks": [f"b{j}" for j in able]} for n, able in enumerate(floats)],
        }
        | fields
    )


@st.composite
def small_cases(draw: st.DrawFn) -> BlocksProblem:
    blocks = []
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, 8))
        blocks.append((start, draw(st.integers(start + 1, 10)), draw(st.sampled_from([1, 1, 3]))))
    numbers = st.lists(st.integers(0, len(blocks) - 1), unique=True) if blocks else st.just([])
    return case_of(blocks, [draw(numbers) for _ in range(draw(st.integers(0, 4)))])


def least_cost(problem: BlocksProblem) -> tuple[int, int]:
    """Uncovered weight and floats of the best cover, by trying all."""
    best = (10**9, 10**9)
    adults = [(adult.staff_id, set(adult.blocks)) for adult in problem.floats]
    for choice in product([None, *adults], repeat=len(problem.blocks)):
        chosen = list(zip(problem.blocks, choice, strict=True))
        legal = all(adult is None or block.block_id in adult[1] for block, adult in chosen) and not any(
            a and b and a[0] == b[0] and one.start < other.end and other.start < one.end
            for i, (one, a) in enumerate(chosen)
            for other, b in chosen[:i]
        )
        if legal:
            weight = sum(block.weight for block, adult in chosen if adult is None)
            best = min(best, (weight, len({adult[0] for _, adult in chosen if adult})))
    return best


@given(small_cases())
@settings(max_examples=60, deadline=None)
def test_search_never_beats_the_best_and_bounds_never_exceed_it(problem: BlocksProblem) -> None:
    case = Case.of(problem)
    weight, floats = least_cost(problem)
    best = case.dear * weight + floats
    for deal_chance in (0.0, 0.5):
        found = [case.cost(cover) for cover in improve(case, deal_chance=deal_chance, steps=300)]
        assert found == sorted(found, reverse=True)
        assert found[-1] >= best
    assert peak_bound(case).cost <= best
    assert stable_bound(case).cost <= best
    cover, bound = best_by_model(case, time.monotonic() + 20, complete=False)
    assert (None if cover is None else case.cost(cover), bound) == (best, best)
    assert linear_bound(case).cost <= best


@pytest.mark.parametrize(
    ("blocks", "floats"),
    [
        ([(0, 4), (2, 6), (6, 9)], [[0, 2], [0, 1, 2], [2]]),
        ([(0, 2), (2, 4), (4, 6)], [[0], [1], [2]]),
        ([(0, 3), (0, 3), (1, 2), (5, 6)], [[0, 1, 2, 3]]),
        ([(0, 9, 3), (0, 4), (5, 9)], [[0, 1, 2]]),
        ([(0, 2), (1, 3)], []),
        ([], [[], []]),
        ([(0, 2), (0, 2), (4, 6), (4, 6)], [[0, 2], [1, 3], [0, 3], [1, 2]]),
    ],
)
def test_small_cases_are_proven_and_agree_with_trying_all(
    blocks: list[tuple[int, int]], floats: list[list[int]]
) -> None:
    problem = case_of(blocks, floats)
    plan = fewest_floats(problem, 20)
    assert plan.status == "optimal"
    assert (plan.uncovered_weight, plan.floats_used) == least_cost(problem)
    assert check_blocks(problem, plan) == []
    assert plan.gap == 0.0


def test_a_block_nobody_may_do_is_named_and_the_rest_is_covered() -> None:
    plan = fewest_floats(case_of([(0, 4), (1, 3)], [[0]]), 10)
    assert plan.status == "optimal"
    assert [(item.block_id, item.reason) for item in plan.uncovered] == [("b1", "nobody is qualified")]
    assert [duty.block_id for duty in plan.duties] == ["b0"]


def test_where_floats_are_too_few_the_lightest_blocks_stay_uncovered() -> None:
    plan = fewest_floats(case_of([(0, 4, 2), (1, 5, 5), (2, 6, 1)], [[0, 1, 2], [0, 1, 2]]), 10)
    assert (plan.uncovered_weight, plan.uncovered_bound) == (1, 1)
    assert [item.block_id for item in plan.uncovered] == ["b2"]
    assert "needed elsewhere" in plan.uncovered[0].reason


def test_the_linear_bound_sees_what_the_busiest_instant_does_not() -> None:
    """Three blocks in a row, each with a float of its own: never two at once, and three floats are needed."""
    case = Case.of(case_of([(0, 2), (2, 4), (4, 6)], [[0], [1], [2]]))
    assert peak_bound(case).cost == 1
    assert linear_bound(case).cost == 3
    assert stable_bound(case).cost == 3  # no float can do two of them


def test_the_same_problem_and_seed_have_the_same_course() -> None:
    problem = case_of([(i, i + 5) for i in range(20)], [[j for j in range(20) if (j * w) % 3] for w in range(1, 15)])
    one, other = ([cover.tolist() for cover in improve(Case.of(problem), 7, steps=2000)] for _ in range(2))
    assert one == other


@pytest.mark.parametrize("body", ["import sys; sys.exit(3)", "print('{')", "import time; time.sleep(60)"])
def test_when_every_solver_dies_raves_or_hangs_the_first_answer_stands(
    body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solve, "TINY", 0)
    problem = case_of([(0, 2), (2, 4), (4, 6)], [[0], [1], [2]])  # not closed by the busiest instant
    plan = fewest_floats(problem, 0.5, (sys.executable, "-c", body))
    assert (plan.status, plan.floats_used, plan.floats_bound) == ("feasible", 3, 1)
    assert check_blocks(problem, plan) == []


def test_when_the_bound_takes_too_long_the_search_that_follows_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solve, "TINY", 0)
    problem = case_of([(0, 2), (2, 4)], [[0], [1], [0, 1]])
    body = """
import json, sys, time
order = json.loads(sys.stdin.readline())
if order["part"] == "search":
    print(json.dumps({"cover": [2, 2]}), flush=True)
time.sleep(60)
"""
    monkeypatch.setattr(solve, "improve", lambda *_, **__: iter([np.array([0, 1])]))
    plan = fewest_floats(problem, 8, (sys.executable, "-c", body))
    assert plan.floats_used == 1


def test_where_pairs_are_many_one_process_deals_while_the_other_looks_for_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solve, "TINY", 0)
    monkeypatch.setattr(solve, "CLOSABLE", 0)
    monkeypatch.setattr(solve, "BOUND_SHARE", 1.0)
    problem = case_of([(0, 2), (2, 4)], [[0], [1], [0, 1]])
    body = """
import json, sys, time
order = json.loads(sys.stdin.readline())
if order.get("deal_chance"):
    print(json.dumps({"cover": [2, 2]}), flush=True)
time.sleep(60)
"""
    monkeypatch.setattr(solve, "improve", lambda *_, **__: iter([np.array([0, 1])]))
    plan = fewest_floats(problem, 8, (sys.executable, "-c", body))
    assert (plan.status, plan.floats_used) == ("optimal", 1)


def test_a_cover_with_a_fault_is_not_taken_from_a_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solve, "TINY", 0)
    problem = case_of([(0, 2), (2, 4), (4, 6)], [[0], [1], [2]])
    told = json.dumps({"cover": [0, 0, 0]})
    plan = fewest_floats(problem, 5, (sys.executable, "-c", f"print('''{told}''')"))
    assert plan.floats_used == 3


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"floats_used": 1}, "are used"),
        ({"floats_bound": 2, "status": "optimal"}, "prove"),
        ({"status": "feasible"}, "status"),
        ({"problem_hash": "x"}, "hash"),
        ({"duties": ({"block_id": "b0", "staff_id": "f1"},)}, "neither covered nor told"),
        ({"duties": ({"block_id": "b0", "staff_id": "f1"}, {"block_id": "b1", "staff_id": "f1"})}, "at once"),
        ({"duties": ({"block_id": "b0", "staff_id": "f2"}, {"block_id": "b1", "staff_id": "f1"})}, "not qualified"),
        ({"proof": {"unit": 1, "prices": {"b0": 99}}}, "above what leaving it uncovered costs"),
    ],
)
def test_the_checker_refuses_what_is_wrong(edit: dict[str, object], words: str) -> None:
    problem = case_of([(0, 4), (2, 6)], [[0], [0, 1], [1]])
    plan = fewest_floats(problem, 10)
    assert check_blocks(problem, plan) == []
    if "floats_bound" in edit:  # a proof of less than is told
        edit = edit | {"proof": {"unit": 1, "prices": {"b0": 1}}}
    wrong = BlocksPlan.model_validate(plan.model_dump() | edit)
    assert any(words in fault for fault in check_blocks(problem, wrong))


def test_the_text_format_and_json_ask_the_same_question(tmp_path: Path) -> None:
    (tmp_path / "blocks.dat").write_text(TEXT)
    problem = read_blocks(tmp_path / "blocks.dat")
    (tmp_path / "blocks.json").write_text(problem.model_dump_json())
    assert read_blocks(tmp_path / "blocks.json").input_hash == problem.input_hash
    assert [block.end for block in problem.blocks] == [4, 6, 9]
    assert problem.floats[1].blocks == ("b0", "b1", "b2")
    assert fewest_floats(problem, 10).floats_used == 2


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("\n", "\r\n"),
        ("\n", "\n\n"),
        (" 2 6", "\t2,6 # lunch"),
        (" 2 6", "2.0  6.000"),
        (" 2 6", "+2 6."),
        ("1:  2", "1:2, # only the last"),
        ("Type = 1", "Source = a center of ours, 2024"),
        ("# two", "\ufeff# two"),
    ],
)
def test_the_text_may_come_from_any_editor(tmp_path: Path, was: str, becomes: str) -> None:
    for name, text in (("plain", TEXT), ("edited", TEXT.replace(was, becomes))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "blocks.dat").write_bytes(text.encode())
    plain, edited = (read_blocks(tmp_path / name / "blocks.dat") for name in ("plain", "edited"))
    assert edited.input_hash == plain.input_hash


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("2: 0 2", "2: 0 3", "line 8: there is no job 3"),
        ("2: 0 2", "3: 0 2", "line 8: 3 jobs are announced and 2 are listed"),
        ("2: 0 2", "two: 0 2", "line 8: 'two: 0 2' is not a qualification"),
        (" 2 6", " 6 2", "line 5: a job must end after it starts"),
        (" 2 6", " 2 2", "line 5: a job must end after it starts"),
        (" 2 6", " 2", "line 5: '2' is not a job"),
        (" 2 6", " 2.5 6", "line 5: '2.5 6' is not a job; write two whole numbers"),
        (" 2 6", " 08:30 9", "line 5: '08:30 9' is not a job"),
        ("Jobs = 3", "Jobs =", "line 3: '' is not how many lines follow"),
        ("2: 0 2", "0 2", "line 8: '0 2' is not a qualification"),
        ("2: 0 2", "2: 0 -2", "line 8: '2: 0 -2' is not a qualification"),
        (TEXT, " \r\n\t", "is empty"),
        (TEXT, "[1, 2]", "object"),
        ("Jobs = 3", "Jobs = 2", "line 6: '6 9' is neither"),
        ("Jobs = 3", "Jobs = 4", "line 7: 'Qualifications = 3' is not a job"),
        ("Qualifications = 3", "Qualifications = 4", "ends before the 4 lines"),
        ("Jobs = 3\n 0 4\n 2 6\n 6 9\n", "", "line 3: give `Jobs` once, then `Qualifications` once"),
        ("Type = 1", "Jobs = 0", "line 3: give `Jobs` once"),
        ("Jobs = 3", "Jobs = -3", "line 3: '-3' is not how many lines follow"),
        ("Jobs = 3", "Jobs = " + "9" * 5000, "line 3: '999"),
        (" 2 6", " 2 " + "9" * 5000, "line 5: '2 999"),
        (" 2 6", f" 2 {10**18}", "is too large"),
        ("2: 0 2", "2: 0 " + "9" * 5000, "line 8: '2: 0 999"),
        (TEXT, "# nothing else", "`Jobs = number` is missing"),
        (TEXT, '{"blocks": [{"block_id": "a", "start": 3, "end": 3}], "floats": []}', "blocks[0]"),
        (TEXT, '{"blocks": [], "floats": [{"staff_id": "f", "blocks": ["a"]}]}', "'a', which is not among"),
        (TEXT, '{"blocks": [', "JSON"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line_or_field(tmp_path: Path, was: str, becomes: str, words: str) -> None:
    path = tmp_path / "blocks.dat"
    path.write_text(TEXT.replace(was, becomes))
    with pytest.raises(BadInput) as error:
        read_blocks(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


@pytest.mark.slow
def test_the_exact_model_proves_what_the_linear_program_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rings of three: split in halves three floats would do, which is what the linear program says; whole, four."""
    monkeypatch.setattr(solve, "TINY", 0)
    rings = [[n, (n + 1) % 3 + 3 * (n // 3)] for n in range(6)]
    problem = case_of([(2 * n, 2 * n + 1) for n in range(6)], rings)
    assert linear_bound(Case.of(problem)).cost == 3
    plan = fewest_floats(problem, 60)
    assert (plan.status, plan.floats_used) == ("optimal", 4)
    assert plan.proof is None
    assert check_blocks(problem, plan) == []


def documented(kind: str) -> str:
    """The example of that kind in docs/formats.md."""
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    return page.partition(f"```{kind} blocks\n")[2].partition("```")[0]


def test_the_documented_problem_has_the_documented_answer() -> None:
    plan = fewest_floats(BlocksProblem.read(documented("json")), 10)
    assert (plan.status, plan.floats_used, plan.uncovered_weight) == ("optimal", 2, 1)
    assert {duty.staff_id for duty in plan.duties} == {"gil", "ida"}
    assert [(item.block_id, item.reason) for item in plan.uncovered] == [("kitchen", "nobody is qualified")]


def test_the_command_reads_the_documented_text_and_writes_what_the_checker_accepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "three.dat", tmp_path / "plan.json"
    file.write_text(documented("text"))
    floats(file, out=out, seconds=10.0, seed=5)
    assert "2 of 2 floats, proven fewest" in capsys.readouterr().out
    problem = read_blocks(file).model_copy(update={"seed": 5})
    plan = BlocksPlan.read(out.read_text())
    assert plan.seed == 5
    assert check_blocks(problem, plan) == []
