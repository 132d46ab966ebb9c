"""Command: floats."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from cli.output import console, print_json, print_table, require_place_for, writing
from optimizer import BlocksPlan, BlocksProblem, fewest_floats, read_blocks


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(name="floats")(floats)


def floats(
    problem: Annotated[Path, typer.Argument(help="Blocks of work and who may take them (docs/formats.md).")],
    out: Annotated[Path | None, typer.Option(help="Write the plan here.")] = None,
    seconds: Annotated[
        float, typer.Option(help="Time to search and prove; two cores are used.", min=0.1, max=86_400)
    ] = 60.0,
    seed: Annotated[int | None, typer.Option(help="Seed of the search; the problem's own if not given.", min=0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The fewest floats who cover given blocks of work, with a proof or a bound; what nobody can cover is named."""
    require_place_for(out)
    question = read_blocks(problem)
    if seed is not None:
        question = question.model_copy(update={"seed": seed})
    plan = fewest_floats(question, seconds)
    if out:
        with writing(out):
            out.write_text(plan.model_dump_json(indent=1) + "\n")
    if as_json:
        print_json(plan.model_dump(mode="json"))
        return
    _show(question, plan)
    if out:
        console.print(f"written to {out}")


def _show(problem: BlocksProblem, plan: BlocksPlan) -> None:
    days = defaultdict(list)
    times = {block.block_id: (block.start, block.end) for block in problem.blocks}
    for duty in plan.duties:
        days[duty.staff_id].append((*times[duty.block_id], duty.block_id))
    rows = [
        (
            adult.staff_id,
            adult.name,
            ", ".join(f"{name} {start}-{end}" for start, end, name in sorted(days[adult.staff_id])),
        )
        for adult in problem.floats
        if adult.staff_id in days
    ]
    print_table(f"{plan.label}: who does what", ["float", "name", "blocks"], rows)
    if plan.uncovered:
        left = [(item.block_id, *times[item.block_id], item.reason) for item in plan.uncovered]
        print_table("Not covered", ["block", "from", "to", "why"], left)
    known = "proven fewest" if plan.status == "optimal" else f"at least {plan.floats_bound} are needed for these blocks"
    if plan.gap is None:
        known = f"between weight {plan.uncovered_bound} and {plan.uncovered_weight} must stay uncovered"
    console.print(f"{plan.floats_used} of {len(problem.floats)} floats, {known}; {plan.seconds:.1f} s")
