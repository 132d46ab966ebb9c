"""Commands: solve, callout."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.output import console, print_json, print_table, require_place_for, writing
from domain.errors import BadInput, NotFound
from domain.time import zone
from optimizer import Plan, Problem, callout, check, solve, value
from storage.settings import load_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(name="solve")(solve_problem)
    app.command(name="callout")(call_out)


def solve_problem(
    problem: Annotated[Path, typer.Argument(help="A coverage problem (docs/formats.md).")],
    out: Annotated[Path | None, typer.Option(help="Write the plan here.")] = None,
    seconds: Annotated[float, typer.Option(help="Time for the solver.", min=0.1, max=86_400)] = 30.0,
    worth: Annotated[
        bool, typer.Option("--value", help="Also: what scenarios and one more float are worth, and who may go early.")
    ] = False,
    threshold: Annotated[
        float, typer.Option(help="Who may go early leaves no greater chance of a shortage.", min=0.0, max=1.0)
    ] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Plan a coverage problem; the plan is checked before it is written."""
    require_place_for(out)
    if worth and as_json:
        raise BadInput("--value prints tables; give either --value or --json")
    question = Problem.read(_text(problem), str(problem))
    plan = solve(question, seconds)
    faults = check(question, plan)
    if faults:
        raise BadInput(f"the plan was refused by the checker: {faults[0]}")
    if out:
        with writing(out):
            out.write_text(plan.model_dump_json(indent=1) + "\n")
    if as_json:
        print_json(plan.model_dump(mode="json"))
        return
    _show(question, plan)
    if worth:
        _show_worth(question, plan, seconds, threshold)
    if out:
        console.print(f"written to {out}")


def call_out(
    staff: Annotated[str, typer.Option(help="Who is out.")],
    day: Annotated[str, typer.Option("--date", help="The day, as 2026-03-02.")],
    center: Annotated[str | None, typer.Option(help="The center, if plans of several are stored.")] = None,
    seconds: Annotated[float, typer.Option(help="Time for the solver.", min=0.1, max=86_400)] = 4.0,
    as_json: AsJson = False,
) -> None:
    """Somebody is out: the legal cover plan of the day, and whom to call first if it does not reach."""
    try:
        when = date.fromisoformat(day)
    except ValueError as error:
        raise BadInput(f"--date: '{day}' is not a day; write it as 2026-03-02") from error
    problem, plan = _stored(staff, when, center)
    answer = callout(problem, plan, staff, when, seconds=seconds)
    if as_json:
        print_json(answer.model_dump(mode="json", exclude={"problem"}))
        return
    console.print(answer.sentence)
    _show(answer.problem, answer.plan)
    if answer.calls:
        rows = [
            (call.staff_id, _local(answer.problem, call.start), _clock(answer.problem, call.end), call.words)
            for call in answer.calls
        ]
        print_table("Whom to call", ["who", "from", "to", "why"], rows)


def _show(problem: Problem, plan: Plan) -> None:
    title = f"{plan.center_id} {plan.label}: {plan.status} by {plan.method} in {plan.seconds:.1f} s"
    goals = [(goal.name, f"{goal.value:g}", "-" if goal.bound is None else f"{goal.bound:g}") for goal in plan.goals]
    print_table(title, ["goal", "reached", "bound"], goals)
    movers = {adult.staff_id: adult.name or adult.staff_id for adult in problem.staff if adult.can_move}
    rows = []
    for item in plan.assignments:
        if item.staff_id in movers and item.start >= problem.frozen_until:
            where = item.room_id or item.state
            span = (_local(problem, item.start), _clock(problem, item.end))
            rows.append((movers[item.staff_id], *span, where, item.reason))
    print_table("Who goes where", ["who", "from", "to", "where", "why"], rows)
    short = [(item.room_id, _local(problem, item.slot), f"{item.expected:.2f}", item.reason) for item in plan.shortages]
    if short:
        print_table("Where adults may be missing", ["room", "at", "expected", "why"], short)
    for issue in plan.issues:
        console.print(f"note: {issue.text}")


def _show_worth(problem: Problem, plan: Plan, seconds: float, threshold: float) -> None:
    methods = value.value_of_scenarios(problem, seconds)
    rows = [(each.method, f"{each.expected_shortage:.2f}") for each in methods]
    print_table("Plan made on", ["demand", "expected adult-slots short, weighted"], rows)
    floats = value.value_of_one_more_float(problem, plan)
    print_table("One more float prevents", ["day", "adult-slots"], [(day, f"{n:.2f}") for day, n in floats.items()])
    leaves = [
        (
            each.staff_id,
            _local(problem, each.start),
            _clock(problem, each.end),
            each.room_id or "-",
            f"{each.chance:.0%}",
        )
        for each in value.may_leave(problem, plan, threshold)
    ]
    print_table(
        "One of these may go early or take planning time", ["who", "from", "to", "room", "chance of a shortage"], leaves
    )


def _stored(staff_id: str, day: date, center: str | None) -> tuple[Problem, Plan | None]:
    """The stored problem (and plan, if there is one) of the week that has the day and the adult."""
    folder = load_settings().data_dir / "plans"
    paths = sorted(folder.glob("*/*.problem.json"), reverse=True)
    centers = sorted({path.parent.name for path in paths})
    if center is not None and center not in centers:
        known = ", ".join(centers) or "none yet"
        raise NotFound(f"no plan of the center '{center}' is stored; there are plans of {known}")
    for path in paths:
        if center not in (None, path.parent.name):
            continue
        problem = Problem.read(_text(path), str(path))
        if any(item.day == day for item in problem.days) and any(a.staff_id == staff_id for a in problem.staff):
            beside = path.with_name(path.name.replace(".problem.json", ".plan.json"))
            return problem, Plan.read(_text(beside), str(beside)) if beside.exists() else None
    raise NotFound(f"no stored plan under {folder} has '{staff_id}' on {day}; run `ratiocast plan` for that week first")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; give the file of a coverage problem") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not text in UTF-8; give the file of a coverage problem") from error


def _local(problem: Problem, slot: int) -> str:
    return problem.slots[slot].astimezone(zone(problem.timezone)).strftime("%a %d %H:%M")


def _clock(problem: Problem, slot: int) -> str:
    """Local time at which a span ends that ends with this slot."""
    last = problem.slots[slot - 1] + timedelta(minutes=problem.slot_minutes)
    return last.astimezone(zone(problem.timezone)).strftime("%H:%M")
